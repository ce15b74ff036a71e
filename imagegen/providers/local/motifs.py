"""The motif library: SVG files whose root says what they show, drawn in the light of a scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from xml.etree.ElementTree import Element, XMLPullParser, fromstring

from imagegen.errors import ConfigurationError
from imagegen.providers.local import colours
from imagegen.providers.local.motif_files import check_motif

HEAD_CHARACTERS = 4096
PAINTS = ("fill", "stroke", "stop-color")
LIT_COLOUR = "#ffd884"


@dataclass(frozen=True, slots=True, kw_only=True)
class Motif:
    """One motif's facts. `height` is its share of the picture, the rest in its own units.

    `place` is ground, water, sky, air or surface; `dip` how far it reaches below the waterline;
    `glows` are (x, y, radius) of its lamps; `box` is the viewBox.
    """

    name: str
    words: tuple[str, ...]
    place: str
    height: float
    main: str
    faces: str
    dip: float
    glows: tuple[tuple[float, float, float], ...]
    box: tuple[float, float, float, float]
    source: str

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.box[2] / self.box[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a motif is lit: its own colour if recoloured, the light's tint, the haze in front, lamps, snow."""

    colour: str | None = None
    tint: str = "#ffffff"
    haze: str = "#ffffff"
    haze_share: float = 0.0
    lamps_lit: bool = False
    snowy: bool = False


class MotifLibrary:
    """The built-in motifs and those of an extra folder, which replace built-in ones of the same name."""

    def __init__(self, motifs: Iterable[Motif]) -> None:
        self._motifs: Mapping[str, Motif] = {motif.name: motif for motif in motifs}

    def __getitem__(self, name: str) -> Motif:
        return self._motifs[name]

    def get(self, name: str) -> Motif | None:
        """The motif of that name, if there is one."""
        return self._motifs.get(name)

    def named(self, word: str) -> Motif | None:
        """The motif that a word names, if there is one."""
        return next((motif for motif in self._motifs.values() if word in motif.words), None)

    def words(self) -> dict[str, str]:
        """Every word that names a motif, with spaces, and the motif's name."""
        return {word: motif.name for motif in self._motifs.values() for word in motif.words}

    def shows_colour(self, name: str, colour: str) -> bool:
        """Whether a colour people would call the same occurs in the motif."""
        found = set(colours.HEX_COLOUR.findall(self._motifs[name].source))
        return any(colours.is_near(colour, other) for other in found)


def load_library(extra: Path | None) -> MotifLibrary:
    """The built-in motifs, and those of the folder `extra`; ConfigurationError for one that is not usable."""
    builtin = resources.files("imagegen.providers.local").joinpath("motifs")
    motifs = [_read(file) for file in _svg_files(builtin)]
    if extra is not None:
        motifs += _load_folder(extra)
    return MotifLibrary(motifs)


def _svg_files(folder: Traversable) -> list[Traversable]:
    return sorted(
        (file for file in folder.iterdir() if file.name.endswith(".svg")), key=lambda file: file.name
    )


def _load_folder(folder: Path) -> list[Motif]:
    hint = "Set PROVIDERS__LOCAL__MOTIFS_PATH to a folder of SVG motifs, or unset it."
    if not folder.is_dir():
        raise ConfigurationError(f"The motifs folder {folder} does not exist.", hint=hint)
    motifs = []
    for file in sorted(folder.glob("*.svg")):
        check_motif(file)
        motifs.append(_read(file))
    return motifs


def _read(file: Traversable) -> Motif:
    source = file.read_text(encoding="utf-8")
    facts = _root_attributes(source)
    x, y, width, height = (float(value) for value in facts["viewBox"].replace(",", " ").split())
    return Motif(
        name=file.name.removesuffix(".svg"),
        words=tuple(word.replace("_", " ") for word in facts["data-words"].split()),
        place=facts["data-place"],
        height=float(facts["data-height"]),
        main=facts["data-main"],
        faces=facts.get("data-faces", "front"),
        dip=float(facts.get("data-dip", "0")),
        glows=_glows(facts.get("data-glow", "")),
        box=(x, y, width, height),
        source=source,
    )


def _root_attributes(source: str) -> Mapping[str, str]:
    # The head is enough: drawing needs a few of the files, knowing their words needs all.
    parser: XMLPullParser[Element] = XMLPullParser(["start"])
    parser.feed(source[:HEAD_CHARACTERS])
    roots = (event[-1] for event in parser.read_events())
    return next((dict(root.attrib) for root in roots if isinstance(root, Element)), {})


def _glows(text: str) -> tuple[tuple[float, float, float], ...]:
    triples = (part.split(",") for part in text.split(";") if part.strip())
    return tuple((float(x), float(y), float(radius)) for x, y, radius in triples)


def draw_motif(motif: Motif, look: Look, prefix: str) -> str:
    """The motif's elements under a look, its foot's middle at the origin; ids start with `prefix`."""
    x, y, width, height = motif.box
    painter = _Painter(_recoloured(motif, look.colour), look, prefix)
    inner = "".join(painter.element(child) for child in fromstring(motif.source))  # noqa: S314  checked files only
    return f'<g transform="translate({-x - width / 2:g} {-y - height:g})">{inner}</g>'


def _recoloured(motif: Motif, wanted: str | None) -> Mapping[str, str]:
    """The colour of each class; none where the natural colour already is what was asked for."""
    if wanted is None or colours.is_near(wanted, motif.main):
        return {}
    return {
        "main": wanted,
        "main-dark": colours.darker(wanted, 0.26),
        "main-light": colours.lighter(wanted, 0.3),
    }


class _Painter:
    """Writes a motif's elements with every colour as the light shows it."""

    def __init__(self, classes: Mapping[str, str], look: Look, prefix: str) -> None:
        self.classes = classes
        self.look = look
        self.prefix = prefix

    def element(self, node: Element) -> str:
        if not isinstance(node.tag, str):
            return ""
        name = node.tag.rpartition("}")[2]
        attributes = "".join(f' {key}="{value}"' for key, value in self._attributes(node))
        children = "".join(self.element(child) for child in node)
        return f"<{name}{attributes}>{children}</{name}>" if children else f"<{name}{attributes}/>"

    def _attributes(self, node: Element) -> Iterable[tuple[str, str]]:
        kinds = (node.get("class") or "").split()
        for raw_key, value in node.attrib.items():
            key = raw_key.rpartition("}")[2]
            if key in PAINTS:
                yield key, self._paint(value, kinds)
            elif key == "id":
                yield key, self.prefix + self._escaped(value)
            elif key == "href":
                yield "xlink:href", f"#{self.prefix}{value[1:]}"
            elif key == "opacity" and "snow" in kinds and self.look.snowy:
                continue
            elif key != "class" and not key.startswith("data-"):
                yield key, self._reference(value)

    def _escaped(self, value: str) -> str:
        return value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")

    def _reference(self, value: str) -> str:
        return self._escaped(value).replace("url(#", f"url(#{self.prefix}")

    def _paint(self, value: str, kinds: list[str]) -> str:
        if not colours.HEX_COLOUR.fullmatch(value):
            return self._reference(value)
        if self.look.lamps_lit and "lit" in kinds:
            return colours.mix(LIT_COLOUR, self.look.haze, self.look.haze_share * 0.5)
        own = next((self.classes[kind] for kind in kinds if kind in self.classes), value)
        return colours.mix(colours.multiply(own, self.look.tint), self.look.haze, self.look.haze_share)
