"""The conformance suite against the server: how it is run, and which scenarios cannot pass, with the reason.

Many scenarios want tools, prompts and resources of fixed names, which the suite's own example server has.
Prompts of such names are templates of the user's here; some tools of ours get their names by a relay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.clients_world import Clients
from tests.fakes.http import Exchange, RecordedRequest, serving
from tests.fakes.openai_behaviours import Asked, error, ok
from tests.mcp_world import WISH

NEWEST, OLDER = "2026-07-28", "2025-11-25"

# Scenarios that ask nothing but what any server answers, or a prompt that TEMPLATES has.
GENERIC = {
    NEWEST: (
        "caching",
        "completion-complete",
        "dns-rebinding-protection",
        "http-header-validation",
        "prompts-get-simple",
        "prompts-get-with-args",
        "prompts-list",
        "resources-list",
        "sep-2164-resource-not-found",
        "server-sse-multiple-streams",
        "server-stateless",
        "tools-list",
    ),
    OLDER: (
        "completion-complete",
        "dns-rebinding-protection",
        "ping",
        "prompts-get-simple",
        "prompts-get-with-args",
        "prompts-list",
        "resources-list",
        "resources-subscribe",
        "resources-unsubscribe",
        "server-initialize",
        "server-session-lifecycle",
        "server-sse-multiple-streams",
        "tools-list",
    ),
}
# Scenarios whose tools the relay has.
RELAYED = (
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-wire-fields",
    "tools-call-error",
    "tools-call-image",
    "tools-call-simple-text",
    "tools-call-with-progress",
)

_FIXTURES = {
    "a tool of the suite's own, with content that no tool here has": (
        "json-schema-2020-12",
        "tools-call-audio",
        "tools-call-embedded-resource",
        "tools-call-mixed-content",
    ),
    "a tool of the suite's own, which the relay has": ("tools-call-image", "tools-call-with-progress"),
    "a resource of the suite's own": (
        "resources-read-binary",
        "resources-read-text",
        "resources-templates-read",
    ),
    "a prompt with more than text, which no template has": (
        "prompts-get-embedded-resource",
        "prompts-get-with-image",
    ),
}
# Why a scenario, or one check of it, fails. Whatever else fails is a fault, and so is what does not.
EXPECTED: Mapping[str, Mapping[str, Iterable[str]]] = {
    NEWEST: {
        **_FIXTURES,
        "a tool of the suite's own, which the relay has, for the tasks extension": [
            name for name in RELAYED if name.startswith("tasks-")
        ],
        "no tool here has parameters that go into headers": ("http-custom-header-server-validation",),
        "no tool or prompt here asks the user or the client's model for anything": (
            "input-required-result-basic-elicitation",
            "input-required-result-basic-list-roots",
            "input-required-result-basic-sampling",
            "input-required-result-capability-check",
            "input-required-result-missing-input-response",
            "input-required-result-multi-round",
            "input-required-result-multiple-input-requests",
            "input-required-result-non-tool-request",
            "input-required-result-request-state",
            "input-required-result-result-type",
            "input-required-result-tampered-state",
            "input-required-result-validate-input",
            "server-stateless:sep-2575-missing-capability-http-400",
            "server-stateless:sep-2575-server-rejects-undeclared-capability",
            "tasks-mrtr-composition",
            "tasks-mrtr-input",
        ),
        "no tool here insists on the tasks extension": ("tasks-required-task-error",),
        "a tool of the suite's own, which changes the list of prompts": (
            "server-stateless:sep-2575-server-sends-prompts-list-changed-on-subscription",
        ),
        "the SDK declares it of every server with subscriptions, and the tools here never change": (
            "server-stateless:sep-2575-server-sends-tools-list-changed-on-subscription",
        ),
    },
    OLDER: {
        **_FIXTURES,
        "no tool here asks the user or the client's model for anything": (
            "elicitation-sep1034-defaults",
            "elicitation-sep1330-enums",
            "tools-call-elicitation",
            "tools-call-sampling",
        ),
        "logging to the client is deprecated and not served": (
            "logging-set-level",
            "tools-call-with-logging",
        ),
        "streams cannot be resumed: get_task has the result of a call that was cut off": (
            "server-sse-polling",
        ),
    },
    "relayed": {
        "no tool here ends with an error of the protocol while its server lives": (
            "tasks-lifecycle:sep-2663-tasks-get-status-failed",
        ),
        "compares the text with the greeting of the suite's own tool": (
            "tasks-request-headers:tasks-headers-tolerate-mcp-method-on-tools-call",
        ),
    },
}

TEMPLATES = {
    "test_simple_prompt": 'text = "A simple prompt."\n',
    "test_prompt_with_arguments": 'text = "{{ arg1 }} and {{ arg2 }}"\n'
    '[[argument]]\nname = "arg1"\nrequired = true\n[[argument]]\nname = "arg2"\nrequired = true\n',
}


def write_templates(folder: Path) -> None:
    """The prompts that scenarios ask for, as a user would add them."""
    folder.mkdir()
    for name, text in TEMPLATES.items():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{text}', encoding="utf-8")


def expected(part: str) -> list[str]:
    """What cannot pass in a part of the table."""
    return sorted(name for names in EXPECTED[part].values() for name in names)


# Running it


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the suite ended. `passed` and `failed` hold SCENARIO:CHECK; a warning is a failure."""

    exit_code: int
    output: str
    scenarios: frozenset[str]
    passed: frozenset[str]
    failed: frozenset[str]

    def unexpected(self, known: Iterable[str]) -> list[str]:
        """What failed and is not known to."""
        names = set(known)
        return sorted(f for f in self.failed if not names & {f, f.partition(":")[0]})

    def stale(self, known: Iterable[str]) -> list[str]:
        """What is known to fail and has not."""
        return sorted(k for k in known if not any(k in (f, f.partition(":")[0]) for f in self.failed))


