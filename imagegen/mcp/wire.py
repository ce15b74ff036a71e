"""The standard streams, taken before anything can print: stdout becomes the protocol's alone."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from imagegen.errors import ConfigurationError

LOWEST = 3  # below are the standard streams themselves


@dataclass(frozen=True, slots=True)
class Wire:
    """Descriptors of the real stdin and stdout."""

    stdin: int
    stdout: int


def take_wire() -> Wire:
    """From here on, descriptor 1 is stderr and descriptor 0 is empty, for this process and its children.

    Raises ConfigurationError where a stream is closed.
    """
    sys.stdout.flush()
    try:
        wire = Wire(_above_standard(0), _above_standard(1))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
    except OSError as exc:
        raise ConfigurationError(
            f"stdin, stdout and stderr are needed, and one of them is closed ({exc.strerror}).",
            hint="Start the server from an MCP client; see: imagegen serve --print-config",
        ) from exc
    return wire


def _above_standard(descriptor: int) -> int:
    copy = os.dup(descriptor)
    if copy >= LOWEST:
        return copy
    try:
        return _above_standard(descriptor)
    finally:
        os.close(copy)
