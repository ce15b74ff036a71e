"""How history, statistics and one record answer with 1,000,000 images, against the same with 1,000.

Each figure is the median time of a whole process that imports the store, opens it, asks once and ends.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from imagegen.store.repair import INDEX_NAME
from imagegen.store.sqlite_index import SqliteIndex
from imagegen.types import CostBasis, CostInfo, FileInfo, ImageRecord, Operation
from tests.benchmarks.measure import Ratio, command, compare

SMALL, LARGE, RUNS = 1_000, 1_000_000, 15
BATCH = 10_000
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=1000)
MODELS = (
    ("openai", "gpt-image-2.5-flare"),
    ("openai", "gpt-image-2"),
    ("gemini", "gemini-nano-banana-2.1"),
    ("local", "composer"),
)
SUBJECTS = (
    "red fox",
    "lighthouse",
    "old castle",
    "sailing boat",
    "cup of tea",
    "quiet harbour",
    "steam train",
)
PLACES = ("under pine trees", "in the snow", "at night", "by the sea", "on a hill", "in the rain")

QUESTIONS = {
    "list": "list(HistoryQuery())",
    "list, one model": "list(HistoryQuery(model='openai/gpt-image-2'))",
    "list, edits of a provider": "list(HistoryQuery(provider='gemini', operation=Operation.EDIT))",
    "list, a rare word": "list(HistoryQuery(text='unicorn'))",
    "list, a common word": "list(HistoryQuery(text='night'))",
    "stats": "stats()",
    "get": "get({image_id!r})",
}
PROMISED = {"stats": 3.0}
PROMISED_ELSE = 1.5
PROGRAM = """
import sys
from pathlib import Path
from imagegen.store import open_store
from imagegen.types import HistoryQuery, Operation
with open_store(Path(sys.argv[1]), create_subdirectories=True, file_permissions=0o644) as store:
    store.{question}
"""


def build_index(base: Path, count: int) -> str:
    """An index of `count` records without image files below `base`; returns the id of one in the middle."""
    base.mkdir(parents=True, exist_ok=True)
    index = SqliteIndex.create(base / INDEX_NAME)
    try:
        records = (_record(number, count) for number in range(count))
        while batch := list(islice(records, BATCH)):
            index.add(batch)
        index.finish()
    finally:
        index.close()
    return _record(count // 2, count).image_id


def _record(number: int, count: int) -> ImageRecord:
    created_at = FIRST_DAY + SPAN * number / count
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    image_id = f"img_{created_at:%Y%m%d%H%M%S}_{digest[:12]}"
    provider, model = MODELS[number % len(MODELS)]
    rare = ", a unicorn" if number % (count // 100) == 0 else ""
    prompt = f"a {SUBJECTS[number % 7]} {PLACES[number % 6]}, {digest[12:18]}{rare}"
    return ImageRecord(
        image_id=image_id,
        task_id=f"task_{digest[:32]}",
        created_at=created_at,
        operation=Operation.EDIT if number % 20 == 2 else Operation.GENERATE,
        prompt=prompt,
        provider=provider,
        model=model,
        parameters={"asked": {"size": "1536x1024"}, "sent": {"size": "1536x1024", "quality": "high"}},
        notes=(),
        file_info=FileInfo(
            filename=f"{created_at:%Y/%m/%d}/{image_id}.png",
            size_bytes=1_000_000 + number % 1_000_000,
            format="png",
            width=1536,
            height=1024,
            sha256=digest,
        ),
        cost_info=CostInfo(
            estimated_cost_usd=Decimal("0.04"),
            cost_usd=None if number % 50 == 0 else Decimal(number % 90_000) / 1_000_000,
            basis=CostBasis.UNKNOWN if number % 50 == 0 else CostBasis.USAGE,
            tokens_used=4160,
        ),
    )


def ratios() -> Iterator[Ratio]:
    """One ratio a question."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = (Path(folder) / str(count) for count in (SMALL, LARGE))
        small_id, large_id = build_index(small, SMALL), build_index(large, LARGE)
        for name, question in QUESTIONS.items():
            yield compare(
                f"{name}: {LARGE:,} images / {SMALL:,}",
                _asking(large, question, large_id),
                _asking(small, question, small_id),
                promised=PROMISED.get(name, PROMISED_ELSE),
                runs=RUNS,
            )


def _asking(base: Path, question: str, image_id: str) -> Callable[[], object]:
    program = PROGRAM.format(question=question.format(image_id=image_id))
    return command(sys.executable, "-c", program, str(base))
