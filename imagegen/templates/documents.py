"""Templates as the JSON objects of `--json`."""

from __future__ import annotations

from imagegen.templates.model import Argument, Problem, Rendered, Template
from imagegen.types import JSONObject


def template_document(template: Template) -> JSONObject:
    """A template without its text."""
    return {
        "name": template.name,
        "title": template.title,
        "description": template.description,
        "meant_for": template.meant_for,
        "arguments": [argument_document(argument) for argument in template.arguments],
        "recommended_size": template.recommended_size,
        "size_for": {name: dict(sizes) for name, sizes in template.size_for.items()},
        "aspect_ratio": template.aspect_ratio,
        "quality": template.quality,
        "style": template.style,
        "source": template.source,
        "path": str(template.path) if template.path else None,
        "replaces_builtin": template.replaces_builtin,
    }


def argument_document(argument: Argument) -> JSONObject:
    """An argument and what it takes; `values` are all there are unless `open`."""
    return {
        "name": argument.name,
        "description": argument.description,
        "required": argument.required,
        "type": argument.kind.value,
        "values": list(argument.values),
        "open": argument.open,
        "example": argument.example,
    }


def rendered_document(rendered: Rendered) -> JSONObject:
    """A prompt and the hints that go with it."""
    return {
        "text": rendered.text,
        "template": {"name": rendered.name, "arguments": dict(rendered.arguments)},
        "recommended_size": rendered.recommended_size,
        "aspect_ratio": rendered.aspect_ratio,
        "quality": rendered.quality,
        "style": rendered.style,
        "source": rendered.source,
    }


def problem_document(problem: Problem) -> JSONObject:
    """What is wrong with a file, and where."""
    return {
        "path": str(problem.path),
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
        "message": problem.message,
    }
