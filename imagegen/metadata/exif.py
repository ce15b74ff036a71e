"""Exif: a selection that a person can read, and whether it says where the picture was taken."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

MAX_VALUE_CHARS = 1_000

_MAIN: Mapping[int, str] = MappingProxyType(
    {
        0x010E: "description",
        0x010F: "camera maker",
        0x0110: "camera",
        0x0112: "orientation",
        0x0131: "software",
        0x0132: "date",
        0x013B: "artist",
        0x8298: "copyright",
    }
)
_DETAIL: Mapping[int, str] = MappingProxyType(
    {
        0x9003: "date taken",
        0x9011: "time zone",
        0x829A: "exposure seconds",
        0x829D: "aperture",
        0x8827: "iso",
        0x920A: "focal length mm",
        0xA434: "lens",
    }
)
_ORIENTATIONS = (  # what a viewer has to do
    "upright",
    "mirror left and right",
    "turn by 180 degrees",
    "mirror top and bottom",
    "mirror at the diagonal from top left",
    "turn by 90 degrees clockwise",
    "mirror at the diagonal from top right",
    "turn by 90 degrees counter-clockwise",
)
_DETAIL_IFD, _GPS_IFD = 0x8769, 0x8825
_LATITUDE, _LONGITUDE = (1, 2), (3, 4)
# What Pillow raises on a block that is no Exif, or a damaged one.
_DAMAGE = (OSError, SyntaxError, ValueError, LookupError, TypeError, ArithmeticError, struct.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExifFacts:
    """`values` are for people, by plain names. `position` is in degrees north and east."""

    values: Mapping[str, str] = field(default_factory=dict)
    has_position: bool = False
    position: tuple[float, float] | None = None
    is_damaged: bool = False


def read_exif(block: bytes) -> ExifFacts:
    """What an Exif block (a TIFF file in itself) says. Never raises: a damaged one says that it is."""
    from PIL import Image

    # Pillow warns programmers of odd metadata; catch_warnings would not be safe in threads.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    exif = Image.Exif()
    try:
        exif.load(block)
        values = {**_selected(exif, _MAIN), **_selected(exif.get_ifd(_DETAIL_IFD), _DETAIL)}
        gps = dict(exif.get_ifd(_GPS_IFD))
    except _DAMAGE:
        return ExifFacts(is_damaged=True)
    return ExifFacts(values=values, has_position=bool(gps), position=_position(gps))


def _selected(directory: Mapping[int, Any], names: Mapping[int, str]) -> dict[str, str]:
    return {name: _shown(tag, directory[tag]) for tag, name in names.items() if tag in directory}


def _shown(tag: int, value: Any) -> str:
    if tag == 0x0112 and isinstance(value, int) and 1 <= value <= len(_ORIENTATIONS):
        return f"{value} ({_ORIENTATIONS[value - 1]})"
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    return str(value).replace("\0", "").strip()[:MAX_VALUE_CHARS]


def _position(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    try:
        north, east = (_degrees(gps[side], gps[value]) for side, value in (_LATITUDE, _LONGITUDE))
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return None
    return (north, east) if abs(north) <= 90 and abs(east) <= 180 else None


def _degrees(side: str, parts: tuple[Any, Any, Any]) -> float:
    """Degrees from degrees, minutes and seconds; south and west are negative."""
    degrees, minutes, seconds = _floats(parts)
    total = degrees + minutes / 60 + seconds / 3600
    return round(-total if side in ("S", "W") else total, 6)


def _floats(parts: tuple[Any, Any, Any]) -> Iterator[float]:
    return (float(part) for part in parts)


def read_orientation(block: bytes) -> int:
    """1 to 8, as Exif counts them; 1 (upright) where the block does not say."""
    shown = read_exif(block).values.get("orientation", "1")
    number = shown.partition(" ")[0]
    return int(number) if number in set("12345678") else 1


def orientation_block(orientation: int) -> bytes:
    """An Exif block with nothing but an orientation: a TIFF header, one directory of one short number."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + struct.pack(">I", 0)
