"""What the store's tests share: records, the invariants of a folder, and programs for other processes.

`python -m tests.store_world write BASE COUNT` saves images and prints each id once it is saved.
`python -m tests.store_world die PROGRAM BASE STRIDE` kills itself (-9) at every line of the store's code in
turn, or at every STRIDE-th, and checks after each death that nothing is torn or lost.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import imagegen.store
from imagegen.store import ImageStore, open_store
from imagegen.store.repair import INDEX_NAME
from imagegen.store.sidecar import read_sidecar
from imagegen.store.staging import STAGING
from imagegen.types import CostBasis, CostInfo, FileInfo, HistoryQuery, ImageRecord, Operation

STORE_CODE = str(Path(imagegen.store.__file__).parent)
TOUCHES_NO_FILE = ("sidecar.py", "queries.py", "identifiers.py")  # a death there changes nothing
Work = Callable[[ImageStore], None]
PRESENT = "img_20260102030405_0123456789ab"
EVERYTHING = HistoryQuery(limit=1000)


def open_at(base: Path, *, dated: bool = True, mode: int = 0o644) -> ImageStore:
    """A store as the tests use it."""
    return open_store(base, create_subdirectories=dated, file_permissions=mode)


def build_record(
    store: ImageStore,
    data: bytes,
    *,
    created_at: datetime | None = None,
    cost_usd: Decimal | None = Decimal("0.04"),
    image_id: str | None = None,
    **changes: Any,
) -> ImageRecord:
    """A record that is true of `data`."""
    moment = created_at or datetime.now(UTC)
    image_id = image_id or store.new_image_id(moment)
    values: dict[str, Any] = {
        "task_id": "task_1",
        "operation": Operation.GENERATE,
        "prompt": "a red fox under pine trees",
        "provider": "local",
        "model": "composer",
        "parameters": {"asked": {}, "sent": {}},
        "notes": (),
        **changes,
    }
    file_info = FileInfo(
        filename=store.filename_for(image_id, "png", moment),
        size_bytes=len(data),
        format="png",
        width=3,
        height=2,
        sha256=hashlib.sha256(data).hexdigest(),
    )
    cost_info = CostInfo(estimated_cost_usd=None, cost_usd=cost_usd, basis=CostBasis.TABLE)
    return ImageRecord(
        image_id=image_id, created_at=moment, file_info=file_info, cost_info=cost_info, **values
    )


def save(store: ImageStore, data: bytes = b"pixels", **changes: Any) -> ImageRecord:
    """Save some bytes and return their record."""
    return store.save(build_record(store, data, **changes), data)


def files_below(folder: Path) -> set[str]:
    """Every file below a folder, relative, with `/`."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def records_on_disk(base: Path) -> dict[str, ImageRecord]:
    """Every sidecar, read without the store, after checking that it and its image belong together."""
    images, found = base / "images", {}
    names = files_below(images)
    for name in sorted(name for name in names if name.endswith(".json")):
        record = read_sidecar((images / name).read_bytes())
        data = (images / record.file_info.filename).read_bytes()
        assert hashlib.sha256(data).hexdigest() == record.file_info.sha256, f"{name} has a torn image"
        names -= {name, record.file_info.filename}
        found[record.image_id] = record
    assert not names, f"files without a sidecar: {names}"
    return found


def check_whole(base: Path) -> dict[str, ImageRecord]:
    """Open the store as the next command would, and check disk, index and sums against each other."""
    with open_at(base) as store:
        on_disk = records_on_disk(base)
        listed = list(store.iter_records(EVERYTHING))
        assert {record.image_id: record for record in listed} == on_disk
        assert len(listed) == len(on_disk)
        stats = store.stats()
        assert stats.images == len(on_disk)
        assert stats.size_bytes == sum(record.file_info.size_bytes for record in listed)
        assert stats.cost_usd == sum(
            (record.cost_info.cost_usd or Decimal(0) for record in listed), Decimal(0)
        )
    return on_disk


def _write(base: Path, count: int) -> None:
    with open_at(base) as store:
        for _ in range(count):
            record = save(store, os.urandom(random.randrange(1, 200_000)))
            print(record.image_id, flush=True)  # noqa: T201  # what the parent waits for


def _die_after(lines: int) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that ends the process with kill -9 at that line of the store's code."""
    left = lines

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if not frame.f_code.co_filename.startswith(STORE_CODE):
            return None
        if frame.f_code.co_filename.endswith(TOUCHES_NO_FILE):
            return None
        if event == "line":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


def _survives(work: Callable[[], None], lines: int) -> bool:
    """Whether `work` ends by itself before that many lines of the store's code, in a process of its own."""
    child = os.fork()
    if child == 0:
        sys.settrace(_die_after(lines))
        work()
        sys.settrace(None)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"the child failed at line {lines}"
    return os.WIFEXITED(status)


@dataclass(frozen=True)
class Program:
    """What runs when the process dies, what was before, and which images may be found afterwards."""

    prepare: Work
    work: Work
    expect: Callable[[set[str]], bool]


def _die_everywhere(base: Path, program: Program, stride: int) -> None:
    lines = 1
    survived = False
    while not survived:
        shutil.rmtree(base, ignore_errors=True)
        with open_at(base) as store:
            program.prepare(store)
        survived = _survives(lambda: _in_store(base, program.work), lines)
        assert program.expect(set(check_whole(base))), f"after a death at line {lines}"
        lines += stride
    print(lines)  # noqa: T201  # how many lines there were


def _in_store(base: Path, work: Work) -> None:
    with open_at(base) as store:
        work(store)


def _save_present(store: ImageStore) -> None:
    save(store, image_id=PRESENT)


def _save_two(store: ImageStore) -> None:
    store.save_all([(build_record(store, data), data) for data in (b"first", b"second")])


def _delete_present(store: ImageStore) -> None:
    store.delete([PRESENT])


def _leave_half_saved(store: ImageStore) -> None:
    """As a process leaves it that dies when both files are whole and nothing is in its place yet."""
    image = store.path_of(save(store, image_id=PRESENT))
    for path in (image, image.with_suffix(".json")):
        path.replace(image.parents[3] / STAGING / path.name)


def _lose_index(store: ImageStore) -> None:
    image = store.path_of(save(store, image_id=PRESENT))
    store.close()
    (image.parents[4] / INDEX_NAME).unlink()


def _look(store: ImageStore) -> None:
    store.latest()


PROGRAMS = {
    "save": Program(_save_present, _save_two, lambda found: PRESENT in found),
    "delete": Program(_save_present, _delete_present, lambda found: found <= {PRESENT}),
    "sweep": Program(_leave_half_saved, _look, lambda found: found == {PRESENT}),
    "rebuild": Program(_lose_index, _look, lambda found: found == {PRESENT}),
}


if __name__ == "__main__":
    if sys.argv[1] == "write":
        _write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        _die_everywhere(Path(sys.argv[3]), PROGRAMS[sys.argv[2]], int(sys.argv[4]))
