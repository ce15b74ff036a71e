"""The line to a Redis or Valkey server that may be away at any moment, and must never hold a request up.

One failure opens a pause, in which everybody goes on without the server at once. After it the next caller
tries again; each pause is twice as long as the last, up to `LONGEST_PAUSE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from imagegen.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")

ANSWER_WITHIN_SECONDS = 0.4  # with the way there and back, half a second at the most
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
CONNECTIONS = 16
IMAGES_ARE_SAFE = "Images are not affected; equal requests are not found again meanwhile."


class RedisLink:
    """Runs work on a server; told of by one warning when it goes away, taken up again when it is back.

    `note` gets the warning. `clock` gives seconds and never goes back. Work that takes longer than
    `answer_within_seconds`, standstills of this process included, counts as a failure. Usable from one
    event loop. Raises ConfigurationError for an address that is none, and without the `redis` package.
    """

    def __init__(
        self,
        url: SecretStr,
        *,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        answer_within_seconds: float = ANSWER_WITHIN_SECONDS,
    ) -> None:
        self.location = _location(url)
        self._client = _build_client(url, answer_within_seconds)
        self._answer_within_seconds = answer_within_seconds
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._note = note
        self._clock = clock
        self._pause_seconds = 0.0
        self._away_until = 0.0

    async def run(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Run work, with a bound on its time. Raises StorageError where the server is away."""
        from redis.exceptions import RedisError

        self._require_no_pause()
        pause_seconds = self._pause_seconds
        try:
            async with asyncio.timeout(self._answer_within_seconds), self._turns:
                result = await work(self._client)
        except (RedisError, OSError, TimeoutError) as exc:
            error = self._gone(exc)
            if self._pause_seconds == pause_seconds:  # else an attempt beside this one has said it already
                self._begin_pause(error)
            raise error from exc
        self._pause_seconds = 0.0
        return result

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _require_no_pause(self) -> None:
        if not self._pause_seconds:
            return
        now = self._clock()
        if now < self._away_until:
            raise StorageError(f"Redis at {self.location} is away.")
        # This caller tries; the others go on without until it knows more.
        self._away_until = now + max(self._pause_seconds, self._answer_within_seconds)

    def _gone(self, exc: Exception) -> StorageError:
        reason = str(exc) or f"no answer within {self._answer_within_seconds:g} s"
        return StorageError(f"Redis at {self.location} cannot be used: {reason.rstrip('.')}.")

    def _begin_pause(self, error: StorageError) -> None:
        if not self._pause_seconds:
            self._note(f"{error.message} Going on without it. {IMAGES_ARE_SAFE}")
        doubled = max(self._pause_seconds * 2, FIRST_PAUSE_SECONDS)
        self._pause_seconds = min(doubled, LONGEST_PAUSE_SECONDS)
        self._away_until = self._clock() + self._pause_seconds


def _location(url: SecretStr) -> str:
    """The address without user, password and options. Raises ConfigurationError."""
    try:
        parts = urlsplit(url.get_secret_value())
        port = parts.port or 6379
    except ValueError:
        raise _no_address() from None  # the cause would quote a piece of the password
    # Other options would change what the answers look like, or how long one waits for them.
    if not all(
        re.fullmatch(r"db|ssl_\w+", name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)
    ):
        raise _no_address()
    if parts.scheme == "unix" and parts.path:
        return parts.path
    if not parts.hostname or not re.fullmatch(r"(redis|valkey)s?", parts.scheme):
        raise _no_address()
    if not re.fullmatch(r"/?|/\d+", parts.path):
        raise _no_address()
    return f"{parts.hostname}:{port}{parts.path.rstrip('/')}"


def _no_address() -> ConfigurationError:
    return ConfigurationError(
        "CACHE__REDIS_URL is no address of a Redis server (its value is not shown: it may hold a password).",
        hint="It looks like redis://[user:password@]host[:port][/number]; rediss:// is with TLS,"
        " unix:///path a socket; options are db and ssl_…. Percent-encode a password's special characters.",
        setting="CACHE__REDIS_URL",
    )


def _build_client(url: SecretStr, answer_within_seconds: float) -> Redis:
    try:
        from redis.asyncio import ConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError as exc:
        raise ConfigurationError(
            "CACHE__BACKEND=redis needs the redis package.", hint='Run: pip install "imagegen[redis]"'
        ) from exc
    try:
        pool = ConnectionPool.from_url(
            re.sub(r"^valkey", "redis", url.get_secret_value()),
            protocol=2,  # spoken by every version, without a handshake
            driver_info=None,
            socket_connect_timeout=2 * answer_within_seconds,  # also bounds closing; ours comes first
            socket_timeout=None,  # our own bound: before Python 3.12 the client's may swallow a cancellation
            retry=Retry(NoBackoff(), 1),  # a connection that went stale in the pool is replaced at once
        )
        pool.connection_class(**pool.connection_kwargs)  # opens nothing, but refuses unknown options
    except (ValueError, TypeError):
        raise _no_address() from None  # as above
    return Redis.from_pool(pool)
