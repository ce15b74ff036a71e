"""The templates of this run: the built-in ones and the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagegen.settings import PromptTemplateSettings
    from imagegen.templates import TemplateLibrary


def load_templates(config: Path | None = None) -> TemplateLibrary:
    """All templates, from where the settings (with the root's `--config`) say that the user's own are."""
    from imagegen.settings_sources import load_settings

    return templates_of(load_settings(config=config).settings.prompt_templates)


def templates_of(settings: PromptTemplateSettings) -> TemplateLibrary:
    """All templates that these settings name."""
    from imagegen.templates import load_library

    return load_library(settings.template_directory, custom=settings.enable_custom_templates)
