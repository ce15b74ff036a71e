"""Plugins that fail while they are used: named where they failed, and stopping nothing but themselves."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imagegen.catalogue_refresh import refresh_models
from imagegen.providers import base, load_providers
from imagegen.settings import Settings
from tests.command import run, run_process
from tests.fakes.compatible_calls import build
from tests.test_plugins import ROOT, documented, write_plugin

CODE, DECLARED = documented(base.__doc__ or "")
MODELS = "return (PLAIN,)"
AVAILABLE = 'return Availability(enabled=True, reason="It needs no key.")'
DEFAULT = '    default_model = "plain"\n'
WIRE = "return WireCall("
GENERATE = "colour = request.prompt"
METHOD = "\n    async def edit("
BOOM = "raise RuntimeError('boom')"

# What it cannot say of itself: (a name, what stands in the code, what comes in its place, what is said of it)
MUTE = [
    ("models", MODELS, BOOM, "failed in models (RuntimeError: boom)"),
    ("no_models", MODELS, "return ['plain']", "failed in models (TypeError: it gave a str, not a ModelInfo)"),
    ("nothing", MODELS, "return None", "failed in models (TypeError"),
    (
        "our_error",
        MODELS,
        "raise UnsupportedParameter('odd')",
        "failed in models (UnsupportedParameter: odd)",
    ),
    ("availability", AVAILABLE, BOOM, "failed in availability (RuntimeError: boom)"),
    ("exits", AVAILABLE, "raise SystemExit('bye')", "failed in availability (SystemExit: bye)"),
    ("yes", AVAILABLE, "return True", "failed in availability (TypeError: it gave a bool"),
    ("default", DEFAULT, f"    @property\n    def default_model(self): {BOOM}\n", "failed in default_model"),
    ("policy", METHOD, f"\n    @property\n    def policy(self): {BOOM}\n{METHOD}", "failed in policy"),
]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Put the documented example with a fault in it where installed packages are."""
    monkeypatch.syspath_prepend(tmp_path / "site")

    def put(before: str, after: str) -> Path:
        assert before in CODE
        module = f"faulty_{re.sub(r'[^a-z]+', '_', request.node.name.lower())}"
        declared = DECLARED.replace("your_package", module)
        write_plugin(tmp_path / "site", module, CODE.replace(before, after, 1), declared)
        return tmp_path / "site"

    return put


def listed(document: Any) -> list[str]:
    return [provider["name"] for provider in document["providers"]]


@pytest.mark.parametrize(
    ("before", "after", "words"), [row[1:] for row in MUTE], ids=[row[0] for row in MUTE]
)
def test_a_plugin_that_cannot_say_what_it_has_is_reported_and_the_rest_goes_on(
    install: Any, before: str, after: str, words: str
) -> None:
    install(before, after)

    doctor = run("doctor")
    models = run("models", "list", "--json")
    refreshed = run("models", "refresh", "--json")
    made = run("generate", "a fox", "-s", "64x64", "--json")
    asked = run("generate", "a fox", "-m", "flat")

    assert doctor.code == 3
    assert words in " ".join(doctor.out.split())
    assert models.code == 0, models.err
    assert "flat" not in listed(models.json)
    assert words in models.json["broken_providers"]["flat"]
    assert refreshed.code == 0, refreshed.err
    [outcome] = [each for each in refreshed.json["providers"] if each["name"] == "flat"]
    assert outcome["asked"] is False
    assert words in outcome["problem"]
    assert made.code == 0, made.err
    assert made.json["images"][0]["provider"] == "local"
    assert asked.code == 3
    assert words in asked.err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (BOOM, "The plugin flat failed in list_live (RuntimeError: boom)."),
        ("raise SystemExit", "The plugin flat failed in list_live (SystemExit)."),
        ("return ['plain']", "it gave a str, not a LiveModel"),
        ("return 7", "failed in list_live (TypeError"),
    ],
)
def test_a_plugin_whose_list_fails_is_named_and_the_others_are_asked(
    install: Any, fault: str, words: str
) -> None:
    install(METHOD, f"\n    async def list_live(self): {fault}\n{METHOD}")

    ran = run("models", "refresh", "--json")

    [outcome] = [each for each in ran.json["providers"] if each["name"] == "flat"]
    assert (outcome["asked"], outcome["models"]) == (True, None)
    assert words in outcome["problem"]
    assert {"openai", "gemini", "local"} <= set(listed(ran.json))
    assert ran.code == 6  # of those that were asked none answered
    assert "flat" in ran.err
    assert run("generate", "a fox", "-m", "flat", "--json").code == 0


