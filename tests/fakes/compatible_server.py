"""Fakes of the servers that speak the Images API, each as strict as none of them is.

    with running_server("localai") as server:
        ...  # calls against server.base_url
        assert server.fields[0] == {...}

A field, a path, a key or a mask that the kind of server does not know is refused, and makes the `with` block
fail: a real server would ignore it in silence. A request takes the next scripted behaviour, or is answered
properly when none is left.
"""

from __future__ import annotations

import base64
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from PIL import Image

from tests.fakes.compatible_kinds import KINDS, Kind
from tests.fakes.http import Exchange, Part, RecordedRequest, serving
from tests.fakes.openai_pictures import picture

Behaviour = Callable[[Exchange], None]


class Violation(ValueError):
    """A request that this kind of server does not understand in full."""


@dataclass(slots=True)
class FakeServer:
    """What a test sees of a server. `files` are served to GET by path; `models` None: no list of them."""

    kind: Kind
    api_key: str | None
    origin: str = ""
    requests: list[RecordedRequest] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    parts: list[list[Part]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    files: dict[str, Behaviour] = field(default_factory=dict)
    models: list[dict[str, Any]] | None = None
    _script: deque[Behaviour] = field(default_factory=deque)

    @property
    def base_url(self) -> str:
        return self.origin + self.kind.base

    def script(self, *behaviours: Behaviour) -> None:
        """Say what happens to the next requests, in order."""
        self._script.extend(behaviours)

    def posts(self) -> list[RecordedRequest]:
        return [request for request in self.requests if request.method == "POST"]

    def next_behaviour(self) -> Behaviour | None:
        return self._script.popleft() if self._script else None


@contextmanager
def running_server(kind: str = "generic", *, api_key: str | None = None) -> Iterator[FakeServer]:
    """Serve until the block ends. `api_key`: the only key that is let in; None: no key may be sent."""
    fake = FakeServer(KINDS[kind], api_key)
    if fake.kind.models is not None:
        fake.models = [{"id": name, "object": "model"} for name in fake.kind.models]

    def answer(exchange: Exchange) -> None:
        request = exchange.request
        try:
            if request.method == "GET":
                _get(fake, exchange)
                return
            fields, edit = _read(fake, request)
        except Violation as violation:
            fake.violations.append(str(violation))
            exchange.send_json(422, {"detail": [{"loc": ["body"], "msg": str(violation), "type": "extra"}]})
            return
        fake.fields.append(fields)
        behaviour = fake.next_behaviour()
        if behaviour is not None:
            behaviour(exchange)
        else:
            exchange.send_json(200, _answer(fake, fields, edit=edit))

    with serving(answer, fake.requests) as origin:
        fake.origin = origin
        yield fake
    assert not fake.violations, fake.violations


def send(document: object, status: int = 200) -> Behaviour:
    """Answer with this document."""
    return lambda exchange: exchange.send_json(status, document)


def send_bytes(content: bytes, content_type: str = "image/png", status: int = 200) -> Behaviour:
    """Answer with these bytes."""
    return lambda exchange: exchange.send(status, content_type, content)


def redirect(location: str) -> Behaviour:
    """Send the client elsewhere."""
    return lambda exchange: exchange.send(302, "text/plain", b"", {"location": location})


def endless(size: int) -> Behaviour:
    """A body of `size` bytes whose length is not announced."""

    def behave(exchange: Exchange) -> None:
        exchange.start(200, {"content-type": "image/png", "transfer-encoding": "chunked"})
        block = bytes(1_000_000)
        for _ in range(size // len(block)):
            exchange.write_chunk(block)
        exchange.write_chunk(b"")

    return behave


def _get(fake: FakeServer, exchange: Exchange) -> None:
    _check_key(fake, exchange.request, required=False)
    path = urlsplit(exchange.request.path).path
    if path == f"{fake.kind.base}/models" and fake.models is not None:
        exchange.send_json(200, {"object": "list", "data": fake.models})
    elif path in fake.files:
        fake.files[path](exchange)
    else:
        exchange.send_json(404, {"detail": "Not Found"})


def _read(fake: FakeServer, request: RecordedRequest) -> tuple[dict[str, Any], bool]:
    kind, place = fake.kind, urlsplit(request.path)
    if dict(parse_qsl(place.query)) != dict(kind.query):
        raise Violation(f"the query is {place.query}")
    _check_key(fake, request, required=fake.api_key is not None)
    path, deployment = place.path.removeprefix(kind.base), None
    if kind.base == "/openai":
        parts = re.fullmatch(r"/deployments/([^/]+)(/.*)", path)
        deployment, path = (parts[1], parts[2]) if parts else (None, path)
        if deployment is None:
            raise Violation(f"no deployment in {place.path}")
    edit = path == kind.edits
    if not edit and path != "/images/generations":
        raise Violation(f"there is no {place.path}")
    fields = _form(fake, request) if edit else request.json
    _check_fields(kind, fields, edit=edit)
    if deployment is not None and fields.get("model") != deployment:
        raise Violation(f"the path names {deployment}, the body {fields.get('model')}")
    return fields, edit


def _check_key(fake: FakeServer, request: RecordedRequest, *, required: bool) -> None:
    sent = {name: request.headers.get(name) for name in ("authorization", "api-key")}
    prefix = "Bearer " if fake.kind.key_header == "authorization" else ""
    wanted = {fake.kind.key_header: f"{prefix}{fake.api_key}"} if fake.api_key else {}
    given = {name: value for name, value in sent.items() if value is not None}
    if given != wanted and (required or given):
        raise Violation(f"the key headers are {given}")


def _check_fields(kind: Kind, fields: Mapping[str, Any], *, edit: bool) -> None:
    allowed = kind.edit_fields if edit else kind.fields
    if set(fields) - allowed:
        raise Violation(f"unknown fields: {sorted(set(fields) - allowed)}")
    required = kind.edit_required if edit else kind.required
    if required - set(fields):
        raise Violation(f"missing fields: {sorted(required - set(fields))}")
    if "size" in fields and not re.fullmatch(r"\d+x\d+", str(fields["size"])):
        raise Violation(f"size is {fields['size']}")
    if kind.response_format == "required" and fields.get("response_format") != "b64_json":
        raise Violation(f"response_format is {fields.get('response_format')}")


def _form(fake: FakeServer, request: RecordedRequest) -> dict[str, Any]:
    kind, parts = fake.kind, request.parts
    fake.parts.append(parts)
    images = [part for part in parts if part.name in ("image", "image[]")]
    masks = [part for part in parts if part.name == kind.mask_field and part.filename]
    texts = [part for part in parts if part.filename is None]
    if not 1 <= len(images) <= kind.images or any(part.name == "image[]" for part in images[:1]) != (
        len(images) > 1
    ):
        raise Violation(f"the images are {[part.name for part in images]}")
    if len(images) + len(masks) + len(texts) != len(parts):
        raise Violation(f"unknown files among {[part.name for part in parts]}")
    if len(masks) > (1 if kind.mask else 0) or (kind.needs_mask and not masks):
        raise Violation(f"{len(masks)} masks")
    for mask in masks:
        _check_mask(kind, mask)
    return {part.name: part.data.decode() for part in texts}


def _check_mask(kind: Kind, mask: Part) -> None:
    with Image.open(io.BytesIO(mask.data)) as image:
        has_alpha, grey = "A" in image.getbands(), image.mode == "L"
    if (kind.mask == "alpha" and not has_alpha) or (kind.mask == "white" and not grey):
        raise Violation(f"the mask does not mark what is {kind.mask}")


def _answer(fake: FakeServer, fields: Mapping[str, Any], *, edit: bool) -> dict[str, Any]:
    width, _, height = str(fields.get("size", "64x64")).partition("x")
    output_format = str(fields.get("output_format", "png"))
    count = int(fields.get("n", 1))
    images = [picture(output_format, int(width), int(height), number) for number in range(count)]
    linked = fake.kind.links and (
        fake.kind.edits_link if edit else fields.get("response_format") != "b64_json"
    )
    entries = [
        _link(fake, image, number) if linked else {"b64_json": base64.b64encode(image).decode()}
        for number, image in enumerate(images)
    ]
    return {"created": 1_795_300_000, "data": entries}


def _link(fake: FakeServer, image: bytes, number: int) -> dict[str, Any]:
    path = f"/generated-images/b64{number}.png"
    fake.files[path] = send_bytes(image)
    return {"url": fake.origin + path if fake.kind.links == "absolute" else path}
