"""What can go wrong, as one tree: a class for each thing a caller can do differently.

ImagegenError                  1   unexpected
├── UsageError                 2   the request itself: change it and ask again
│   ├── UnsupportedParameter       a value the model cannot honour; names those it can
│   ├── InputImageError            an input, mask or markup that cannot be used
│   └── ModelRetired               the vendor has shut the model down; names its replacement
├── ConfigurationError         3   settings or credentials
│   ├── MissingCredentials         no key for the provider that was asked for
│   └── AuthenticationFailed       the provider refused the key or the account
├── ContentPolicyError         4   the provider refused the content
├── LimitError                 5   too much, too fast, or too expensive
│   ├── RateLimited                wait, then the same request can succeed
│   ├── QuotaExceeded              paying or raising a limit is the only remedy
│   └── BudgetExceeded             a budget of one's own has no room for the call
├── ProviderError              6   the provider or the network to it
│   ├── ProviderUnavailable        it could not be reached, or answered that it is down
│   ├── ProviderTimeout            no answer in time; it may have been billed
│   └── BadResponse                an answer that holds no usable image
├── StorageError               7   the disk or the index
├── NotFound                   8   no image, model or file of that name
├── PartialFailure             9   some of a batch succeeded
└── Interrupted              130   Ctrl-C
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """The process exit codes, the same for every command."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    CONFIGURATION = 3
    CONTENT_POLICY = 4
    LIMIT = 5
    PROVIDER = 6
    STORAGE = 7
    NOT_FOUND = 8
    PARTIAL = 9
    INTERRUPTED = 130


class ImagegenError(Exception):
    """Any failure that this package raises on purpose.

    `message` names the thing and the value, `hint` the next step. `details` are JSON values that
    a program may want (`parameter`, `allowed`, `request_id`, `retry_after_seconds`, …).
    """

    code: ClassVar[str] = "unexpected"
    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, hint: str | None = None, may_be_billed: bool = False, **details: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.may_be_billed = may_be_billed
        self.details = {name: value for name, value in details.items() if value is not None}

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message

    def to_json(self) -> dict[str, Any]:
        """The error as the one JSON object that `--json` prints on stderr."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "exit_code": int(self.exit_code),
            "retryable": self.retryable,
            "may_be_billed": self.may_be_billed,
            **self.details,
        }


class UsageError(ImagegenError):
    """The request cannot be carried out as it was asked; nothing was sent."""

    code = "usage"
    exit_code = ExitCode.USAGE


class UnsupportedParameter(UsageError):
    """A parameter that the chosen model cannot honour."""

    code = "unsupported_parameter"


class InputImageError(UsageError):
    """An input image, mask or markup that is missing, unreadable, too large or of the wrong kind."""

    code = "input_image"


class ModelRetired(UsageError):
    """A model that its vendor has shut down."""

    code = "model_retired"


class ConfigurationError(ImagegenError):
    """A setting that is unknown, does not validate, or cannot be read."""

    code = "configuration"
    exit_code = ExitCode.CONFIGURATION


class MissingCredentials(ConfigurationError):
    """No API key for a provider that needs one."""

    code = "missing_credentials"


class AuthenticationFailed(ConfigurationError):
    """The provider refused the key, or the account may not use the model."""

    code = "authentication_failed"


class ContentPolicyError(ImagegenError):
    """The provider refused the prompt, an input or its own result."""

    code = "content_policy"
    exit_code = ExitCode.CONTENT_POLICY


class LimitError(ImagegenError):
    """A rate, quota or budget is used up."""

    code = "limit"
    exit_code = ExitCode.LIMIT


class RateLimited(LimitError):
    """Too many requests; `details["retry_after_seconds"]` says how long to wait where known."""

    code = "rate_limited"
    retryable = True


class QuotaExceeded(LimitError):
    """The account's quota or billing limit is used up; waiting does not help."""

    code = "quota_exceeded"


class BudgetExceeded(LimitError):
    """The call does not fit into a budget; nothing was sent.

    `details` hold `budget`, `limit_usd`, `spent_usd`, `reserved_usd`, `estimate_usd` and, where waiting
    helps, `resets_at`.
    """

    code = "budget_exceeded"


class ProviderError(ImagegenError):
    """The provider failed, or refused the call for a reason of its own."""

    code = "provider"
    exit_code = ExitCode.PROVIDER


class ProviderUnavailable(ProviderError):
    """The provider could not be reached or says that it is overloaded."""

    code = "provider_unavailable"
    retryable = True


class ProviderTimeout(ProviderError):
    """No answer within the time-out."""

    code = "provider_timeout"
    retryable = True


class BadResponse(ProviderError):
    """The provider answered with something that holds no usable image."""

    code = "bad_response"


class StorageError(ImagegenError):
    """The disk or the index cannot be read or written."""

    code = "storage"
    exit_code = ExitCode.STORAGE


class NotFound(ImagegenError):
    """Nothing of that name."""

    code = "not_found"
    exit_code = ExitCode.NOT_FOUND


class PartialFailure(ImagegenError):
    """Some items of a batch succeeded and some did not; `details` list both."""

    code = "partial_failure"
    exit_code = ExitCode.PARTIAL


class Interrupted(ImagegenError):
    """The user pressed Ctrl-C."""

    code = "interrupted"
    exit_code = ExitCode.INTERRUPTED
