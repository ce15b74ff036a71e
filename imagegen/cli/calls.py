"""What `generate` and `edit` share: build the request, call, copy, show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import typer

from imagegen.cli.aftercare import Aftercare, check_aftercare
from imagegen.cli.options import CallOptions
from imagegen.cli.output import (
    Talk,
    cost_text,
    estimate_text,
    open_in_viewer,
    pixels_text,
    print_json,
    size_text,
)
from imagegen.cli.preview import show_preview
from imagegen.cli.targets import check_target, format_of
from imagegen.documents import image_document, plan_document, result_document
from imagegen.errors import BudgetExceeded, PartialFailure, UsageError
from imagegen.planning import Plan
from imagegen.service import ImageService
from imagegen.types import GenerateRequest, GenerationResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished call: its result, where the images are, and where copies went."""

    result: GenerationResult
    paths: tuple[Path, ...]
    copies: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What `--dry-run` found: plan, what follows, whether anything bounds the cost, why that has no room."""

    plan: Plan
    aftercare: Aftercare
    is_limited: bool
    refusal: BudgetExceeded | None


def request_fields(options: CallOptions) -> dict[str, Any]:
    """The request's fields that the options name; a file name after -o asks for its format."""
    fields = dict(options.parameters)
    wanted = format_of(options.output)
    if wanted is not None and fields.setdefault("output_format", wanted) != wanted:
        raise UsageError(
            f"-o {options.output} names another format than -f {fields['output_format']}.",
            hint="Leave one of them out.",
        )
    if options.timeout_seconds is not None and options.timeout_seconds <= 0:
        raise UsageError(f"--timeout {options.timeout_seconds:g} is no time.", hint="Give seconds above 0.")
    return {
        **fields,
        "lenient": options.lenient,
        "use_cache": not options.no_cache,
        "timeout_seconds": options.timeout_seconds,
        "max_cost_usd": None if options.max_cost is None else _dollars(options.max_cost),
    }


def _dollars(text: str) -> Decimal:
    """An amount as it was written, with no detour over a binary fraction."""
    if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text):
        return Decimal(text)
    raise UsageError(
        f"--max-cost {text[:40]!r} is no amount in USD.",
        hint="Write it like 0.05, with six decimals at most.",
        parameter="max_cost_usd",
    )


async def carry_out(
    service: ImageService,
    request: GenerateRequest,
    options: CallOptions,
    talk: Talk,
    *,
    exact_size: str | None = None,
) -> Outcome | Proposal:
    """Do the call, or plan it for `--dry-run`; write copies.

    With `exact_size` the images shown and copied are those cut and scaled to it, made from the originals.
    """
    plan = service.plan(request)
    aftercare = check_aftercare(options, plan, exact_size)
    if options.dry_run:
        refusal = await service.spending.refusal(plan)
        return Proposal(plan, aftercare, service.spending.limits_of(plan).any_set, refusal)
    target = check_target(options.output, request.n) if options.output else None
    for note in plan.notes:
        talk.note(note)
    with talk.waiting(f"{plan.model.full_name} is at work"):
        result = await service.carry_out(plan, on_progress=talk.hear)
    for note in result.notes:
        if note not in plan.notes:
            talk.note(note)
    result = await aftercare.process(service, result)
    paths = tuple(service.path_of(record) for record in result.images)
    if target is None:
        return Outcome(result, paths, ())
    said = result.notes
    result, copies = await aftercare.copy(service, result, target)
    for note in result.notes[len(said) :]:
        talk.note(note)
    return Outcome(result, paths, tuple(copies))


def show(outcome: Outcome | Proposal, options: CallOptions, talk: Talk) -> None:
    """Render what `carry_out` returned; PartialFailure when some of the answer was no image."""
    if isinstance(outcome, Proposal):
        _show_proposal(outcome, as_json=options.as_json)
        return
    formats = [record.file_info.format for record in outcome.result.images]
    show_preview(list(zip(outcome.paths, formats, strict=True)), options.preview, talk)
    if options.as_json and options.output != "-":
        print_json(_document(outcome))
    elif options.output != "-":
        for path in outcome.copies or outcome.paths:
            typer.echo(str(path))
    _show_details(outcome.result, talk)
    if options.open_result:
        open_in_viewer((outcome.copies or outcome.paths)[0], talk)
    _complain_of_missing(outcome.result, options.parameters.get("n", 1))


def _complain_of_missing(result: GenerationResult, wanted: int) -> None:
    """PartialFailure when fewer images came than were asked for."""
    made = len(result.images)
    if made >= wanted:
        return
    kept = f"What was no image is kept in {', '.join(result.rejected)}" if result.rejected else None
    raise PartialFailure(
        f"{made} of {wanted} images were made.",
        hint=kept or "The notes say why.",
        rejected=list(result.rejected),
        failed=result.details.get("failed"),
    )


def _document(outcome: Outcome) -> dict[str, Any]:
    images = [image_document(r, p) for r, p in zip(outcome.result.images, outcome.paths, strict=True)]
    for image, copy in zip(images, outcome.copies, strict=False):
        image["copy"] = str(copy.absolute())
    return result_document(outcome.result, images)


def _show_details(result: GenerationResult, talk: Talk) -> None:
    for record in result.images:
        info = record.file_info
        parts = (
            record.image_id,
            f"{pixels_text(info.width, info.height)} {info.format}",
            size_text(info.size_bytes),
        )
        talk.detail("  ".join(parts))
    seconds = result.timings["total"]
    cost = "cached, costs nothing" if result.cached else cost_text(result.cost_info)
    talk.detail(f"{result.provider}/{result.model}  {cost}  {seconds:.1f} s")


def _show_proposal(proposal: Proposal, *, as_json: bool) -> None:
    plan, refusal = proposal.plan, proposal.refusal
    if as_json:
        refused = refusal.to_json() if refusal else None
        budget = {"fits": refusal is None, "refusal": refused} if proposal.is_limited else None
        print_json({**plan_document(plan), "budget": budget, "afterwards": proposal.aftercare.document()})
        return
    typer.echo(f"would send to   {plan.wire.endpoint}")
    typer.echo(f"model           {plan.model.full_name}")
    for name, value in plan.wire.parameters.items():
        shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
        typer.echo(f"  {name:<20}{shown}")
    typer.echo(f"estimate        {estimate_text(plan.estimate)}")
    if proposal.is_limited:
        typer.echo(f"budget          {f'would be refused: {refusal.message}' if refusal else 'it fits'}")
    for what in _afterwards(proposal.aftercare):
        typer.echo(f"then            {what}")
    for note in plan.notes:
        typer.echo(f"note            {note}")


def _afterwards(aftercare: Aftercare) -> Iterator[str]:
    if aftercare.exact_size is not None:
        yield f"crop and scale to {aftercare.exact_size}, where it comes in another size"
    for step in aftercare.steps.steps if aftercare.steps else ():
        yield step.text
    if aftercare.output is not None:
        told = ", with prompt, model, id and date in it" if aftercare.embed_metadata else ""
        yield f"{'raw bytes on stdout' if aftercare.output == '-' else f'copy to {aftercare.output}'}{told}"
