"""Several images by several calls at once: Gemini makes one image a call.

What some of the calls brought is kept whatever becomes of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from imagegen.errors import (
    ConfigurationError,
    ImagegenError,
    NotFound,
    ProviderError,
    QuotaExceeded,
    UsageError,
)
from imagegen.providers.gemini_answers import Answer, total_usage
from imagegen.types import JSONObject, ProviderImage, ProviderResult

AT_ONCE = 4

# What one call meets with, the next one would too.
_HOPELESS = (UsageError, ConfigurationError, NotFound, QuotaExceeded)


async def answers_to(ask: Callable[[int], Awaitable[Answer]], count: int) -> list[Answer]:
    """The answers to `ask(0)` … `ask(count - 1)`, a few at a time; a call that failed has its `problem`.

    No further call is made after one that shows that none can succeed. A cancellation ends what is still
    running; it is passed on only where no image has come, because images that have come are paid for.
    """
    gate, hopeless = asyncio.Semaphore(AT_ONCE), list[ImagegenError]()

    async def one(image: int) -> Answer:
        async with gate:
            if hopeless:
                return Answer(problem=hopeless[0])
            try:
                return await ask(image)
            except ImagegenError as error:
                if isinstance(error, _HOPELESS):
                    hopeless.append(error)
                return Answer(problem=error)

    tasks = [asyncio.create_task(one(image)) for image in range(count)]
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        await _stop(tasks)
        if not any(not task.cancelled() and task.result().images for task in tasks):
            raise
        _absorb_cancellation()
    return [_cancelled() if task.cancelled() else task.result() for task in tasks]


async def _stop(tasks: Sequence[asyncio.Task[Answer]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _absorb_cancellation() -> None:
    current = asyncio.current_task()
    if current is not None:
        current.uncancel()


def _cancelled() -> Answer:
    problem = ProviderError("It was cancelled before the answer came.", may_be_billed=True)
    return Answer(problem=problem)


def combine(answers: Sequence[Answer]) -> ProviderResult:
    """One result of all calls: the images in order, the usage of refusals too, a note for each failure.

    Raises the first problem where there is no image. `details["failed"]` lists problems by image, from 1.
    """
    images = [ProviderImage(data=data) for answer in answers for data in answer.images]
    problems = {number: a.problem for number, a in enumerate(answers, start=1) if a.problem is not None}
    if not images:
        raise next(iter(problems.values()))
    return ProviderResult(
        images=tuple(images),
        usage=total_usage([answer.usage for answer in answers]),
        request_id=next((answer.response_id for answer in answers if answer.response_id), None),
        notes=tuple(_notes(answers, problems)),
        details=_details(answers, problems),
    )


def _notes(answers: Sequence[Answer], problems: dict[int, ImagegenError]) -> list[str]:
    odd = {answer.finish for answer in answers if answer.images} - {"STOP", None}
    finished = [f"Gemini sent an image and ended with {finish}" for finish in sorted(map(str, odd))]
    failed = [
        f"image {number} of {len(answers)} was not made: {problem.message}"
        for number, problem in problems.items()
    ]
    return [*finished, *(note for answer in answers for note in answer.notes), *failed]


def _details(answers: Sequence[Answer], problems: dict[int, ImagegenError]) -> JSONObject:
    texts = [answer.text for answer in answers if answer.text]
    ids = [answer.response_id for answer in answers if answer.response_id]
    details: dict[str, Any] = {
        "text": "\n".join(texts),
        "model_version": next((answer.model_version for answer in answers if answer.model_version), None),
        "response_ids": ids if len(ids) > 1 else None,
        "failed": [{"image": number, **problem.to_json()} for number, problem in problems.items()],
    }
    return {name: value for name, value in details.items() if value}
