"""The words of a prompt: which are possible at all, and what is said in them for want of a field."""

from __future__ import annotations

import unicodedata

from imagegen.capabilities import ModelInfo
from imagegen.errors import UsageError
from imagegen.types import GenerateRequest


def check_prompt(prompt: str, max_chars: int, *, name: str = "prompt") -> None:
    """Refuse an empty prompt, one that is too long, and control characters other than tab and line breaks.

    Marks of writing direction and joiners pass: Arabic, Hebrew and emoji need them. Raises UsageError.
    """
    what = f"The {name.replace('_', ' ')}"
    if len(prompt) > max_chars:
        raise UsageError(
            f"{what} has {len(prompt):,} characters; the model takes {max_chars:,}.",
            hint="Shorten it.",
            parameter=name,
        )
    for position, character in enumerate(prompt):
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\r\t":
            raise UsageError(
                f"{what} has the control character U+{ord(character):04X} at position {position + 1}.",
                hint="Remove it.",
                parameter=name,
            )
    if all(character.isspace() or unicodedata.category(character) == "Cf" for character in prompt):
        hint = "Say what the image should show." if name == "prompt" else "Leave it out."
        raise UsageError(f"{what} is empty.", hint=hint, parameter=name)


def with_style(prompt: str, style: str) -> str:
    """The prompt with the style as a phrase at its end."""
    return f"{prompt.rstrip()}\nStyle: {style}."


def styled_prompt(request: GenerateRequest, model: ModelInfo, *, room: int) -> str | None:
    """The prompt that says the style, where the model has no setting for it and `room` characters hold it."""
    style = request.style
    if not model.style_in_prompt or "style" in model.parameters or not style or not style.isprintable():
        return None
    prompt = with_style(request.prompt, style)
    return prompt if len(prompt) <= room else None


def avoidance(negative_prompt: str) -> str:
    """What is added to a prompt to say what the picture shall not show."""
    return f"\navoid: {negative_prompt.strip()}"


def avoidance_in_prompt(request: GenerateRequest, model: ModelInfo) -> str:
    """What the prompt has to say because the model has no field for it; empty where that is nothing.

    Raises UsageError where the prompt has no room for it.
    """
    unwanted = request.negative_prompt
    if unwanted is None or "negative_prompt" in model.parameters or not model.avoid_in_prompt:
        return ""
    added = avoidance(unwanted)
    length, limit = len(request.prompt) + len(added), model.max_prompt_chars
    if length > limit:
        raise UsageError(
            f"With what to avoid the prompt has {length:,} characters; the model takes {limit:,}.",
            hint="Shorten one of them.",
            parameter="negative_prompt",
        )
    return added
