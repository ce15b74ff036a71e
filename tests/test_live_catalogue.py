"""What providers say that they have: asked for, kept, and laid over the shipped tables."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from imagegen.capabilities import ModelInfo, Status
from imagegen.catalogue_refresh import Refreshed, refresh_models
from imagegen.errors import StorageError
from imagegen.live_catalogue import LiveList, LiveModel, load_live_lists, save_live_lists
from imagegen.paths import cache_folder
from imagegen.providers import load_providers
from imagegen.providers.base import Provider
from imagegen.providers.model_tables import load_model_table
from imagegen.settings import Settings
from tests.command import run
from tests.fakes.compatible_calls import build, provider_at
from tests.fakes.compatible_server import running_server, send_bytes
from tests.fakes.openai_calls import build_provider

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = "sk-test-0123456789abcdef"
OPENAIS_LIST: list[dict[str, Any]] = [
    {"id": "gpt-image-2", "shutdown_date": "2027-03-01"},
    {"id": "gpt-image-1.5", "shutdown_date": None},
    {"id": "gpt-image-3", "shutdown_date": None},
    {"id": "gpt-7", "shutdown_date": "2027-01-01"},
    {"id": "dall-e-3", "shutdown_date": "2030-01-01"},
]


def file() -> Path:
    return cache_folder() / "models.json"


def refresh(*providers: Provider) -> dict[str, Refreshed]:
    async def ask() -> Sequence[Refreshed]:
        try:
            return await refresh_models({each.name: each for each in providers}, file(), now=NOW)
        finally:
            for provider in providers:
                await provider.aclose()

    return {outcome.provider: outcome for outcome in asyncio.run(ask())}


def row(provider: Provider, model_id: str) -> ModelInfo:
    found = provider.find_model(model_id)
    assert found is not None
    return found


def keep(provider: str, address: str, *models: LiveModel) -> None:
    save_live_lists(file(), {provider: LiveList(address=address, fetched_at=NOW, models=models)})


# Asking


def test_openais_list_tells_new_models_and_when_known_ones_end() -> None:
    with running_server(api_key=KEY) as server:
        server.models = OPENAIS_LIST
        told = refresh(build_provider(base_url=server.base_url, api_key=KEY))["openai"]
        later = build_provider(base_url=server.base_url, api_key=KEY)
    assert (told.models, told.new, told.problem) == (4, ("gpt-image-3",), None)
    assert told.shutdowns == {"gpt-image-2": "2027-03-01", "dall-e-3": "2030-01-01"}
    ending = row(later, "gpt-image-2")
    assert (ending.status, ending.shutdown_date) == (Status.DEPRECATED, date(2027, 3, 1))
    new = row(later, "gpt-image-3")
    assert (new.status, new.takes_anything) == (Status.UNKNOWN, True)
    assert "newer than this version" in new.notes[0]
    assert "gpt-7" not in {model.id for model in later.models()}


def test_a_servers_list_becomes_its_models() -> None:
    with running_server() as server:
        server.models = [
            {"id": "SD-Turbo", "labels": ["image"]},
            {"id": "Llama", "labels": ["reasoning"]},
            {"id": "flux"},
        ]
        told = refresh(provider_at(server))["sd"]
        later = provider_at(server)
    assert (told.models, told.new) == (2, ("SD-Turbo", "flux"))
    assert [model.id for model in later.models()] == ["SD-Turbo", "flux"]
    assert later.default_model == "SD-Turbo"
    assert [row(later, name).status for name in ("SD-Turbo", "flux")] == [Status.ACTIVE, Status.UNKNOWN]


def test_models_of_the_settings_come_before_those_of_the_list() -> None:
    with running_server() as server:
        server.models = [{"id": "flux"}, {"id": "sdxl"}]
        refresh(provider_at(server))
        later = provider_at(server, models="sdxl")
    assert [model.id for model in later.models()] == ["sdxl", "flux"]
    assert row(later, "sdxl").status is Status.ACTIVE


def test_a_model_that_may_be_no_image_model_is_not_the_default() -> None:
    with running_server("localai") as server:
        refresh(provider_at(server, profile="localai"))
        later = provider_at(server, profile="localai")
        assert [model.id for model in later.models()] == ["default", "flux.1-dev-ggml", "llama-3"]
        assert later.default_model == "default"
        keyless = provider_at(server, profile="lemonade")
        assert not keyless.availability().enabled


def test_the_one_model_that_a_server_lists_is_the_default_where_one_must_be_named() -> None:
    keep("sd", "http://h/v1", LiveModel("flux"))
    assert build(base_url="http://h/v1", profile="lemonade").default_model == "flux"


def test_a_list_of_what_could_be_deployed_is_not_asked_for() -> None:
    with running_server("azure", api_key=KEY) as server:
        told = refresh(provider_at(server, profile="azure"))["sd"]
        assert told.problem == "It has no list of models to ask for."
        assert server.requests == []


def test_another_server_in_openais_place_may_have_no_list() -> None:
    with running_server(api_key=KEY) as server:
        told = refresh(build_provider(base_url=server.base_url, api_key=KEY))["openai"]
    assert (told.asked, told.problem) == (False, "It has no list of models to ask for.")


def test_a_provider_that_fails_is_reported_and_the_others_are_kept() -> None:
    with running_server() as server:
        server.models = [{"id": "flux"}]
        told = refresh(
            provider_at(server),
            build("gone", base_url="http://127.0.0.1:9/v1"),
            build("bare"),
            build_provider(),
        )
    assert told["sd"].models == 1
    assert "Could not reach 127.0.0.1:9" in (told["gone"].problem or "")
    assert "No address" in (told["bare"].problem or "")
    assert "No API key" in (told["openai"].problem or "")
    assert list(load_live_lists(file())) == ["sd"]


def test_a_provider_without_a_list_is_no_failure() -> None:
    with running_server() as server:
        local = load_providers(Settings()).providers["local"]
        told = refresh(provider_at(server), local)
    assert {outcome.problem for outcome in told.values()} == {"It has no list of models to ask for."}


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"<html>", b'{"data": 3}', b'{"error": {"message": "no"}}'])
def test_an_answer_that_is_no_list_is_reported(answer: bytes) -> None:
    with running_server() as server:
        server.files["/v1/models"] = send_bytes(answer, "application/json")
        assert refresh(provider_at(server))["sd"].problem


def test_entries_that_are_no_models_are_left_out() -> None:
    with running_server() as server:
        server.models = [{"id": "flux", "shutdown_date": "soon"}, {"id": 7}, {"id": "a b"}, {}, {"id": ""}]
        refresh(provider_at(server))
    assert load_live_lists(file())["sd"].models == (LiveModel("flux"),)


def test_what_a_provider_said_before_outlives_its_failure_and_not_its_removal() -> None:
    keep("sd", "http://h/v1", LiveModel("flux"))
    refresh(build("sd", base_url="http://127.0.0.1:9/v1"))
    assert load_live_lists(file())["sd"].models == (LiveModel("flux"),)
    refresh(build("other", base_url="http://127.0.0.1:9/v1"))
    assert load_live_lists(file()) == {}


# Keeping


def test_lists_come_back_as_they_were_kept() -> None:
    models = (
        LiveModel("a", date(2027, 1, 1), True),
        LiveModel("b/c", None, None),
        LiveModel("d", None, False),
    )
    keep("sd", "http://h/v1", *models)
    assert load_live_lists(file())["sd"] == LiveList(address="http://h/v1", fetched_at=NOW, models=models)
    assert [path.name for path in file().parent.iterdir()] == ["models.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"format": 0, "providers": {"openai": {}}}',
        b'{"format": 1}',
        b'{"format": 1, "providers": {"openai": 3}}',
        b'{"format": 1, "providers": {"openai": {"fetched_at": "x", "address": "", "models": []}}}',
        b'{"format": 1, "providers": {"openai": {"fetched_at": "2026-11-22", "address": "", "models": []}}}',
        b" " * 6_000_000,
    ],
)
def test_a_file_that_is_broken_or_of_another_form_counts_as_empty(content: bytes) -> None:
    file().parent.mkdir(parents=True)
    file().write_bytes(content)
    assert load_live_lists(file()) == {}
    keep("sd", "", LiveModel("flux"))
    assert list(load_live_lists(file())) == ["sd"]


def test_a_folder_in_the_files_place_is_said_when_it_is_to_be_written() -> None:
    file().mkdir(parents=True)
    assert load_live_lists(file()) == {}
    with pytest.raises(StorageError, match=r"Cannot write .*models\.json"):
        keep("sd", "")
    assert [path.name for path in file().parent.iterdir()] == ["models.json"]


def test_a_list_of_another_address_is_forgotten() -> None:
    keep("sd", "http://old/v1", LiveModel("flux"))
    assert [model.id for model in build(base_url="http://old/v1").models()] == ["default", "flux"]
    assert [model.id for model in build(base_url="http://new/v1").models()] == ["default"]


def test_a_model_that_is_gone_does_not_come_back_by_a_list() -> None:
    keep("openai", "https://api.openai.com/v1", LiveModel("dall-e-3", date(2030, 1, 1), True))
    assert row(build_provider(), "dall-e-3").status is Status.RETIRED


def test_a_date_of_the_table_stays_where_the_list_gives_none() -> None:
    keep("openai", "https://api.openai.com/v1", LiveModel("gpt-image-1.5", None, True))
    assert row(build_provider(), "gpt-image-1.5").shutdown_date == date(2026, 12, 1)


def test_nothing_changes_where_nothing_was_found() -> None:
    assert tuple(build_provider().models()) == load_model_table("openai").models


def test_a_warning_comes_with_the_image_once_a_shutdown_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    keep("openai", "https://api.openai.com/v1", LiveModel("gpt-image-2", date(2099, 1, 1), True))
    planned = run("generate", "a fox", "-m", "openai/gpt-image-2", "--dry-run", "--json")
    assert planned.code == 0, planned.err
    assert any("shuts down on 2099-01-01" in note for note in planned.json["notes"])


def test_the_file_holds_no_key() -> None:
    with running_server(api_key=KEY) as server:
        server.models = [{"id": "gpt-image-9"}]
        refresh(build_provider(base_url=server.base_url, api_key=KEY))
    text = file().read_text(encoding="utf-8")
    assert KEY not in text
    assert json.loads(text)["providers"]["openai"]["fetched_at"] == "2026-11-22T12:00:00Z"


def test_an_address_is_kept_without_the_password_in_it() -> None:
    for provider in (
        build(base_url="http://me:hunter2@h/v1"),
        build_provider(base_url="http://me:hunter2@h/v1"),
    ):
        assert provider.address == "http://h/v1"
