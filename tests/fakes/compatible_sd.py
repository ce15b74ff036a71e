"""A server's provider as a class with a name of its own, so that another process can import it."""

from __future__ import annotations

from typing import ClassVar

from imagegen.providers.compatible import CompatibleProvider

OFFLINE = {"providers": {"compatible": {"sd": {"base_url": "http://127.0.0.1:9/v1", "models": ["flux"]}}}}


class SdProvider(CompatibleProvider):
    """The server `sd` of the settings."""

    name: ClassVar[str] = "sd"
    title: ClassVar[str] = "sd"
