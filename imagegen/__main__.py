"""The `imagegen` command."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress

from imagegen.cli.app import app

STUCK_SECONDS = 0.5


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app(prog_name="imagegen")
    except SystemExit as ended:
        if threading.active_count() > 1:
            _end_soon(ended.code)
        raise


def _end_soon(code: object) -> None:
    """End with that code even if a thread hangs, such as that of a plugin that was cut off.

    The interpreter's own end waits for every thread, after it has told idle ones to end; only then come the
    exit handlers, which may take their time.
    """
    impatience = threading.Timer(STUCK_SECONDS, _end_now, [code])
    impatience.daemon = True
    impatience.start()
    atexit.register(impatience.cancel)


def _end_now(code: object) -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody may be reading it any more
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
