"""Files that are there whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

NAME_CHARS = 60  # of the name of what is replaced: a long one has no room for more
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would otherwise translate line ends


@contextmanager
def whole_file(path: Path, *, mode: int | None = None, durable: bool = True) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends well, and is gone when it does not.

    `mode` are its permissions once it is in its place, and until then it is its owner's alone; None for those
    of any new file. `durable`: a power cut does not take it back. Raises OSError.
    """
    temporary = path.with_name(f".{path.name[:NAME_CHARS]}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(
        temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666 if mode is None else 0o600
    )
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            if mode is not None:
                temporary.chmod(mode)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_whole(path: Path, data: bytes, *, mode: int | None = None, durable: bool = True) -> None:
    """Make `data` the whole content of a file, in one step. Raises OSError."""
    with whole_file(path, mode=mode, durable=durable) as file:
        file.write(data)


def followed(path: Path) -> Path:
    """Where links lead in the end: what takes the place of that file leaves them. Raises OSError."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # only one of a circle is left over
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where platform and permissions let us. Raises OSError."""
    if sys.platform == "win32":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder may be writable without being readable
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
