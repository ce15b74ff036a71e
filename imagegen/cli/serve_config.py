"""The configuration that makes a client start or find this server: printed, or merged into its file."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from imagegen.errors import StorageError, UsageError
from imagegen.settings import ServerSettings
from imagegen.settings_sources import load_settings
from imagegen.types import JSONObject
from imagegen.whole_files import followed, write_whole

MCP_PATHS = {"sse": "/sse", "streamable-http": "/mcp"}


@dataclass(frozen=True, slots=True)
class ClientFile:
    """Where a client keeps its servers: the file, and the key of the table of all of them.

    `stdio_kind` and `http_kinds` fill the entry's `type`, where the client has one; without `http_kinds` it
    takes no address.
    """

    path: Callable[[], Path]
    key: str
    stdio_kind: str | None = None
    http_kinds: Mapping[str, str | None] | None = None

    @property
    def is_toml(self) -> bool:
        return self.path().suffix == ".toml"


def _claude_desktop() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support/Claude/claude_desktop_config.json"
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", str(Path.home()))) / "Claude/claude_desktop_config.json"
    return Path.home() / ".config/Claude/claude_desktop_config.json"


TYPED = {"sse": "sse", "streamable-http": "http"}
UNTYPED = {"sse": None, "streamable-http": None}
CLIENTS: Mapping[str, ClientFile] = {
    "claude-desktop": ClientFile(_claude_desktop, "mcpServers"),
    "claude-code": ClientFile(lambda: Path.cwd() / ".mcp.json", "mcpServers", "stdio", TYPED),
    "cursor": ClientFile(lambda: Path.home() / ".cursor/mcp.json", "mcpServers", None, UNTYPED),
    "vscode": ClientFile(lambda: Path.cwd() / ".vscode/mcp.json", "servers", "stdio", TYPED),
    "codex": ClientFile(
        lambda: Path.home() / ".codex/config.toml", "mcp_servers", None, {"streamable-http": None}
    ),
}


def show_config(
    client: str, transport: str, config: Path | None, overrides: Mapping[str, object], *, write: bool
) -> None:
    """Print the configuration, or merge it into the client's file and print where that is."""
    settings = load_settings(config=config, overrides=overrides).settings.server
    file = CLIENTS[client]
    entry = _entry(client, file, transport, settings, config)
    servers = {settings.name: entry}
    if not write:
        typer.echo(_text(file, {file.key: servers}).rstrip())
        typer.secho(f"for {file.path()}", err=True, dim=True)
        return
    backup = _merge(file, servers)
    typer.echo(str(file.path()))
    if backup is not None:
        typer.secho(f"the file as it was: {backup}", err=True, dim=True)


def _entry(
    client: str, file: ClientFile, transport: str, settings: ServerSettings, config: Path | None
) -> JSONObject:
    if transport == "stdio":
        return _typed(file.stdio_kind, _command(config))
    kinds = file.http_kinds or {}
    if transport not in kinds:
        raise UsageError(f"{client} cannot be configured for {transport}.", hint="Use --transport stdio.")
    url = f"http://{settings.host}:{settings.port}{MCP_PATHS[transport]}"
    return _typed(kinds[transport], {"url": url})


def _typed(kind: str | None, entry: JSONObject) -> JSONObject:
    return {"type": kind, **entry} if kind else entry


def _command(config: Path | None) -> JSONObject:
    """How to start this very installation: clients have another PATH and folder than a shell."""
    found = shutil.which("imagegen")
    start = [str(Path(found).absolute())] if found else [sys.executable, "-m", "imagegen"]
    options = ["--config", str(config.absolute())] if config else []
    command, *arguments = [*start, *options, "serve", "--transport", "stdio"]
    home = os.environ.get("IMAGEGEN_HOME")
    environment = {"env": {"IMAGEGEN_HOME": str(Path(home).absolute())}} if home else {}
    return {"command": command, "args": arguments, **environment}


def _text(file: ClientFile, document: Any) -> str:
    if not file.is_toml:
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    import tomli_w

    return tomli_w.dumps(document)


def _merge(file: ClientFile, servers: JSONObject) -> Path | None:
    """Put the entry into the file; the path of the backup, where there was a file."""
    path = file.path()
    before = _read(path)
    document = _parsed(file, before) if before is not None and before.strip() else {}
    known = document.setdefault(file.key, {})
    if not isinstance(known, dict):
        raise UsageError(f"{file.key} in {path} is no table.", hint="Correct it, or merge by hand.")
    name = next(iter(servers))
    if file.is_toml and before is not None and name not in known:
        text = f"{before.rstrip()}\n\n{_text(file, {file.key: servers})}".lstrip()  # comments survive
    else:
        known.update(servers)
        text = _text(file, document)
    backup = None if before is None else _backup(path)
    _write(path, text)
    return backup


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise StorageError(f"{path} cannot be read: {exc}.") from exc


def _parsed(file: ClientFile, text: str) -> JSONObject:
    try:
        document = tomllib.loads(text) if file.is_toml else json.loads(text)
    except ValueError as exc:  # of both parsers
        raise UsageError(
            f"{file.path()} cannot be merged: {exc}.",
            hint="Comments in JSON are not understood: print the configuration and merge it by hand.",
        ) from exc
    if not isinstance(document, dict):
        raise UsageError(f"{file.path()} holds no object.", hint="Print the configuration instead.")
    return document


def _backup(path: Path) -> Path:
    kept = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}.bak")
    try:
        shutil.copy2(path, kept)
    except OSError as exc:
        raise StorageError(f"The backup {kept} cannot be written: {exc.strerror}.") from exc
    return kept


def _write(path: Path, text: str) -> None:
    """In one step: the client may be reading it."""
    try:
        target = followed(path)  # a link into somebody's dotfiles stays one
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        write_whole(target, text.encode(), mode=mode)
    except OSError as exc:
        raise StorageError(f"{path} cannot be written: {exc.strerror}.") from exc
