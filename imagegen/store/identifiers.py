"""Image ids and the file names made from them."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

from imagegen.errors import StorageError, UsageError

IMAGE_ID_PATTERN = re.compile(r"img_[0-9]{14}_[0-9a-f]{12}")
EXTENSION_PATTERN = re.compile(r"(?!json$)[a-z0-9]{1,8}")
REJECTED = "rejected"


def new_image_id(now: datetime) -> str:
    """`img_{YYYYMMDDHHMMSS}_{12 hex}` in UTC, unique across processes."""
    return f"img_{now.astimezone(UTC):%Y%m%d%H%M%S}_{os.urandom(6).hex()}"


def moment_in(image_id: str) -> datetime | None:
    """When an image of that id was made, to the second; None for digits that are no date."""
    try:
        return datetime.strptime(image_id[4:18], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def parse_image_id(text: str) -> str:
    """The id itself. Raises UsageError when it is none; nothing has touched the disk by then."""
    if IMAGE_ID_PATTERN.fullmatch(text):
        return text
    raise UsageError(
        f"{text!r} is no image id; one looks like img_20261122143005_0a1b2c3d4e5f.",
        hint="List them with: imagegen history list",
        image_id=text,
    )


def filename_in(folder: PurePosixPath, image_id: str, extension: str) -> str:
    """`{folder}/{image_id}.{extension}`, with `/`. Raises StorageError for an extension that is none."""
    if not EXTENSION_PATTERN.fullmatch(extension):
        raise StorageError(f"{extension!r} cannot be a file extension; one has 1 to 8 letters or digits.")
    return str(folder / f"{image_id}.{extension}")


def dated_folder(created_at: datetime) -> PurePosixPath:
    """`YYYY/MM/DD` in UTC."""
    return PurePosixPath(f"{created_at.astimezone(UTC):%Y/%m/%d}")


def likely_folders(image_id: str) -> tuple[PurePosixPath, PurePosixPath]:
    """Where an image of that id belongs: its dated folder, and the flat one."""
    digits = image_id.removeprefix("img_")
    return PurePosixPath(digits[:4], digits[4:6], digits[6:8]), PurePosixPath()


def filename_problem(filename: str, image_id: str) -> str | None:
    """Why `filename` could reach outside the images folder or belong to another image; None when safe."""
    path = PurePosixPath(filename)
    if path.is_absolute() or any(part.startswith(".") for part in path.parts):
        return "it must be relative to the images folder, without parts that start with a dot"
    if re.search(r"[\\:\x00]", filename):
        return "it must not hold a backslash, a colon or a NUL"
    stem, _, extension = path.name.partition(".")
    if stem != image_id or not EXTENSION_PATTERN.fullmatch(extension):
        return f"its name must be {image_id} with an extension"
    return None


def sidecar_name(filename: str) -> str:
    """The sidecar's name beside an image's or rejected answer's: `….json`, `….rejected.json`."""
    path = PurePosixPath(filename)
    suffix = f".{REJECTED}.json" if path.suffix == f".{REJECTED}" else ".json"
    return str(path.with_suffix(suffix))


def is_of_rejected(name: str) -> bool:
    """Whether a file of that name is a rejected answer, or what is said of one."""
    image_id, _, rest = name.partition(".")
    return IMAGE_ID_PATTERN.fullmatch(image_id) is not None and rest in (REJECTED, f"{REJECTED}.json")
