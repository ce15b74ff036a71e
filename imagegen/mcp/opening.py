"""Opening what a server works with when it is first wanted.

A client that starts a server waits for its greeting, and the greeting needs none of the service: so over
stdio the modules behind it are imported, and its files opened, when the client says the next thing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

T = TypeVar("T")


class Opening(Generic[T]):
    """A context that is entered once, in a task of its own, when somebody first needs it.

    Where it cannot be entered, everybody who asks gets the error, `on_failure` is called, and `aclose`
    raises the error.
    """

    def __init__(
        self,
        build: Callable[[], AbstractAsyncContextManager[T]],
        on_failure: Callable[[], object] = lambda: None,
    ) -> None:
        self._build = build
        self._on_failure = on_failure
        self._closing = asyncio.Event()
        self._opened: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start to open, where nobody has yet."""
        if self._keeping is None:
            self._keeping = asyncio.create_task(self._keep())

    async def __call__(self) -> T:
        """What was opened. Raises what stands against it."""
        self.begin()
        return await asyncio.shield(self._opened)

    @property
    def opened(self) -> T | None:
        """What was opened; None where that has not happened."""
        is_there = self._opened.done() and self._opened.exception() is None
        return self._opened.result() if is_there else None

    async def aclose(self) -> None:
        """Leave the context, where it was entered."""
        self._closing.set()
        if self._keeping is not None:
            await self._keeping

    async def _keep(self) -> None:
        try:
            async with self._build() as opened:
                self._opened.set_result(opened)
                await self._closing.wait()
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
                self._opened.exception()  # seen, even where nobody waits
                self._on_failure()
            raise
