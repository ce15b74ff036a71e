"""Where the settings say that things are kept."""

from __future__ import annotations

from pathlib import Path

from imagegen import paths
from imagegen.settings import Settings


def base_folder(settings: Settings) -> Path:
    """The folder of images and index: STORAGE__BASE_PATH, else the platform's user data folder."""
    configured = settings.storage.base_path
    return configured.expanduser().absolute() if configured else paths.data_folder()
