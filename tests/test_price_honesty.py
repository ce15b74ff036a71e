"""What an estimate says where the price table is not the server's own."""

from __future__ import annotations

from typing import Any

import pytest

from imagegen.paths import config_folder
from tests.command import run
from tests.fakes.compatible_server import running_server
from tests.fakes.gemini_calls import KEY as GEMINI_KEY

SERVER = "PROVIDERS__COMPATIBLE__SD__BASE_URL"


def planned(*arguments: str) -> Any:
    ran = run("generate", "a fox", "--dry-run", "--json", *arguments)
    assert ran.code == 0, ran.err
    return ran.json["estimate"]


@pytest.mark.parametrize(
    ("variable", "address", "model"),
    [
        ("OPENAI_BASE_URL", "https://gateway.example/v1", "gpt-image-2"),
        ("OPENAI_BASE_URL", "https://me.openai.azure.com/openai/v1", "gpt-image-2"),
        ("OPENAI_BASE_URL", "https://api.openai.com.example/v1", "gpt-image-2"),
        ("PROVIDERS__GEMINI__BASE_URL", "https://gateway.example", "gemini-3-pro-image"),
    ],
)
def test_an_estimate_for_another_server_says_whose_prices_it_goes_by(
    monkeypatch: pytest.MonkeyPatch, variable: str, address: str, model: str
) -> None:
    own = planned("-m", model, "-s", "1024x1024")
    monkeypatch.setenv(variable, address)
    elsewhere = planned("-m", model, "-s", "1024x1024")

    host = address.split("/")[2]
    assert own["high_usd"] == elsewhere["high_usd"]
    assert "may charge otherwise" not in (own["note"] or "")
    assert elsewhere["note"].endswith(f"the server at {host} may charge otherwise")
    assert "prices are those listed for" in elsewhere["note"]


@pytest.mark.parametrize(
    "address", ["https://api.openai.com/v1", "https://eu.api.openai.com/v1", "https://us.api.openai.com/v1/"]
)
def test_a_regional_endpoint_of_openai_has_openais_prices(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    note = planned("-m", "gpt-image-2", "-s", "1024x1024", "-q", "low")["note"]
    assert note is None


def test_where_there_is_no_price_there_is_no_word_about_whose_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    found = planned("-m", "openai/dream-9")
    assert (found["high_usd"], found["basis"]) == (None, "unknown")
    assert "may charge" not in found["note"]


def test_a_server_with_a_model_of_openais_name_costs_what_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_server() as server:
        monkeypatch.setenv(SERVER, server.base_url)
        found = planned("-m", "sd/gpt-image-2", "-s", "1024x1024")
        made = run("generate", "a fox", "-m", "sd/gpt-image-2", "--json")
    assert (found["low_usd"], found["high_usd"], found["basis"]) == (None, None, "unknown")
    assert made.json["cost_info"]["cost_usd"] is None
    assert made.json["cost_info"]["basis"] == "unknown"


def test_a_users_own_price_for_a_server_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SERVER, "http://127.0.0.1:9/v1")
    prices = "[models.sd.flux]\nimage_out = 10\ntokens.auto = { 1024x1024 = 1000 }\n"
    config_folder().mkdir(parents=True)
    (config_folder() / "prices.toml").write_text(prices, encoding="utf-8")

    found = planned("-m", "sd/flux", "-s", "1024x1024")

    assert (found["high_usd"], found["basis"]) == (0.01, "table")
    assert "may charge" not in (found["note"] or "")


def test_gemini_at_google_has_googles_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", GEMINI_KEY)
    assert planned("-m", "gemini-3-pro-image", "-s", "1024x1024")["note"] is None
