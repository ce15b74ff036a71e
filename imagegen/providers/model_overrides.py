"""The user's `models.toml`: models that are new, or not as the tables have them.

    [models.openai.my-model]
    like = "gpt-image-2.6-flare"          # takes over everything that is not said here
    shutdown_date = 2027-06-30

    [models.openai.my-model.parameters]
    size = { fixed = ["1024x1024"] }      # a rule, in the forms of the shipped tables
    style = false                         # not taken

What images cost is said in `prices.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imagegen.capabilities import AnyText, Choice, FreeSize, ModelInfo, Range, Rule, SizeRule, Status
from imagegen.config_formats import is_there, read_toml
from imagegen.errors import ConfigurationError
from imagegen.types import PARAMETERS, Operation

FILE_NAME = "models.toml"

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the file something stands."""

    path: Path
    keys: tuple[str, ...]

    def inside(self, key: str) -> _Place:
        return _Place(self.path, (*self.keys, key))

    def wrong(self, problem: str, hint: str | None = None) -> ConfigurationError:
        return ConfigurationError(
            f"{'.'.join(self.keys)} in {self.path} {problem}", hint=hint, path=str(self.path)
        )

    def table(self, value: object) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong("is not a table.")
        return value

    def read(self, value: object, reader: Reader, takes: str) -> Any:
        try:
            return reader(value)
        except (TypeError, ValueError) as exc:
            raise self.wrong(f"is {_shown(value)}; it takes {takes}.") from exc

    def known(self, table: Mapping[str, Any], names: Iterable[str], what: str) -> None:
        """Refuse keys that are not among `names`."""
        allowed = list(names)
        for key in table:
            if key not in allowed:
                raise self.inside(key).wrong(f"is no {what}.", f"There are {', '.join(allowed)}.")


def overridden(
    path: Path, provider: str, models: Sequence[ModelInfo], unlisted: Callable[[str], ModelInfo]
) -> tuple[ModelInfo, ...]:
    """The models as the user's file has them, new ones behind them; the file need not exist.

    `unlisted` makes the row of a new model that is like no other. Raises ConfigurationError, which names
    file and key, and says what is allowed.
    """
    by_id = {model.id: model for model in models}
    place = _Place(path, ("models", provider))
    for model_id, value in place.table(_owners(path).get(provider, {})).items():
        inside = place.inside(model_id)
        entry = inside.table(value)
        by_id[model_id] = _changed(_base(model_id, entry, by_id, unlisted, inside), entry, inside)
    return tuple(by_id.values())


def check_owners(path: Path, providers: Iterable[str]) -> None:
    """Raise ConfigurationError where the file speaks of a provider that there is not."""
    _Place(path, ("models",)).known(_owners(path), providers, "provider with a table of models")


def _owners(path: Path) -> Mapping[str, Any]:
    if not is_there(path):
        return {}
    document = read_toml(path)
    for key in document:
        if key != "models":
            raise _Place(path, (key,)).wrong("is no part of such a file.", "There is models.")
    return _Place(path, ("models",)).table(document.get("models", {}))


def _base(
    model_id: str,
    entry: Mapping[str, Any],
    by_id: Mapping[str, ModelInfo],
    unlisted: Callable[[str], ModelInfo],
    place: _Place,
) -> ModelInfo:
    """The row that the entry changes: another model's where it is like that, else its own."""
    like = entry.get("like")
    if like is None:
        return by_id.get(model_id) or unlisted(model_id)
    if not isinstance(like, str) or like not in by_id:
        known = ", ".join(by_id)
        raise place.inside("like").wrong(f"is {_shown(like)}, which is no model.", f"There are {known}.")
    # What is said of the other one's life is not said of this one.
    alike = replace(by_id[like], id=model_id, title=model_id, notes=())
    return replace(alike, status=Status.ACTIVE, shutdown_date=None, replacement=None)


