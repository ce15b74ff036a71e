"""What Python's garbage collector looks at while a server runs.

A full collection walks every object there is, and nothing else runs meanwhile: with the SDKs imported that is
a tenth of a second in which no ping is answered. What an import has made stays anyway.
"""

from __future__ import annotations

import gc

from imagegen.types import GenerationResult

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
