"""The tasks extension, driven by a client that implements its other half."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import httpx
import pytest
from mcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result

from tests.fakes.openai_behaviours import error, held
from tests.fakes.openai_server import FakeOpenAI
from tests.mcp_world import WISH, Answer, World, connected, refusal, serving
from tests.serve_world import listening
from tests.serve_world import serving as process

IDENTIFIER = "io.modelcontextprotocol/tasks"
UNKNOWN_TASK = "task_00000000-0000-4000-8000-000000000000"


class TaskParams(RequestParams):
    task_id: str


class GetTask(Request[TaskParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    params: TaskParams
    name_param: ClassVar[str | None] = "taskId"


class CancelTask(Request[TaskParams, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: TaskParams
    name_param: ClassVar[str | None] = "taskId"


class UpdateTask(Request[TaskParams, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    params: TaskParams
    name_param: ClassVar[str | None] = "taskId"


class TaskState(Result):
    result_type: str = ""
    task_id: str
    status: str
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class CreatedTask(Result):
    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    created_at: str
    last_updated_at: str
    ttl_ms: int | None
    poll_interval_ms: int


class Polling(ClientExtension):
    """Polls a task until it has ended. `seen` are its states; `on_created` is called first."""

    identifier = IDENTIFIER

    def __init__(self, on_created: threading.Event | None = None) -> None:
        self.seen: list[TaskState | CreatedTask] = []
        self._on_created = on_created

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return (ResultClaim(result_type="task", model=CreatedTask, resolve=self._resolve),)

    async def _resolve(self, created: CreatedTask, context: ClaimContext) -> CallToolResult:
        self.seen.append(created)
        request = GetTask(params=TaskParams(task_id=created.task_id))
        while (state := await context.session.send_request(request, TaskState)).status == "working":
            self.seen.append(state)
            if self._on_created is not None:
                self._on_created.set()
        self.seen.append(state)
        return CallToolResult.model_validate(state.result)


def test_a_client_that_declares_the_extension_gets_a_task_and_polls_for_the_image(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))
    extension = Polling(on_created=gate)

    async def work() -> Answer:
        async with connected(extensions=[extension]) as world:
            return await world.call("generate_image", **WISH)

    answer = asyncio.run(work())

    created, *_, last = extension.seen
    assert (created.status, last.status) == ("working", "completed")
    assert created.task_id == answer.json["task_id"]
    assert created.ttl_ms is None
    assert created.created_at.endswith("Z")
    assert answer.json["state"] == "done"
    assert len(answer.pictures) == 1


def test_a_refusal_is_a_completed_task_whose_result_is_an_error(openai: FakeOpenAI) -> None:
    openai.script(error(400, "moderation_blocked", "no", kind="image_generation_user_error"))
    extension = Polling()

    async def work() -> Answer:
        async with connected(extensions=[extension]) as world:
            return await world.call("generate_image", **WISH)

    answer = asyncio.run(work())

    assert extension.seen[-1].status == "completed"
    assert answer.raw.is_error


def test_a_task_whose_server_crashed_has_failed_with_an_error_and_no_result(openai: FakeOpenAI) -> None:
    gate = threading.Event()
    openai.script(held(gate))
    with process() as server:
        server.shake_hands()
        task_id = server.call("generate_image", **WISH, wait_seconds=0)["structuredContent"]["task_id"]
        assert openai.arrived.wait(20)
        server.process.kill()
        server.wait()
        gate.set()

    async def work() -> TaskState:
        async with connected(extensions=[Polling()]) as world:
            request = GetTask(params=TaskParams(task_id=task_id))
            return await world.client.session.send_request(request, TaskState)

    state = asyncio.run(work())

    assert (state.status, state.result) == ("failed", None)
    assert state.error is not None
    assert state.error["code"] == -32603
    assert "The server ended while this call was under way" in state.error["message"]


def test_arguments_that_cannot_be_used_are_answered_without_a_task(openai: FakeOpenAI) -> None:
    extension = Polling()

    async def work() -> list[Answer]:
        async with connected(extensions=[extension]) as world:
            return [
                await world.call("generate_image", prompt="x", sise="1x1"),
                await world.call("generate_image", **{**WISH, "size": "1000x1000"}),
                await world.call("list_images"),
            ]

    unknown, refused, listed = asyncio.run(work())

    assert (unknown.raw.is_error, refused.raw.is_error, listed.raw.is_error) == (True, True, False)
    assert extension.seen == []


def test_cancelling_is_acknowledged_and_loses_nothing_that_may_be_paid_for(openai: FakeOpenAI) -> None:
    gate, created = threading.Event(), threading.Event()
    openai.script(held(gate))
    extension = Polling(on_created=created)

    async def work() -> int:
        async with serving() as (server, service, _):
            async with Client(server, extensions=[extension]) as client:
                calling = asyncio.create_task(client.call_tool("generate_image", WISH))
                assert await asyncio.to_thread(created.wait, 20)
                task_id = extension.seen[0].task_id
                for request in (CancelTask, UpdateTask):
                    await client.session.send_request(request(params=TaskParams(task_id=task_id)), Result)
                gate.set()
                await calling
            return (await service.stats()).images

    assert asyncio.run(work()) == 1


def test_an_unknown_task_is_invalid_params() -> None:
    async def work() -> int:
        async with connected(extensions=[Polling()]) as world:
            with pytest.raises(Exception, match="no task") as caught:
                await world.client.session.send_request(
                    GetTask(params=TaskParams(task_id=UNKNOWN_TASK)), TaskState
                )
            return int(getattr(caught.value, "code", 0))

    assert asyncio.run(work()) == -32602


def test_over_http_a_request_whose_header_names_another_task_is_refused() -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {IDENTIFIER: {}}},
    }

    def ask(address: str, method: str, name: dict[str, str]) -> tuple[int, int]:
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": method,
        }
        params = {"taskId": UNKNOWN_TASK, "_meta": meta}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = httpx.post(address, json=message, headers=headers | name)
        return answer.status_code, answer.json()["error"]["code"]

    with listening() as (_, address):
        for method in ("tasks/get", "tasks/cancel", "tasks/update"):
            assert ask(address, method, {"Mcp-Name": UNKNOWN_TASK}) == (400, -32602), method
            assert ask(address, method, {"Mcp-Name": "another"}) == (400, -32020), method
            assert ask(address, method, {}) == (400, -32020), method


@pytest.mark.parametrize("request_type", [GetTask, CancelTask, UpdateTask])
def test_a_client_that_does_not_declare_the_extension_is_refused(request_type: Any) -> None:
    async def ask(world: World) -> None:
        await world.client.session.send_request(
            request_type(params=TaskParams(task_id=UNKNOWN_TASK)), TaskState
        )

    assert refusal(ask).code == -32021


def test_handshake_clients_know_nothing_of_it() -> None:
    async def ask(world: World) -> None:
        await world.client.session.send_request(GetTask(params=TaskParams(task_id=UNKNOWN_TASK)), TaskState)

    assert refusal(ask, "legacy").code == -32601
