"""`imagegen serve`."""

from __future__ import annotations

import gc
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)

EXAMPLES = """\b
Examples:
  imagegen serve --transport stdio
  imagegen serve --transport streamable-http --port 3001
  imagegen serve --print-config claude-desktop
  imagegen serve --print-config cursor --write
"""


class Transport(StrEnum):
    """How clients talk to the server."""

    STDIO = "stdio"
    SSE = "sse"
    STREAMABLE_HTTP = "streamable-http"


class Client(StrEnum):
    """Programs whose configuration is known."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"
    CODEX = "codex"


@app.command(epilog=EXAMPLES)
def serve(
    ctx: typer.Context,
    transport: Annotated[Transport, typer.Option(help="How clients talk to the server.")] = Transport.STDIO,
    host: Annotated[
        str | None, typer.Option(help="Where HTTP transports listen.", metavar="HOST", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="The port; 0 for any free one.", metavar="PORT", show_default=False, min=0, max=65535
        ),
    ] = None,
    print_config: Annotated[
        Client | None,
        typer.Option(help="Print the client's configuration instead of serving.", show_default=False),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Merge it into the client's file, after a backup.")
    ] = False,
) -> None:
    """Serve images to AI assistants over the Model Context Protocol."""
    config = ctx.find_root().obj
    overrides = {"server.host": host, "server.port": port}
    if print_config is not None:
        from imagegen.cli.serve_config import show_config

        show_config(print_config.value, transport.value, config, overrides, write=write)
        return
    from imagegen.mcp.wire import take_wire

    wire = take_wire() if transport is Transport.STDIO else None
    gc.disable()  # imports make what stays; looking for garbage in it takes a sixth of the start
    from imagegen.cli.serve_run import serve_until_stopped

    serve_until_stopped(transport.value, wire, config, overrides)
