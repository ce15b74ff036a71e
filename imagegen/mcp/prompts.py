"""The templates as prompts. Getting one renders text and makes no image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mcp_types import GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

from imagegen.errors import UsageError
from imagegen.settings import PromptTemplateSettings
from imagegen.templates import Argument, Template, TemplateLibrary, load_library, template_folder
from imagegen.templates.library import SUFFIXES

Fingerprint = tuple[tuple[str, int, int], ...]


class LivingLibrary:
    """The templates as they are now: read again when a file of the user's has changed."""

    def __init__(self, settings: PromptTemplateSettings) -> None:
        self._settings = settings
        self._seen: Fingerprint | None = None
        self._library: TemplateLibrary | None = None

    def __call__(self) -> TemplateLibrary:
        """All templates."""
        seen = self.fingerprint()
        if self._library is None or seen != self._seen:
            folder = self._settings.template_directory
            self._library = load_library(folder, custom=self._settings.enable_custom_templates)
            self._seen = seen
        return self._library

    def fingerprint(self) -> Fingerprint:
        """What changes when a file of the user's does."""
        folder = self._settings.template_directory or template_folder()
        return tuple(sorted(_stamps(folder))) if self._settings.enable_custom_templates else ()


def _stamps(folder: Path) -> list[tuple[str, int, int]]:
    stamps = []
    try:
        for path in folder.iterdir():
            if path.suffix in SUFFIXES:
                found = path.stat()
                stamps.append((path.name, found.st_mtime_ns, found.st_size))
    except OSError:
        return []  # no folder, or a file that has just gone: the next look will tell
    return stamps


def list_prompts(library: TemplateLibrary) -> list[Prompt]:
    """Every template."""
    return [_prompt(library.templates[name]) for name in library.templates]


def get_prompt(library: TemplateLibrary, name: str, arguments: Mapping[str, str]) -> GetPromptResult:
    """The rendered text. Raises UsageError that names an unknown template or argument, or a missing one."""
    template = library.find(name)
    missing = [a.name for a in template.arguments if a.required and not arguments.get(a.name)]
    if missing:
        raise UsageError(
            f"The prompt {name} needs {', '.join(missing)}.", hint=f"It takes {template.signature}."
        )
    rendered = library.render(name, {key: value for key, value in arguments.items() if value != ""})
    message = PromptMessage(role="user", content=TextContent(text=_asking(template, rendered.text)))
    return GetPromptResult(description=template.description or template.title, messages=[message])


def _asking(template: Template, text: str) -> str:
    size = f" Suggested size: {template.recommended_size}." if template.recommended_size else ""
    return f"Make an image with generate_image from this prompt.{size}\n\n{text}"


def _prompt(template: Template) -> Prompt:
    return Prompt(
        name=template.name,
        title=template.title,
        description=template.description or f"For {template.meant_for}",
        arguments=[
            PromptArgument(name=a.name, description=_described(a), required=a.required)
            for a in template.arguments
        ],
    )


def _described(argument: Argument) -> str:
    values = f" ({', '.join(argument.values)}{', …' if argument.open else ''})" if argument.values else ""
    return f"{argument.description or argument.name}{values}"