def test_a_plugin_that_never_answers_does_not_hold_the_others_up(install: Any, tmp_path: Path) -> None:
    hang = "import asyncio; await asyncio.Event().wait()"
    install(METHOD, f"\n    async def list_live(self): {hang}\n{METHOD}")
    providers = {**load_providers(Settings()).providers, "bare": build("bare")}

    told = asyncio.run(
        refresh_models(providers, tmp_path / "kept.json", now=datetime.now(UTC), timeout_seconds=0.2)
    )

    problems = {outcome.provider: outcome.problem for outcome in told}
    assert problems["flat"] == "It did not answer within 0.2 seconds."
    assert "No address" in (problems["bare"] or "")


@pytest.mark.parametrize("quiet", [False, True])
def test_a_plugin_that_cannot_be_closed_costs_no_image(
    install: Any, caplog: pytest.LogCaptureFixture, quiet: bool
) -> None:
    install(METHOD, f"\n    async def aclose(self): {BOOM}\n{METHOD}")

    with caplog.at_level(logging.WARNING):
        made = run("generate", "a fox", "-m", "flat" if quiet else "local", "--json")

    assert made.code == 0
    assert len(made.json["images"]) == 1
    assert "The plugin flat failed in aclose (RuntimeError: boom)." in caplog.text


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (GENERATE, f"{BOOM}\n        {GENERATE}", "failed in generate (RuntimeError: boom)"),
        (GENERATE, f"raise SystemExit(0)\n        {GENERATE}", "failed in generate (SystemExit: 0)"),
        (GENERATE, f"return None\n        {GENERATE}", "it gave a NoneType, not a ProviderResult"),
        (WIRE, f"{BOOM}\n        {WIRE}", "failed in wire_call (RuntimeError: boom)"),
    ],
)
def test_a_call_that_a_plugin_fails_in_says_which_plugin_and_where(
    install: Any, before: str, after: str, words: str
) -> None:
    install(before, after)

    ran = run("generate", "a fox", "-m", "flat/plain", "--json")

    assert ran.code == 6
    assert words in ran.error["message"]
    assert ran.error["provider"] == "flat"
    assert "author" in ran.error["hint"]
    assert run("doctor").code == 0
    assert run("generate", "a fox", "-m", "local", "-s", "64x64").code == 0


def test_a_plugin_that_cannot_tell_its_models_apart_takes_no_other_ones_name(install: Any) -> None:
    install(METHOD, f"\n    def find_model(self, model_id): {BOOM}\n{METHOD}")

    ran = run("generate", "a fox", "-m", "composer", "-s", "64x64")
    unknown = run("generate", "a fox", "-m", "dream-9", "--dry-run")

    assert ran.code == 0, ran.err
    assert "dream-9" in unknown.err + unknown.out
    assert "Traceback" not in unknown.err


def test_a_plugins_own_error_passes_as_it_is(install: Any) -> None:
    install(GENERATE, f"raise UnsupportedParameter('No foxes.', hint='Ask for an owl.')\n        {GENERATE}")

    ran = run("generate", "a fox", "-m", "flat", "--json")

    assert (ran.code, ran.error["message"], ran.error["hint"]) == (2, "No foxes.", "Ask for an owl.")


def test_the_command_as_a_process_starts_with_a_broken_plugin(install: Any) -> None:
    folder = install(MODELS, BOOM)

    ran = run_process("models", "list", PYTHONPATH=f"{folder}:{ROOT}")

    assert ran.code == 0, ran.err
    assert "local/composer" in ran.out
