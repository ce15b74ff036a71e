"""A fake OpenAI Images API on loopback.

    with running_openai() as openai:
        openai.script(error(429, "rate_limit_exceeded", "Too fast."), ok())
        ...  # two calls against openai.base_url
        assert openai.requests[0].headers["authorization"] == "Bearer sk-test-key"

Every request is checked against the SDK's own parameter types; one that does not fit is answered with 400
and makes the `with` block fail. What the real service refuses is refused with its error bodies. A request
takes the next scripted behaviour, or is answered properly when none is left.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.http import Exchange, RecordedRequest, serving
from tests.fakes.openai_behaviours import Asked, Behaviour, ok
from tests.fakes.openai_fields import EDITS, GENERATIONS, Violation, read_fields
from tests.fakes.openai_rules import Refusal, find_refusal, refusal


@dataclass(slots=True)
class FakeOpenAI:
    """What a test sees of the server. `fields` has the parameters of each request that fitted the types."""

    base_url: str = ""
    requests: list[RecordedRequest] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    _script: deque[Behaviour] = field(default_factory=deque)

    def script(self, *behaviours: Behaviour) -> None:
        """Say what happens to the next requests, in order."""
        self._script.extend(behaviours)

    def next_behaviour(self) -> Behaviour:
        return self._script.popleft() if self._script else ok()


@contextmanager
def running_openai(*, api_key: str | None = None, any_model: bool = False) -> Iterator[FakeOpenAI]:
    """Serve until the block ends. `api_key`: the only key that is let in; `any_model`: none is unknown."""
    fake = FakeOpenAI()

    def answer(exchange: Exchange) -> None:
        fake.arrived.set()
        fields, refused = _judge(fake, exchange.request, api_key)
        if refused is None and not any_model:
            refused = find_refusal(fields)
        if refused is not None:
            exchange.send_json(*refused)
            return
        fake.next_behaviour()(Asked(exchange, fields))

    with serving(answer, fake.requests) as origin:
        fake.base_url = f"{origin}/v1"
        yield fake
    assert not fake.violations, fake.violations


def _judge(
    fake: FakeOpenAI, request: RecordedRequest, api_key: str | None
) -> tuple[dict[str, Any], Refusal | None]:
    """The request's fields, and an objection to its form that no model's rules are needed for."""
    if request.path not in (f"/v1{GENERATIONS}", f"/v1{EDITS}") or request.method != "POST":
        return {}, refusal(404, None, f"Invalid URL ({request.method} {request.path})")
    sent_key = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not sent_key or api_key not in (None, sent_key):
        return {}, refusal(401, "invalid_api_key", f"Incorrect API key provided: {sent_key}.")
    try:
        fields = read_fields(request)
    except Violation as violation:
        fake.violations.append(str(violation))
        return {}, refusal(400, "invalid_value", str(violation))
    fake.fields.append(fields)
    return fields, None
