"""Gemini's own list of models, and the user's file, laid over the shipped table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest

from imagegen.capabilities import ModelInfo, Status
from imagegen.catalogue_refresh import Refreshed, refresh_models
from imagegen.checks import settle
from imagegen.errors import BadResponse, ImagegenError, UnsupportedParameter
from imagegen.live_catalogue import LiveModel
from imagegen.paths import cache_folder, config_folder
from imagegen.providers.gemini import GeminiProvider
from imagegen.providers.model_tables import load_model_table
from tests.fakes.gemini_calls import KEY, MODEL, build_provider, provider_at, wish
from tests.fakes.gemini_rules import MODELS
from tests.fakes.gemini_server import FakeGemini, model_entry, running_gemini

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def listed(provider: GeminiProvider) -> Sequence[LiveModel]:
    async def ask() -> Sequence[LiveModel]:
        try:
            return await provider.list_live() or ()
        finally:
            await provider.aclose()

    return asyncio.run(ask())


def refresh(provider: GeminiProvider) -> Refreshed:
    async def ask() -> Refreshed:
        try:
            [told] = await refresh_models({"gemini": provider}, cache_folder() / "models.json", now=NOW)
        finally:
            await provider.aclose()
        return told

    return asyncio.run(ask())


def row(provider: GeminiProvider, model_id: str) -> ModelInfo:
    [found] = [model for model in provider.models() if model.id == model_id]
    return found


def failure(gemini: FakeGemini, **section: Any) -> ImagegenError:
    with pytest.raises(ImagegenError) as caught:
        listed(provider_at(gemini, **section))
    return caught.value


def test_the_image_models_of_the_list_are_told_and_no_others() -> None:
    with running_gemini(api_key=KEY) as gemini:
        assert listed(provider_at(gemini)) == tuple(LiveModel(name, None, True) for name in MODELS)
        assert gemini.requests[0].path == "/v1/models?pageSize=1000"


def test_every_page_of_the_list_is_read() -> None:
    with running_gemini() as gemini:
        gemini.models_a_page = 2
        assert [model.id for model in listed(provider_at(gemini))] == [*MODELS]
        assert len(gemini.requests) == 3


def test_a_list_that_does_not_end_is_given_up() -> None:
    with running_gemini() as gemini:
        gemini.list_body = b'{"models": [], "nextPageToken": "again"}'
        assert "without an end" in failure(gemini).message
        assert len(gemini.requests) == 20


def test_the_list_is_asked_for_at_the_address_and_version_of_the_settings() -> None:
    with running_gemini(prefix="/gateway") as gemini:
        assert listed(provider_at(gemini, base_url=f"{gemini.base_url}/v1beta"))
        assert gemini.requests[0].path.startswith("/gateway/v1beta/models?")


def test_entries_that_are_no_models_are_left_out() -> None:
    with running_gemini() as gemini:
        gemini.models = [3, {}, {"name": 7}, {"name": "models/an image"}, {"name": "models/banana-9"}]
        assert listed(provider_at(gemini)) == (LiveModel("banana-9", None, True),)


def test_an_empty_list_is_an_answer() -> None:
    with running_gemini() as gemini:
        gemini.models = []
        assert listed(provider_at(gemini)) == ()


@pytest.mark.parametrize("body", [b"[]", b"<html>", b'{"models": 3}', b"[" * 100_000, b""])
def test_an_answer_that_is_no_list_is_reported(body: bytes) -> None:
    with running_gemini() as gemini:
        gemini.list_body = body
        assert isinstance(failure(gemini), BadResponse)


def test_a_key_that_is_refused_is_said_without_it() -> None:
    with running_gemini(api_key="AIzaOther") as gemini:
        error = failure(gemini)
    assert error.code == "authentication_failed"
    assert KEY not in str(error)


def test_a_server_without_a_list_and_one_that_is_not_there_are_said() -> None:
    with running_gemini(prefix="/gateway") as gemini:
        assert failure(gemini, base_url=gemini.base_url.removesuffix("/gateway")).code == "not_found"
        assert "Could not reach" in failure(gemini, base_url="http://127.0.0.1:9").message


def test_a_model_that_only_the_list_has_is_taken_to_be_like_most_of_them() -> None:
    with running_gemini() as gemini:
        gemini.models = [model_entry("gemini-4-image"), model_entry(MODEL)]
        told = refresh(provider_at(gemini))
        later = provider_at(gemini)
    assert (told.models, told.new, told.problem) == (2, ("gemini-4-image",), None)
    new = row(later, "gemini-4-image")
    assert (new.status, new.takes_anything) == (Status.UNKNOWN, False)
    assert "newer than this version" in new.notes[0]
    with pytest.raises(UnsupportedParameter):
        settle(wish(model=new.id, style="vivid"), new, {}, NOW.date())


def test_what_another_address_listed_does_not_count() -> None:
    with running_gemini() as gemini:
        gemini.models = [model_entry("gemini-4-image")]
        refresh(provider_at(gemini))
    assert tuple(build_provider(api_key=KEY).models()) == load_model_table("gemini").models


def test_the_users_file_changes_models_and_adds_some() -> None:
    config_folder().mkdir()
    (config_folder() / "models.toml").write_text(
        f"[models.gemini.gemini-9-image]\nlike = '{MODEL}'\n"
        "[models.gemini.gemini-9-image.parameters]\nseed = false\n"
        "[models.gemini.gemini-3-pro-image]\nshutdown_date = 2027-01-01\n",
        encoding="utf-8",
    )
    provider = build_provider(api_key=KEY)
    nine = row(provider, "gemini-9-image")
    assert set(row(provider, MODEL).parameters) - set(nine.parameters) == {"seed"}
    shown = provider.wire_call(wish(model=nine.id, size="1024x1024")).parameters["generationConfig"]
    assert shown["imageConfig"] == {"aspectRatio": "1:1", "imageSize": "1K"}
    assert row(provider, "gemini-3-pro-image").shutdown_date == date(2027, 1, 1)


def test_an_address_is_told_without_its_password_and_a_wrong_one_stops_nothing() -> None:
    assert build_provider(base_url="http://me:hunter2@h").address == "http://h/v1"
    wrong = build_provider(base_url="http://h:99999")
    assert wrong.address == ""
    assert wrong.models()
