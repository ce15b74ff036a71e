"""Where the prompt of a call comes from: the argument, stdin, a file, or a template."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from imagegen.cli.prompts_library import templates_of
from imagegen.errors import UsageError
from imagegen.settings import PromptTemplateSettings
from imagegen.templates import gather_arguments
from imagegen.types import TemplateUse


@dataclass(frozen=True, slots=True)
class PromptSource:
    """What the command line says of the prompt; exactly one of the first three is there."""

    prompt: str | None
    prompt_file: Path | None
    template: str | None
    pairs: Sequence[str]
    args_file: Path | None

    def read(self, settings: PromptTemplateSettings) -> tuple[str, TemplateUse | None]:
        """The prompt, and the template that made it. Raises UsageError."""
        given = [source for source in (self.prompt, self.prompt_file, self.template) if source is not None]
        if len(given) != 1:
            raise UsageError(
                "Give a prompt, or - for stdin, or --prompt-file, or --template.",
                hint='imagegen generate "a red fox"',
            )
        if self.template is None and (self.pairs or self.args_file):
            raise UsageError("-a and --args-file belong to --template, which is not given.")
        if self.template is not None:
            return self._rendered(self.template, settings)
        if self.prompt_file is not None:
            return _text_of(self.prompt_file), None
        return (_decoded(sys.stdin.buffer.read(), "stdin") if self.prompt == "-" else self.prompt or ""), None

    def _rendered(self, name: str, settings: PromptTemplateSettings) -> tuple[str, TemplateUse]:
        arguments = gather_arguments(self.pairs, self.args_file)
        rendered = templates_of(settings).render(name, arguments)
        return rendered.text, rendered.use


def wanted_size(use: TemplateUse | None) -> str:
    """The exact size that a template recommends. Raises UsageError where there is none."""
    if use is None or use.recommended_size is None:
        raise UsageError(
            "--exact-size needs a template that recommends a size.", hint="See: imagegen prompts list"
        )
    return use.recommended_size


def _text_of(path: Path) -> str:
    try:
        return _decoded(path.read_bytes(), str(path))
    except OSError as exc:
        raise UsageError(f"Cannot read the prompt file {path}: {exc.strerror}.") from exc


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError as exc:
        raise UsageError(f"The prompt from {source} is not UTF-8 text ({exc.reason}).") from exc
