"""What is said of settings that cannot be used: what, where, what is allowed, and never a secret."""

from __future__ import annotations

import json
import logging
import os
import traceback
from pathlib import Path

import pytest

from imagegen.errors import ConfigurationError, ExitCode, NotFound
from imagegen.settings_sources import load_settings

KEY = "sk-proj-0123456789abcdefghij9f2c"
unprivileged = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="the superuser may read every file"
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def config_toml(home: Path) -> Path:
    return home / "config" / "config.toml"


def refusal(config: Path | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(config=config)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    return caught.value


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("IMAGES__DEFAULT_QUALITY", "best", "auto, low, medium, high, xhigh, max"),
        ("IMAGES__DEFAULT_SIZE", "big", "auto, or WIDTHxHEIGHT in pixels"),
        ("IMAGES__DEFAULT_SIZE", "0x5", "auto, or WIDTHxHEIGHT in pixels"),
        ("IMAGES__DEFAULT_COMPRESSION", "101", "at least 0 and at most 100"),
        ("IMAGES__DEFAULT_COMPRESSION", "9.5", "a whole number"),
        ("PROVIDERS__OPENAI__TIMEOUT", "0", "above 0 and at most 3600"),
        ("PROVIDERS__OPENAI__TIMEOUT", "nan", "a number"),
        ("PROVIDERS__OPENAI__BASE_URL", "ftp://x", "an http:// or https:// address"),
        ("PROVIDERS__OPENAI__ENABLED", "perhaps", "true or false"),
        ("STORAGE__MAX_SIZE_GB", "inf", "a number"),
        ("STORAGE__FILE_PERMISSIONS", "888", "three octal digits"),
        ("STORAGE__FILE_PERMISSIONS", "044", "three octal digits"),
        ("STORAGE__BASE_PATH", "$NO_SUCH_NAME/x", "~ and $NAME"),
    ],
)
def test_a_value_that_does_not_validate_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, takes: str
) -> None:
    monkeypatch.setenv(name, value)
    message = refusal().message
    assert f"Environment variable {name} is {value!r}" in message
    assert takes in message


def test_a_wrong_value_in_a_file_is_named_with_file_and_key(config_toml: Path) -> None:
    write(config_toml, "[storage]\nretention_days = true\n")
    assert refusal().message.startswith(f"storage.retention_days in {config_toml} is true; it takes a whole")


def test_a_wrong_value_that_a_stronger_source_replaces_does_no_harm(
    config_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config_toml, "[images]\ndefault_quality = 'best'\n")
    monkeypatch.setenv("IMAGES__DEFAULT_QUALITY", "low")
    assert load_settings().settings.images.default_quality == "low"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("IMAGES__DEFALT_SIZE", "Did you mean IMAGES__DEFAULT_SIZE?"),
        ("IMAGEGEN_IMAGES__SIZE", "There are IMAGES__DEFAULT_MODEL"),
        ("PROVIDERS__OPENAI__APIKEY", "Did you mean PROVIDERS__OPENAI__API_KEY?"),
        ("PROVIDERS__OPENAI", "PROVIDERS__OPENAI__API_KEY"),
        ("PROVIDERS__OPENAI__API_KEY__X", "Did you mean PROVIDERS__OPENAI__API_KEY?"),
    ],
)
def test_an_unknown_variable_is_named_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, step: str
) -> None:
    monkeypatch.setenv(name, KEY)
    message = refusal().message
    assert f"{name} is no setting" in message
    assert step in message
    assert KEY not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[images]\ndefalt_size = 'auto'\n", ["images.defalt_size in", "Did you mean images.default_size?"]),
        ("[workers]\nport = 1\n", ["workers in", "is no setting", "images.default_size"]),
        ("images = 3\n", ["images in", "is not a table"]),
        ("[storage.retention_days]\nx = 1\n", ["storage.retention_days in", "a table", "a whole number"]),
    ],
)
def test_an_unknown_or_misplaced_key_is_named(config_toml: Path, text: str, words: list[str]) -> None:
    write(config_toml, text)
    message = refusal().message
    for word in [*words, str(config_toml)]:
        assert word in message


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.toml", "[images]\ndefault_size = = 1\n", "line 2, column 16"),
        ("a.toml", "x = '''", "line 1, column 8"),
        ("a.toml", "x = 1\r\ny", "line 2, column 2"),
        ("a.json", '{\n  "images": }', "line 2, column 13"),
        ("a.env", "A=1\n\n  B='x\n", "line 3, column 3"),
    ],
)
def test_a_broken_file_is_named_with_line_and_column(home: Path, name: str, text: str, place: str) -> None:
    path = home / name
    path.write_bytes(text.encode())
    message = refusal(path).message
    assert f"{path} is broken at {place}" in message


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.toml", b"x = 1\ny = '\xff'\n", "line 2, column 6: This is not UTF-8"),
        ("a.json", b"[1]", "a JSON object is expected"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.toml", b"x = " + b"9" * 5000, "too many digits"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(home: Path, name: str, data: bytes, words: str) -> None:
    path = home / name
    path.write_bytes(data)
    message = refusal(path).message
    assert words in message
    assert str(path) in message


@unprivileged
def test_a_file_that_may_not_be_read_is_named(config_toml: Path) -> None:
    write(config_toml, "").chmod(0)
    assert f"Cannot read {config_toml}: Permission denied" in refusal().message


def test_a_folder_in_place_of_the_file_is_named(config_toml: Path) -> None:
    config_toml.mkdir(parents=True)
    assert f"Cannot read {config_toml}" in refusal().message


def test_all_problems_are_listed_at_once(
    home: Path, config_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(config_toml, "[images]\ndefalt_size = 'auto'\ndefault_style = 'loud'\n")
    write(home / ".env", "=\n")
    monkeypatch.setenv("STORAGE__RETENTION_DAYS", "-1")
    error = refusal()
    assert error.message.startswith("4 settings cannot be used:")
    for word in ("defalt_size", "default_style", ".env is broken", "STORAGE__RETENTION_DAYS"):
        assert word in error.message
    assert len(error.details["problems"]) == 4


def test_an_unknown_name_on_the_command_line_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"Did you mean images\.default_size"):
        load_settings(overrides={"images.defalt_size": "auto"})


def test_the_origin_of_an_unknown_setting_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"Did you mean images\.default_size"):
        load_settings().origin_of("images.defaultsize")


