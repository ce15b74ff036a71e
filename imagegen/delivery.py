"""A provider's answer on its way into the store: probed, recorded, saved; nothing paid for is lost."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

from imagegen.capabilities import parse_size
from imagegen.conversion import in_asked_format
from imagegen.errors import BadResponse, StorageError
from imagegen.imaging import EXTENSIONS, ImageFacts, UnreadableImage, probe
from imagegen.planning import Plan
from imagegen.pricing import MICRO_DOLLAR
from imagegen.shapes import distance, parse_ratio
from imagegen.store import ImageStore
from imagegen.types import (
    CostInfo,
    EditRequest,
    FileInfo,
    GenerateRequest,
    ImageRecord,
    ProviderImage,
    ProviderResult,
    asked_parameters,
)

# Models make whole blocks of pixels, a few percent beside the shape; as a factor, that is still the same one.
SAME_SHAPE = 0.05


@dataclass(frozen=True, slots=True)
class Delivered:
    """What reached the disk: records of the images, and paths of answers that were none."""

    records: tuple[ImageRecord, ...]
    rejected: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One answer to one plan, with the cost of the whole call."""

    plan: Plan
    task_id: str
    answer: ProviderResult
    cost: CostInfo
    store: ImageStore

    def save(self) -> Delivered:
        """Write every image with its sidecar and keep aside what is no image. Blocking.

        Raises BadResponse when no image is left, StorageError (after a rescue) when the store cannot write.
        """
        created_at = datetime.now(UTC)
        good: list[tuple[ImageRecord, bytes]] = []
        rejected: list[str] = []
        shares = split_cost(self.cost, len(self.answer.images))
        for position, (image, share) in enumerate(zip(self.answer.images, shares, strict=True)):
            created_at += timedelta(microseconds=min(position, 1))  # the history keeps the answer's order
            image_id = self.store.new_image_id(created_at)
            try:
                facts = probe(image.data)
            except UnreadableImage as exc:
                rejected.append(self._reject(image_id, image, reason=str(exc)))
            else:
                good.append((self._record(image_id, image, facts, share, created_at), image.data))
        if not good:
            raise self._nothing_usable(rejected)
        self._save_or_rescue(good)
        return Delivered(in_asked_format(self.plan, good, self.store), tuple(rejected))

    def _reject(self, image_id: str, image: ProviderImage, *, reason: str) -> str:
        facts = {
            "task_id": self.task_id,
            "provider": self.plan.provider.name,
            "model": self.plan.model.id,
            "prompt": self.plan.request.prompt,
            "request_id": self.answer.request_id,
        }
        return str(self.store.reject(image_id, image.data, reason, facts))

    def _nothing_usable(self, rejected: list[str]) -> BadResponse:
        return BadResponse(
            f"{self.plan.model.full_name} answered with something that is no image.",
            hint=f"It is kept in {', '.join(rejected)}" if rejected else None,
            may_be_billed=True,
            request_id=self.answer.request_id,
            rejected=rejected,
        )

    def _record(
        self, image_id: str, image: ProviderImage, facts: ImageFacts, cost: CostInfo, created_at: datetime
    ) -> ImageRecord:
        plan, answer = self.plan, self.answer
        return ImageRecord(
            image_id=image_id,
            task_id=self.task_id,
            created_at=created_at,
            operation=plan.request.operation,
            prompt=plan.request.prompt,
            provider=plan.provider.name,
            model=plan.model.id,
            parameters={"asked": asked_parameters(plan.asked), "sent": dict(plan.wire.parameters)},
            notes=(*plan.notes, *answer.notes, *differences(plan.request, facts)),
            file_info=self._file_info(image_id, image.data, facts, created_at),
            cost_info=cost,
            parents=parents_of(plan.request),
            template=plan.request.template,
            request_id=answer.request_id,
            revised_prompt=image.revised_prompt,
            details=self._details(),
        )

    def _file_info(self, image_id: str, data: bytes, facts: ImageFacts, created_at: datetime) -> FileInfo:
        return FileInfo(
            filename=self.store.filename_for(image_id, EXTENSIONS[facts.format], created_at),
            size_bytes=len(data),
            format=facts.format,
            width=facts.width,
            height=facts.height,
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def _details(self) -> dict[str, Any]:
        reported = {"reported": dict(self.answer.reported)} if self.answer.reported else {}
        return {**self.answer.details, **reported}

    def _save_or_rescue(self, images: Sequence[tuple[ImageRecord, bytes]]) -> None:
        """Save; where the store cannot (its disk is full, say), put the bytes where there is room."""
        try:
            self.store.save_all(images)
        except StorageError as exc:
            rescued = _rescue(images)
            raise StorageError(
                exc.message,
                hint=f"The images are paid for and were put into {rescued}. {exc.hint or ''}".rstrip(),
                may_be_billed=True,
                rescued=str(rescued),
            ) from exc


def _rescue(images: Sequence[tuple[ImageRecord, bytes]]) -> Path:
    """Write the bytes into a new folder among the system's temporary ones."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="imagegen-rescued-"))
        for record, data in images:
            (folder / Path(record.file_info.filename).name).write_bytes(data)
    except OSError as exc:
        raise StorageError(
            f"Neither the store nor {tempfile.gettempdir()} can be written: {exc.strerror}.",
            hint="The images are lost, though they may be billed. Free some space.",
            may_be_billed=True,
        ) from exc
    return folder


def differences(request: GenerateRequest, facts: ImageFacts) -> tuple[str, ...]:
    """Where the bytes are not what was asked for: size in pixels, shape, format."""
    notes = []
    wanted = parse_size(request.size or "")
    made = (facts.width, facts.height) if facts.width and facts.height else None
    if wanted and made and wanted != made:
        notes.append(f"asked for {request.size}, got {made[0]}x{made[1]}")
    shape = parse_ratio(request.aspect_ratio or "")
    if shape and made and distance(shape, made) > SAME_SHAPE:
        notes.append(f"asked for {request.aspect_ratio}, got {made[0]}x{made[1]}")
    if request.output_format and request.output_format != facts.format:
        notes.append(f"asked for {request.output_format}, got {facts.format}")
    return tuple(notes)


def parents_of(request: GenerateRequest) -> tuple[str, ...]:
    """Where an edit's inputs come from: image ids of the store, or `sha256:…` of anything else."""
    if not isinstance(request, EditRequest):
        return ()
    overlays = [overlay for overlay in (request.mask, request.markup) if overlay is not None]
    return tuple(image.image_id or f"sha256:{image.sha256}" for image in (*request.images, *overlays))


def split_cost(cost: CostInfo, count: int) -> tuple[CostInfo, ...]:
    """One cost in `count` shares that add up to it exactly; the first carries what does not divide."""
    estimated = _split_money(cost.estimated_cost_usd, count)
    real = _split_money(cost.cost_usd, count)
    tokens = _split_tokens(cost.tokens_used, count)
    return tuple(
        replace(cost, estimated_cost_usd=e, cost_usd=c, tokens_used=t)
        for e, c, t in zip(estimated, real, tokens, strict=True)
    )


def _split_money(total: Decimal | None, count: int) -> list[Decimal | None]:
    if total is None or count == 0:
        return [None] * count
    each = (total / count).quantize(MICRO_DOLLAR, rounding=ROUND_DOWN)
    return [total - each * (count - 1), *([each] * (count - 1))]


def _split_tokens(total: int | None, count: int) -> list[int | None]:
    if total is None or count == 0:
        return [None] * count
    each = total // count
    return [total - each * (count - 1), *([each] * (count - 1))]
