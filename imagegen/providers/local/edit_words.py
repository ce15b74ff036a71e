"""Reading an edit's prompt: a closed set of phrases, in the order said; every other word is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from imagegen.errors import UnsupportedParameter
from imagegen.providers.local.edit_steps import (
    Blur,
    Brightness,
    Contrast,
    Crop,
    Flip,
    Grayscale,
    Resize,
    Rotate,
    Step,
    Text,
)

EXAMPLES = (
    "crop to 800x600", "crop to 16:9", "crop to square", "crop 10,20,300,200", "resize to 800x600",
    "resize to 50%", "width 400", "rotate 90", "rotate left", "upside down", "flip horizontally", "mirror",
    "grayscale", "blur 5", "slightly blur", "brighter by 20%", "darker", "more contrast",
    'add text "Hello" at the top in red',
)  # fmt: skip
FILLERS = frozenset(
    {
        "and", "then", "also", "please", "it", "this", "the", "a", "an", "image", "picture", "photo", "make",
        "turn", "convert", "to", "into", "in", "by", "of", "with", "first", "finally", "now",
    }
)  # fmt: skip
THING = r"(?:\s+(?:it|this|the|image|picture|photo))*"
NUMBER = r"(\d{1,5}(?:\.\d{1,3})?)"
PERCENT = rf"(?:\s+by)?(?:\s+{NUMBER}\s*(?:%|percent\b))?"
AMOUNT = r"(?:(much|slightly|a\s+bit|a\s+little|strongly|a\s+lot)\s+)?"
AMOUNTS = {"much": 40.0, "strongly": 40.0, "a lot": 40.0, "slightly": 10.0, "a bit": 10.0, "a little": 10.0}
USUAL_PERCENT = 20.0
BLUR_RADII = {"slightly": 2.0, "a bit": 2.0, "a little": 2.0, "strongly": 12.0, "much": 12.0, "a lot": 12.0}
USUAL_RADIUS = 4.0
QUOTED = r"(?:\"([^\"]+)\"|“([^”]+)”|'([^']+)'|«([^»]+)»)"
PLACES: Mapping[str, Literal["top", "center", "bottom"]] = {
    "top": "top", "bottom": "bottom", "center": "center", "centre": "center", "middle": "center",
}  # fmt: skip

Groups = tuple[str | None, ...]
Build = Callable[[Groups], Step]


def read_edits(prompt: str, colours: Mapping[str, str]) -> tuple[Step, ...]:
    """The steps that a prompt asks for, in its order.

    `colours` maps colour words to `#rrggbb`. Raises UnsupportedParameter naming every word that is
    not understood, before any step could be taken.
    """
    patterns = _patterns(colours)
    steps: list[Step] = []
    unknown: list[str] = []
    place = 0
    while place < len(prompt):
        step, place = _next(prompt, place, patterns, unknown)
        if step is not None:
            steps.append(step)
    if unknown or not steps:
        raise _refusal(unknown)
    return tuple(steps)


def _next(
    prompt: str, place: int, patterns: list[tuple[re.Pattern[str], Build]], unknown: list[str]
) -> tuple[Step | None, int]:
    for pattern, build in patterns:
        match = pattern.match(prompt, place)
        if match:
            return build(match.groups()), match.end()
    word = re.compile(r"\s+|[,;.!&]+|[^\s,;!&]+").match(prompt, place)
    if word is None:
        return None, place + 1
    text = word[0].strip().rstrip(".")
    if text and text[0] not in ",;.!&" and text.lower() not in FILLERS:
        unknown.append(text)
    return None, word.end()


def _refusal(unknown: list[str]) -> UnsupportedParameter:
    words = ", ".join(dict.fromkeys(unknown))
    message = f"The local composer does not understand: {words}." if words else "The prompt names no edit."
    return UnsupportedParameter(
        f"{message} Nothing was changed.",
        hint=f"It edits with: {'; '.join(EXAMPLES)}. For other edits choose a model of another provider.",
        parameter="prompt",
        allowed=list(EXAMPLES),
        words=unknown or None,
    )


def _patterns(colours: Mapping[str, str]) -> list[tuple[re.Pattern[str], Build]]:
    table: list[tuple[str, Build]] = [*_shape_phrases(), *_tone_phrases(), _text_phrase(colours)]
    return [(re.compile(rf"{phrase}(?!\w)", re.IGNORECASE), build) for phrase, build in table]


def _shape_phrases() -> list[tuple[str, Build]]:
    whole = r"(\d{1,5})"
    crop = rf"(?:cent(?:er|re)[\s-]+)?crop{THING}(?:\s+to)?\s+"
    resize = rf"(?:resize|scale|shrink|enlarge){THING}(?:\s+(?:to|by))?\s+"
    pixels = r"(?:\s*(?:px|pixels))?"
    box, side = rf"{whole}\s*[x\u00d7]\s*{whole}{pixels}", rf"(?:{resize})?(?:a\s+)?"
    return [
        (rf"{crop}{whole}\s*,\s*{whole}\s*,\s*{whole}\s*,\s*{whole}", lambda g: Crop(box=_four(g))),
        (rf"{crop}{box}", lambda g: Crop(size=_two(g))),
        (rf"{crop}(?:a\s+)?{whole}\s*:\s*{whole}(?:\s+ratio)?", lambda g: Crop(ratio=_two(g))),
        (rf"{crop}(?:a\s+)?square", lambda _: Crop(ratio=(1, 1))),
        (rf"{resize}{box}", lambda g: Resize(width=_two(g)[0], height=_two(g)[1])),
        (rf"{resize}{NUMBER}\s*(?:%|percent)", lambda g: Resize(percent=float(g[0] or 0))),
        (rf"{side}width\s+(?:of\s+)?{whole}{pixels}", lambda g: Resize(width=int(g[0] or 0))),
        (rf"{side}height\s+(?:of\s+)?{whole}{pixels}", lambda g: Resize(height=int(g[0] or 0))),
        (rf"rotate{THING}(?:\s+by)?\s+(-?){NUMBER}\s*(?:°|degrees?|deg)?(?:\s+(?:to\s+the\s+)?"
         r"(clockwise|right|cw|counter-?clockwise|anti-?clockwise|left|ccw))?", _rotation),
        (rf"(?:rotate|turn){THING}(?:\s+to)?(?:\s+the)?\s+(left|right)", lambda g: Rotate(_quarter(g[0]))),
        (rf"(?:(?:rotate|turn|flip){THING}\s+)?upside[\s-]+down", lambda _: Rotate(180)),
        (rf"(?:flip|mirror){THING}\s+(horizontal|vertical)(?:ly)?", lambda g: Flip(_direction(g[0]))),
        (rf"mirror(?:ed)?{THING}", lambda _: Flip("horizontally")),
    ]  # fmt: skip


def _tone_phrases() -> list[tuple[str, Build]]:
    gray = r"gr[ae]y[\s-]?scale|black\s*(?:and|&)\s*white|monochrome|desaturated?"
    less, pixels = "darker|darken|dim", r"(?:\s*(?:px|pixels))?"
    return [
        (rf"{gray}", lambda _: Grayscale()),
        (rf"{AMOUNT}blur(?:red)?{THING}(?:\s+(slightly|strongly|a\s+bit|a\s+little|a\s+lot|much))?"
         rf"(?:\s+(?:by|with))?(?:\s+(?:a\s+)?radius)?(?:\s+(?:of\s+)?{NUMBER}{pixels})?", _blur),
        (rf"{AMOUNT}(brighter|brighten|lighter|lighten|{less}){THING}{PERCENT}",
         lambda g: Brightness(_factor(g[0], g[2], down=str(g[1]).lower() in less.split("|")))),
        (rf"(increase|raise|more|higher|decrease|reduce|lower|less){THING}\s+brightness{PERCENT}",
         lambda g: Brightness(_factor(None, g[1], down=_is_less(g[0])))),
        (rf"{AMOUNT}(increase|raise|more|higher|decrease|reduce|lower|less){THING}\s+contrast{PERCENT}",
         lambda g: Contrast(_factor(g[0], g[2], down=_is_less(g[1])))),
        (rf"brightness\s+([+-]){NUMBER}\s*%?", lambda g: Brightness(_factor(None, g[1], down=g[0] == "-"))),
        (rf"contrast\s+([+-]){NUMBER}\s*%?", lambda g: Contrast(_factor(None, g[1], down=g[0] == "-"))),
    ]  # fmt: skip


def _text_phrase(colours: Mapping[str, str]) -> tuple[str, Build]:
    where = r"\s+(?:at|on|in|to)(?:\s+the)?\s+(top|bottom|center|centre|middle)"
    named = "|".join(sorted(map(re.escape, colours), key=len, reverse=True))
    tint = rf"\s+in\s+({named}|\#[0-9a-f]{{6}})(?:\s+letters)?"
    noun = r"(?:\s+(?:the|a))?(?:\s+(?:text|caption|title|words?))?(?:\s+overlay)?"
    start = rf"(?:add|write|put|overlay){noun}\s*:?\s*"

    def build(groups: Groups) -> Step:
        text = next(part for part in groups[:4] if part is not None)
        place = groups[5] or groups[6] or "bottom"
        colour = (groups[4] or groups[7] or "white").lower()
        return Text(text=text, place=PLACES[place.lower()], colour=colours.get(colour, colour))

    return rf"{start}{QUOTED}(?:{tint}{where}|(?:{where})?(?:{tint})?)", build


def _two(groups: Groups) -> tuple[int, int]:
    return int(groups[0] or 0), int(groups[1] or 0)


def _four(groups: Groups) -> tuple[int, int, int, int]:
    x, y, width, height = (int(part or 0) for part in groups)
    return x, y, width, height


def _quarter(side: str | None) -> float:
    return -90.0 if side and side.lower() == "left" else 90.0


def _rotation(groups: Groups) -> Step:
    minus, degrees, way = groups
    turn = float(degrees or 0) * (-1 if minus else 1)
    back = way is not None and way.lower().startswith(("counter", "anti", "left", "ccw"))
    return Rotate(-turn if back else turn)


def _direction(word: str | None) -> Literal["horizontally", "vertically"]:
    return "vertically" if word and word.lower() == "vertical" else "horizontally"


def _amount(word: str | None, table: Mapping[str, float], usual: float) -> float:
    return table[re.sub(r"\s+", " ", word.lower())] if word else usual


def _blur(groups: Groups) -> Step:
    before, after, radius = groups
    return Blur(float(radius) if radius else _amount(before or after, BLUR_RADII, USUAL_RADIUS))


def _is_less(word: str | None) -> bool:
    return bool(word) and str(word).lower() in ("decrease", "reduce", "lower", "less")


def _factor(amount: str | None, percent: str | None, *, down: bool) -> float:
    share = (float(percent) if percent else _amount(amount, AMOUNTS, USUAL_PERCENT)) / 100
    return max(0.0, 1 - share) if down else 1 + share


def colour_words(table: Mapping[str, Any]) -> Mapping[str, str]:
    """The colour words of the vocabulary."""
    return {str(word): str(colour) for word, colour in table["colours"].items()}
