"""The user's own `models.toml`: new models and other rules, without a release."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import ConfigurationError, ModelRetired, UnsupportedParameter
from imagegen.live_catalogue import LiveList, LiveModel, save_live_lists
from imagegen.paths import cache_folder, config_folder
from imagegen.providers import load_providers
from imagegen.providers.base import Provider
from imagegen.settings import Settings
from tests.command import run
from tests.fakes.compatible_calls import build, settled, wish
from tests.fakes.openai_calls import build_provider
from tests.test_live_catalogue import NOW


@pytest.fixture
def path(home: Path) -> Path:
    config_folder().mkdir()
    return config_folder() / "models.toml"


def row(model_id: str, provider: Provider | None = None) -> ModelInfo:
    found = (provider or build_provider()).find_model(model_id)
    assert found is not None
    return found


def test_a_new_model_may_be_like_one_that_is_known(path: Path) -> None:
    path.write_text(
        "[models.openai.gpt-image-9]\nlike = 'gpt-image-1.5'\ntitle = 'Nine'\nmax_input_images = 4\n"
        "[models.openai.gpt-image-9.parameters]\nsize = { fixed = ['512x512'] }\nmoderation = false\n",
        encoding="utf-8",
    )
    model, like = row("gpt-image-9"), row("gpt-image-1.5")
    assert (model.title, model.max_input_images, model.status) == ("Nine", 4, Status.ACTIVE)
    assert (model.shutdown_date, model.replacement) == (None, None)
    assert model.parameters["size"].describe() == "512x512"
    assert set(like.parameters) - set(model.parameters) == {"moderation"}
    with pytest.raises(UnsupportedParameter, match="no moderation setting"):
        settled(build_provider(), wish(model="gpt-image-9", moderation="low"))


def test_a_new_model_that_is_like_no_other_takes_anything_until_it_has_rules(path: Path) -> None:
    path.write_text(
        "[models.openai]\na = {}\nb = { parameters = { n = { minimum = 1, maximum = 2 } } }\n", "utf-8"
    )
    assert (row("a").status, row("a").takes_anything) == (Status.ACTIVE, True)
    assert (row("b").takes_anything, set(row("b").parameters)) == (False, {"n"})


def test_every_entry_and_every_form_of_a_rule_is_read(path: Path) -> None:
    path.write_text(
        """
