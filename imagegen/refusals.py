"""How it is said that a model cannot honour a parameter: one wording for every refusal and every drop."""

from __future__ import annotations

from typing import Any

from imagegen.capabilities import ModelInfo
from imagegen.errors import UnsupportedParameter


def flag(name: str) -> str:
    """The parameter as a person writes it."""
    return "-n" if name == "n" else name.replace("_", "-")


def shown(value: Any) -> str:
    """A value for a message: on one line, and not at any length."""
    text = str(value)
    line = text if text.isprintable() and text else ascii(text)
    return line if len(line) <= 80 else f"{line[:80]}…"


def dropped(name: str, value: Any, problem: str) -> str:
    """The note on a parameter that was left out."""
    return f"dropped {name}={shown(value)}: {problem}"


def refused(
    name: str, value: Any, problem: str, model: ModelInfo, *, hint: str | None = None
) -> UnsupportedParameter:
    """The error for a value that the model cannot honour, with what it takes."""
    rule = model.parameters.get(name)
    leave_out = "" if name == "n" else ", or use --lenient to leave it out"
    return UnsupportedParameter(
        f"{flag(name)} {shown(value)} is not possible with {model.full_name}: {problem}.",
        hint=hint or f"Change it{leave_out}.",
        parameter=name,
        value=value,
        allowed=rule.describe() if rule else None,
    )
