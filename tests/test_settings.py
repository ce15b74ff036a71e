"""Where settings come from, which source wins, and what is said when one of them is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagegen.settings import OpenAISettings, Settings, StorageSettings
from imagegen.settings_fields import FIELDS
from imagegen.settings_sources import LoadedSettings, load_settings

KEY = "sk-proj-0123456789abcdefghij9f2c"
on_posix = pytest.mark.skipif(os.name == "nt", reason="POSIX names, permissions and homes")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def config_toml(home: Path) -> Path:
    return home / "config" / "config.toml"


def size(loaded: LoadedSettings) -> str:
    return loaded.settings.images.default_size


# The order of sources


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load_settings()
    assert loaded.settings == Settings()
    assert loaded.notes == ()
    assert {loaded.origin_of(name) for name in FIELDS} == {"default"}


def test_each_source_gives_way_to_the_stronger_one(
    home: Path, config_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = [(size(load_settings()), load_settings().origin_of("images.default_size"))]
    write(config_toml.with_suffix(".json"), '{"default_size": "16x16"}')
    seen.append((size(load_settings()), load_settings().origin_of("images.default_size")))
    write(config_toml, "[images]\ndefault_size = '32x32'\n")
    seen.append((size(load_settings()), load_settings().origin_of("images.default_size")))
    write(home / ".env", "IMAGES__DEFAULT_SIZE=48x48\n")
    seen.append((size(load_settings()), load_settings().origin_of("images.default_size")))
    monkeypatch.setenv("IMAGES__DEFAULT_SIZE", "64x64")
    seen.append((size(load_settings()), load_settings().origin_of("images.default_size")))
    monkeypatch.setenv("IMAGEGEN_IMAGES__DEFAULT_SIZE", "80x80")
    seen.append((size(load_settings()), load_settings().origin_of("images.default_size")))
    flags = {"images.default_size": "96x96", "images.default_style": None}
    seen.append(
        (
            size(load_settings(overrides=flags)),
            load_settings(overrides=flags).origin_of("images.default_size"),
        )
    )
    assert seen == [
        ("1536x1024", "default"),
        ("16x16", str(config_toml.with_suffix(".json"))),
        ("32x32", str(config_toml)),
        ("48x48", f"IMAGES__DEFAULT_SIZE in {home / '.env'}"),
        ("64x64", "environment variable IMAGES__DEFAULT_SIZE"),
        ("80x80", "environment variable IMAGEGEN_IMAGES__DEFAULT_SIZE"),
        ("96x96", "command line"),
    ]


def test_a_process_sees_its_own_environment(home: Path) -> None:
    write(home / ".env", "IMAGES__DEFAULT_QUALITY=low\nSTORAGE__RETENTION_DAYS=7\n")
    program = (
        "from imagegen.settings_sources import load_settings as load\n"
        "settings = load().settings\n"
        "print(settings.images.default_quality, settings.storage.retention_days)"
    )
    environment = {
        **os.environ,
        "IMAGES__DEFAULT_QUALITY": "high",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["high", "7"]
    assert ran.stderr == ""


def test_sources_are_merged_setting_by_setting(config_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(config_toml, "[providers.openai]\ntimeout = 60\norganization = 'org-1'\n")
    monkeypatch.setenv("PROVIDERS__OPENAI__TIMEOUT", "90")
    openai = load_settings().settings.providers.openai
    assert (openai.timeout, openai.organization) == (90, "org-1")


def test_an_empty_variable_counts_as_unset(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home / ".env", "IMAGES__DEFAULT_SIZE=48x48\nIMAGES__DEFAULT_STYLE=\n")
    monkeypatch.setenv("IMAGES__DEFAULT_SIZE", "")
    monkeypatch.setenv("IMAGES__NO_SUCH_THING", "")
    loaded = load_settings()
    assert (size(loaded), loaded.settings.images.default_style) == ("48x48", "vivid")


def test_a_foreign_variable_is_never_read(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("STORAGE", "SERVER", "IMAGES", "WORKERS__COUNT", "WORKERS__ENABLED", "MY__IMAGES", "IMAGES_X")
    for name in names:
        monkeypatch.setenv(name, "x")
    loaded = load_settings()
    assert loaded.settings == Settings()
    assert loaded.notes == ()


def test_our_prefix_before_an_unknown_group_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEGEN_WORKERS__COUNT", "1")
    (note,) = load_settings().notes
    assert "IMAGEGEN_WORKERS__COUNT is not read" in note


@on_posix
def test_names_in_small_letters_are_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("images__default_size", "64x64")
    assert load_settings().settings == Settings()


# The vendors' own names


def test_the_vendors_variables_fill_what_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9/v1")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    loaded = load_settings()
    openai = loaded.settings.providers.openai
    assert openai.api_key is not None
    assert openai.api_key.get_secret_value() == KEY
    assert (openai.base_url, openai.organization, openai.project) == (
        "http://localhost:9/v1",
        "org-1",
        "proj-1",
    )
    assert loaded.origin_of("providers.openai.api_key") == "environment variable OPENAI_API_KEY"


def test_of_googles_two_key_variables_the_one_that_google_prefers_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-weaker")
    loaded = load_settings()
    assert loaded.origin_of("providers.gemini.api_key") == "environment variable GEMINI_API_KEY"
    monkeypatch.setenv("GOOGLE_API_KEY", "AIza-stronger")
    loaded = load_settings()
    assert loaded.origin_of("providers.gemini.api_key") == "environment variable GOOGLE_API_KEY"


def test_our_setting_wins_over_the_vendors_variable(
    home: Path, config_toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".env", "OPENAI_ORG_ID=org-from-dotenv\nOPENAI_PROJECT_ID=proj-from-dotenv\n")
    write(config_toml, "[providers.openai]\norganization = 'org-from-toml'\n")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-from-environment")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-from-environment")
    openai = load_settings().settings.providers.openai
    assert (openai.organization, openai.project) == ("org-from-toml", "proj-from-environment")


def test_a_folder_that_redirects_a_key_from_elsewhere_is_noted(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".env", "OPENAI_BASE_URL=http://user:pass@evil.example/v1\n")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    (note,) = load_settings().notes
    assert "environment variable OPENAI_API_KEY goes to http://…@evil.example/v1" in note
    assert f"OPENAI_BASE_URL in {home / '.env'}" in note
    write(home / ".env", f"OPENAI_BASE_URL=http://evil.example/v1\nPROVIDERS__OPENAI__API_KEY={KEY}\n")
    assert load_settings().notes == ()


# --config


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("other.env", "IMAGES__DEFAULT_SIZE=64x64\n"),
        (".env.production", "export IMAGES__DEFAULT_SIZE='64x64'  # comment\n"),
        ("other.toml", "[images]\ndefault_size = '64x64'\n"),
        ("other.json", '{"images": {"default_size": "64x64", "default_style": null}}'),
        ("bom.toml", "\ufeff[images]\r\ndefault_size = '64x64'\r\n"),
    ],
)
def test_a_chosen_file_stands_in_for_the_dotenv_here(home: Path, name: str, text: str) -> None:
    write(home / ".env", "IMAGES__DEFAULT_SIZE=48x48\nIMAGES__DEFAULT_QUALITY=low\n")
    loaded = load_settings(config=write(home / name, text))
    assert (size(loaded), loaded.settings.images.default_quality) == ("64x64", "auto")
    assert f"--config {home / name}" in loaded.origin_of("images.default_size")


def test_a_virtual_environment_called_dotenv_is_no_settings_file(home: Path) -> None:
    (home / ".env").mkdir()
    assert load_settings().settings == Settings()


@on_posix
def test_a_current_folder_that_is_gone_has_no_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:9/v1")
    (home / "gone").mkdir()
    monkeypatch.chdir(home / "gone")
    (home / "gone").rmdir()
    assert load_settings().settings.providers.openai.base_url == "http://localhost:9/v1"


def test_a_dotenv_may_refer_to_other_variables(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_OWN_KEY", KEY)
    write(home / ".env", "OPENAI_API_KEY=${MY_OWN_KEY}\nUNRELATED\n")
    key = load_settings().settings.providers.openai.api_key
    assert key is not None
    assert key.get_secret_value() == KEY


# The older form


def test_the_older_flat_file_is_read(home: Path) -> None:
    old = {
        "openai_api_key": KEY,
        "openai_organization": "org-1",
        "default_quality": "high",
        "default_size": "1024x1024",
        "default_style": "natural",
        "moderation_level": "low",
        "cache_enabled": False,
        "rate_limit_requests_per_minute": 40,
        "prompt_templates": {"enable_custom_templates": False},
        "storage": {"base_path": "/data", "retention_days": 90, "cleanup_interval_hours": 12},
    }
    loaded = load_settings(config=write(home / "config.json", json.dumps(old)))
    images, openai = loaded.settings.images, loaded.settings.providers.openai
    assert (images.default_quality, images.default_size) == ("high", "1024x1024")
    assert (images.default_style, images.default_moderation) == ("natural", "low")
    assert openai.organization == "org-1"
    assert openai.api_key is not None
    assert loaded.settings.storage.retention_days == 90
    assert not loaded.settings.cache.enabled
    assert not loaded.settings.prompt_templates.enable_custom_templates
    assert loaded.settings.server.rate_limit_rpm == 40
    assert loaded.settings.storage.cleanup_interval == timedelta(hours=12)
    assert loaded.notes == ()


def test_the_older_retention_variable_gives_way_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_RETENTION_DAYS", "5")
    assert load_settings().settings.storage.retention_days == 5
    monkeypatch.setenv("STORAGE__RETENTION_DAYS", "6")
    assert load_settings().settings.storage.retention_days == 6


# Values


@on_posix
def test_paths_expand_home_and_variables_and_start_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("STORAGE__BASE_PATH", "$HOME/pictures")
    monkeypatch.setenv("PROVIDERS__LOCAL__MOTIFS_PATH", "~/motifs")
    settings = load_settings().settings
    assert settings.storage.base_path == Path("/home/ann/pictures")
    assert settings.providers.local.motifs_path == Path("/home/ann/motifs")
    monkeypatch.setenv("STORAGE__BASE_PATH", "pictures")
    assert load_settings().settings.storage.base_path == home / "pictures"


@pytest.mark.parametrize("mode", ["644", "0644", "0o644", 644, 0o644])
def test_a_file_mode_is_octal_however_it_is_written(mode: object) -> None:
    assert StorageSettings.model_validate({"file_permissions": mode}).file_permissions == 0o644


@given(st.integers(0o600, 0o777))
def test_a_file_mode_survives_being_written_and_read(mode: int) -> None:
    written = StorageSettings.model_validate({"file_permissions": f"{mode:o}"})
    assert written.file_permissions == mode
    assert StorageSettings.model_validate(written.model_dump()) == written
    assert StorageSettings.model_validate({"file_permissions": int(f"{mode:o}")}) == written


@pytest.mark.parametrize("key", ["", " word", "\n", "ß"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        OpenAISettings.model_validate({"api_key": f"{KEY}{key}" if key else key})
    assert KEY not in str(caught.value)
