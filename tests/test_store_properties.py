"""What holds for every record and every order of steps."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from imagegen.errors import StorageError
from imagegen.store.queries import match_expression
from imagegen.store.sidecar import read_sidecar, write_row, write_sidecar
from imagegen.types import (
    CostBasis,
    CostInfo,
    FileInfo,
    HistoryQuery,
    ImageRecord,
    Operation,
    TemplateUse,
)
from tests.store_world import check_whole, open_at, save

IMAGE_ID = "img_20261122143005_0a1b2c3d4e5f"
NOW = datetime(2026, 11, 22, tzinfo=UTC)

texts = st.text(max_size=40)
money = st.none() | st.integers(0, 10**14).map(lambda micro: Decimal(micro) / 1_000_000)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)
names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
unknown_keys = st.dictionaries(names.map(lambda name: f"later_{name}"), values, max_size=3)

records = st.builds(
    ImageRecord,
    image_id=st.just(IMAGE_ID),
    task_id=texts,
    created_at=st.datetimes(timezones=st.just(UTC)),
    operation=st.sampled_from(Operation),
    prompt=st.text(st.characters(), max_size=60),
    provider=texts,
    model=texts,
    parameters=st.fixed_dictionaries({"asked": objects, "sent": objects}),
    notes=st.lists(texts, max_size=3).map(tuple),
    file_info=st.builds(
        FileInfo,
        filename=st.just(f"2026/11/22/{IMAGE_ID}.png"),
        size_bytes=st.integers(0, 2**40),
        format=texts,
        width=st.none() | st.integers(1, 10_000),
        height=st.none() | st.integers(1, 10_000),
        sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    ),
    cost_info=st.builds(
        CostInfo,
        estimated_cost_usd=money,
        cost_usd=money,
        basis=st.sampled_from(CostBasis),
        tokens_used=st.none() | st.integers(0, 10**9),
    ),
    parents=st.lists(texts, max_size=3).map(tuple),
    template=st.none()
    | st.builds(TemplateUse, name=texts, arguments=st.dictionaries(texts, texts, max_size=3)),
    request_id=st.none() | texts,
    revised_prompt=st.none() | texts,
    details=objects,
    extra=unknown_keys,
)


@given(records)
def test_a_sidecar_reads_back_as_the_record_it_was_written_from(record: ImageRecord) -> None:
    assert read_sidecar(write_sidecar(record)) == record
    assert read_sidecar(write_row(record)) == record


@given(records, unknown_keys, st.sampled_from(["", "file_info", "cost_info", "template"]))
def test_unknown_keys_survive_a_rewrite_wherever_they_stand(
    record: ImageRecord, unknown: dict[str, object], section: str
) -> None:
    document = json.loads(write_sidecar(record))
    if section and document[section] is None:
        return
    (document[section] if section else document).update(unknown)
    rewritten = json.loads(write_sidecar(read_sidecar(json.dumps(document))))
    assert rewritten == document


@given(st.integers(0, 10**14))
def test_money_is_written_as_the_decimal_it_is(micro: int) -> None:
    amount = Decimal(micro) / 1_000_000
    record = read_sidecar(write_sidecar(_costing(amount)))
    assert record.cost_info.cost_usd == amount
    written = json.loads(write_sidecar(_costing(amount)), parse_float=Decimal, parse_int=Decimal)
    assert written["cost_info"]["cost_usd"] == amount


def _costing(amount: Decimal) -> ImageRecord:
    return ImageRecord(
        image_id=IMAGE_ID,
        task_id="task_1",
        created_at=NOW,
        operation=Operation.GENERATE,
        prompt="",
        provider="local",
        model="composer",
        parameters={},
        notes=(),
        file_info=FileInfo(
            filename=f"{IMAGE_ID}.png", size_bytes=1, format="png", width=1, height=1, sha256="0" * 64
        ),
        cost_info=CostInfo(estimated_cost_usd=None, cost_usd=amount, basis=CostBasis.TABLE),
    )


@given(records, st.data())
def test_a_damaged_sidecar_is_refused_with_a_reason_or_read_but_never_crashes(
    record: ImageRecord, data: st.DataObject
) -> None:
    document = json.loads(write_sidecar(record))
    section = data.draw(st.sampled_from([document, document["file_info"], document["cost_info"]]))
    section[data.draw(st.sampled_from(sorted(section)))] = data.draw(values)
    try:
        read_sidecar(json.dumps(document))
    except StorageError as exc:
        assert exc.message.startswith("Its ")


@given(st.binary(max_size=60))
def test_random_bytes_are_no_sidecar(data: bytes) -> None:
    with pytest.raises(StorageError):
        read_sidecar(data)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema_version": 2}, "schema_version is 2; .*upgrade"),
        ({"schema_version": "1"}, "schema_version is '1'; it must be a JSON integer"),
        ({"created_at": "2026-11-22T00:00:00"}, "created_at .* with its zone"),
        ({"created_at": "yesterday"}, "created_at is 'yesterday'"),
        ({"operation": "paint"}, "operation is 'paint'"),
        ({"image_id": "../x"}, "image_id is '../x'"),
        ({"notes": [1]}, "notes is .* a list of strings"),
        ({"prompt": None}, "prompt is None; it must be a JSON string"),
        ({"template": {"name": "x", "arguments": {"a": 1}}}, "template.arguments"),
    ],
)
def test_a_bad_sidecar_names_the_key_the_value_and_what_it_must_be(
    change: dict[str, object], reason: str
) -> None:
    document = json.loads(write_sidecar(_costing(Decimal(0)))) | change
    with pytest.raises(StorageError, match=reason):
        read_sidecar(json.dumps(document))


@given(st.text(st.characters(), max_size=60))
@settings(max_examples=200)
def test_any_text_is_a_search_that_finds_a_prompt_of_those_words(text: str) -> None:
    import sqlite3
    from contextlib import closing

    from imagegen.sqlite_files import migrate
    from imagegen.store.migrations import STEPS
    from imagegen.store.queries import searchable

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, STEPS)
        connection.execute("INSERT INTO prompts (rowid, prompt) VALUES (1, ?)", (searchable(text) + " fox",))
        expression = match_expression(text)
        if expression is not None:
            found = connection.execute(
                "SELECT rowid FROM prompts WHERE prompts MATCH ?", (f'{expression} "fox"',)
            ).fetchall()
            assert found == [(1,)]


class StoreMachine(RuleBasedStateMachine):
    """Saves, deletions, reindexing, lost indexes, lost files and reopening, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.base = Path(self.folder.name)
        self.store = open_at(self.base)
        self.known: list[str] = []

    @rule(day=st.integers(0, 3), prompt=texts, cost=money, dated=st.booleans())
    def save(self, day: int, prompt: str, cost: Decimal | None, dated: bool) -> None:
        self.store.close()
        self.store = open_at(self.base, dated=dated)
        record = save(self.store, created_at=NOW + timedelta(days=day), prompt=prompt, cost_usd=cost)
        self.known.append(record.image_id)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.known or [""]), max_size=3, unique=True))
        self.store.delete([image_id for image_id in chosen if image_id])
        self.known = [image_id for image_id in self.known if image_id not in chosen]

    @rule()
    def reindex(self) -> None:
        assert self.store.reindex().indexed == len(self.known)

    @rule()
    def lose_the_index(self) -> None:
        (self.base / "index.sqlite3").unlink(missing_ok=True)

    @rule(limit=st.integers(1, 3))
    def lose_files_by_hand_and_clean_up(self, limit: int) -> None:
        page = self.store.list(HistoryQuery(limit=limit))
        for record in page.images:
            self.store.path_of(record).with_suffix(".json").unlink()
            self.store.path_of(record).unlink()
            self.known.remove(record.image_id)
        self.store.reindex()

    @rule(days=st.integers(0, 3))
    def clean_up(self, days: int) -> None:
        now = NOW + timedelta(days=4)
        report = self.store.cleanup(
            older_than=timedelta(days=days), max_size_bytes=None, dry_run=False, now=now
        )
        self.known = [
            image_id for image_id in self.known if image_id not in {r.image_id for r in report.images}
        ]

    @invariant()
    def index_and_disk_agree(self) -> None:
        assert set(check_whole(self.base)) == set(self.known)
        assert {record.image_id for record in self.store.iter_records(HistoryQuery())} == set(self.known)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestAnyOrderOfStepsKeepsIndexAndDiskEqual = StoreMachine.TestCase
TestAnyOrderOfStepsKeepsIndexAndDiskEqual.settings = settings(max_examples=15, stateful_step_count=12)