def _changed(model: ModelInfo, entry: Mapping[str, Any], place: _Place) -> ModelInfo:
    place.known(entry, (*_KEYS, "like", "parameters"), "entry of a model")
    said: dict[str, Any] = {
        key: place.inside(key).read(entry[key], *_KEYS[key]) for key in _KEYS if key in entry
    }
    if model.status is Status.UNKNOWN and "status" not in said:
        said["status"] = Status.ACTIVE
    if "shutdown_date" in entry and "status" not in entry:
        said["status"] = Status.DEPRECATED
    if entry.get("status") == Status.ACTIVE and "shutdown_date" not in entry:
        said["shutdown_date"] = None
    inside = place.inside("parameters")
    parameters = inside.table(entry.get("parameters", {}))
    inside.known(parameters, sorted(PARAMETERS), "parameter")
    rules = {name: _rule(value, inside.inside(name)) for name, value in parameters.items()}
    if rules:
        # With rules of its own it is known: what has none is not taken.
        said |= {"parameters": _laid_over(model.parameters, rules), "takes_anything": False}
    return replace(model, **said)


def _laid_over(below: Mapping[str, Rule], above: Mapping[str, Rule | None]) -> dict[str, Rule]:
    both = {**below, **above}
    return {name: rule for name, rule in both.items() if rule is not None}


def _rule(value: object, place: _Place) -> Rule | None:
    if value is False:
        return None
    table = place.table(value)
    for keys, build in _FORMS.items():
        if table and set(table) <= set(keys) and keys[0] in table:
            return build(table, place)
    forms = "; ".join(", ".join(keys) for keys in _FORMS)
    raise place.wrong("is no rule.", f"A rule has one of these sets of keys: {forms}. Or it is false.")


def _choice(table: Mapping[str, Any], place: _Place) -> Rule:
    return Choice(place.inside("values").read(table["values"], _words, "a list of words"))


def _range(table: Mapping[str, Any], place: _Place) -> Rule:
    low, high = (
        place.inside(key).read(table.get(key), _whole, "a whole number") for key in ("minimum", "maximum")
    )
    return Range(low, high)


def _any_text(table: Mapping[str, Any], place: _Place) -> Rule:
    return AnyText(place.inside("max_length").read(table["max_length"], _positive, "a whole number above 0"))


def _sizes(table: Mapping[str, Any], place: _Place) -> Rule:
    fixed = place.inside("fixed").read(table["fixed"], _words, "a list of sizes")
    if "free" not in table:
        return SizeRule(fixed)
    inside = place.inside("free")
    bounds = inside.table(table["free"])
    inside.known(bounds, _FREE, "bound of a size")
    numbers = {key: inside.inside(key).read(bounds[key], _FREE[key], "a number above 0") for key in bounds}
    for key in ("max_side", "max_area", "max_ratio"):
        if key not in numbers:
            raise inside.wrong(f"has no {key}.", f"There are {', '.join(_FREE)}.")
    return SizeRule(fixed, FreeSize(**numbers))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError
    return value


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(word) for word in value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value


def _positive(value: object) -> int:
    if _whole(value) == 0:
        raise ValueError
    return _whole(value)


def _ratio(value: object) -> float:
    if isinstance(value, float) and value >= 1:
        return value
    return float(_positive(value))


def _day(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value


def _operations(value: object) -> frozenset[Operation]:
    return frozenset(Operation(word) for word in _words(value))


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if value is None:
        return "not given"
    return repr(value[:80]) if isinstance(value, str) else str(value).lower()


_KEYS: Mapping[str, tuple[Reader, str]] = MappingProxyType(
    {
        "title": (_text, "text"),
        "status": (Status, f"one of {', '.join(Status)}"),
        "shutdown_date": (_day, "a date, such as 2027-06-30, without quotes"),
        "replacement": (_text, "the name of a model"),
        "notes": (_words, "a list of sentences"),
        "operations": (_operations, f"a list of {', '.join(Operation)}"),
        "max_prompt_chars": (_positive, "a whole number above 0"),
        "max_input_images": (_whole, "a whole number"),
        "input_formats": (_words, "a list of formats"),
        "transparent_formats": (_words, "a list of formats"),
        "takes_mask": (_truth, "true or false"),
        "takes_markup": (_truth, "true or false"),
    }
)
_FREE: Mapping[str, Reader] = MappingProxyType(
    {
        "multiple": _positive,
        "min_side": _positive,
        "max_side": _positive,
        "min_area": _positive,
        "max_area": _positive,
        "max_ratio": _ratio,
    }
)
_FORMS: Mapping[tuple[str, ...], Callable[[Mapping[str, Any], _Place], Rule]] = MappingProxyType(
    {
        ("values",): _choice,
        ("minimum", "maximum"): _range,
        ("max_length",): _any_text,
        ("fixed", "free"): _sizes,
    }
)
