"""What happens to a call's images once they are stored: steps of `--process`, and what a copy says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagegen.cli.targets import Target, format_of
from imagegen.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from imagegen.processors import Steps
    from imagegen.service import ImageService
    from imagegen.types import GenerationResult


@dataclass(frozen=True, slots=True)
class Aftercare:
    """Checked wishes. `steps` is None where there are none, so that nothing is imported for them."""

    steps: Steps | None
    embed_metadata: bool

    async def process(self, service: ImageService, result: GenerationResult) -> GenerationResult:
        """The result with its images processed; those of the provider stay in the history."""
        return result if self.steps is None else await service.workshop.process_result(result, self.steps)

    async def copy(
        self, service: ImageService, result: GenerationResult, target: Target
    ) -> tuple[GenerationResult, list[Path]]:
        """Write the copies; the result has a note on each thing that they cannot say."""
        notes: list[str] = []
        images = []
        for record in result.images:
            data = await service.read_bytes(record)
            if self.embed_metadata:
                embedded = await service.workshop.with_origin(record, data)
                data = embedded.data
                notes += embedded.notes
            images.append((record, data))
        return replace(result, notes=tuple(dict.fromkeys((*result.notes, *notes)))), target.write(images)


def check_aftercare(
    texts: Sequence[str], *, embed_metadata: bool, output: str | None, image_format: str | None
) -> Aftercare:
    """Refuse, before the call, what could not be done after it. `image_format`: what will come, if known.

    Raises UsageError, NotFound, ConfigurationError.
    """
    steps = _checked_steps(texts, output, image_format) if texts else None
    if embed_metadata:
        _check_embedding(output, steps.gives(image_format) if steps and image_format else image_format)
    return Aftercare(steps, embed_metadata)


def _checked_steps(texts: Sequence[str], output: str | None, image_format: str | None) -> Steps:
    from imagegen.processors import parse_steps

    steps = parse_steps(texts)
    if image_format is not None:
        steps.check(image_format)
    wanted = format_of(output)
    if wanted is not None and steps.gives(wanted) != wanted:
        raise UsageError(
            f"-o {output} names another format than {' '.join(texts)} makes, which is {steps.gives(wanted)}.",
            hint="Name the copy after what it will be.",
        )
    return steps


def _check_embedding(output: str | None, image_format: str | None) -> None:
    from imagegen.metadata.embedding import WRITERS

    if output is None:
        raise UsageError(
            "--embed-metadata needs -o: it writes into a copy, never into the stored image.",
            hint="Say where the copy goes: -o FILE",
        )
    if image_format is not None and image_format not in WRITERS:
        raise UsageError(
            f"--embed-metadata cannot write into {image_format}.", hint=f"It takes {', '.join(WRITERS)}."
        )
