"""`imagegen` in a process that dies (-9) at a chosen moment of a save.

`python -m tests.dying_process NUMBER ARGUMENT…` runs the command and dies when it is about to do that system
call to files, counted from the first one of the save. Which one that was to be is on stderr.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from imagegen.__main__ import main

CALLS = ("open", "os.chmod", "fcntl.flock", "os.truncate", "os.rename", "os.remove", "os.mkdir")
SAVE_BEGINS = "/.staging/img_"


def _die_at(number: int) -> None:
    left = number
    is_saving = False

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left, is_saving
        if event not in CALLS:
            return
        named = arguments[0] if isinstance(arguments[0], str) else ""
        is_saving = is_saving or SAVE_BEGINS in named
        left -= is_saving
        if is_saving and left == 0:
            os.write(2, f"{event} {Path(named).suffix}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)


if __name__ == "__main__":
    _die_at(int(sys.argv.pop(1)))
    main()
