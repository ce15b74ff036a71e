"""A fake Gemini API on loopback.

    with running_gemini() as gemini:
        gemini.script(error(429, "RESOURCE_EXHAUSTED", "Too fast.", retry_info("30s")), ok())
        ...  # two calls against gemini.base_url
        assert gemini.bodies[0]["generation_config"]["seed"] == 7

Every request is checked against the SDK's own types with unknown fields forbidden, in either spelling of a
field; one that does not fit is answered with 400 and makes the `with` block fail. What a model does not take
is refused with Google's error bodies. A request takes the next scripted behaviour, or is answered properly
when none is left. `GET /models` lists `models` in pages, whatever the script.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.gemini_behaviours import Asked, Behaviour, error_body, error_info, ok
from tests.fakes.gemini_rules import ANYTHING, MODELS, Violation, objections, read_body
from tests.fakes.http import Exchange, RecordedRequest, serving

_PATH = re.compile(r"/(v1|v1beta)/models/([\w.-]+):(generateContent|streamGenerateContent)(\?alt=sse)?")

_LIST = re.compile(r"/(v1|v1beta)/models")

Refusal = tuple[int, dict[str, Any]]


def model_entry(name: str, *methods: str) -> dict[str, Any]:
    """A model as Google lists it."""
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 65536,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": list(methods or ("generateContent", "countTokens")),
    }


def _usual_models() -> list[Any]:
    text, imagen = model_entry("gemini-3.5-flash"), model_entry("imagen-4.0-generate-001", "predict")
    return [text, imagen, *map(model_entry, MODELS)]


@dataclass(slots=True)
class FakeGemini:
    """What a test sees of the server. `bodies` has the requests that fitted the types, in snake_case."""

    base_url: str = ""
    requests: list[RecordedRequest] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    models: list[Any] = field(default_factory=_usual_models)
    models_a_page: int = 1000
    list_body: bytes | None = None
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _script: deque[Behaviour] = field(default_factory=deque)

    def script(self, *behaviours: Behaviour) -> None:
        """Say what happens to the next requests, in the order in which they come."""
        self._script.extend(behaviours)

    def take(self, body: dict[str, Any]) -> tuple[int, Behaviour]:
        """Record a request: its number from 0, and what happens to it."""
        with self._lock:
            self.bodies.append(body)
            return len(self.bodies) - 1, self._script.popleft() if self._script else ok()

    @contextmanager
    def counting(self) -> Iterator[None]:
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1


@contextmanager
def running_gemini(
    *, api_key: str | None = None, any_model: bool = False, prefix: str = ""
) -> Iterator[FakeGemini]:
    """Serve until the block ends.

    `api_key`: the only key that is let in; `any_model`: none is unknown; `prefix`: a path before the API's.
    """
    fake = FakeGemini()

    def answer(exchange: Exchange) -> None:
        fake.arrived.set()
        if exchange.request.method == "GET":
            _list(fake, exchange, api_key, prefix)
            return
        asked = _judge(fake, exchange, api_key, prefix, any_model=any_model)
        if isinstance(asked, tuple):
            exchange.send_json(*asked)
            return
        number, behaviour = fake.take(dict(asked.body))
        with fake.counting():
            behaviour(Asked(exchange, asked.model, asked.body, number, asked.streamed))

    with serving(answer, fake.requests) as origin:
        fake.base_url = f"{origin}{prefix}"
        yield fake
    assert not fake.violations, fake.violations


def _judge(
    fake: FakeGemini, exchange: Exchange, api_key: str | None, prefix: str, *, any_model: bool
) -> Asked | Refusal:
    request = exchange.request
    path = _PATH.fullmatch(request.path.removeprefix(prefix))
    if path is None or request.method != "POST" or not request.path.startswith(prefix):
        return _refusal(404, "NOT_FOUND", "The requested URL was not found on this server.")
    if refused := _key_refusal(request, api_key):
        return refused
    try:
        body = read_body(request.json)
    except Violation as violation:
        fake.violations.append(str(violation))
        return _refusal(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {violation}")
    takes = ANYTHING if any_model else MODELS.get(path[2])
    if takes is None:
        told = f"models/{path[2]} is not found for API version {path[1]}."
        return _refusal(404, "NOT_FOUND", told)
    for objection in objections(body, takes):
        return _refusal(400, "INVALID_ARGUMENT", objection)
    return Asked(exchange, path[2], body, 0, streamed=path[3] == "streamGenerateContent")


def _list(fake: FakeGemini, exchange: Exchange, api_key: str | None, prefix: str) -> None:
    """One page of the models; the token is the number of the first model on the next one."""
    request = exchange.request
    place = urlsplit(request.path)
    query = {name: values[0] for name, values in parse_qs(place.query).items()}
    if not _LIST.fullmatch(place.path.removeprefix(prefix)) or not place.path.startswith(prefix):
        exchange.send_json(*_refusal(404, "NOT_FOUND", "The requested URL was not found on this server."))
        return
    if refused := _key_refusal(request, api_key):
        exchange.send_json(*refused)
        return
    if set(query) - {"pageSize", "pageToken"}:
        fake.violations.append(f"the query is {place.query}")
    if fake.list_body is not None:
        exchange.send(200, "application/json", fake.list_body)
        return
    first = int(query.get("pageToken", "0"))
    end = first + min(int(query.get("pageSize", "50")), fake.models_a_page)
    page: dict[str, Any] = {"models": fake.models[first:end]} if fake.models[first:end] else {}
    exchange.send_json(200, page | ({"nextPageToken": str(end)} if end < len(fake.models) else {}))


def _key_refusal(request: RecordedRequest, api_key: str | None) -> Refusal | None:
    key = request.headers.get("x-goog-api-key", "")
    if key and api_key in (None, key):
        return None
    told = "API key not valid. Please pass a valid API key."
    return 400, error_body(400, "INVALID_ARGUMENT", told, error_info("API_KEY_INVALID"))


def _refusal(status: int, name: str, message: str) -> Refusal:
    return status, error_body(status, name, message)
