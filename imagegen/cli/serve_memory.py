"""How a server keeps its memory: what Python's garbage collector looks at, and where threads have theirs.

A full collection walks every object there is, and nothing else runs meanwhile: with the SDKs imported that is
a tenth of a second in which no ping is answered. What an import has made stays anyway.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagegen.types import GenerationResult

_M_ARENA_MAX = -8  # of glibc's malloc.h
# A call leaves a few hundred objects in cycles; Python's 700 would have some of them looked at in every call.
YOUNG_OBJECTS = 20_000


class Residents:
    """Keeps what stays out of the collector's sight."""

    def __init__(self) -> None:
        self._providers: set[str] = set()

    def settle(self) -> None:
        """All there is now stays; from here on garbage is collected."""
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        gc.enable()

    def after(self, result: GenerationResult) -> None:
        """A provider's first call has imported its SDK."""
        if result.provider not in self._providers:
            self._providers.add(result.provider)
            gc.freeze()


def share_one_heap() -> None:
    """Have all threads use the same heap, where that can be told (glibc). Before there are any threads.

    Left alone, each thread has a heap of its own, and gives the end of it back to the system whenever a large
    block goes. An image that a thread reads then costs a page fault for every 4 KiB, each time.
    """
    if sys.platform != "linux" or "MALLOC_ARENA_MAX" in os.environ:
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
