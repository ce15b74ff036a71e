"""What happens to a call's images once they are stored: steps of `--process`, and what a copy says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagegen.cli.targets import Target, format_of
from imagegen.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from imagegen.cli.options import CallOptions
    from imagegen.planning import Plan
    from imagegen.processors import Steps
    from imagegen.service import ImageService
    from imagegen.types import GenerationResult, JSONObject

EXACT_FORMATS = ("png", "jpeg", "webp")  # what the local composer crops and scales


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftercare:
    """Checked wishes. `steps` is None where there are none, so that nothing is imported for them."""

    exact_size: str | None
    steps: Steps | None
    embed_metadata: bool
    output: str | None

    def document(self) -> JSONObject:
        """What will be done, in that order, for `--dry-run`."""
        return {
            "exact_size": self.exact_size,
            "process": [step.text for step in self.steps.steps] if self.steps else [],
            "embed_metadata": self.embed_metadata,
            "output": self.output,
        }

    async def process(self, service: ImageService, result: GenerationResult) -> GenerationResult:
        """The result with its images cut and processed; those of the provider stay in the history."""
        if self.exact_size is not None:
            result = await service.at_exact_size(result, self.exact_size)
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


def check_aftercare(options: CallOptions, plan: Plan, exact_size: str | None) -> Aftercare:
    """Refuse, before the call, what could not be done after it. Raises as `check_steps`, UsageError."""
    image_format = plan.request.output_format
    if exact_size is not None:
        _check_exact_size(exact_size, plan)
    steps = None
    if options.process:
        # A model that counts frames makes no gif of a single one.
        is_animated = image_format == "gif" and "frame_count" in plan.model.parameters
        steps = check_steps(options.process, options.output, image_format, is_animated=is_animated)
    if options.embed_metadata:
        coming = steps.gives(image_format) if steps and image_format else image_format
        _check_embedding(options.output, coming)
    return Aftercare(
        exact_size=exact_size, steps=steps, embed_metadata=options.embed_metadata, output=options.output
    )


def check_steps(
    texts: Sequence[str], output: str | None, image_format: str | None, *, is_animated: bool = False
) -> Steps:
    """The steps, if they can be taken on that format and end in the one that `output` names.

    `image_format` is None where it is not known yet. Raises UsageError, NotFound, ConfigurationError.
    """
    from imagegen.processors import parse_steps

    steps = parse_steps(texts)
    if image_format is not None:
        steps.check(image_format, is_animated=is_animated)
    wanted = format_of(output)
    if wanted is not None and steps.gives(wanted) != wanted:
        raise UsageError(
            f"-o {output} names another format than {' '.join(texts)} makes, which is {steps.gives(wanted)}.",
            hint="Name the copy after what it will be.",
        )
    return steps


def _check_exact_size(exact_size: str, plan: Plan) -> None:
    image_format = plan.request.output_format
    if image_format in (None, *EXACT_FORMATS) or plan.request.size == exact_size:
        return
    raise UsageError(
        f"--exact-size cannot cut {image_format}.", hint=f"It takes {', '.join(EXACT_FORMATS)}: see -f."
    )


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
