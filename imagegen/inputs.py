"""Input images from wherever a person or a program names them: path, stream, data URL, bytes.

Every input is decoded whole before any provider is called, so that a broken one costs nothing. A HEIC or
HEIF cannot be decoded here: it is measured, and sent as it is to models that take it.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from imagegen.errors import InputImageError
from imagegen.heif import FORMATS as HEIF_FORMATS
from imagegen.heif import HOW_TO_CONVERT
from imagegen.imaging import MAX_INPUT_BYTES, UnreadableImage, look_into_input
from imagegen.types import InputImage

DATA_URL = re.compile(r"data:(?P<type>[\w.+/-]*)(?P<parameters>(?:;[\w.+=-]+)*),", re.ASCII | re.IGNORECASE)


def input_from_bytes(data: bytes, *, source: str, image_id: str | None = None) -> InputImage:
    """Verify image bytes. `source` names them in messages. Raises InputImageError."""
    if not data:
        raise InputImageError(f"{source} is empty.", hint="Give a PNG, JPEG or WebP image.")
    if len(data) > MAX_INPUT_BYTES:
        raise _too_large(source)
    try:
        facts = look_into_input(data)
    except UnreadableImage as exc:
        raise InputImageError(
            f"{source} cannot be used: {exc}.", hint="Give a whole PNG, JPEG or WebP image."
        ) from exc
    if facts.width is None or facts.height is None:
        raise InputImageError(
            f"{source} states no size in pixels.", hint="Give the SVG a width and a height."
        )
    return InputImage(
        data=data,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        sha256=hashlib.sha256(data).hexdigest(),
        has_alpha=facts.has_alpha,
        source=source,
        image_id=image_id,
    )


def decodable(image: InputImage) -> InputImage:
    """The image, if its pixels can be read here. Raises InputImageError."""
    if image.format in HEIF_FORMATS:
        raise InputImageError(
            f"{image.source} is a {image.format} image: it can be sent to a model that takes it, "
            "and not be read here.",
            hint=HOW_TO_CONVERT,
        )
    return image


def input_from_stream(stream: BinaryIO, *, source: str) -> InputImage:
    """Read a stream to its end, but never far beyond what an input may have. Raises InputImageError."""
    return input_from_bytes(stream.read(MAX_INPUT_BYTES + 1), source=source)


def input_from_path(path: Path) -> InputImage:
    """Read and verify an image file. Raises InputImageError that names the path."""
    try:
        data = _read_file(path)
    except (OSError, ValueError) as exc:  # ValueError: a name that no file can have
        raise _unreadable(path, exc) from exc
    return input_from_bytes(data, source=str(path))


def _read_file(path: Path) -> bytes:
    """The bytes of a regular file. A pipe or a device may never end: it is not waited for, nor read."""
    with open(path, "rb", opener=_open_at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.ESPIPE, "it is a pipe or a device, not a file")
        if found.st_size > MAX_INPUT_BYTES:
            raise _too_large(str(path))
        return file.read(MAX_INPUT_BYTES + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _too_large(source: str) -> InputImageError:
    return InputImageError(
        f"{source} has more than {MAX_INPUT_BYTES:,} bytes, which is the limit of an input image.",
        hint="Scale it down first.",
    )


def _unreadable(path: Path, exc: OSError | ValueError) -> InputImageError:
    reasons = {
        errno.ENOENT: "there is no such file",
        errno.EISDIR: "it is a folder",
        errno.EACCES: "it may not be read",
        errno.ENAMETOOLONG: "the name is too long",
    }
    number, text = (exc.errno, exc.strerror) if isinstance(exc, OSError) else (None, None)
    if number == errno.EACCES and path.is_dir():  # what Windows says of a folder
        number = errno.EISDIR
    reason = reasons.get(number or 0) or text or "no file can have this name"
    shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}…"
    return InputImageError(
        f"Cannot read the image {shown}: {reason}.",
        hint="Give a path, an image id from imagegen history list, `last`, a URL, or - for stdin.",
    )


def input_from_data_url(text: str) -> InputImage:
    """Decode and verify a `data:` URL, base64 or percent-encoded. Raises InputImageError.

    What type it states does not matter, its bytes do; line breaks in the base64 are skipped.
    """
    match = DATA_URL.match(text)
    if not match:
        raise InputImageError(
            f"Not a data URL: {text[:40]!r}…", hint="Write data:image/png;base64, and the bytes."
        )
    payload = text[match.end() :]
    if len(payload) > MAX_INPUT_BYTES * 3:
        raise InputImageError(f"The data URL is too long ({len(payload):,} characters).", hint="Give a file.")
    try:
        data = unquote_to_bytes(payload)
        if match["parameters"].lower().endswith(";base64"):
            data = base64.b64decode(b"".join(data.split()), validate=True)
    except ValueError as exc:  # binascii's, and that of text which no bytes stand for
        raise InputImageError(f"The data URL is damaged: {exc}.", hint="Encode it again.") from exc
    return input_from_bytes(data, source="data URL")
