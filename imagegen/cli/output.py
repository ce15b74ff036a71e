"""How results and news look: data on stdout, talk on stderr, nothing of either where it was not wanted."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import typer

from imagegen.types import CostBasis, CostInfo, Estimate, Progress

GAP_COLUMNS = 3  # between two columns of a table
LAST_COLUMNS = 16  # as much as the last one is cut to before another gives way
NEWS = {"partial": "previews so far: {}", "retrying": "asking again", "received": "saving the answer"}


class Talk:
    """What a command says on stderr, and what it heard of the running call."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self.silent = quiet or as_json
        self._saved: tuple[str, ...] = ()
        self._partial_images = 0
        self._add: Callable[[str], object] = str  # to what stands beside the spinner, while there is one

    def note(self, text: str) -> None:
        """One line about what was noticed; in JSON documents notes stand in the document."""
        if not self.silent:
            typer.secho(f"note: {text}", err=True, dim=True)

    def detail(self, text: str) -> None:
        """One line that belongs to the result."""
        if not self.silent:
            typer.secho(text, err=True, dim=True)

    def hear(self, progress: Progress) -> None:
        """The progress callback: says how far it is, and remembers what was saved, for the case of Ctrl-C."""
        if progress.stage == "saved":
            self._saved = progress.image_ids
        self._partial_images += progress.stage == "partial"
        if progress.stage in NEWS:
            self._add(NEWS[progress.stage].format(self._partial_images))

    def what_was_saved(self) -> str:
        """For an interruption: what reached the history, in one sentence."""
        if self._saved:
            return f"The answer had arrived and is saved: {', '.join(self._saved)}"
        return "Nothing was saved."

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A spinner with the time that has passed, on a terminal only."""
        if self.silent or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import Progress as Bars
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            spinner = bars.add_task(what, total=None)
            self._add = lambda news: bars.update(spinner, description=f"{what}: {news}")
            yield


def open_in_viewer(path: Path, talk: Talk) -> bool:
    """Open a file in the system's viewer; where there is none, say so. Whether it was opened."""
    opened = typer.launch(str(path)) == 0
    if not opened:
        talk.note("no viewer could be started")
    return opened


def quoted(command: Sequence[str]) -> str:
    """The command as it can be pasted into the shell of this machine."""
    if sys.platform == "win32":
        from subprocess import list2cmdline

        return list2cmdline(command)
    return shlex.join(command)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)  # six decimals survive a double; sums were made before
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value)


def rfc3339(when: datetime) -> str:
    """UTC with a Z."""
    return when.isoformat().replace("+00:00", "Z")


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    spare: Sequence[int] = (),
) -> None:
    """Columns under headers on a terminal; tab-separated lines without headers in a pipe.

    The last column takes what room is left. A terminal that is too narrow for a little of it does without
    the `spare` ones, the first of them first.
    """
    if not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(cell.replace("\t", " ").replace("\n", " ") for cell in row))
        return
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", expand=True)
    cells = [[cell.replace("\n", " ") for cell in row] for row in rows]
    widest = [
        max([cell_len(header), *(cell_len(row[position]) for row in cells)])
        for position, header in enumerate(headers)
    ]
    shown = _that_fit(widest, spare, console.width)
    for position in shown:
        justify: Literal["right", "left"] = "right" if position in right else "left"
        is_last = position == len(headers) - 1
        table.add_column(
            Text(headers[position]),
            justify=justify,
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if is_last else widest[position],
            ratio=1 if is_last else None,
        )
    for row in cells:
        table.add_row(*(Text(row[position], overflow="ellipsis", no_wrap=True) for position in shown))
    console.print(table)


def _that_fit(widest: Sequence[int], spare: Sequence[int], columns: int) -> list[int]:
    """The positions of the columns that there is room for."""
    shown = list(range(len(widest)))
    left_out = iter(spare)
    while sum(widest[p] + GAP_COLUMNS for p in shown[:-1]) + min(widest[-1], LAST_COLUMNS) > columns:
        position = next(left_out, None)
        if position is None:
            break
        shown.remove(position)
    return shown


def money(amount: Decimal | None, basis: CostBasis | None = None) -> str:
    """USD for a person: free, unknown, or as many decimals as it takes to be true."""
    if basis is CostBasis.FREE:
        return "free"
    if amount is None:
        return "cost unknown"
    if amount == 0:
        return "$0"
    return (
        f"${amount:.2f}"
        if amount >= 1
        else f"${amount:.4f}"
        if amount >= Decimal("0.001")
        else f"${amount:.6f}"
    )


def cost_text(cost: CostInfo) -> str:
    """The cost and where it comes from."""
    if cost.basis is CostBasis.TABLE:
        return f"about {money(cost.cost_usd)} (price table)"
    return money(cost.cost_usd, cost.basis)


def estimate_text(estimate: Estimate) -> str:
    """An estimate, or the range of it."""
    if estimate.basis is CostBasis.FREE or estimate.low_usd is None or estimate.low_usd == estimate.high_usd:
        text = money(estimate.high_usd, estimate.basis)
    else:
        text = f"{money(estimate.low_usd)} to {money(estimate.high_usd)}"
    return f"{text} ({estimate.note})" if estimate.note else text


def size_text(size_bytes: int) -> str:
    """Bytes in decimal units, as disks and STORAGE__MAX_SIZE_GB count."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 1000 or unit == "TB":
            break
    return f"{size:.1f} {unit}"


def pixels_text(width: int | None, height: int | None) -> str:
    """WIDTHxHEIGHT, or what a drawing without a size has."""
    return f"{width}x{height}" if width and height else "no fixed size"
