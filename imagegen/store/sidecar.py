"""The sidecar: an ImageRecord as JSON beside its image, for people, other programs and the index.

Money is a JSON number with at most six decimals (micro-dollars). Such a number has few enough digits that
its shortest text as a float is the decimal itself, so nothing is rounded on the way there and back.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

from imagegen.errors import StorageError
from imagegen.store.identifiers import IMAGE_ID_PATTERN, filename_problem
from imagegen.types import CostBasis, CostInfo, FileInfo, ImageRecord, JSONObject, Operation, TemplateUse

SCHEMA_VERSION = 1
MICRO_DOLLAR = Decimal("0.000001")
MAX_MONEY = Decimal(10**9)
MAX_SIZE_BYTES = 2**63 - 1
SHA256_PATTERN = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")


def write_sidecar(record: ImageRecord) -> bytes:
    """The sidecar's bytes: indented JSON in UTF-8."""
    return _encode(record_to_json(record), indent=2) + b"\n"


def write_row(record: ImageRecord) -> str:
    """The same document on one line, as the index keeps it."""
    return _encode(record_to_json(record), indent=None).decode()


def read_sidecar(data: bytes | str) -> ImageRecord:
    """The record in a sidecar. Raises StorageError that says what is wrong with it."""
    return record_from_json(load_object(data))


def load_object(data: bytes | str) -> JSONObject:
    """A JSON object. Raises StorageError."""
    try:
        document = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as exc:
        raise StorageError(f"It is no valid JSON: {exc}.") from exc
    if not isinstance(document, dict):
        raise StorageError(f"It holds a JSON {type(document).__name__}, not an object.")
    return document


