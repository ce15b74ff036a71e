"""A key goes to the server that it is for, and nowhere else: whatever is done, and whatever goes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command import run_process
from tests.fakes import gemini_behaviours, openai_behaviours
from tests.fakes.compatible_server import running_server
from tests.fakes.gemini_server import running_gemini
from tests.fakes.openai_server import running_openai
from tests.serve_world import serving

KEYS = {
    "openai": "sk-proj-T3stT3stT3stT3stT3stT3st0123",
    "gemini": "AIzaT3stT3stT3stT3stT3stT3stT3st0123456",
    "studio": "studio-key-T3stT3stT3stT3st0123456789",
}
MODELS = {"openai": "gpt-image-2.5-flare", "gemini": "gemini-nano-banana-2.1", "studio": "studio/any-model"}
LOOK_OF_A_KEY = re.compile(rb"sk-(?:proj-)?[A-Za-z0-9]{32,}|AIza[A-Za-z0-9_-]{35}")


@contextmanager
def openai() -> Iterator[dict[str, str]]:
    key = KEYS["openai"]
    with running_openai() as fake:
        fake.script(openai_behaviours.error(401, "invalid_api_key", f"Incorrect API key provided: {key}."))
        yield {"OPENAI_BASE_URL": fake.base_url, "OPENAI_API_KEY": key}
        assert any(key in str(request.headers) for request in fake.requests)


@contextmanager
def gemini() -> Iterator[dict[str, str]]:
    key = KEYS["gemini"]
    with running_gemini() as fake:
        fake.script(gemini_behaviours.error(400, "INVALID_ARGUMENT", f"API key not valid: {key}"))
        yield {"PROVIDERS__GEMINI__BASE_URL": fake.base_url, "GEMINI_API_KEY": key}
        assert any(key in str(request.headers) for request in fake.requests)


@contextmanager
def studio() -> Iterator[dict[str, str]]:
    key = KEYS["studio"]
    with running_server("sglang", api_key=key) as fake:
        fake.script(lambda exchange: exchange.send_json(401, {"error": {"message": f"no such key: {key}"}}))
        name = "PROVIDERS__COMPATIBLE__STUDIO__"
        yield {f"{name}BASE_URL": fake.base_url, f"{name}API_KEY": key, f"{name}PROFILE": "sglang"}
        assert any(key in str(request.headers) for request in fake.requests)


DOORS = {"openai": openai, "gemini": gemini, "studio": studio}


@pytest.mark.parametrize("provider", DOORS)
def test_a_key_is_in_no_output_no_log_and_no_file(provider: str, home: Path) -> None:
    model = MODELS[provider]
    said: list[str] = []
    with DOORS[provider]() as environment:
        for command in (
            ("generate", "a red fox", "-m", model, "--dry-run"),
            ("generate", "a red fox", "-m", model),
            ("generate", "a red fox", "-m", model, "--json"),
            ("history", "show", "last", "--json"),
            ("inspect", "last"),
            ("models", "refresh"),
            ("models", "show", model),
            ("stats", "--spend"),
            ("config", "show"),
            ("config", "show", "--json"),
            ("doctor",),
        ):
            ran = run_process(*command, stdin=None, **environment)
            said += [ran.out, ran.err]
        with serving(environment={**environment, "SERVER__LOG_LEVEL": "DEBUG"}) as server:
            server.shake_hands()
            said.append(str(server.call("generate_image", prompt="a blue fox", model=model)))
            said.append(str(server.call("list_available_models")))
            server.close_stdin()
            server.wait()
            said += [server.out.decode(), *server.err]

    key = KEYS[provider]
    assert "red fox" in "".join(said)
    assert key not in "".join(said)
    assert key[-12:] not in "".join(said)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"serve.log", "ledger.sqlite3"} <= {path.name for path in files}
    assert not [path for path in files if key.encode() in path.read_bytes()]


def test_nothing_in_the_project_looks_like_a_real_key() -> None:
    root = Path(__file__).parent.parent
    for folder in ("imagegen", "tests", "completions"):
        for path in (root / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found = LOOK_OF_A_KEY.findall(path.read_bytes())
                assert all(b"0123456789" in key or b"T3st" in key for key in found), path
