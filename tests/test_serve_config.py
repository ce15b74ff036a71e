from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.command import run, run_process

PATHS = {
    "claude-desktop": {
        "darwin": "Library/Application Support/Claude/claude_desktop_config.json",
        "linux": ".config/Claude/claude_desktop_config.json",
    }.get(sys.platform, "Claude/claude_desktop_config.json"),
    "claude-code": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".vscode/mcp.json",
    "codex": ".codex/config.toml",
}
KEYS = {"vscode": "servers", "codex": "mcp_servers"}


@pytest.fixture(autouse=True)
def users_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Clients keep their files in the user's home, which is the working folder here."""
    for name in ("HOME", "USERPROFILE", "APPDATA"):
        monkeypatch.setenv(name, str(home))
    return home


def parsed(client: str, text: str) -> dict[str, Any]:
    return tomllib.loads(text) if client == "codex" else json.loads(text)


@pytest.mark.parametrize("client", PATHS)
def test_the_printed_configuration_starts_this_installation(client: str, home: Path) -> None:
    ran = run("serve", "--print-config", client)

    entry = parsed(client, ran.out)[KEYS.get(client, "mcpServers")]["imagegen"]
    assert ran.code == 0
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][-3:] == ["serve", "--transport", "stdio"]
    assert entry["env"] == {"IMAGEGEN_HOME": str(home)}
    assert list(home.rglob("*.json")) == []


@pytest.mark.parametrize("client", PATHS)
def test_writing_makes_the_file_or_merges_into_it_after_a_backup(client: str, home: Path) -> None:
    path = home / PATHS[client]

    first = run("serve", "--print-config", client, "--write")
    again = run("serve", "--print-config", client, "--write")

    assert first.out.strip() == str(path)
    document = parsed(client, path.read_text("utf-8"))
    assert list(document[KEYS.get(client, "mcpServers")]) == ["imagegen"]
    assert ".bak" in again.err
    assert len(list(path.parent.glob(f"{path.name}*.bak"))) == 1


def test_other_servers_and_settings_stay(home: Path) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    before = {"theme": "dark", "mcpServers": {"other": {"command": "x"}}}
    path.write_text(json.dumps(before), "utf-8")

    run("serve", "--print-config", "cursor", "--write")

    after = json.loads(path.read_text("utf-8"))
    assert after["theme"] == "dark"
    assert after["mcpServers"]["other"] == {"command": "x"}
    assert "imagegen" in after["mcpServers"]
    (backup,) = path.parent.glob("*.bak")
    assert json.loads(backup.read_text("utf-8")) == before


def test_comments_in_a_toml_file_survive(home: Path) -> None:
    path = home / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('# mine\nmodel = "x"\n', "utf-8")

    run("serve", "--print-config", "codex", "--write")

    text = path.read_text("utf-8")
    assert text.startswith('# mine\nmodel = "x"\n')
    assert "imagegen" in tomllib.loads(text)["mcp_servers"]


@pytest.mark.parametrize("text", ["{ // a comment\n}", "[]", '{"mcpServers": 3}'])
def test_a_file_that_cannot_be_merged_is_left_as_it_is(home: Path, text: str) -> None:
    path = home / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_text(text, "utf-8")

    ran = run("serve", "--print-config", "cursor", "--write")

    assert ran.code == 2
    assert str(path) in ran.err
    assert path.read_text("utf-8") == text


def test_over_http_the_configuration_is_an_address() -> None:
    ran = run("serve", "--transport", "streamable-http", "--port", "8123", "--print-config", "claude-code")
    refused = run("serve", "--transport", "sse", "--print-config", "claude-desktop")

    entry = json.loads(ran.out)["mcpServers"]["imagegen"]
    assert entry == {"type": "http", "url": "http://127.0.0.1:8123/mcp"}
    assert refused.code == 2
    assert "--transport stdio" in refused.err


def test_the_config_option_of_the_root_is_handed_on(home: Path) -> None:
    (home / "mine.toml").write_text('[server]\nname = "pictures"\n', "utf-8")

    ran = run("--config", "mine.toml", "serve", "--print-config", "cursor")

    entry = json.loads(ran.out)["mcpServers"]["pictures"]
    assert str(home / "mine.toml") in entry["args"]


def test_help_has_an_example_and_imports_no_protocol() -> None:
    ran = run_process("serve", "--help", PYTHONPROFILEIMPORTTIME="1")

    assert "imagegen serve --transport stdio" in ran.out
    assert " mcp.server" not in ran.err
    assert " uvicorn" not in ran.err