def dump_object(document: Mapping[str, Any]) -> bytes:
    """Indented JSON of anything that is JSON at heart; what is not is written as text."""
    return _encode(plain(document), indent=2) + b"\n"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _encode(document: Any, *, indent: int | None) -> bytes:
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(document, indent=indent, separators=separators, ensure_ascii=False, allow_nan=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, from a shell argument that was no UTF-8
        return json.dumps(document, indent=indent, separators=separators, allow_nan=False).encode("ascii")


def plain(value: Any) -> Any:
    """The value in JSON's own types. Never fails: no paid image is lost over a detail."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime) and value.tzinfo is not None:
        return write_time(value)
    return str(value)


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC with Z; microseconds where there are any."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def micro_dollars(amount: Decimal | None) -> int | None:
    """Whole micro-dollars; None for an amount that is unknown or no sum of money."""
    if amount is None or not amount.is_finite() or abs(amount) >= MAX_MONEY:
        return None
    return int(amount.quantize(MICRO_DOLLAR).scaleb(6))


def dollars(micro: int) -> Decimal:
    """The amount in USD of whole micro-dollars."""
    return Decimal(micro).scaleb(-6)


def _money(amount: Decimal | None) -> int | float | None:
    micro = micro_dollars(amount)
    if micro is None:
        return None
    whole, rest = divmod(micro, 1_000_000)
    return float(dollars(micro)) if rest else whole


def record_to_json(record: ImageRecord) -> JSONObject:
    """The sidecar's document."""
    file, cost, template = record.file_info, record.cost_info, record.template
    document: JSONObject = {
        "schema_version": SCHEMA_VERSION,
        "image_id": record.image_id,
        "task_id": record.task_id,
        "created_at": write_time(record.created_at),
        "operation": str(record.operation),
        "prompt": record.prompt,
        "revised_prompt": record.revised_prompt,
        "provider": record.provider,
        "model": record.model,
        "parameters": plain(record.parameters),
        "notes": list(record.notes),
        "file_info": {
            "filename": file.filename,
            "size_bytes": file.size_bytes,
            "format": file.format,
            "width": file.width,
            "height": file.height,
            "sha256": file.sha256,
        },
        "cost_info": {
            "estimated_cost_usd": _money(cost.estimated_cost_usd),
            "cost_usd": _money(cost.cost_usd),
            "basis": str(cost.basis),
            "tokens_used": cost.tokens_used,
        },
        "parents": list(record.parents),
        "template": {"name": template.name, "arguments": dict(template.arguments)} if template else None,
        "request_id": record.request_id,
        "details": plain(record.details),
    }
    return _with_extra(document, plain(record.extra))


def _with_extra(document: JSONObject, extra: JSONObject) -> JSONObject:
    """Add keys that this version does not know, also within file_info, cost_info and template."""
    for key, value in extra.items():
        known = document.get(key)
        if key not in document:
            document[key] = value
        elif isinstance(known, dict) and isinstance(value, dict):
            document[key] = {**value, **known}
    return document


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes known keys out of a JSON object, each with its type; what is left is not known."""

    values: JSONObject
    where: str = ""

    def take(self, key: str, kind: type[T]) -> T:
        value = self.values.pop(key, None)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(key, value, f"a JSON {_JSON_NAMES[kind]}")
        return value

    def optional(self, key: str, kind: type[T]) -> T | None:
        if self.values.get(key) is None:
            self.values.pop(key, None)
            return None
        return self.take(key, kind)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.optional(key, list) or []
        if not all(isinstance(value, str) for value in values):
            self.refuse(key, values, "a list of strings")
        return tuple(values)

    def money(self, key: str) -> Decimal | None:
        value = self.values.pop(key, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, value, "a JSON number")
        try:
            amount = Decimal(str(value)).quantize(MICRO_DOLLAR)
        except InvalidOperation:
            self.refuse(key, value, "an amount in USD")
        return amount

    def section(self, key: str) -> _Reader:
        return _Reader(dict(self.take(key, dict)), f"{self.where}{key}.")

    def optional_section(self, key: str) -> _Reader | None:
        values = self.optional(key, dict)
        return None if values is None else _Reader(dict(values), f"{self.where}{key}.")

    def refuse(self, key: str, value: object, wanted: str) -> NoReturn:
        text = repr(value)
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        raise StorageError(f"Its {self.where}{key} is {shown}; it must be {wanted}.")


_JSON_NAMES: Mapping[type, str] = {str: "string", int: "integer", list: "list", dict: "object"}


def record_from_json(document: JSONObject) -> ImageRecord:
    """The record of a sidecar's document. Raises StorageError that names the key and the value."""
    reader = _Reader(dict(document))
    version = reader.take("schema_version", int)
    if version != SCHEMA_VERSION:
        newer = (
            "a newer imagegen wrote it; upgrade to read it"
            if version > SCHEMA_VERSION
            else "there is none such"
        )
        raise StorageError(f"Its schema_version is {version}; this version reads {SCHEMA_VERSION} ({newer}).")
    image_id = reader.take("image_id", str)
    if not IMAGE_ID_PATTERN.fullmatch(image_id):
        reader.refuse("image_id", image_id, "img_, 14 digits, _ and 12 hex digits")
    file, cost = reader.section("file_info"), reader.section("cost_info")
    template = reader.optional_section("template")
    record = ImageRecord(
        image_id=image_id,
        task_id=reader.take("task_id", str),
        created_at=_read_time(reader, "created_at"),
        operation=_read_word(reader, "operation", Operation),
        prompt=reader.take("prompt", str),
        revised_prompt=reader.optional("revised_prompt", str),
        provider=reader.take("provider", str),
        model=reader.take("model", str),
        parameters=reader.take("parameters", dict),
        notes=reader.texts("notes"),
        file_info=_read_file_info(file, image_id),
        cost_info=_read_cost_info(cost),
        parents=reader.texts("parents"),
        template=_read_template(template) if template is not None else None,
        request_id=reader.optional("request_id", str),
        details=reader.optional("details", dict) or {},
        extra=reader.values,
    )
    for key, section in (("file_info", file), ("cost_info", cost), ("template", template)):
        if section is not None and section.values:
            reader.values[key] = section.values
    return record


def _read_file_info(reader: _Reader, image_id: str) -> FileInfo:
    filename, sha256 = reader.take("filename", str), reader.take("sha256", str)
    size_bytes = reader.take("size_bytes", int)
    problem = filename_problem(filename, image_id)
    if problem:
        reader.refuse("filename", filename, f"safe: {problem}")
    if not SHA256_PATTERN.fullmatch(sha256):
        reader.refuse("sha256", sha256, "64 lower-case hex digits")
    if not 0 <= size_bytes <= MAX_SIZE_BYTES:
        reader.refuse("size_bytes", size_bytes, "the size of a file")
    return FileInfo(
        filename=filename,
        size_bytes=size_bytes,
        format=reader.take("format", str),
        width=reader.optional("width", int),
        height=reader.optional("height", int),
        sha256=sha256,
    )


def _read_cost_info(reader: _Reader) -> CostInfo:
    return CostInfo(
        estimated_cost_usd=reader.money("estimated_cost_usd"),
        cost_usd=reader.money("cost_usd"),
        basis=_read_word(reader, "basis", CostBasis),
        tokens_used=reader.optional("tokens_used", int),
    )


def _read_template(reader: _Reader) -> TemplateUse:
    arguments = reader.take("arguments", dict)
    if not all(isinstance(value, str) for value in arguments.values()):
        reader.refuse("arguments", arguments, "an object of strings")
    return TemplateUse(name=reader.take("name", str), arguments=arguments)


def _read_time(reader: _Reader, key: str) -> datetime:
    text = reader.take(key, str)
    moment = _parse_time(text)
    if moment is None:
        reader.refuse(key, text, "an RFC 3339 time with its zone, such as 2026-11-22T14:30:05Z")
    return moment


def _parse_time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _read_word(reader: _Reader, key: str, word: Callable[[str], T]) -> T:
    text = reader.take(key, str)
    try:
        return word(text)
    except ValueError:
        reader.refuse(key, text, "a word that this version knows")
