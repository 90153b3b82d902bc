"""A stop waits for what is under way, for so long and no longer."""

from __future__ import annotations

import asyncio

import pytest

from proxy.in_flight import InFlight


async def test_what_ends_in_time_is_let_finish_also_where_it_began_something_else() -> None:
    in_flight = InFlight()
    ended: list[bool] = []

    async def second() -> None:
        ended.append(in_flight.is_stopping)

    async def first() -> None:
        in_flight.add(asyncio.create_task(second()))

    in_flight.add(asyncio.create_task(first()))
    await in_flight.finish(within=10)
    assert ended == [False]


@pytest.mark.parametrize("within", [0, 0.01])
async def test_what_takes_longer_is_cancelled_and_its_last_words_are_waited_for(within: float) -> None:
    in_flight, begun = InFlight(), asyncio.Event()
    words: list[bool] = []

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(words.append, in_flight.is_stopping)

    task = asyncio.create_task(endless())
    in_flight.add(task)
    await begun.wait()
    await in_flight.finish(within=within)
    assert task.cancelled()
    assert words == [True]


async def test_with_nothing_under_way_there_is_nothing_to_wait_for() -> None:
    in_flight = InFlight()
    await in_flight.finish(within=10)
    assert in_flight.is_stopping
