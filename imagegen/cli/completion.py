"""What the shell offers after Tab. Nothing here may fail or be slow: a broken store offers no ids."""

from __future__ import annotations

from collections.abc import Iterator

from imagegen.errors import ImagegenError


def models(incomplete: str) -> list[tuple[str, str]]:
    """Model ids and provider names, those in service first."""
    try:
        return [(name, title) for name, title in _model_names() if name.startswith(incomplete)]
    except ImagegenError:
        return []


def _model_names() -> Iterator[tuple[str, str]]:
    from datetime import UTC, datetime

    from imagegen.capabilities import Status
    from imagegen.providers import load_providers
    from imagegen.settings_sources import load_settings

    today = datetime.now(UTC).date()
    for provider in load_providers(load_settings().settings).providers.values():
        yield provider.name, provider.title
        for model in provider.models():
            if model.status_on(today) is not Status.RETIRED:
                yield model.id, model.title
                yield model.full_name, model.title


def image_ids(incomplete: str) -> list[str]:
    """`last`, and the newest image ids that begin so."""
    try:
        return _newest(incomplete)
    except ImagegenError:
        return []


def _newest(incomplete: str) -> list[str]:
    from imagegen.folders import base_folder
    from imagegen.settings_sources import load_settings
    from imagegen.store import open_store

    settings = load_settings().settings
    store = open_store(
        base_folder(settings),
        create_subdirectories=settings.storage.create_subdirectories,
        file_permissions=settings.storage.file_permissions,
    )
    with store:
        last = ["last"] if "last".startswith(incomplete) else []
        return [*last, *store.ids_starting_with(incomplete, limit=20)]


def processors(incomplete: str) -> list[tuple[str, str]]:
    """Names of processing steps, with how each is written."""
    from imagegen.processors import load_processors

    steps = load_processors().processors
    return [(name, step.usage) for name, step in sorted(steps.items()) if name.startswith(incomplete)]


def setting_names(incomplete: str) -> list[str]:
    """Dotted names of settings."""
    from imagegen.settings_fields import FIELDS

    return [name for name in FIELDS if name.startswith(incomplete)]
