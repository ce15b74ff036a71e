"""Equal requests in one process: one call for all, whoever comes, goes or fails."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from imagegen.errors import ProviderTimeout, ProviderUnavailable
from imagegen.leases import NoLeases
from imagegen.leases.disk import DiskLeases
from imagegen.single_flight import SingleFlight
from tests.flight_world import Call, cancel, fail, flying, held_elsewhere, nothing, scenario, start


@scenario
async def test_a_hundred_equal_requests_make_one_call(_: Path) -> None:
    call = Call()
    async with flying() as flight:
        callers = start(flight, call, 100)
        await call.begun.wait()
        call.may_end.set()
        assert await asyncio.gather(*callers) == ["image 1"] * 100
    assert call.count == 1


@scenario
async def test_different_requests_do_not_wait_for_each_other(tmp_path: Path) -> None:
    one, other = Call(), Call()
    async with flying(DiskLeases(tmp_path, note=fail)) as flight:
        callers = [*start(flight, one, key="a"), *start(flight, other, key="b")]
        await asyncio.gather(one.begun.wait(), other.begun.wait())
        one.may_end.set()
        other.may_end.set()
        await asyncio.gather(*callers)


@scenario
async def test_a_later_request_is_a_call_of_its_own(_: Path) -> None:
    call = Call()
    call.may_end.set()
    async with flying() as flight:
        assert [await flight.run("k", call, nothing) for _ in range(2)] == ["image 1", "image 2"]


@scenario
async def test_what_is_found_is_not_made(tmp_path: Path) -> None:
    async def found() -> str | None:
        return "image 0"

    call = Call()
    async with flying(DiskLeases(tmp_path, note=fail)) as flight:
        assert await flight.run("k", call, found) == "image 0"
    assert call.count == 0


@scenario
async def test_all_callers_get_the_same_exception(_: Path) -> None:
    failure = ProviderUnavailable("The provider is down.")
    call = Call(fails=failure)
    async with flying() as flight:
        callers = start(flight, call, 3)
        await call.begun.wait()
        call.may_end.set()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert call.count == 1
    assert all(outcome is failure for outcome in outcomes)


@scenario
async def test_after_a_failure_the_next_request_is_made(tmp_path: Path) -> None:
    failing, good = Call(fails=ProviderUnavailable("The provider is down.")), Call()
    failing.may_end.set()
    good.may_end.set()
    async with flying(DiskLeases(tmp_path, note=fail)) as flight:
        with pytest.raises(ProviderUnavailable):
            await flight.run("k", failing, nothing)
        assert await flight.run("k", good, nothing) == "image 1"


@pytest.mark.parametrize("run_on", [True, False])
@pytest.mark.parametrize("who", [0, 1])
def test_one_callers_cancellation_cancels_neither_the_others_nor_the_call(run_on: bool, who: int) -> None:
    async def body(_: Path) -> None:
        call = Call()
        async with flying(run_on=run_on) as flight:
            callers = start(flight, call, 3)
            await call.begun.wait()
            callers[who].cancel()
            with pytest.raises(asyncio.CancelledError):
                await callers.pop(who)
            call.may_end.set()
            assert await asyncio.gather(*callers) == ["image 1"] * 2
        assert (call.count, call.cancelled) == (1, 0)

    scenario(body)(Path())


@scenario
async def test_the_call_runs_on_when_all_its_callers_have_gone_and_closing_waits_for_it(_: Path) -> None:
    call = Call()
    flight = SingleFlight[str](NoLeases())
    callers = start(flight, call, 2)
    await call.begun.wait()
    await cancel(callers)
    closing = asyncio.create_task(flight.aclose())
    await asyncio.sleep(0)
    assert not closing.done()
    call.may_end.set()
    await closing
    assert call.cancelled == 0


@scenario
async def test_somebody_who_comes_back_joins_the_call_that_ran_on(_: Path) -> None:
    call = Call()
    async with flying() as flight:
        callers = start(flight, call)
        await call.begun.wait()
        await cancel(callers)
        again = start(flight, call)
        call.may_end.set()
        assert await again[0] == "image 1"


@scenario
async def test_a_call_that_fails_after_its_callers_have_gone_troubles_nobody(_: Path) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    call = Call(fails=ProviderUnavailable("The provider is down."))
    async with flying() as flight:
        callers = start(flight, call)
        await call.begun.wait()
        await cancel(callers)
        call.may_end.set()
    assert not complaints


@scenario
async def test_the_last_caller_cancels_the_call_where_it_is_not_to_run_on(_: Path) -> None:
    call = Call()
    async with flying(run_on=False) as flight:
        callers = start(flight, call, 2)
        await call.begun.wait()
        await cancel(callers)
        assert call.cancelled == 1
        call.may_end.set()
        assert await start(flight, call)[0] == "image 2"


@scenario
async def test_whoever_comes_while_a_call_is_being_cancelled_gets_a_call_of_its_own(tmp_path: Path) -> None:
    may_clean_up = asyncio.Event()
    begun = asyncio.Event()

    async def stubborn() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await may_clean_up.wait()
        return "never"

    call = Call()
    call.may_end.set()
    async with flying(DiskLeases(tmp_path, note=fail), run_on=False) as flight:
        gone = asyncio.create_task(flight.run("k", stubborn, nothing))
        await begun.wait()
        gone.cancel()
        await asyncio.sleep(0)
        newcomer = start(flight, call)
        may_clean_up.set()
        assert await newcomer[0] == "image 1"
        with pytest.raises(asyncio.CancelledError):
            await gone


@scenario
async def test_nothing_is_begun_for_somebody_who_went_while_waiting_for_another_process(
    tmp_path: Path,
) -> None:
    call = Call()
    async with held_elsewhere(tmp_path), flying(DiskLeases(tmp_path, note=fail)) as flight:
        await cancel(start(flight, call, 2))
    async with held_elsewhere(tmp_path):  # the lease has not been left behind either
        assert call.count == 0


@scenario
async def test_waiting_for_another_process_is_bounded_by_the_callers_own_patience(tmp_path: Path) -> None:
    call = Call()
    call.may_end.set()
    async with flying(DiskLeases(tmp_path, note=fail)) as flight:
        async with held_elsewhere(tmp_path):
            patient = start(flight, call)[0]
            with pytest.raises(ProviderTimeout, match=r"0\.02 s"):
                await flight.run("k", call, nothing, timeout_seconds=0.02)
            assert call.count == 0
        assert await patient == "image 1"


@scenario
async def test_a_call_of_ones_own_is_not_bounded_by_the_wait_for_others(_: Path) -> None:
    call = Call()
    async with flying() as flight:
        own = asyncio.create_task(flight.run("k", call, nothing, timeout_seconds=0.1))
        await call.begun.wait()
        with pytest.raises(ProviderTimeout):
            await flight.run("k", call, nothing, timeout_seconds=0.1)
        await asyncio.sleep(0)  # the wait of the first, as long and begun before, has ended too
        call.may_end.set()
        assert await own == "image 1"


@scenario
async def test_where_no_lease_can_be_had_the_call_is_made_and_that_is_said_once(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("in the way", encoding="utf-8")
    notes: list[str] = []
    call = Call()
    call.may_end.set()
    async with flying(DiskLeases(folder, note=notes.append)) as flight:
        assert [await flight.run("k", call, nothing) for _ in range(2)] == ["image 1", "image 2"]
    assert len(notes) == 1
    assert str(folder) in notes[0]