[models.openai.x]
title = "X"
status = "deprecated"
shutdown_date = 2027-06-30
replacement = "y"
notes = ["mind the gap"]
operations = ["generate"]
max_prompt_chars = 100
max_input_images = 0
input_formats = ["png"]
transparent_formats = ["webp"]
takes_mask = true
takes_markup = true
[models.openai.x.parameters]
quality = { values = ["low", "high"] }
n = { minimum = 1, maximum = 4 }
safety_identifier = { max_length = 9 }
size = { fixed = ["auto"], free = { multiple = 8, max_side = 100, max_area = 9000, max_ratio = 2.5 } }
""",
        encoding="utf-8",
    )
    model = row("x")
    assert model.status_on(date(2027, 6, 30)) is Status.RETIRED
    assert (model.replacement, model.notes, sorted(model.operations)) == (
        "y",
        ("mind the gap",),
        ["generate"],
    )
    assert (model.max_prompt_chars, model.input_formats, model.takes_markup) == (100, ("png",), True)
    described = {name: rule.describe() for name, rule in model.parameters.items()}
    assert described["quality"] == "low, high"
    assert described["n"] == "1 to 4"
    assert model.parameters["size"].accepts("96x80")
    assert not model.parameters["size"].accepts("97x80")


def test_a_model_that_is_known_keeps_what_is_not_said(path: Path) -> None:
    before = row("gpt-image-2")
    path.write_text("[models.openai.gpt-image-2]\nshutdown_date = 2027-01-01\n", encoding="utf-8")
    after = row("gpt-image-2")
    assert (after.status, after.shutdown_date) == (Status.DEPRECATED, date(2027, 1, 1))
    assert (after.parameters, after.title) == (before.parameters, before.title)


def test_a_model_may_be_brought_back_or_retired(path: Path) -> None:
    path.write_text(
        "[models.openai.dall-e-3]\nstatus = 'active'\n[models.openai.gpt-image-2]\nstatus = 'retired'\n",
        encoding="utf-8",
    )
    assert row("dall-e-3").status_on(date(2026, 11, 22)) is Status.ACTIVE
    with pytest.raises(ModelRetired):
        settled(build_provider(), wish(model="gpt-image-2"))


def test_the_users_word_is_stronger_than_the_live_list(path: Path) -> None:
    live = LiveModel("gpt-image-2", date(2027, 3, 1), makes_images=True)
    address = "https://api.openai.com/v1"
    lists = {"openai": LiveList(address=address, fetched_at=NOW, models=(live,))}
    save_live_lists(cache_folder() / "models.json", lists)
    path.write_text("[models.openai.gpt-image-2]\nshutdown_date = 2028-01-01\n", encoding="utf-8")
    assert row("gpt-image-2").shutdown_date == date(2028, 1, 1)


def test_a_rule_for_a_servers_model_makes_its_parameter_sent(path: Path) -> None:
    path.write_text(
        "[models.sd.sdxl.parameters]\nquality = { values = ['hd'] }\n"
        "size = { fixed = ['512x512', '768x768'] }\n",
        encoding="utf-8",
    )
    server = build(base_url="http://h/v1")
    assert [model.id for model in server.models()] == ["sdxl"]
    request = settled(server, wish(model="sdxl", quality="hd", size="768x768"))
    assert server.wire_call(request).parameters["quality"] == "hd"
    for wrong in ({"size": "64x64"}, {"quality": "low"}, {"seed": 7}):
        with pytest.raises(UnsupportedParameter):
            settled(server, wish(model="sdxl", **wrong))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("openai = 3", "openai", "There is models"),
        ("models = 3", "models", "is not a table"),
        ("[models.openai]\nx = 3", "models.openai.x", "is not a table"),
        ("[models.openai.x]\nprice = 3", "models.openai.x.price", "There are title, status"),
        ("[models.openai.x]\nlike = 'gpt-image-22'", "models.openai.x.like", "There are gpt-image-2.6"),
        ("[models.openai.x]\nstatus = 'dead'", "models.openai.x.status", "one of active, deprecated"),
        (
            "[models.openai.x]\nshutdown_date = '2027-01-01'",
            "models.openai.x.shutdown_date",
            "without quotes",
        ),
        ("[models.openai.x]\nmax_prompt_chars = 0", "models.openai.x.max_prompt_chars", "is 0; it takes"),
        ("[models.openai.x]\ntakes_mask = 1", "models.openai.x.takes_mask", "true or false"),
        ("[models.openai.x]\noperations = ['paint']", "models.openai.x.operations", "generate, edit"),
        ("[models.openai.x.parameters]\nsteps = false", "models.openai.x.parameters.steps", "quality"),
        ("[models.openai.x.parameters]\nn = true", "models.openai.x.parameters.n", "is not a table"),
        ("[models.openai.x.parameters]\nn = {}", "models.openai.x.parameters.n", "minimum, maximum"),
        ("[models.openai.x.parameters]\nn = {max = 3}", "models.openai.x.parameters.n", "is no rule"),
        ("[models.openai.x.parameters.n]\nminimum = 1", "models.openai.x.parameters.n.maximum", "not given"),
        ("[models.openai.x.parameters.quality]\nvalues = 'low'", "quality.values", "a list of words"),
        ("[models.openai.x.parameters.size]\nfixed = []\nfree = {side = 1}", "size.free.side", "max_side"),
        (
            "[models.openai.x.parameters.size]\nfixed = []\nfree = {max_side = 1}",
            "size.free",
            "has no max_area",
        ),
        ("[models.opnai.x]", "models.opnai", "There are openai, gemini"),
        ("[models.local.composer]", "models.local", "There are openai, gemini"),
        ("[models.openai.x", "line 1", "models.toml"),
    ],
)
def test_a_fault_is_named_with_file_and_key_and_what_is_allowed(
    path: Path, text: str, place: str, words: str
) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        _all_models(load_providers(Settings()).providers)
    told = str(caught.value)
    assert place in told
    assert words in told
    assert str(path) in told


def _all_models(providers: Any) -> list[ModelInfo]:
    return [model for provider in providers.values() for model in provider.models()]


def test_a_fault_ends_the_command_with_the_configuration_code(path: Path) -> None:
    path.write_text("[models.openai.x]\nprice = 3\n", encoding="utf-8")
    listed = run("models", "list")
    assert listed.code == 3
    assert "models.openai.x.price" in listed.err


def test_a_new_model_is_listed(path: Path) -> None:
    path.write_text("[models.openai.gpt-image-9]\nlike = 'gpt-image-2'\n", encoding="utf-8")
    listed = run("models", "list", "--json")
    assert listed.code == 0, listed.err
    [openai] = [each for each in listed.json["providers"] if each["name"] == "openai"]
    assert "gpt-image-9" in {model["id"] for model in openai["models"]}
