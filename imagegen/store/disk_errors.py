"""The one place where the operating system's errors become ours."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imagegen.errors import StorageError

_ELSEWHERE = "or keep the images elsewhere: set STORAGE__BASE_PATH."
_NOT_ALLOWED = (
    "Cannot {action} {path}: permission denied.",
    f"Make the folder writable for this user, {_ELSEWHERE}",
)

# errno name → message and next step; a name that a platform lacks is never met there.
_EXPLAINED = {
    "ENOSPC": ("No space is left on the disk to {action} {path}.", f"Free some space, {_ELSEWHERE}"),
    "EDQUOT": ("The disk quota is used up: cannot {action} {path}.", f"Free some space, {_ELSEWHERE}"),
    "EFBIG": ("Cannot {action} {path}: it is larger than files may be.", "Raise the limit (ulimit -f)."),
    "EACCES": _NOT_ALLOWED,
    "EPERM": _NOT_ALLOWED,
    "EROFS": ("Cannot {action} {path}: the file system is read-only.", f"Mount it writable, {_ELSEWHERE}"),
    "ENAMETOOLONG": (
        "Cannot {action} {path}: the path is too long.",
        "Choose a shorter folder: set STORAGE__BASE_PATH.",
    ),
    "ENOTDIR": (
        "Cannot {action} {path}: a part of the path is a file.",
        "Move that file, or set STORAGE__BASE_PATH.",
    ),
    "EEXIST": (
        "Cannot {action} {path}: a file is in the way.",
        "Move that file, or set STORAGE__BASE_PATH.",
    ),
    "EXDEV": (
        "Cannot {action} {path}: it lies on another file system than the rest of the store.",
        "Keep the whole images folder on one file system.",
    ),
}


def storage_error(exc: OSError, path: Path, action: str) -> StorageError:
    """The StorageError for a failed system call on `path`; `action` is a verb, such as `write`."""
    name = errno.errorcode.get(exc.errno or 0, "unknown")
    unexplained = (f"Cannot {{action}} {{path}}: {exc.strerror or exc}.", None)
    message, hint = _EXPLAINED.get(name, unexplained)
    return StorageError(message.format(action=action, path=path), hint=hint, path=str(path), errno=name)


@contextmanager
def translate_disk_errors(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError into a StorageError that names `path` and the next step."""
    try:
        yield
    except OSError as exc:
        raise storage_error(exc, path, action) from exc
