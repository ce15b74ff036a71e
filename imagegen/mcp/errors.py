"""Errors as a model reads them: what went wrong, and which argument to change. The one translation."""

from __future__ import annotations

import logging
import re
import uuid

from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, TextContent

from imagegen.errors import ImagegenError, NotFound, UnsupportedParameter

log = logging.getLogger(__name__)

# What the command line calls otherwise; a model cannot type a command.
_WORDS = (
    (
        re.compile(r"\s*(?:Change it, or u|Change one of them, or u|U)se --lenient to leave it out\."),
        " Change it.",
    ),
    (re.compile(r"\b(?:See|List them with): imagegen models list\b"), "See list_available_models"),
    (re.compile(r"\bimagegen models list\b"), "list_available_models"),
    (re.compile(r"\bList them with: imagegen history list\b"), "See list_images"),
    (re.compile(r"\bimagegen history(?: list)?\b"), "list_images"),
    (re.compile(r"\bSee: imagegen prompts list\b"), "The prompts of this server are the templates."),
    (re.compile(r", or - for stdin"), ""),
    (re.compile(r"Make one: imagegen generate \"a red fox\""), "Make one with generate_image."),
)


def error_result(error: ImagegenError) -> CallToolResult:
    """The tool result of an error of ours."""
    return text_result(explain(error))


def unexpected_result(name: str) -> CallToolResult:
    """The tool result of a bug: nothing of it but a reference to the log. Call it while it is handled."""
    reference = uuid.uuid4().hex[:12]
    log.exception("%s failed unexpectedly, reference %s", name, reference)
    return text_result(
        f"{name} failed for a reason that is in the server's log (reference {reference}). "
        "If it was a paid call, look into list_images before asking again."
    )


def text_result(text: str) -> CallToolResult:
    """A tool error with that text."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)


def explain(error: ImagegenError) -> str:
    """The error in a few sentences for a model."""
    message, hint = error.message, error.hint or ""
    parameter = error.details.get("parameter")
    if isinstance(error, UnsupportedParameter) and isinstance(parameter, str):
        flag = "-n" if parameter == "n" else parameter.replace("_", "-")
        message = message.replace(flag, parameter, 1) if message.startswith(flag) else message
        hint = f"Change {parameter}, or leave it out."
    for pattern, word in _WORDS:
        message, hint = pattern.sub(word, message), pattern.sub(word, hint)
    sentences = [message, hint.strip()]
    if error.may_be_billed:
        sentences.append("The provider may charge for this call.")
    if error.retryable:
        sentences.append("The same call can succeed later.")
    return f"{' '.join(filter(None, sentences))} [{error.code}]"


def protocol_error(error: ImagegenError, uri: str | None = None) -> Exception:
    """The error where no tool is called: invalid params, or a resource that is not there."""
    if isinstance(error, NotFound) and uri is not None:
        return ResourceNotFoundError(explain(error))
    return MCPError(INVALID_PARAMS, explain(error), {"uri": uri} if uri else None)
