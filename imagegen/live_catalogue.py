"""What the providers said that they have: kept in the cache folder, laid over the shipped tables.

It is a cache: a file that is missing, broken, or of another form counts as empty, and is written anew.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from imagegen.capabilities import ModelInfo, Status
from imagegen.errors import StorageError
from imagegen.types import JSONObject
from imagegen.whole_files import write_whole

FILE_NAME = "models.json"
FORMAT = 1
_MAX_BYTES = 5_000_000
_MAX_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A model as its provider lists it; `makes_images` None: the list does not say."""

    id: str
    shutdown_date: date | None = None
    makes_images: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveList:
    """What the provider at `address` said at `fetched_at`."""

    address: str
    fetched_at: datetime
    models: tuple[LiveModel, ...]


def load_live_lists(path: Path) -> Mapping[str, LiveList]:
    """The kept lists by provider; what cannot be read is as if it were not there."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        return {}
    kept = document.get("providers")
    named = kept.items() if isinstance(kept, dict) else ()
    return {name: found for name, entry in named if (found := _list_from(entry)) is not None}


def save_live_lists(path: Path, lists: Mapping[str, LiveList]) -> None:
    """Replace the kept lists in one step. Raises StorageError."""
    text = json.dumps({"format": FORMAT, "providers": {name: _entry(each) for name, each in lists.items()}})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), mode=0o600)
    except OSError as exc:
        raise StorageError(f"Cannot write {path}: {exc.strerror or exc}.", path=str(path)) from exc


def merged(
    models: Sequence[ModelInfo], live: LiveList | None, listed: Callable[[LiveModel], ModelInfo | None]
) -> tuple[ModelInfo, ...]:
    """The models with the shutdown dates of `live`, and behind them those that only `live` has.

    `listed` makes the row of such a model, None to leave it out.
    """
    if live is None:
        return tuple(models)
    said = {model.id: model for model in live.models}
    known = {model.id for model in models}
    new = (listed(model) for name, model in said.items() if name not in known)
    rows = (*models, *(row for row in new if row is not None))
    return tuple(_dated(row, said.get(row.id)) for row in rows)


def _dated(model: ModelInfo, said: LiveModel | None) -> ModelInfo:
    """A date that the provider gives wins over the table's; it takes no date back that the table has."""
    if said is None or said.shutdown_date is None or model.status is Status.RETIRED:
        return model
    return replace(model, status=Status.DEPRECATED, shutdown_date=said.shutdown_date)


def _list_from(entry: object) -> LiveList | None:
    if not isinstance(entry, dict):
        return None
    fetched_at, address, models = (entry.get(key) for key in ("fetched_at", "address", "models"))
    if not (isinstance(fetched_at, str) and isinstance(address, str) and isinstance(models, list)):
        return None
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(fetched_at)
        if moment.tzinfo is not None:
            read = tuple(live_models(models))
            return LiveList(address=address, fetched_at=moment.astimezone(UTC), models=read)
    return None


def live_models(entries: Sequence[object]) -> Iterator[LiveModel]:
    """The models of a list as `GET /models` gives it; entries that are none are left out."""
    for entry in entries:
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(name, str) and _is_id(name):
            yield LiveModel(name, _date(entry.get("shutdown_date")), _makes_images(entry))


def _is_id(name: str) -> bool:
    return 0 < len(name) <= _MAX_ID_CHARS and name.isprintable() and " " not in name


def _date(text: object) -> date | None:
    with contextlib.suppress(ValueError):
        return date.fromisoformat(text) if isinstance(text, str) else None
    return None


def _makes_images(entry: Mapping[str, Any]) -> bool | None:
    """What the list says of the model's work: our own word, Lemonade's labels, OpenRouter's modalities."""
    if isinstance(entry.get("makes_images"), bool):
        return bool(entry["makes_images"])
    architecture = entry.get("architecture")
    modalities = architecture.get("output_modalities") if isinstance(architecture, dict) else None
    for words in (entry.get("labels"), modalities):
        if isinstance(words, list):
            return "image" in words
    return None


def _entry(live: LiveList) -> JSONObject:
    return {
        "address": live.address,
        "fetched_at": live.fetched_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "models": [
            {
                "id": model.id,
                "shutdown_date": model.shutdown_date.isoformat() if model.shutdown_date else None,
                "makes_images": model.makes_images,
            }
            for model in live.models
        ],
    }