def judge(clients: Clients, url: str, folder: Path, *options: str, known: Iterable[str] = ()) -> Verdict:
    """Run the suite; what it writes goes into a new folder. `known`: what cannot pass."""
    folder.mkdir()
    baseline = folder / "expected-failures.yml"
    entries = "".join(f"  - {name}\n" for name in known) or "  []\n"
    baseline.write_text(f"server:\n{entries}", encoding="utf-8")
    script = clients.program("@modelcontextprotocol/conformance", "conformance")
    done = clients.run(
        script,
        "server",
        *("--url", url, "--output-dir", str(folder / "results"), "--expected-failures", str(baseline)),
        *options,
    )
    passed, failed, scenarios = set(), set(), set()
    for path in (folder / "results").rglob("checks.json"):
        scenario = path.parent.name.removeprefix("server-")[: -len("-2026-01-01T00-00-00-000Z")]
        scenarios.add(scenario)
        for check in json.loads(path.read_text(encoding="utf-8")):
            status, name = check["status"], f"{scenario}:{check['id']}"
            failed |= {name} if status in ("FAILURE", "WARNING") else set()
            passed |= {name} if status == "SUCCESS" else set()
    return Verdict(
        done.returncode,
        done.stdout + done.stderr,
        frozenset(scenarios),
        frozenset(passed - failed),
        frozenset(failed),
    )


# The relay

Arguments = dict[str, Any]


def _asks(tool: str, **arguments: Any) -> Callable[[Arguments], tuple[str, Arguments]]:
    return lambda _: (tool, arguments)


def _takes_a_while(asked: Arguments) -> tuple[str, Arguments]:
    return "generate_image", {**WISH, "prompt": f"slow: {json.dumps(asked, sort_keys=True)}"}


TOOLS: Mapping[str, Callable[[Arguments], tuple[str, Arguments]]] = {
    "failing_job": _asks("generate_image", **{**WISH, "prompt": "refused"}),
    "greet": _asks("list_images"),
    "slow_compute": _takes_a_while,
    "test_error_handling": _asks("generate_image", prompt="a red fox", size="huge"),
    "test_image_content": _asks("generate_image", **WISH),
    "test_simple_text": _asks("list_images"),
    "test_tool_with_progress": _takes_a_while,
}


def as_the_prompt_says(asked: Asked) -> None:
    """What the fake OpenAI does: refuse, take a while, or answer."""
    prompt = str(asked.fields["prompt"])
    if prompt == "refused":
        error(400, "moderation_blocked", "no", kind="image_generation_user_error")(asked)
    elif not prompt.startswith("slow") or asked.exchange.pause(0.7):
        ok()(asked)


@contextmanager
def relay(url: str) -> Iterator[str]:
    """A server in front of ours where some of our tools have the names of the suite's."""
    origin, _, path = url.rpartition("/")

    def answer(exchange: Exchange) -> None:
        content, headers = _renamed(exchange.request)
        got = client.request(
            exchange.request.method, origin + exchange.request.path, content=content, headers=headers
        )
        kind = got.headers.get("content-type", "application/json")
        exchange.send(got.status_code, kind, got.content)

    with httpx.Client(timeout=60) as client, serving(answer, []) as relayed:
        yield f"{relayed}/{path}"


def _renamed(request: RecordedRequest) -> tuple[bytes, dict[str, str]]:
    kept = ("accept", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version")
    headers = {name: value for name, value in request.headers.items() if name in kept}
    message = json.loads(request.body)
    params = message.get("params") or {}
    rename = TOOLS.get(str(params.get("name"))) if message.get("method") == "tools/call" else None
    if rename is None:
        return request.body, headers
    theirs = params["name"]
    params["name"], params["arguments"] = rename(params.get("arguments") or {})
    if headers.get("mcp-name") == theirs:  # another one is a mistake that has to be noticed
        headers["mcp-name"] = params["name"]
    return json.dumps(message).encode(), headers
