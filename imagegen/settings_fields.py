"""Every setting by its dotted name: how the environment spells it, what it takes, how it is shown.

All of it is read off the models in `settings`, so that documentation, errors and completion cannot drift.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from imagegen.errors import NotFound
from imagegen.settings import CompatibleSettings, Settings
from imagegen.settings_values import NOT_SERVERS, SERVER_NAME, About, Section

PREFIX = "IMAGEGEN_"
DELIMITER = "__"
SHOWN_CHARACTERS = 80
SERVERS = "providers.compatible"
PLACEHOLDER = "<name>"

# Key formats of the vendors in use, bearer tokens, and any long run that mixes letters and digits as keys do.
SECRET_LOOK = re.compile(
    r"\b(?:sk|rk|pk|key)-[\w-]{8,}|AIza[\w-]{20,}|\beyJ[\w-]{10,}|\b(?=\w*\d)(?=\w*[A-Za-z])\w{32,}"
)
USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting: `name` is dotted, `environment` its variable, `takes` ends the sentence "it takes …"."""

    name: str
    environment: str
    vendor: str | None
    vendor_alias: str | None
    secret: bool
    octal: bool
    default: Any
    takes: str
    description: str

    @property
    def group(self) -> str:
        """The dotted name without its last part."""
        return self.name.rpartition(".")[0]

    @property
    def key(self) -> str:
        """The last part of the dotted name."""
        return self.name.rpartition(".")[2]

    def value_in(self, settings: Settings) -> Any:
        """The setting's value, typed; a secret stays wrapped. A server that nobody set has the defaults."""
        value: Any = settings
        for part in self.name.split("."):
            value = value.get(part, _UNSET_SERVER) if isinstance(value, dict) else getattr(value, part)
        return value


def field_named(name: str) -> SettingField | None:
    """The setting of that dotted name, which may be one of a server; None where there is none."""
    server, key = server_and_key(name)
    if server is None or not is_server_name(server):
        return FIELDS.get(name)
    template = SERVER_FIELDS.get(key)
    return template and replace(template, name=name, environment=_environment(name))


def fields_in(settings: Settings) -> Iterator[SettingField]:
    """Every setting, those of the servers that `settings` has at the end."""
    yield from FIELDS.values()
    for server in settings.providers.compatible:
        for key, template in SERVER_FIELDS.items():
            name = f"{SERVERS}.{server}.{key}"
            yield replace(template, name=name, environment=_environment(name))


def server_and_key(name: str) -> tuple[str | None, str]:
    """The server and the key that a dotted name speaks of; None where it speaks of no server."""
    if not name.startswith(f"{SERVERS}."):
        return None, ""
    server, _, key = name.removeprefix(f"{SERVERS}.").partition(".")
    return server, key


def is_server_name(name: str) -> bool:
    """Whether a server may have that name."""
    return name not in NOT_SERVERS and SERVER_NAME.fullmatch(name) is not None


def is_group(name: str) -> bool:
    """Whether that dotted name is a group of settings, a server among them."""
    return name in GROUPS or server_and_key(name) == (name.rpartition(".")[2], "")


def find_setting(name: str) -> SettingField:
    """The setting of that dotted name. Raises NotFound, which names the nearest one or the group's own."""
    field = field_named(name)
    if field is None:
        raise NotFound(f"No setting is called {name}.", hint=suggestion(name), setting=name)
    return field


def suggestion(name: str, *, as_variables: bool = False) -> str:
    """The next step after an unknown dotted name; settings are spelt dotted or as the environment does."""
    server, key = server_and_key(name)
    if server is not None or name == SERVERS:
        return _server_suggestion(server or PLACEHOLDER, key, as_variables=as_variables)
    near = None if name in GROUPS else nearest(name)
    if near:
        return f"Did you mean {FIELDS[near].environment if as_variables else near}?"
    group = name
    while group and group not in GROUPS:
        group = group.rpartition(".")[0]
    inside = [field for field in FIELDS.values() if field.name.startswith(f"{group}." if group else "")]
    spelt = ", ".join(field.environment if as_variables else field.name for field in inside)
    return f"There {'are' if len(inside) > 1 else 'is'} {spelt}."


def _server_suggestion(server: str, key: str, *, as_variables: bool) -> str:
    from difflib import get_close_matches

    if server != PLACEHOLDER and not is_server_name(server):
        reserved = ", ".join(sorted(NOT_SERVERS))
        return (
            f"A server's name has letters, digits, - and _, begins with a letter, and is none of {reserved}."
        )
    near = get_close_matches(key, SERVER_FIELDS, n=1, cutoff=0.75)
    names = [f"{SERVERS}.{server}.{known}" for known in near or SERVER_FIELDS]
    spelt = ", ".join(_environment(name) if as_variables else name for name in names)
    return f"Did you mean {spelt}?" if near else f"There are {spelt}."


