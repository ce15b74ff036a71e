"""What the ledger keeps: attempts that may cost something, and durable tasks."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any

from imagegen.errors import UsageError
from imagegen.money import micro_usd
from imagegen.types import CostBasis, CostInfo, Estimate, Operation

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_CLIENT_CHARS = 64
TASK_ID_PATTERN = re.compile(r"task_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Outcome(StrEnum):
    """How an attempt ended."""

    RUNNING = "running"
    SAVED = "saved"
    FAILED = "failed"
    REFUSED = "refused"  # by the provider's content policy
    INTERRUPTED = "interrupted"  # cancelled, or its process died
    UNKNOWN = "unknown"


class TaskState(StrEnum):
    """Where a durable task stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # its process died


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """A call that is about to be made.

    `client` is who asked (`shell`, the name of an MCP client, …), `assumed_usd` the highest price known of
    the provider, which counts where `estimate` does not know one.
    """

    task_id: str
    client: str
    provider: str
    model: str
    operation: Operation
    n: int
    estimate: Estimate
    assumed_usd: Decimal | None = None
    attempt_id: str = field(default_factory=lambda: f"attempt_{uuid.uuid4()}")

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing whatever happens."""
        return self.estimate.basis is CostBasis.FREE

    @property
    def reserve_micro_usd(self) -> int | None:
        """What is set aside for it: the upper end of its estimate; None where nobody knows."""
        expected = self.estimate.high_usd
        amount = self.assumed_usd if expected is None else expected
        return None if amount is None else micro_usd(amount, rounding=ROUND_CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An attempt whose row has been written, and by whom."""

    new: NewAttempt
    started_at: datetime
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of an attempt. Without a known `cost`, one that may be billed counts at its estimate."""

    outcome: Outcome
    cost: CostInfo | None = None
    may_be_billed: bool = False
    request_id: str | None = None
    error_code: str | None = None
    image_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One row of the ledger; money in micro-dollars.

    `charged_micro_usd` is what it counts for in budgets: its cost, or its estimate while it runs and where
    nobody knows whether it was billed.
    """

    attempt_id: str
    task_id: str
    started_at: datetime
    ended_at: datetime | None
    client: str
    provider: str
    model: str
    operation: Operation
    n: int
    request_id: str | None
    estimate_micro_usd: int | None
    cost_micro_usd: int | None
    charged_micro_usd: int
    basis: CostBasis
    outcome: Outcome
    may_be_billed: bool
    error_code: str | None
    image_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCost:
    """What the store knows of one image's cost, to rebuild a lost ledger from."""

    image_id: str
    task_id: str
    created_at: datetime
    provider: str
    model: str
    operation: Operation
    cost_info: CostInfo
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A durable task. `request`, `error` and `progress` are JSON objects."""

    task_id: str
    fingerprint: str
    state: TaskState
    request: Mapping[str, Any]
    image_ids: tuple[str, ...]
    error: Mapping[str, Any] | None
    progress: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime


def client_name(text: str) -> str:
    """A client's name as it is kept: the client gives it itself, so it is bounded and printable."""
    return "".join(character for character in text if character.isprintable())[:MAX_CLIENT_CHARS] or "unknown"


def parse_task_id(text: str) -> str:
    """The id itself. Raises UsageError when it is none."""
    if TASK_ID_PATTERN.fullmatch(text):
        return text
    raise UsageError(
        f"{text!r} is no task id; one looks like task_0b9d1c52-5a3e-4f0e-9c1d-2f6f3a7b8c9d.", task_id=text
    )


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(micros: int) -> datetime:
    """The aware UTC time of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def day_of(moment: datetime) -> str:
    """The UTC day, `YYYY-MM-DD`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)
