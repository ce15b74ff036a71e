"""The server under clients that were not written here.

Opt-in: `pytest -m clients`, with `npm` on the PATH; what is needed is installed in the user's cache folder.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients_world import Clients, Target, driving, install, reachable
from tests.conformance_world import (
    GENERIC,
    NEWEST,
    RELAYED,
    as_the_prompt_says,
    expected,
    judge,
    relay,
    write_templates,
)
from tests.fakes.openai_behaviours import held, ok
from tests.fakes.openai_pictures import picture
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import WISH

pytestmark = pytest.mark.clients

TRANSPORTS = ("stdio", "http")
TOOLS = ["list_available_models", "generate_image", "edit_image", "get_task", "list_images"]
TYPESCRIPT = (("sdk", "legacy"), ("client", "legacy"), ("client", "auto"))


@pytest.fixture(scope="module")
def clients(request: pytest.FixtureRequest) -> Clients:
    if "clients" not in str(request.config.getoption("markexpr")):
        pytest.skip("opt-in: pytest -m clients")
    return install()


# The inspector


@dataclass(frozen=True, slots=True)
class Inspector:
    """The inspector's command line, pointed at a server."""

    clients: Clients
    options: tuple[str, ...]

    def ask(self, method: str, *arguments: str) -> dict[str, Any]:
        """The result of a method; it has to succeed without a word of complaint."""
        script = self.clients.program("@modelcontextprotocol/inspector", "mcp-inspector")
        done = self.clients.run(
            script, "--cli", *self.options, "--method", method, *arguments, "--format", "json"
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        return result


@pytest.fixture(params=[(t, era) for t in TRANSPORTS for era in ("legacy", "modern")], ids="-".join)
def inspector(clients: Clients, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inspector]:
    transport, era = request.param
    with reachable(transport) as target:
        config = tmp_path / "servers.json"
        kind = "stdio" if transport == "stdio" else "streamable-http"
        config.write_text(json.dumps({"mcpServers": {"it": {"type": kind, **target}}}), encoding="utf-8")
        yield Inspector(clients, ("--config", str(config), "--server", "it", "--protocol-era", era))


def test_the_inspector_finds_every_schema_portable(inspector: Inspector) -> None:
    assert [tool["name"] for tool in inspector.ask("tools/list", "--strict")["tools"]] == TOOLS


def test_the_inspector_makes_an_image_and_reads_it_back(inspector: Inspector, home: Path) -> None:
    wish = {"prompt": "a red fox", "model": "local/composer", "size": "512x512"}
    made = inspector.ask("tools/call", "--tool-name", "generate_image", "--tool-args-json", json.dumps(wish))
    listed = inspector.ask("resources/list")["resources"]
    read = inspector.ask("resources/read", "--uri", made["structuredContent"]["resource_uri"])

    assert [part["type"] for part in made["content"]] == ["text", "text", "image", "resource_link"]
    assert made["structuredContent"]["resource_uri"] in [resource["uri"] for resource in listed]
    (kept,) = home.rglob(f"{made['structuredContent']['image_id']}.png")
    assert base64.b64decode(read["contents"][0]["blob"]) == kept.read_bytes()
    assert read["contents"][0]["mimeType"] == "image/png"


def test_the_inspector_lists_the_templates_and_gets_one_rendered(inspector: Inspector) -> None:
    names = [prompt["name"] for prompt in inspector.ask("prompts/list")["prompts"]]
    got = inspector.ask(
        "prompts/get", "--prompt-name", "blog-header-prompt", "--prompt-args", "topic=a tea house"
    )

    assert "blog-header-prompt" in names
    assert "a tea house" in got["messages"][0]["content"]["text"]


# The TypeScript clients


@pytest.fixture(params=TRANSPORTS)
def target(request: pytest.FixtureRequest, openai: FakeOpenAI) -> Iterator[Target]:
    with reachable(request.param, SERVER__PROGRESS_SECONDS="0.1") as found:
        yield found


@pytest.mark.parametrize(("package", "era"), TYPESCRIPT)
def test_typescript_waits_for_an_image_as_long_as_there_is_progress(
    clients: Clients, target: Target, openai: FakeOpenAI, package: str, era: str
) -> None:
    gate = threading.Event()
    sent = picture("webp", 64, 64, 5)
    openai.script(held(gate, ok([sent])))

    told: list[Any] = []
    with driving(clients, "tour.mjs", package, era, target=target, wish=WISH) as driver:
        for news in driver.hears():
            told.append(news)
            if news.get("progress", 0) > 3:  # seconds: beyond its time-out of 2
                gate.set()

    *progress, seen = told
    assert progress
    assert (seen.get("version") == "2026-07-28") == (era == "auto")
    assert seen["tools"] == TOOLS
    assert seen["content"] == ["text", "text", "image", "resource_link"]
    assert base64.b64decode(seen["image"]) == sent
    assert seen["mimeType"] == "image/webp"
    assert "a tea house" in seen["prompt"]


@pytest.mark.parametrize(("package", "era"), TYPESCRIPT)
def test_what_typescript_cancels_is_found_in_the_history(
    clients: Clients, target: Target, openai: FakeOpenAI, package: str, era: str
) -> None:
    gate = threading.Event()
    openai.script(held(gate))

    told: list[Any] = []
    with driving(clients, "cancel.mjs", package, era, target=target, wish=WISH) as driver:
        for news in driver.hears():
            told.append(news)
            gate.set()

    assert "changed my mind" in str(told[0]["cancelled"])
    assert told[1:] == [{"found": ["a red fox"]}]
    assert len(openai.requests) == 1


# The conformance suite


@pytest.fixture
def suite_url(clients: Clients, openai: FakeOpenAI, tmp_path: Path) -> Iterator[str]:
    """A server with the prompts that the suite asks for, in front of an OpenAI that does as prompts say."""
    templates = tmp_path / "templates"
    write_templates(templates)
    openai.script(*[as_the_prompt_says] * 50)
    environment = {"PROMPT_TEMPLATES__TEMPLATE_DIRECTORY": str(templates), "SERVER__PROGRESS_SECONDS": "0.05"}
    with reachable("http", **environment) as target:
        yield target["url"]


@pytest.mark.parametrize("revision", GENERIC)
def test_what_the_conformance_suite_finds_is_known_and_has_a_reason(
    clients: Clients, suite_url: str, tmp_path: Path, revision: str
) -> None:
    known = expected(revision)

    verdict = judge(clients, suite_url, tmp_path / "suite", "--requirements", revision, known=known)

    assert verdict.unexpected(known) == []
    assert verdict.stale(known) == []
    assert verdict.exit_code == 0, verdict.output
    assert set(GENERIC[revision]) <= verdict.scenarios - set(known)


@pytest.mark.parametrize("scenario", RELAYED)
def test_tools_under_the_names_that_the_suite_wants_conform(
    clients: Clients, suite_url: str, tmp_path: Path, scenario: str
) -> None:
    known = [name for name in expected("relayed") if name.partition(":")[0] == scenario]

    with relay(suite_url) as url:
        options = ("--scenario", scenario, "--spec-version", NEWEST, "--force")
        verdict = judge(clients, url, tmp_path / "suite", *options, known=known)

    assert sorted(verdict.failed) == known
    assert verdict.exit_code == 0, verdict.output
    assert any(name.startswith(f"{scenario}:") and "wire-schema" not in name for name in verdict.passed)