def nearest(name: str) -> str | None:
    """The setting whose dotted name, or whose last part, is spelt most like `name`."""
    from difflib import get_close_matches

    lowered = name.lower()
    near = get_close_matches(lowered, FIELDS, n=1, cutoff=0.75)
    if near:
        return near[0]
    by_key = {field.key: field.name for field in FIELDS.values()}
    near = get_close_matches(lowered.rpartition(".")[2], by_key, n=1, cutoff=0.75)
    return by_key[near[0]] if near else None


def masked(secret: str) -> str:
    """Enough of a key to recognise it, never enough to use it: `sk-…9f2c (set)`."""
    return f"{_shortened(secret)} (set)" if len(secret) >= 16 else "(set)"


def plain(field: SettingField, value: Any) -> Any:
    """The value as JSON holds it: text, number, truth value or None; a secret masked, a mode in octal."""
    if isinstance(value, SecretStr):
        return masked(value.get_secret_value())
    if field.octal:
        return f"{value:o}"
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, tuple):
        return [_without_secrets(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _without_secrets(value) if isinstance(value, str) else value


def quoted(field: SettingField, value: object) -> str:
    """A rejected value for a message: never a secret, nor what looks like one, nor a whole table."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    if field.secret:
        return "a value that is not shown here"
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    text = _without_secrets(value)
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


def printable(text: str) -> str:
    """The text with characters escaped that a terminal would act on."""
    return repr(text)[1:-1]


def _without_secrets(text: str) -> str:
    return SECRET_LOOK.sub(lambda found: _shortened(found[0]), USERINFO.sub("…@", text))


def _shortened(secret: str) -> str:
    head = re.match(r"[A-Za-z]{1,4}-", secret)
    return f"{head[0] if head else ''}…{secret[-4:] if len(secret) >= 16 else ''}"


def _walk(section: type[BaseModel], prefix: str) -> Iterator[SettingField]:
    for key, info in section.model_fields.items():
        name = f"{prefix}{key}"
        inner = _section_of(info)
        if inner:
            yield from _walk(inner, f"{name}.")
        elif name != SERVERS:
            yield _field(name, info)


def _walk_groups(section: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for key, info in section.model_fields.items():
        inner = _section_of(info)
        if inner:
            yield f"{prefix}{key}", (inner.__doc__ or "").strip()
            yield from _walk_groups(inner, f"{prefix}{key}.")
        elif f"{prefix}{key}" == SERVERS:
            yield SERVERS, (CompatibleSettings.__doc__ or "").strip()


def _section_of(info: FieldInfo) -> type[Section] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _field(name: str, info: FieldInfo) -> SettingField:
    about = next((mark for mark in info.metadata if isinstance(mark, About)), None)
    return SettingField(
        name=name,
        environment=_environment(name),
        vendor=about.vendor if about else None,
        vendor_alias=about.vendor_alias if about else None,
        secret=_mentions_secret(info.annotation),
        octal=bool(about and about.octal),
        default=info.default,
        takes=about.takes if about else _takes(info),
        description=info.description or "",
    )


def _environment(name: str) -> str:
    return name.replace(".", DELIMITER).upper()


def _mentions_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_mentions_secret(part) for part in get_args(annotation))


def _takes(info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return ", ".join(get_args(info.annotation))
    if info.annotation is bool:
        return "true or false"
    bounds = [text for mark in info.metadata for text in _bound(mark)]
    return f"a {'whole ' if info.annotation is int else ''}number, {' and '.join(bounds)}"


def _bound(mark: object) -> Iterator[str]:
    if isinstance(mark, Ge):
        yield f"at least {mark.ge}"
    if isinstance(mark, Gt):
        yield f"above {mark.gt}"
    if isinstance(mark, Le):
        yield f"at most {mark.le}"


FIELDS: Mapping[str, SettingField] = MappingProxyType({field.name: field for field in _walk(Settings, "")})
"""All settings by dotted name, in the order of the models."""

SERVER_FIELDS: Mapping[str, SettingField] = MappingProxyType(
    {field.key: field for field in _walk(CompatibleSettings, f"{SERVERS}.{PLACEHOLDER}.")}
)
"""The settings of a server by key; in their names `<name>` stands for the server's."""

_UNSET_SERVER = CompatibleSettings()

GROUPS: Mapping[str, str] = MappingProxyType(dict(_walk_groups(Settings, "")))
"""The groups of settings by dotted name, each with the sentence that describes it."""
