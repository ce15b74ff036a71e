"""Formats that a model cannot make: converted here when somebody asked for one, beside the original."""

from __future__ import annotations

from collections.abc import Sequence

from imagegen.derived import CONVERTED, Change, save_derived
from imagegen.imaging import convert
from imagegen.planning import Plan
from imagegen.store import ImageStore
from imagegen.types import ImageRecord

DEFAULT_QUALITY = 90


def in_asked_format(
    plan: Plan, saved: Sequence[tuple[ImageRecord, bytes]], store: ImageStore
) -> tuple[ImageRecord, ...]:
    """The records of an answer, those in another format than was asked for replaced by converted images.

    The originals stay in the history as the parents of what was made from them. Raises StorageError.
    """
    wanted = plan.request.output_format
    if not plan.model.converts_locally or wanted is None:
        return tuple(record for record, _ in saved)
    made: list[ImageRecord] = []
    for original, data in saved:
        came = original.file_info.format
        if came == wanted:
            made.append(original)
            continue
        quality = plan.request.output_compression
        converted = convert(data, wanted, DEFAULT_QUALITY if quality is None else quality)
        change = Change(
            note=f"converted here from {came} to {wanted}",
            details={CONVERTED: wanted},
            outdated=(f"asked for {wanted}, got {came}",),
        )
        made.append(save_derived(store, original, converted, change))
    return tuple(made)
