"""The `imagegen` command."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress

from imagegen.cli.app import app

STUCK_SECONDS = 0.5


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app(prog_name="imagegen")
    except SystemExit as ended:
        if _are_threads_stuck():
            _end_now(ended.code)
        raise


def _are_threads_stuck() -> bool:
    """Whether the interpreter's end would wait for a thread, such as that of a plugin that was cut off."""
    waited_for = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    until = time.monotonic() + STUCK_SECONDS
    for thread in waited_for:
        thread.join(max(0.0, until - time.monotonic()))
    return any(thread.is_alive() for thread in waited_for)


def _end_now(code: object) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody may be reading it any more
            stream.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
