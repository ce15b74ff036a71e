"""config.toml as `imagegen config` sees it: shown, read, changed, begun; and where all of it lives."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from imagegen.config_file import describe, get_value, init_config, initial_config, set_value, unset_value
from imagegen.errors import ConfigurationError, NotFound, UsageError
from imagegen.paths import config_file, config_folder, data_folder
from imagegen.settings import Settings
from imagegen.settings_fields import FIELDS
from imagegen.settings_sources import load_settings

KEY = "sk-proj-0123456789abcdefghij9f2c"
on_posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions, links and homes")
VALID = {  # a value other than the default for every setting
    "providers.openai.enabled": "false",
    "providers.openai.timeout": "60",
    "providers.openai.max_retries": "1",
    "providers.openai.retry_uncertain": "1",
    "providers.openai.rpm": "10",
    "providers.openai.max_concurrent": "2",
    "providers.openai.api_key": KEY,
    "providers.openai.base_url": "https://images.example/v1",
    "providers.openai.organization": "org-1",
    "providers.openai.project": "proj-1",
    "providers.gemini.enabled": "false",
    "providers.gemini.timeout": "60",
    "providers.gemini.max_retries": "1",
    "providers.gemini.retry_uncertain": "1",
    "providers.gemini.rpm": "10",
    "providers.gemini.max_concurrent": "2",
    "providers.gemini.api_key": "AIza0123456789abcdefghij9f2c",
    "providers.gemini.base_url": "https://gemini.example",
    "providers.gemini.default_model": "gemini-3-pro-image",
    "providers.local.enabled": "no",
    "providers.local.motifs_path": "motifs",
    "images.default_model": "local/composer",
    "images.default_quality": "high",
    "images.default_size": "1024x1024",
    "images.default_style": "natural",
    "images.default_moderation": "low",
    "images.default_background": "opaque",
    "images.default_output_format": "webp",
    "images.default_compression": "80",
    "images.base_host": "https://pictures.example",
    "images.allow_private_urls": "true",
    "storage.base_path": "pictures",
    "storage.retention_days": "90",
    "storage.max_size_gb": "2.5",
    "storage.cleanup_interval_hours": "6",
    "storage.create_subdirectories": "false",
    "storage.file_permissions": "600",
    "cache.enabled": "false",
    "cache.backend": "memory",
    "cache.ttl_hours": "2",
    "cache.max_size_mb": "10",
    "cache.redis_url": "redis://localhost:6379/0",
    "cache.namespace": "pictures",
    "budget.per_request_usd": "0.5",
    "budget.daily_usd": "2.5",
    "budget.monthly_usd": "20",
    "prompt_templates.enable_custom_templates": "false",
    "prompt_templates.template_directory": "templates",
    "prompt_templates.auto_size_optimization": "false",
    "prompt_templates.include_metadata": "false",
    "server.name": "pictures",
    "server.host": "0.0.0.0",
    "server.port": "8080",
    "server.log_level": "DEBUG",
    "server.log_format": "json",
    "server.structured_output": "never",
    "server.allowed_paths": "/pictures",
    "server.wait_seconds": "20",
    "server.progress_seconds": "2",
    "server.rate_limit_rpm": "10",
    "server.preview_size": "256",
    "server.max_request_mb": "10",
    "server.allowed_hosts": "pictures.example",
    "server.allowed_origins": "https://pictures.example",
}


@pytest.fixture
def path(home: Path) -> Path:
    folder = home / "config"
    folder.mkdir()
    return folder / "config.toml"


def content(path: Path) -> dict[str, object]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


# Changing


def test_the_values_below_are_for_every_setting() -> None:
    assert list(VALID) == list(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_can_be_set_read_and_unset(name: str, path: Path) -> None:
    change = set_value(name, VALID[name])
    loaded = load_settings()
    assert (change.path, change.changed, loaded.origin_of(name)) == (path, True, str(path))
    assert get_value(loaded.settings, name) == change.value != FIELDS[name].default
    assert not set_value(name, VALID[name]).changed
    assert unset_value(name).changed
    assert load_settings().settings == Settings()
    assert not unset_value(name).changed


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_takes_its_place_in_the_initial_file_and_leaves_it(name: str) -> None:
    path = init_config()
    set_value(name, VALID[name])
    changed = path.read_text(encoding="utf-8").splitlines()
    assert len(set(changed) - set(initial_config().splitlines())) == 1
    unset_value(name)
    assert path.read_text(encoding="utf-8") == initial_config()


def test_comments_and_unrelated_lines_survive(path: Path) -> None:
    path.write_text("# mine\n[images]  # wishes\ndefault_style = 'natural'  # calm\n\n[storage]\n", "utf-8")
    set_value("images.default_size", "auto")
    assert path.read_text(encoding="utf-8") == (
        "# mine\n[images]  # wishes\ndefault_style = 'natural'  # calm\n"
        'default_size = "auto"\n\n[storage]\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "images = { default_size = 'auto', default_style = 'natural' }\n",
        "images.default_size = 'auto'\nimages.default_style = 'natural'\n",
        '[images]\ndefault_size = """\\\n  auto"""\ndefault_style = """\\\n natural"""\n',
        "[images]\n'default_size' = 'auto'\ndefault_style = 'natural'",
        "[ images ]\ndefault_size='auto'\r\ndefault_style = 'natural'\r\n",
    ],
)
def test_every_way_to_write_toml_can_be_changed(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    set_value("images.default_size", "64x64")
    assert content(path) == {"images": {"default_size": "64x64", "default_style": "natural"}}
    set_value("storage.retention_days", "5")
    unset_value("images.default_style")
    assert content(path) == {"images": {"default_size": "64x64"}, "storage": {"retention_days": 5}}


@given(st.lists(st.tuples(st.sampled_from(list(FIELDS)), st.booleans()), max_size=12))
@profile(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_series_of_changes_leaves_exactly_what_was_set(path: Path, steps: list[tuple[str, bool]]) -> None:
    path.unlink(missing_ok=True)
    expected: set[str] = set()
    for name, wanted in steps:
        if wanted:
            set_value(name, VALID[name])
            expected.add(name)
        else:
            unset_value(name)
            expected.discard(name)
    assert set(load_settings().origins) == expected


def test_a_value_that_does_not_validate_leaves_the_file_alone(path: Path) -> None:
    path.write_text("[images]\ndefault_style = 'natural'\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"images\.default_size on the command line is 'big'"):
        set_value("images.default_size", "big")
    assert path.read_text(encoding="utf-8") == "[images]\ndefault_style = 'natural'\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_another_problem_is_not_written(path: Path) -> None:
    path.write_text("[images]\ndefault_style = 'loud'\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"images\.default_style in .*config\.toml is 'loud'"):
        set_value("images.default_size", "auto")
    set_value("images.default_style", "natural")
    assert content(path) == {"images": {"default_style": "natural"}}


def test_an_unknown_key_in_the_file_can_be_unset(path: Path) -> None:
    path.write_text("[images]\ndefalt_size = 'auto'\n", "utf-8")
    assert unset_value("images.defalt_size").changed
    assert load_settings().settings == Settings()


def test_the_only_line_of_a_file_can_be_unset(path: Path) -> None:
    path.write_text("defalt_size = 'auto'\n", "utf-8")
    assert unset_value("defalt_size").changed
    assert content(path) == {}


@pytest.mark.parametrize("name", ["images.defalt_size", "images", "nothing", ""])
def test_an_unknown_setting_is_not_found(name: str) -> None:
    for ask in (lambda: set_value(name, "x"), lambda: unset_value(name), lambda: get_value(Settings(), name)):
        with pytest.raises(NotFound, match=r"images\.default_size"):
            ask()


def test_a_refused_key_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        set_value("providers.openai.api_key", f"{KEY} {KEY}")
    assert KEY not in str(caught.value)


def test_a_stronger_source_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES__DEFAULT_SIZE", "auto")
    change = set_value("images.default_size", "64x64")
    assert change.shadowed_by == "environment variable IMAGES__DEFAULT_SIZE"


def test_a_relative_folder_is_remembered_from_where_it_was_set(home: Path, path: Path) -> None:
    set_value("storage.base_path", "pictures")
    assert content(path) == {"storage": {"base_path": str(home / "pictures")}}
    set_value("storage.base_path", "~/pictures")
    assert content(path) == {"storage": {"base_path": "~/pictures"}}


@on_posix
def test_the_file_and_its_folder_are_the_owners_alone(home: Path) -> None:
    old_mask = os.umask(0)
    try:
        set_value("providers.openai.api_key", KEY)
    finally:
        os.umask(old_mask)
    assert stat.S_IMODE(config_file().stat().st_mode) == 0o600
    assert stat.S_IMODE(config_folder().stat().st_mode) == 0o700


@on_posix
def test_a_linked_file_stays_a_link(home: Path, path: Path) -> None:
    dotfiles = home / "dotfiles.toml"
    dotfiles.write_text("", "utf-8")
    path.symlink_to(dotfiles)
    set_value("images.default_size", "auto")
    assert path.is_symlink()
    assert content(dotfiles) == {"images": {"default_size": "auto"}}


@on_posix
def test_a_link_that_leads_to_itself_is_named_and_stays(home: Path, path: Path) -> None:
    path.symlink_to(path.name)
    with pytest.raises(ConfigurationError, match=r"Cannot write .*config\.toml: Too many levels"):
        set_value("images.default_size", "auto")
    assert path.is_symlink()


def test_a_folder_that_cannot_be_made_is_named(home: Path) -> None:
    (home / "config").write_text("a file", "utf-8")
    with pytest.raises(ConfigurationError, match=r"Cannot write .*config\.toml"):
        set_value("images.default_size", "auto")


# Showing


def test_every_setting_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PROVIDERS__OPENAI__BASE_URL", f"https://me:{KEY}@host/v1")
    monkeypatch.setenv("PROVIDERS__OPENAI__ORGANIZATION", KEY)
    rows = {row.name: row for row in describe(load_settings())}
    assert list(rows) == list(FIELDS)
    assert all(row.takes and row.description for row in rows.values())
    key = rows["providers.openai.api_key"]
    assert (key.value, key.origin) == ("sk-…9f2c (set)", "environment variable OPENAI_API_KEY")
    assert (key.environment, key.vendor) == ("PROVIDERS__OPENAI__API_KEY", "OPENAI_API_KEY")
    assert rows["providers.openai.base_url"].value == "https://…@host/v1"
    mode = rows["storage.file_permissions"]
    assert (mode.value, mode.default, mode.origin) == ("644", "644", "default")
    assert KEY not in repr(rows)


def test_a_short_key_is_shown_by_no_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert get_value(load_settings().settings, "providers.openai.api_key") == "(set)"


def test_a_key_is_revealed_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    settings = load_settings().settings
    assert get_value(settings, "providers.openai.api_key") == "sk-…9f2c (set)"
    assert get_value(settings, "providers.openai.api_key", reveal=True) == KEY
    assert get_value(settings, "images.default_size", reveal=True) == "1536x1024"
    assert get_value(Settings(), "providers.openai.api_key", reveal=True) is None


# Starting


def test_the_initial_file_sets_nothing_and_names_every_setting(path: Path) -> None:
    assert init_config() == path
    assert load_settings().origins == {}
    text = path.read_text(encoding="utf-8")
    for field in FIELDS.values():
        assert f"# {field.key} = " in text
        assert field.takes in text


def test_a_default_in_the_initial_file_is_the_default(path: Path) -> None:
    path.write_text(re.sub(r'^# (?=\w+ = (?!""$))', "", initial_config(), flags=re.MULTILINE), "utf-8")
    loaded = load_settings()
    assert loaded.settings == Settings()
    assert set(loaded.origins) == {name for name, field in FIELDS.items() if field.default is not None}


def test_an_existing_file_is_not_started_over(path: Path) -> None:
    path.write_text("[images]\n", "utf-8")
    with pytest.raises(UsageError, match="exists already"):
        init_config()
    assert path.read_text(encoding="utf-8") == "[images]\n"
    init_config(overwrite=True)
    assert path.read_text(encoding="utf-8") == initial_config()


# Folders


def test_one_variable_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEGEN_HOME", str(tmp_path / "elsewhere"))
    assert config_file() == tmp_path / "elsewhere" / "config" / "config.toml"
    assert data_folder() == tmp_path / "elsewhere" / "data"


@on_posix
def test_a_relative_or_tilde_home_becomes_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setenv("IMAGEGEN_HOME", "~/images")
    assert data_folder() == Path("/home/ann/images/data")
    monkeypatch.setenv("IMAGEGEN_HOME", "images")
    assert data_folder() == home / "images" / "data"


@on_posix
def test_without_a_variable_the_platforms_folders_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGEGEN_HOME")
    monkeypatch.setenv("HOME", "/home/ann")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert Path("/home/ann") in config_folder().parents
    assert config_folder().name == data_folder().name == "imagegen"


@on_posix
def test_an_unknown_home_is_refused_before_a_folder_called_tilde_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMAGEGEN_HOME", "~no-such-user-here/images")
    with pytest.raises(ConfigurationError, match="Set IMAGEGEN_HOME"):
        data_folder()
