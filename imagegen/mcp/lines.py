"""The lines that a client writes: messages are passed on, broken requests refused, everything else logged.

Left to the SDK, what it cannot read is dropped in silence, and the client waits for an answer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any

from mcp_types import INVALID_REQUEST, ErrorData, JSONRPCError, jsonrpc_message_adapter
from pydantic import ValidationError

NO_REQUEST = 'This is no JSON-RPC request: jsonrpc must be "2.0", method a text and params an object.'
log = logging.getLogger(__name__)


async def messages(lines: AsyncIterable[str], answer: Callable[[str], Awaitable[None]]) -> AsyncIterator[str]:
    """The lines that are JSON-RPC messages; the others are answered where that can be done."""
    async for line in lines:
        if _is_message(line):
            yield line
        elif _is_message(mended := _mended(line)):
            yield mended
        elif line.strip():
            await _refuse(line, answer)


def _is_message(line: str) -> bool:
    try:
        jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return False
    return True


def _mended(line: str) -> str:
    """With U+FFFD for each half of a character: JavaScript writes them where it has cut a text in two."""
    text = json.dumps(_document(line), ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _document(line: str) -> Any:
    """What the line says, or None where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


async def _refuse(line: str, answer: Callable[[str], Awaitable[None]]) -> None:
    document = _document(line)
    wants_answer = isinstance(document, dict) and "method" in document
    request_id = document.get("id") if wants_answer else None
    if isinstance(request_id, str | int) and not isinstance(request_id, bool):
        error = ErrorData(code=INVALID_REQUEST, message=NO_REQUEST)
        refusal = JSONRPCError(jsonrpc="2.0", id=request_id, error=error)
        await answer(refusal.model_dump_json(exclude_unset=True) + "\n")
    else:
        log.warning("a line of %d characters was no JSON-RPC message and is ignored", len(line))
