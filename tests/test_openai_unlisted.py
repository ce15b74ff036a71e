"""Models of OpenAI that are in no table: what is said of them is passed on, where there is a place for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.command import run
from tests.fakes.openai_server import FakeOpenAI

NEW = "openai/gpt-image-9"


@pytest.fixture
def planned(openai: FakeOpenAI) -> Any:
    def plan(*arguments: str) -> Any:
        ran = run("generate", "a fox", "--dry-run", "--json", *arguments)
        assert ran.code == 0, ran.err
        return ran.json

    return plan


# The server is not OpenAI, where dall-e-3 is no longer refused for its age.
@pytest.mark.parametrize("model", [NEW, "openai/dall-e-3"])
@pytest.mark.parametrize(("option", "value"), [("--style", "vivid"), ("--seed", "7")])
def test_what_the_images_api_has_no_place_for_is_refused(
    openai: FakeOpenAI, model: str, option: str, value: str
) -> None:
    ran = run("generate", "a fox", "-m", model, option, value, "--json")

    name = option.removeprefix("--")
    assert ran.code == 2
    assert f"the model has no {name} setting" in ran.error["message"]
    assert ran.error["parameter"] == name
    assert "--lenient" in ran.error["hint"]
    assert openai.requests == []


@pytest.mark.parametrize("model", [NEW, "openai/gpt-image-2", "openai/dall-e-3"])
def test_with_lenient_a_style_is_said_in_the_prompt_whether_or_not_the_model_is_listed(
    planned: Any, model: str
) -> None:
    plan = planned("-m", model, "--style", "vivid", "--lenient")

    assert plan["parameters"]["prompt"] == "a fox\nStyle: vivid."
    assert "style" not in plan["parameters"]
    told = [note for note in plan["notes"] if "style" in note]
    assert told == ["dropped style=vivid: the model has no style setting, so it is said in the prompt"]


def test_with_lenient_a_seed_is_dropped_and_reported(planned: Any) -> None:
    plan = planned("-m", NEW, "--seed", "7", "--lenient")

    assert "seed" not in plan["parameters"]
    assert "dropped seed=7: the model has no seed setting" in plan["notes"]


def test_a_default_style_is_not_said_of_an_unlisted_model(
    planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGES__DEFAULT_STYLE", "natural")
    assert planned("-m", NEW)["parameters"]["prompt"] == "a fox"


def test_all_else_that_was_said_is_passed_on(planned: Any) -> None:
    parameters = planned("-m", NEW, "-q", "hd", "--complexity", "odd", "-s", "100x100")["parameters"]
    assert parameters["quality"] == "hd"
    assert (parameters["complexity"], parameters["size"]) == ("odd", "100x100")
