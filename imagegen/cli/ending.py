"""How a process is asked to end, heard by the running event loop, and what may not keep it from ending."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class _Unawaited(ThreadPoolExecutor):
    """Threads that nobody waits for in the end: what was cut off may sit in one of them for ever."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - the base's
        super().shutdown(wait=False, cancel_futures=True)


def leave_stuck_threads() -> None:
    """Let the running loop end though a provider that was cut off still has a thread at work.

    What this package itself has to finish runs in threads of its own. The interpreter's own end waits as
    well: `imagegen.__main__` sees to that.
    """
    asyncio.get_running_loop().set_default_executor(_Unawaited(thread_name_prefix="asyncio"))


def on_request_to_end(act: Callable[[], object], *, interrupts: bool = False) -> None:
    """Call `act` on the loop for a polite kill, a closed terminal, and Ctrl-Break on Windows.

    With `interrupts` for Ctrl-C too, of which asyncio otherwise makes a KeyboardInterrupt. A thread that is
    not the main one hears nothing.
    """
    loop = asyncio.get_running_loop()

    def hear(*_: object) -> None:
        try:
            loop.call_soon_threadsafe(act)
        except RuntimeError as exc:  # the loop has ended, and with it whatever wanted to hear
            raise KeyboardInterrupt from exc

    interrupt = (signal.SIGINT,) if interrupts else ()
    with contextlib.suppress(ValueError, RuntimeError):  # only the main thread may listen to signals
        if sys.platform == "win32":
            for number in (signal.SIGTERM, signal.SIGBREAK, *interrupt):
                signal.signal(number, hear)
        else:
            for number in (signal.SIGTERM, signal.SIGHUP, *interrupt):
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
                    loop.add_signal_handler(number, act)