def test_a_chosen_file_that_is_missing_is_refused(home: Path) -> None:
    error = refusal(home / "nowhere.toml")
    assert str(home / "nowhere.toml") in error.message


def test_a_chosen_file_of_another_kind_is_refused(home: Path) -> None:
    assert ".env, .toml or .json" in refusal(write(home / "settings.yaml", "a: 1")).message


def test_the_older_keys_are_unknown_in_toml(config_toml: Path) -> None:
    write(config_toml, "default_size = '64x64'\n")
    assert "Did you mean images.default_size?" in refusal().message


# Secrets


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", f"[providers.openai]\napi_key = '{KEY} '\n"),
        ("a.toml", "[providers.openai]\napi_key = 'open sesame'\n"),
        ("a.toml", f"[providers.openai.api_key]\nvalue = '{KEY}'\n"),
        ("a.toml", f"[providers]\nopenai = '{KEY}'\n"),
        ("a.toml", f"[providers.openai]\napi_key = ['{KEY}']\n"),
        ("a.toml", f"[providers.openai]\nkey = '{KEY}'\n"),
        ("a.toml", f"[providers.openai]\nbase_url = '{KEY}'\n"),
        ("a.toml", f"[providers.openai]\nbase_url = 'ftp://me:{KEY}@host'\n"),
        ("a.toml", f"[images]\ndefault_style = '{KEY}'\n"),
        ("a.toml", f"[providers.openai]\napi_key = '{KEY}\n"),
        ("a.json", f'{{"openai_api_key": {{"x": "{KEY}"}}}}'),
        ("a.json", f'{{"openai_api_key": "{KEY}'),
        ("a.env", f"OPENAI_API_KEY='{KEY}\n"),
        ("a.env", f"IMAGES__DEFAULT_STYLE={KEY}\n"),
        ("a.env", f"PROVIDERS__OPENAI={KEY}\n"),
    ],
)
def test_a_refused_secret_is_never_shown(home: Path, name: str, text: str) -> None:
    error = refusal(write(home / name, text))
    shown = "".join(traceback.format_exception(error)) + json.dumps(error.to_json()) + repr(error)
    assert KEY[:-4] not in shown
    assert "sesame" not in shown


def test_a_secret_is_in_no_repr_and_in_no_log(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(home / ".env", f"OPENAI_API_KEY={KEY}\n")
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    with caplog.at_level(logging.DEBUG):
        loaded = load_settings()
    assert "api_key" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in repr(loaded)
    assert KEY not in str(loaded.settings)
