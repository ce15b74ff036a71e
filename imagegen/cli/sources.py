"""An image that a command line names: whatever the service can load, and - for stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagegen.service import ImageService
    from imagegen.types import InputImage


async def load_source(service: ImageService, source: str) -> InputImage:
    """The verified image. Raises InputImageError, NotFound."""
    if source != "-":
        return await service.load_input(source)
    from imagegen.inputs import input_from_stream

    return input_from_stream(sys.stdin.buffer, source="stdin")
