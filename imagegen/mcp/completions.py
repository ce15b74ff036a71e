"""Completion of prompt arguments, model names and image ids."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_types import (
    Completion,
    CompletionArgument,
    PromptReference,
    ResourceTemplateReference,
)

from imagegen.mcp.parts import Parts
from imagegen.templates import Kind, TemplateLibrary
from imagegen.types import HistoryQuery

MOST = 100  # the protocol's own limit of values in an answer
CompletionReference = PromptReference | ResourceTemplateReference


async def complete(parts: Parts, reference: CompletionReference, argument: CompletionArgument) -> Completion:
    """What the value may become."""
    if isinstance(reference, PromptReference):
        return _starting(argument.value, _values(parts.library(), reference.name, argument.name))
    if argument.name == "model":
        return _starting(argument.value, _models(parts))
    if argument.name == "image_id":
        page = await parts.service.list_images(HistoryQuery(limit=MOST))
        return _starting(argument.value, [record.image_id for record in page.images])
    return Completion(values=[])


def _starting(begun: str, values: Iterable[str]) -> Completion:
    found = [value for value in values if value.lower().startswith(begun.lower())]
    return Completion(values=found[:MOST], total=len(found), has_more=len(found) > MOST)


def _values(library: TemplateLibrary, prompt: str, name: str) -> list[str]:
    template = library.templates.get(prompt)
    argument = template.argument(name) if template else None
    if argument is None:
        return []
    return ["true", "false"] if argument.kind is Kind.BOOL else list(argument.values)


def _models(parts: Parts) -> list[str]:
    providers = parts.service.providers().values()
    return [model.id for provider, _ in providers for model in provider.models()]
