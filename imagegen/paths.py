"""Where things live. `IMAGEGEN_HOME` moves all of it into one folder."""

from __future__ import annotations

import os
from pathlib import Path

from imagegen.errors import ConfigurationError


def data_folder() -> Path:
    """Images and their index: the platform's user data folder. Raises ConfigurationError without a home."""
    import platformdirs

    home = _home()
    return home / "data" if home else _rooted(platformdirs.user_data_path("imagegen", appauthor=False))


def config_folder() -> Path:
    """`config.toml`, `prices.toml`, `models.toml`, the user's templates: the platform's user config folder.

    Raises ConfigurationError where the user has no home folder.
    """
    import platformdirs

    home = _home()
    return home / "config" if home else _rooted(platformdirs.user_config_path("imagegen", appauthor=False))


def cache_folder() -> Path:
    """What can be fetched again: the platform's user cache folder.

    Raises ConfigurationError where the user has no home folder.
    """
    import platformdirs

    home = _home()
    return home / "cache" if home else _rooted(platformdirs.user_cache_path("imagegen", appauthor=False))


def config_file() -> Path:
    """The file that `imagegen config set` writes."""
    return config_folder() / "config.toml"


def expanded(path: str | Path) -> Path:
    """The path with a home folder in place of its `~`; where there is no such home, `~` stays a name."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib raises RuntimeError then


def _home() -> Path | None:
    home = os.environ.get("IMAGEGEN_HOME")
    return _rooted(expanded(home)).absolute() if home else None


def _rooted(folder: Path) -> Path:
    """The folder, unless `~` has stayed in it: then nobody knows whose home is meant."""
    if folder.parts[:1] and folder.parts[0].startswith("~"):
        raise ConfigurationError(
            f"The folder {folder} cannot be used: this user has no home folder.",
            hint="Set IMAGEGEN_HOME to a folder of your own.",
        )
    return folder
