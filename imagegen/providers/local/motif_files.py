"""What a motif file of the user's may hold: plain shapes and nothing that reaches out of the drawing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, fromstring

from imagegen.errors import ConfigurationError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
PLACES = ("ground", "water", "sky", "air", "surface")
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = frozenset(
    {
        "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "defs",
        "linearGradient", "radialGradient", "stop", "clipPath", "title", "desc",
    }
)  # fmt: skip
REFERENCE = re.compile(r"url\(\s*(?!#[\w-]+\s*\))")
HEX = re.compile(r"#[0-9a-fA-F]{6}")


def check_motif(file: Path) -> None:
    """Refuse, as ConfigurationError with file and reason, a motif that is broken, too large or not plain."""
    problem = next(_problems(file), None)
    if problem:
        raise ConfigurationError(
            f"The motif {file} cannot be used: {problem}.",
            hint="Correct or remove the file; a motif is one plain SVG drawing without scripts or links.",
            file=str(file),
        )


def _problems(file: Path) -> Iterator[str]:
    try:
        data = file.read_bytes()
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield f"it cannot be read ({error})"
        return
    if len(data) > MAX_BYTES:
        yield f"it has {len(data):,} bytes, more than {MAX_BYTES:,}"
        return
    # Entities are refused before any parser sees them: a few lines of them can expand to gigabytes.
    if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):
        yield "it holds a DOCTYPE or an ENTITY"
        return
    try:
        root = fromstring(text)  # noqa: S314  no entities are left, and its size is bounded
    except ParseError as error:
        yield f"it is not well-formed XML ({error})"
        return
    yield from _root_problems(root)
    yield from _element_problems(root, 0)


def _root_problems(root: Element) -> Iterator[str]:
    if root.tag != f"{SVG}svg":
        yield "its root is not an svg element of the SVG namespace"
    box = (root.get("viewBox") or "").replace(",", " ").split()
    if len(box) != 4 or not all(_is_number(value) for value in box) or min(float(v) for v in box[2:]) <= 0:
        yield 'it needs viewBox="0 0 WIDTH HEIGHT"'
    if not (root.get("data-words") or "").split():
        yield 'it needs data-words="…": the words that name it'
    if root.get("data-place") not in PLACES:
        yield f"it needs data-place, one of {', '.join(PLACES)}"
    if not _is_number(root.get("data-height")) or not 0 < float(root.get("data-height") or 0) <= 1:
        yield "it needs data-height, its share of the picture's height, above 0 and up to 1"
    if not HEX.fullmatch(root.get("data-main") or ""):
        yield "it needs data-main, its main colour as #rrggbb"
    if not _is_number(root.get("data-dip", "0")):
        yield "its data-dip is not a number"
    glows = [part.split(",") for part in (root.get("data-glow") or "").split(";") if part.strip()]
    if any(len(glow) != 3 or not all(_is_number(value) for value in glow) for glow in glows):
        yield 'its data-glow is not "x,y,radius", repeated with ;'


def _is_number(text: str | None) -> bool:
    return re.fullmatch(r"-?\d{1,6}(\.\d{1,6})?|-?\.\d{1,6}", (text or "").strip()) is not None


def _element_problems(node: Element, depth: int) -> Iterator[str]:
    name = str(node.tag).removeprefix(SVG)
    if name not in ELEMENTS:
        yield f"it holds a {name.rpartition('}')[2]} element"
    if depth > MAX_DEPTH:
        yield f"its elements are nested deeper than {MAX_DEPTH}"
        return
    for raw_key, value in node.attrib.items():
        yield from _attribute_problems(raw_key.rpartition("}")[2].lower(), value)
    for child in node:
        yield from _element_problems(child, depth + 1)


def _attribute_problems(key: str, value: str) -> Iterator[str]:
    if key.startswith("on"):
        yield f"it holds a script in {key}"
    if key == "style":
        yield "it holds a style attribute; write fill and stroke as attributes"
    if key == "href" and not re.fullmatch(r"#[\w-]+", value):
        yield f"it links outside itself ({value[:40]!r})"
    if REFERENCE.search(value):
        yield f"it refers outside itself in {key}"
