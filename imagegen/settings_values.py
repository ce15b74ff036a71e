"""What settings are made of: keys, addresses, folders, file modes, lists, and how each is checked."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from imagegen.types import PARAMETERS


@dataclass(frozen=True, slots=True)
class About:
    """What a person should know of a setting beyond its type.

    `takes` completes "it takes …"; `vendor` is the environment variable that the vendor's own tools read,
    `vendor_alias` a weaker one of theirs; an `octal` number is shown as chmod takes it.
    """

    takes: str
    vendor: str | None = None
    vendor_alias: str | None = None
    octal: bool = False


class Section(BaseModel):
    """A group of settings; an unknown key in it is an error, never ignored."""

    # Inputs stay out of pydantic's own messages: one of them may be a key.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _a_truth_value_is_no_number(cls, value: object, info: ValidationInfo) -> object:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("true and false stand for nothing here")
        return value


def _printable(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError("a key has no spaces, line breaks or letters beyond ASCII")
    return secret


def _expanded(value: object) -> object:
    """`~` and `$NAME` become what they mean, and a relative path starts in the current folder."""
    if not isinstance(value, str):
        return value
    text = os.path.expanduser(os.path.expandvars(value))  # noqa: PTH111 - pathlib knows no $NAME
    if not text or "\0" in text:
        raise ValueError("an empty path names nothing")
    if text.startswith("~") or re.search(r"\$(\w+|\{\w+\})", text):
        raise ValueError("a name in it is unknown")
    return Path(text).absolute()


def _octal(value: object) -> object:
    """644, 0644 and 0o644 all mean the same file mode, as they do for chmod.

    TOML's own 0o644 arrives as the number 420. That is no ambiguity: the modes whose owner can read and
    write are 384 to 511 as numbers and 600 to 777 as digits.
    """
    if isinstance(value, int) and 0o600 <= value <= 0o777:
        return value
    digits = re.fullmatch(r"(?:0o?)?([67][0-7][0-7])", str(value))
    if not digits:
        raise ValueError("a file mode has three octal digits")
    return int(digits[1], 8)


KEY = "a key without spaces"
WORD = "text without spaces"
WORDS = "names, separated by commas"
ADDRESS = "an http:// or https:// address"
FOLDER = "a folder; ~ and $NAME in it must be known"
FOLDERS = "folders, separated as in PATH"
MODE = "three octal digits from 600 to 777, such as 644"


def _listed(value: object) -> object:
    """`a, b` is a list too: the environment knows nothing else."""
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


def _folders(value: object) -> object:
    """Folders, separated as PATH is."""
    parts = value.split(os.pathsep) if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return parts
    return tuple(str(_expanded(part)) for part in parts if part)


def sendable(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, all of parameters that can be sent. Raises ValueError."""
    if not SENDABLE.issuperset(names):
        raise ValueError("one of them is no parameter that can be sent")
    return names


# What a request may say beyond prompt, `n` and `size`, less what is no single field on the wire.
SENDABLE = PARAMETERS - {"n", "size", "partial_images", "svg_model", "svg_effort"} | {"response_format"}
NOT_SERVERS = frozenset({"openai", "gemini", "local", "compatible"})
SERVER_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


def _server_name(name: str) -> str:
    if name in NOT_SERVERS or not SERVER_NAME.fullmatch(name):
        raise ValueError("this cannot be the name of a server")
    return name


Secret = Annotated[SecretStr, AfterValidator(_printable)]
Word = Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")]
Address = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")]
Folder = Annotated[Path, BeforeValidator(_expanded)]
FileMode = Annotated[int, BeforeValidator(_octal)]
Words = Annotated[tuple[Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")], ...], BeforeValidator(_listed)]
Folders = Annotated[tuple[str, ...], BeforeValidator(_folders)]
ServerName = Annotated[str, AfterValidator(_server_name)]
