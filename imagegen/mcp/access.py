"""Which inputs a client may name: its own files over stdio, none of this machine's over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from imagegen.errors import ImagegenError, InputImageError
from imagegen.paths import expanded
from imagegen.service import ImageService
from imagegen.types import InputImage

ELSEWHERE = "Give an image_id from list_images, last, an http(s) or data URL, or the bytes as base64."


@dataclass(frozen=True, slots=True)
class InputAccess:
    """Loads inputs. `folders` are those that paths may lead to, None where no path may be read at all."""

    service: ImageService
    folders: tuple[Path, ...] | None

    async def load(self, source: str, role: str) -> InputImage:
        """An input by path, file, http(s) or data URL, image id or `last`; errors begin with the role."""
        with _naming(role):
            if _is_elsewhere(source):
                return await self.service.load_input(source)
            return await self.service.load_input(str(self._checked(_path_of(source))))

    async def decode(self, data: str, role: str) -> InputImage:
        """An input in base64, or in a data URL."""
        with _naming(role):
            return await self.service.load_input(data if data.startswith("data:") else f"data:;base64,{data}")

    def _checked(self, path: Path) -> Path:
        if self.folders is None:
            raise InputImageError("This server does not read paths of its own machine.", hint=ELSEWHERE)
        found = _real(path)
        if not any(found.is_relative_to(folder) for folder in self.folders):
            allowed = ", ".join(str(folder) for folder in self.folders)
            raise InputImageError(
                f"{str(path)[:200]} is outside the folders that may be read: {allowed}.",
                hint=f"Copy it into one of them, or let the user set SERVER__ALLOWED_PATHS. {ELSEWHERE}",
            )
        return found


def stdio_access(service: ImageService, images: Path) -> InputAccess:
    """Paths in SERVER__ALLOWED_PATHS, else in the working folder and home; and the store's own images."""
    configured = [Path(folder) for folder in service.settings.server.allowed_paths]
    folders = configured or [Path.cwd(), Path("~")]
    return InputAccess(service, tuple(_real(folder) for folder in (*folders, images)))


def http_access(service: ImageService) -> InputAccess:
    """No paths."""
    return InputAccess(service, None)


def _real(path: Path) -> Path:
    """Without links, but those that lead in a circle: pathlib would raise RuntimeError there."""
    return Path(os.path.realpath(expanded(path)))


def _is_elsewhere(source: str) -> bool:
    return source == "last" or source.startswith(("img_", "http://", "https://", "data:"))


def _path_of(source: str) -> Path:
    with suppress(ValueError):  # of an address without a closing bracket
        name = url2pathname(urlsplit(source).path) if source.startswith("file:") else source
        if name and "\0" not in name:
            return Path(name)
    raise InputImageError("No file can have this name.", hint=ELSEWHERE)


@contextmanager
def _naming(role: str) -> Iterator[None]:
    """Say which of the inputs an error is about."""
    try:
        yield
    except ImagegenError as error:
        error.message = f"{role}: {error.message}"
        raise
