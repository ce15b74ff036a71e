"""Servers by name: how they are set up, found, and kept apart from the rest."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from imagegen.capabilities import Status
from imagegen.config_file import describe, get_value, init_config, set_value, unset_value
from imagegen.errors import ConfigurationError, NotFound
from imagegen.paths import config_file
from imagegen.providers import load_providers
from imagegen.resolution import resolve
from imagegen.settings import Settings
from imagegen.settings_fields import SERVER_FIELDS
from imagegen.settings_sources import load_settings
from tests.command import run
from tests.fakes.compatible_calls import build
from tests.fakes.compatible_server import running_server

KEY = "topsecret-0123456789"
SD = "providers.compatible.sd"
VALID = {
    "enabled": "false",
    "timeout": "60",
    "max_retries": "1",
    "retry_uncertain": "1",
    "rpm": "10",
    "max_concurrent": "2",
    "base_url": "http://127.0.0.1:1234/v1",
    "api_key": KEY,
    "profile": "sd-cpp",
    "api_version": "2025-04-01-preview",
    "models": "flux/dev, sdxl",
    "send": "seed, quality",
}


def set_up(monkeypatch: pytest.MonkeyPatch, name: str = "SD", **values: str) -> Settings:
    for key, value in {"BASE_URL": "http://127.0.0.1:9/v1", **values}.items():
        monkeypatch.setenv(f"PROVIDERS__COMPATIBLE__{name}__{key}", value)
    return load_settings().settings


def resolved(settings: Settings, model: str | None, default: str | None = None) -> tuple[str, str]:
    providers = load_providers(settings).providers
    found = resolve(providers, provider=None, model=model, default_model=default)
    return found.provider.name, found.model.id


# Settings


def test_the_environment_names_servers_in_capitals_and_they_are_lower_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_up(monkeypatch, "MY_GPU", MODELS="a, b", SEND="seed", API_KEY=KEY)
    monkeypatch.setenv("IMAGEGEN_PROVIDERS__COMPATIBLE__MY_GPU__TIMEOUT", "7")
    section = load_settings().settings.providers.compatible["my_gpu"]
    assert (section.models, section.send, section.timeout) == (("a", "b"), ("seed",), 7)
    assert section.api_key is not None
    assert section.api_key.get_secret_value() == KEY


def test_sources_add_up_to_one_server(monkeypatch: pytest.MonkeyPatch) -> None:
    set_value(f"{SD}.profile", "sd-cpp")
    Path(".env").write_text("PROVIDERS__COMPATIBLE__SD__TIMEOUT=7\n", encoding="utf-8")
    section = set_up(monkeypatch).providers.compatible["sd"]
    assert (section.profile, section.timeout, section.base_url) == ("sd-cpp", 7, "http://127.0.0.1:9/v1")


def test_every_setting_of_a_server_can_be_set_read_and_unset() -> None:
    assert list(VALID) == list(SERVER_FIELDS)
    for key, text in VALID.items():
        change = set_value(f"{SD}.{key}", text)
        loaded = load_settings()
        assert loaded.origin_of(f"{SD}.{key}") == str(config_file())
        assert get_value(loaded.settings, f"{SD}.{key}") == change.value
        assert change.value != SERVER_FIELDS[key].default
        assert not set_value(f"{SD}.{key}", text).changed
    for key in VALID:
        assert unset_value(f"{SD}.{key}").changed
    assert load_settings().settings == Settings()


def test_a_list_stands_on_one_line_and_is_replaced_there() -> None:
    path = init_config()
    comments = path.read_text(encoding="utf-8")
    set_value(f"{SD}.models", "a,b")
    set_value(f"{SD}.models", "c")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(comments.rstrip())
    assert tomllib.loads(text)["providers"]["compatible"]["sd"] == {"models": ["c"]}


def test_the_initial_file_explains_servers_and_makes_none() -> None:
    text = init_config().read_text(encoding="utf-8")
    assert "[providers.compatible.NAME]" in text
    assert all(field.takes in text for field in SERVER_FIELDS.values())
    assert load_settings().settings == Settings()


def test_the_settings_of_servers_are_shown_with_their_keys_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, API_KEY=KEY, MODELS="a,b")
    rows = {row.name: row for row in describe(load_settings())}
    assert rows[f"{SD}.models"].value == ["a", "b"]
    assert rows[f"{SD}.timeout"].origin == "default"
    assert rows[f"{SD}.api_key"].environment == "PROVIDERS__COMPATIBLE__SD__API_KEY"
    assert KEY not in repr(rows)
    shown = run("config", "show", "--changed")
    assert "providers.compatible.sd.models\ta, b" in shown.out
    assert KEY not in shown.out


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SD__BASE_ULR", "http://h", "Did you mean PROVIDERS__COMPATIBLE__SD__BASE_URL?"),
        ("SD", "http://h", "There are PROVIDERS__COMPATIBLE__SD__ENABLED"),
        ("sd__BASE_URL", "http://h", "Did you mean PROVIDERS__COMPATIBLE__SD__BASE_URL?"),
        ("OPENAI__BASE_URL", "http://h", "is none of compatible, gemini, local, openai"),
        ("9__BASE_URL", "http://h", "begins with a letter"),
        ("SD__BASE_URL", "h", "it takes an http:// or https:// address"),
        ("SD__PROFILE", "comfy", "it takes generic, sd-cpp, localai"),
        ("SD__SEND", "seed,steps", "is 'seed,steps'; it takes some of aspect_ratio, background"),
        ("SD__SEND", "size", "it takes some of aspect_ratio, background"),
        ("SD__TIMEOUT", "0", "above 0"),
        ("SD__MODELS", "a b", "it takes names, separated by commas"),
    ],
)
def test_a_fault_in_a_servers_settings_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(f"PROVIDERS__COMPATIBLE__{variable}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert f"PROVIDERS__COMPATIBLE__{variable} is" in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[providers.compatible.sd]\nurl = 'http://h'\n", "providers.compatible.sd.url in"),
        ("[providers.compatible.local]\ntimeout = 3\n", "is none of compatible, gemini, local, openai"),
        ("[providers.compatible]\nsd = 3\n", "providers.compatible.sd in"),
        ("[providers.compatible.sd]\nmodels = [1]\n", "is a list; it takes names"),
        ("[providers.compatible.sd.models]\nx = 1\n", "is a table; it takes names"),
    ],
)
def test_a_fault_in_a_servers_table_is_named(text: str, words: str) -> None:
    config_file().parent.mkdir()
    config_file().write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert words in caught.value.message
    assert str(config_file()) in caught.value.message


@pytest.mark.parametrize("name", ["providers.compatible", "providers.compatible.sd.url"])
def test_an_unknown_setting_of_a_server_is_not_found(name: str) -> None:
    with pytest.raises(NotFound, match=r"providers\.compatible\.(<name>|sd)\.base_url"):
        set_value(name, "x")


def test_a_refused_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDERS__COMPATIBLE__SD__API_KEY", f"{KEY} {KEY}")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert KEY not in str(caught.value)


# Providers


def test_each_server_is_a_provider_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, "SD")
    providers = load_providers(set_up(monkeypatch, "GPU-2")).providers
    assert [name for name in providers if name in ("sd", "gpu-2")] == ["sd", "gpu-2"]
    assert {providers["sd"].name, providers["gpu-2"].name} == {"sd", "gpu-2"}


def test_any_model_name_passes_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = set_up(monkeypatch)
    assert resolved(settings, "sd/org/some-model") == ("sd", "org/some-model")
    model = load_providers(settings).providers["sd"].find_model("org/some-model")
    assert model is not None
    assert (model.status, len(model.notes)) == (Status.UNKNOWN, 1)


def test_a_name_that_openai_lists_may_be_a_servers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolved(set_up(monkeypatch), "sd/gpt-image-2") == ("sd", "gpt-image-2")


def test_a_model_of_the_settings_is_found_without_the_servers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = set_up(monkeypatch, MODELS="flux-dev,sdxl")
    assert resolved(settings, "sdxl") == ("sd", "sdxl")
    assert resolved(settings, "sd") == ("sd", "flux-dev")


def test_a_server_is_used_before_the_composer_when_nothing_else_is_set_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert resolved(set_up(monkeypatch, MODELS="flux-dev"), None) == ("sd", "flux-dev")


def test_a_server_that_runs_one_model_is_asked_without_a_name() -> None:
    from tests.fakes.compatible_calls import ask, provider_at, wish

    with running_server() as server:
        provider = provider_at(server)
        ask(provider, wish(model=provider.default_model))
        assert server.fields == [{"prompt": "otter"}]


def test_a_profile_may_know_the_model() -> None:
    assert build(base_url="http://h/v1", profile="sd-cpp").default_model == "sd-cpp-local"


@pytest.mark.parametrize("kind", ["azure", "azure-v1", "lemonade"])
def test_a_server_that_wants_a_model_named_has_no_default(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    settings = set_up(monkeypatch, PROFILE=kind)
    assert resolved(settings, None)[0] == "local"
    assert resolved(settings, "sd/mine") == ("sd", "mine")
    with pytest.raises(ConfigurationError, match=r"providers\.compatible\.sd\.models NAME, or use -m sd/"):
        resolved(settings, "sd")


def test_a_server_without_an_address_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDERS__COMPATIBLE__SD__PROFILE", "sd-cpp")
    availability = load_providers(load_settings().settings).providers["sd"].availability()
    assert not availability.enabled
    assert "PROVIDERS__COMPATIBLE__SD__BASE_URL" in availability.reason


# By the front door


def test_an_image_of_a_server_is_kept_with_an_unknown_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_server("sglang") as server:
        set_up(monkeypatch, BASE_URL=server.base_url, PROFILE="sglang")
        made = run("generate", "a red fox", "-m", "sd/qwen", "--json")
    assert made.code == 0, made.err
    assert (made.json["provider"], made.json["model"]) == ("sd", "qwen")
    assert made.json["cost_info"]["cost_usd"] is None
    assert made.json["cost_info"]["basis"] == "unknown"


def test_models_show_says_what_is_not_sent_and_how_to_send_it(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, MODELS="sdxl", SEND="seed")
    shown = run("models", "show", "sd/sdxl").out
    assert "nothing unless PROVIDERS__COMPATIBLE__SD__SEND has quality" in shown
    assert "anything; the server decides" in shown


def test_a_refused_parameter_leaves_with_the_usage_code(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch)
    refused = run("generate", "a red fox", "-m", "sd/x", "-q", "high")
    assert refused.code == 2
    assert "PROVIDERS__COMPATIBLE__SD__SEND has quality" in refused.err
