"""Taking steps on an image: each one's result is kept, made from the one before it, and free."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from imagegen.derived import FREE, PROCESSED, Change, file_info, save_derived
from imagegen.errors import ImagegenError
from imagegen.imaging import ImageFacts, UnreadableImage, probe
from imagegen.processors import Step, Steps, check_format
from imagegen.store import ImageStore
from imagegen.types import ImageRecord, InputImage, Operation

OWN_PROVIDER = "imagegen"
"""Stands as the provider of an image that was made here from a file of which nothing else is known."""


def process_stored(
    store: ImageStore, original: ImageRecord, data: bytes, steps: Steps, *, task_id: str | None = None
) -> tuple[ImageRecord, ...]:
    """Take the steps on a stored image; what each one made, in order. Blocking.

    Without a `task_id` it is a task of its own. Raises what a step refuses, StorageError.
    """
    task_id = task_id or _new_task_id()
    made: list[ImageRecord] = []
    record = original
    for step in steps.steps:
        data = _taken(step, data, record.image_id)
        change = Change(note=_note(step), details={PROCESSED: step.text}, task_id=task_id)
        record = save_derived(store, record, data, change)
        made.append(record)
    return tuple(made)


def process_file(store: ImageStore, image: InputImage, steps: Steps) -> tuple[ImageRecord, ...]:
    """Take the steps on a file from outside; the first one's parent is the file's hash. Blocking."""
    if not steps.steps:
        return ()
    first, *rest = steps.steps
    data = _taken(first, image.data, image.source)
    record = store.save(_first_record(store, image, first, data), data)
    return (record, *process_stored(store, record, data, Steps(tuple(rest)), task_id=record.task_id))


def _first_record(store: ImageStore, image: InputImage, step: Step, data: bytes) -> ImageRecord:
    created_at = datetime.now(UTC)
    image_id = store.new_image_id(created_at)
    return ImageRecord(
        image_id=image_id,
        task_id=_new_task_id(),
        created_at=created_at,
        operation=Operation.EDIT,
        prompt=step.text,
        provider=OWN_PROVIDER,
        model=step.processor.name,
        parameters={"asked": {}, "sent": {}},
        notes=(_note(step),),
        file_info=file_info(store, image_id, created_at, data, probe(data)),
        cost_info=FREE,
        parents=(f"sha256:{image.sha256}",),
        details={PROCESSED: step.text},
    )


def _note(step: Step) -> str:
    return f"processed here: {step.text}"


def _new_task_id() -> str:
    return f"task_{uuid.uuid4()}"


def _taken(step: Step, data: bytes, source: str) -> bytes:
    """What the step makes of the bytes, whole and of the format that it promised."""
    facts = probe(data)
    made = _made(step, data, facts, source)
    try:
        came = probe(made).format
    except UnreadableImage as exc:
        raise _failed(step, source, f"what it made is no image ({exc})") from exc
    promised = step.processor.gives(facts.format)
    if came != promised:
        raise _failed(step, source, f"it made a {came} where it promised a {promised}")
    return made


def _made(step: Step, data: bytes, facts: ImageFacts, source: str) -> bytes:
    try:
        check_format(step, facts.format)
        made: object = step.processor.process(data, facts)
    except ImagegenError as error:
        error.hint = " ".join(filter(None, (error.hint, f"{source} is as it was.")))
        raise
    except Exception as exc:  # foreign code may raise anything, and the image before it is safe
        raise _failed(step, source, f"{type(exc).__name__}: {exc}") from exc
    if not isinstance(made, bytes):
        raise _failed(step, source, f"it made a {type(made).__name__}, not bytes")
    return made


def _failed(step: Step, source: str, reason: str) -> ImagegenError:
    return ImagegenError(
        f"The processor {step.text} failed: {reason}.",
        hint=f"{source} is as it was; leave the step out, or repair the plugin.",
    )
