"""`imagegen models refresh`, and what `models` tells afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from imagegen.paths import cache_folder
from tests.command import run
from tests.fakes.compatible_server import FakeServer, running_server
from tests.fakes.gemini_calls import KEY as GEMINI_KEY
from tests.fakes.gemini_server import model_entry, running_gemini

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server with OpenAI's list of models, to which the environment points."""
    with running_server(api_key=KEY) as fake:
        fake.models = [
            {"id": "gpt-image-2", "shutdown_date": "2099-03-01"},
            {"id": "gpt-image-2.5-sunburst", "shutdown_date": "2020-01-01"},
            {"id": "gpt-image-9"},
            {"id": "gpt-7"},
        ]
        monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield fake


def entry(document: Any, name: str) -> Any:
    [found] = [provider for provider in document["providers"] if provider["name"] == name]
    return found


def test_each_provider_says_what_it_has_or_why_it_does_not(server: FakeServer) -> None:
    ran = run("models", "refresh")

    assert ran.code == 0, ran.err
    assert ran.lines[:4] == [
        "openai: 3 image models",
        "  new   gpt-image-9",
        "  ends  gpt-image-2 on 2099-03-01",
        "  ends  gpt-image-2.5-sunburst on 2020-01-01",
    ]
    assert "gemini: not asked: No API key for gemini." in ran.out
    assert "local: not asked: It has no list of models to ask for." in ran.lines


def test_the_document_has_the_same_and_no_key(server: FakeServer) -> None:
    ran = run("models", "refresh", "--json")

    assert entry(ran.json, "openai") == {
        "name": "openai",
        "asked": True,
        "models": 3,
        "new": ["gpt-image-9"],
        "shutdowns": {"gpt-image-2": "2099-03-01", "gpt-image-2.5-sunburst": "2020-01-01"},
        "problem": None,
    }
    assert entry(ran.json, "local")["asked"] is False
    kept = (cache_folder() / "models.json").read_text(encoding="utf-8")
    assert KEY not in ran.out + ran.err + kept


def test_a_day_that_openai_gives_stands_in_the_list_and_a_gone_model_is_not_called(
    server: FakeServer,
) -> None:
    before = run("models", "list").out
    run("models", "refresh")
    rows = {line.split("\t")[0]: line.split("\t")[1] for line in run("models", "list", "--all").lines}
    gone = run("generate", "a fox", "-m", "gpt-image-2.5-sunburst")

    assert "gpt-image-9" not in before
    assert rows["openai/gpt-image-2"] == "until 2099-03-01"
    assert rows["openai/gpt-image-2.5-sunburst"] == "gone 2020-01-01"
    assert rows["openai/gpt-image-9"] == "unknown"
    assert gone.code == 2
    assert "2020-01-01" in gone.err
    assert server.posts() == []


def test_all_providers_are_asked_and_one_that_fails_stops_nothing(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVIDERS__COMPATIBLE__GONE__BASE_URL", "http://127.0.0.1:9/v1")
    with running_gemini(api_key=GEMINI_KEY) as gemini:
        gemini.models.append(model_entry("gemini-4-image"))
        monkeypatch.setenv("PROVIDERS__GEMINI__BASE_URL", gemini.base_url)
        monkeypatch.setenv("PROVIDERS__GEMINI__API_KEY", GEMINI_KEY)
        ran = run("models", "refresh", "--json")

    assert ran.code == 0, ran.err
    assert entry(ran.json, "gemini")["new"] == ["gemini-4-image"]
    assert "Could not reach 127.0.0.1:9" in entry(ran.json, "gone")["problem"]
    shown = run("models", "show", "gemini-4-image")
    assert "newer than this version" in shown.out


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_where_all_that_were_asked_failed_it_ends_with_6(
    monkeypatch: pytest.MonkeyPatch, as_json: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    ran = run("models", "refresh", *as_json)

    assert ran.code == 6
    assert "Could not reach 127.0.0.1:9" in ran.out
    assert "No list of models came from openai." in ran.err


def test_where_nothing_is_set_up_nothing_failed() -> None:
    ran = run("models", "refresh")

    assert ran.code == 0
    assert "no provider is set up" in ran.err
    assert run("models", "list").code == 0


# What `models show` tells


def test_the_whole_row_of_a_gemini_model_is_shown_with_the_reasons() -> None:
    shown = " ".join(run("models", "show", "gemini-nano-banana-2.1").out.split())

    assert "aspect_ratio 1:1, 2:3," in shown
    assert "size becomes the nearest aspect ratio, and a resolution by its area" in shown
    assert "negative prompt is said at the end of the prompt: avoid: …" in shown
    assert "resolution 1K, 2K, 4K" in shown
    assert "low MINIMAL, high HIGH" in shown
    assert "made here from what the provider sends" in shown
    assert "style with --lenient it is said in the prompt" in shown
    assert "takes no complexity, frame_count" in shown


def test_one_input_is_one_image_and_the_document_has_every_fact() -> None:
    assert "one image (png, jpeg, webp)" in run("models", "show", "local").out

    document = run("models", "show", "gemini-3-pro-image", "--json").json

    assert document["parameters"]["resolution"] == "1K, 2K, 4K"
    assert document["reworded"] == {"negative_prompt": "is said at the end of the prompt: avoid: …"}
    assert document["converts_locally"] is True
    assert (document["takes_anything"], document["style_in_prompt"]) == (False, True)
    assert "quality" not in document["parameters"]


def test_a_model_that_is_not_known_says_that_nothing_is_checked(server: FakeServer) -> None:
    run("models", "refresh")

    shown = run("models", "show", "gpt-image-9").out

    assert "what is said is sent unchecked" in shown
    assert "takes no" not in shown
