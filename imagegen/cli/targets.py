"""Where `-o` wants a copy: a file, a folder, or stdout. Checked before any money is spent."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagegen.errors import StorageError, UsageError
from imagegen.imaging import FORMATS_BY_SUFFIX
from imagegen.paths import expanded
from imagegen.types import ImageRecord
from imagegen.whole_files import write_whole


class Target(Protocol):
    """A checked `-o`."""

    def write(self, images: Sequence[tuple[ImageRecord, bytes]]) -> list[Path]:
        """Write the copies and return where they are."""


class ToStdout:
    """`-o -`: the one image's bytes, raw."""

    def write(self, images: Sequence[tuple[ImageRecord, bytes]]) -> list[Path]:
        sys.stdout.buffer.write(images[0][1])
        sys.stdout.buffer.flush()
        return []


@dataclass(frozen=True, slots=True)
class ToFiles:
    """A file name or a folder; each copy is whole or not there at all."""

    path: Path
    is_folder: bool

    def write(self, images: Sequence[tuple[ImageRecord, bytes]]) -> list[Path]:
        written = []
        for position, (record, data) in enumerate(images):
            path = self.name_for(record, position, len(images))
            with _translate_errors(path):
                write_whole(path, data, durable=False)  # the history has it for good
            written.append(path)
        return written

    def name_for(self, record: ImageRecord, position: int, count: int) -> Path:
        """The image's own name in a folder; numbered names where one file name must do for many."""
        if self.is_folder:
            return self.path / Path(record.file_info.filename).name
        return self.path if count == 1 else self.path.with_stem(f"{self.path.stem}-{position + 1}")


def check_target(output: str, count: int) -> Target:
    """Refuse, before the call, a place that cannot take `count` images. Raises UsageError, StorageError.

    What ends in a slash or is a folder already is a folder; so is a name without a suffix for several images.
    """
    if output == "-":
        return _checked_stdout(count)
    path = expanded(output)
    is_folder = path.is_dir() or output.endswith(("/", os.sep)) or (count > 1 and not path.suffix)
    with _translate_errors(path):
        if is_folder:
            path.mkdir(parents=True, exist_ok=True)
        elif not path.absolute().parent.is_dir():
            raise UsageError(f"There is no folder {path.absolute().parent}.", hint="Make it first.")
        _try_writing(path if is_folder else path.absolute().parent)
    return ToFiles(path, is_folder=is_folder)


def _checked_stdout(count: int) -> ToStdout:
    if count != 1:
        raise UsageError(f"-o - takes one image, not {count}.", hint="Give -o a folder.")
    if sys.stdout.isatty():
        raise UsageError("stdout is a terminal; image bytes are not written to it.", hint="Use -o FILE.")
    return ToStdout()


def format_of(output: str | None) -> str | None:
    """The image format that a file name asks for; None where it names none."""
    suffix = Path(output).suffix if output and not Path(output).is_dir() else ""
    if not suffix or (output or "").endswith(("/", os.sep)):
        return None
    found = FORMATS_BY_SUFFIX.get(suffix.lower())
    if found is None:
        raise UsageError(
            f"-o {output}: no image format is called {suffix}.",
            hint=f"Use one of {' '.join(FORMATS_BY_SUFFIX)}",
        )
    return found


def _try_writing(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder):
        pass


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        reason = "the disk is full" if exc.errno == errno.ENOSPC else exc.strerror
        raise StorageError(f"Cannot write {path}: {reason}.", hint="Give -o another place.") from exc
