"""Model tables: the TOML files in `models/` beside this module, read into `ModelInfo` rows.

A family lists what its models share and may inherit from another; openai.toml shows every form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from imagegen import live_catalogue
from imagegen.capabilities import AnyText, Choice, FreeSize, ModelInfo, Range, Rule, SizeRule, Status
from imagegen.live_catalogue import LiveModel, load_live_lists
from imagegen.paths import cache_folder, config_folder
from imagegen.providers import model_overrides
from imagegen.providers.model_overrides import overridden
from imagegen.types import Operation

_ROW_ONLY = ("family", "snapshots")


@dataclass(frozen=True, slots=True)
class ModelTable:
    """One provider's models. `unknown` is the row that stands for a model of any other name."""

    default_model: str
    models: tuple[ModelInfo, ...]
    unknown: ModelInfo

    def unlisted(self, model_id: str, note: str) -> ModelInfo:
        """A model that is not in the table: whatever the user says of it is passed through."""
        return replace(self.unknown, id=model_id, title=model_id, notes=(note,))

    def listed(self, model: LiveModel) -> ModelInfo | None:
        """A model that the provider lists and the table does not have; None where it makes no images."""
        if not model.makes_images:
            return None
        return self.unlisted(
            model.id, f"{model.id} is newer than this version: its parameters are sent unchecked"
        )


def load_model_table(provider: str) -> ModelTable:
    """Read `models/PROVIDER.toml`: what this version was shipped with."""
    import tomllib

    text = files(__package__).joinpath("models", f"{provider}.toml").read_text(encoding="utf-8")
    return build_model_table(tomllib.loads(text))


def current_models(
    provider: str,
    models: Sequence[ModelInfo],
    template: ModelInfo,
    *,
    address: str,
    listed: Callable[[LiveModel], ModelInfo | None],
) -> tuple[ModelInfo, ...]:
    """The models with what `imagegen models refresh` found at `address`, and then the user's `models.toml`.

    `listed` makes the row of a model that only the found list has, None to leave it out; `template` is
    the row of one that only the user's file has. Raises ConfigurationError for a fault in that file.
    """
    live = load_live_lists(cache_folder() / live_catalogue.FILE_NAME).get(provider)
    if live is not None and live.address != address:
        live = None

    def unlisted(model_id: str) -> ModelInfo:
        return replace(template, id=model_id, title=model_id)

    found = live_catalogue.merged(models, live, listed)
    return overridden(config_folder() / model_overrides.FILE_NAME, provider, found, unlisted)


def build_model_table(document: Mapping[str, Any]) -> ModelTable:
    """Turn a table's document into rows. Raises KeyError, TypeError or ValueError where it is malformed."""
    families, provider = document["family"], document["provider"]
    models = (model for row in document["model"] for model in _rows(row, families, provider))
    unlisted = {"id": "", "title": "", "parameters": {}, "status": Status.UNKNOWN, "takes_anything": True}
    unknown = _model({**unlisted, **document["unknown"]}, provider)
    return ModelTable(document["default_model"], tuple(models), unknown)


def _rows(row: Mapping[str, Any], families: Mapping[str, Any], provider: str) -> list[ModelInfo]:
    own = {name: value for name, value in row.items() if name not in _ROW_ONLY}
    model = _model({**_family(row["family"], families), **own}, provider)
    dated = (
        replace(model, id=snapshot, title=f"{model.title} ({snapshot.removeprefix(model.id + '-')})")
        for snapshot in row.get("snapshots", ())
    )
    return [model, *dated]


def _family(name: str, families: Mapping[str, Any]) -> dict[str, Any]:
    """A family's entries on top of those it inherits, parameter by parameter."""
    own = dict(families[name])
    parent = own.pop("inherits", None)
    inherited = _family(parent, families) if parent else {}
    parameters = {**inherited.get("parameters", {}), **own.get("parameters", {})}
    return {**inherited, **own, "parameters": parameters}


def _model(entries: Mapping[str, Any], provider: str) -> ModelInfo:
    rules = {name: _rule(rule) for name, rule in entries["parameters"].items()}
    operations = frozenset(Operation(word) for word in entries.get("operations", list(Operation)))
    status = Status(entries.get("status", Status.ACTIVE))
    named = {"provider": provider, "parameters": rules, "operations": operations, "status": status}
    return ModelInfo(**{**entries, **named})


def _rule(entries: Mapping[str, Any]) -> Rule:
    if "values" in entries:
        return Choice(tuple(entries["values"]))
    if "fixed" in entries:
        free = entries.get("free")
        return SizeRule(tuple(entries["fixed"]), FreeSize(**free) if free else None)
    if "max_length" in entries:
        return AnyText(**entries)
    return Range(**entries)
