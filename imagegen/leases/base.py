"""A lease: the right to make the call of a key, until it is released or its holder is gone."""

from __future__ import annotations

from typing import Protocol

LEASE_SECONDS = 15.0
RENEWALS_PER_LEASE = 3  # two may be late or lost before the lease is


class Lease(Protocol):
    """A lease that is held. Its methods raise nothing."""

    @property
    def renew_seconds(self) -> float | None:
        """How often to renew it; None: it needs no renewal."""

    async def renew(self) -> None:
        """Hold it for another while."""

    async def release(self) -> None:
        """Give it back."""


class Leases(Protocol):
    """Hands out leases, each to one holder at a time."""

    async def acquire(self, key: str) -> Lease | None:
        """The lease of `key`; None while another one holds it. Does not wait, raises nothing.

        Where nobody can be asked, the lease is granted: a call that is made twice beats none.
        """

    async def aclose(self) -> None:
        """Release threads and files."""


class _Alone:
    """A lease that nobody else knows of."""

    @property
    def renew_seconds(self) -> float | None:
        return None

    async def renew(self) -> None:
        """There is nothing to renew."""

    async def release(self) -> None:
        """There is nothing to give back."""


ALONE = _Alone()


class NoLeases:
    """For one process that shares nothing with others."""

    async def acquire(self, key: str) -> Lease | None:  # noqa: ARG002 - the protocol's
        return ALONE

    async def aclose(self) -> None:
        """Nothing is open."""
