"""A lease: the right to make the call of a key, until it is released or its holder is gone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from imagegen.errors import StorageError

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


class Register(Protocol):
    """Where leases with an end are written down: a lease counts for `lease_seconds` from each `take`."""

    lease_seconds: float

    async def take(self, name: str, owner: str) -> bool:
        """Make or renew the owner's lease; whether it has it now. Raises StorageError."""

    async def give_back(self, name: str, owner: str) -> None:
        """End the owner's lease, if it has it. Raises StorageError."""


@dataclass(frozen=True, slots=True)
class RegisteredLease:
    """A lease that ends by itself unless it is renewed. What cannot be written ends that way too."""

    register: Register
    name: str
    owner: str

    @property
    def renew_seconds(self) -> float | None:
        return self.register.lease_seconds / RENEWALS_PER_LEASE

    async def renew(self) -> None:
        with suppress(StorageError):
            await self.register.take(self.name, self.owner)

    async def release(self) -> None:
        with suppress(StorageError):
            await self.register.give_back(self.name, self.owner)


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
