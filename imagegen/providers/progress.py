"""Progress of a running call, passed on to whoever listens."""

from __future__ import annotations

from typing import Literal

from imagegen.types import Progress, ProgressCallback


class ProgressReporter:
    """Tells a listener how a call goes. One that fails is not told again, and never costs the paid result.

    `notes` say so afterwards. KeyboardInterrupt and cancellation pass through.
    """

    def __init__(self, listener: ProgressCallback, model: str) -> None:
        self._listener: ProgressCallback | None = listener
        self._model = model
        self.notes: tuple[str, ...] = ()

    def tell(
        self, stage: Literal["sending", "partial", "received"], image: bytes | None = None, index: int = 0
    ) -> None:
        """Pass one piece of news on."""
        if self._listener is None:
            return
        try:
            self._listener(Progress(stage=stage, model=self._model, image=image, index=index))
        except Exception as exc:  # noqa: BLE001 - the listener is the caller's code, and the result is already paid for
            self._listener = None
            self.notes = (
                f"progress was not shown to the end: the listener failed with {type(exc).__name__}",
            )
