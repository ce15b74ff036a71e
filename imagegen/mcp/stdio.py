"""The stdio transport, with stdout for the protocol alone.

The protocol's descriptor is taken away from file descriptor 1 before anything else runs; from then on a
library that prints, prints on stderr.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mcp.server.stdio import stdio_server

from imagegen.mcp.lines import messages
from imagegen.mcp.pipes import LineReader, PipeWriter
from imagegen.mcp.server import ImageServer
from imagegen.mcp.wire import Wire

LAST_WORDS_SECONDS = 0.5
log = logging.getLogger(__name__)


async def serve_stdio(server: ImageServer, wire: Wire) -> None:
    """Serve one client until it closes stdin, or stdout."""
    output: Any = PipeWriter(wire.stdout)
    lines: Any = messages(LineReader(wire.stdin), output.write)
    lowlevel = server._lowlevel_server
    try:
        async with stdio_server(stdin=lines, stdout=output) as (reading, writing):
            await lowlevel.run(reading, writing, lowlevel.create_initialization_options())
    except* BrokenPipeError:
        log.info("the client has closed its end")
    try:
        await asyncio.wait_for(output.finish(), LAST_WORDS_SECONDS)
    except TimeoutError:
        log.info("the client does not read its last messages")
