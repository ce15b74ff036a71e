"""Blocking work off the event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class InThread(Protocol):
    """Runs blocking work in a worker thread and awaits its result."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...
