"""What a bridge remembers over a restart, and over a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ciibridge.publish.database import Database
from ciibridge.service.state import BLOCK, State

NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)


class Clocks:
    def __init__(self) -> None:
        self.unix = NOW.timestamp()
        self.steady = 0.0


def use(
    path: Path, script: Callable[[State], None], *, clocks: Clocks | None = None, kill: bool = False
) -> None:
    """Open the file, run the script, and end: in good order, or with nothing more written."""
    clocks = clocks or Clocks()

    async def go() -> None:
        database = Database(path)
        state = State(database, clock=lambda: clocks.unix, steady=lambda: clocks.steady)
        await database.open()
        script(state)
        if not kill:
            state.close()
        await database.close()

    asyncio.run(go())


def telegrams(state: State, meter: str, count: int) -> list[int]:
    """Take ``count`` telegrams; their numbers."""
    memory = state.memory(meter)
    numbers = []
    for _ in range(count):
        numbers.append(memory.seq + 1)
        state.note(meter, NOW + timedelta(seconds=5 * len(numbers)), seq=numbers[-1], usual_s=30.0)
    return numbers


@pytest.mark.parametrize("count", [1, 3])
def test_after_a_clean_end_it_goes_on_where_it_was(tmp_path: Path, count: int) -> None:
    numbers: list[int] = []
    use(tmp_path / "a.db", lambda state: numbers.extend(telegrams(state, "house", count)))

    def again(state: State) -> None:
        assert state.last_published("house") == NOW + timedelta(seconds=5 * count)
        assert state.last_published("garage") is None
        assert state.memory("house").usual_s == 30
        numbers.extend(telegrams(state, "house", 2))

    use(tmp_path / "a.db", again)
    first = int(NOW.timestamp())
    assert numbers == list(range(first, first + count + 2))


@pytest.mark.parametrize("count", [1, 3, BLOCK // 2, BLOCK, 3 * BLOCK + 7])
def test_no_number_is_used_twice_after_a_kill(tmp_path: Path, count: int) -> None:
    numbers: list[int] = []
    for _ in range(3):
        use(tmp_path / "a.db", lambda state: numbers.extend(telegrams(state, "house", count)), kill=True)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] <= 3 * (count + BLOCK)


def test_numbers_rise_when_the_file_is_lost(tmp_path: Path) -> None:
    numbers: list[int] = []
    clocks = Clocks()
    for name in ("a.db", "b.db"):
        use(tmp_path / name, lambda state: numbers.extend(telegrams(state, "house", 10)), clocks=clocks)
        clocks.unix += 60
    assert numbers == sorted(set(numbers))


def test_without_a_clock_the_first_number_is_one(tmp_path: Path) -> None:
    clocks = Clocks()
    clocks.unix = 12.0  # a Raspberry Pi, twelve seconds after power-up
    numbers: list[int] = []
    use(tmp_path / "a.db", lambda state: numbers.extend(telegrams(state, "house", 2)), clocks=clocks)
    assert numbers == [1, 2]


def test_it_is_written_once_a_minute_not_with_each_telegram(tmp_path: Path) -> None:
    clocks = Clocks()
    line = b"\x01" * 8

    def script(state: State) -> None:
        telegrams(state, "house", 1)  # the first one reserves numbers
        for second in range(1, 119):
            clocks.steady = float(second)
            state.counters[line] = second
            telegrams(state, "house", 1)
            state.tick()

    use(tmp_path / "a.db", script, clocks=clocks, kill=True)

    def look(state: State) -> None:
        assert state.counters[line] == 60, "written at second 60 and not again before 120"

    use(tmp_path / "a.db", look)


def test_counters_are_exact_after_a_clean_end(tmp_path: Path) -> None:
    use(tmp_path / "a.db", lambda state: state.counters.update({b"a" * 8: 7, b"b" * 8: 2**32 - 1}))
    use(tmp_path / "a.db", lambda state: state.counters.update({b"a" * 8: 8}))
    seen: dict[bytes, int] = {}
    use(tmp_path / "a.db", lambda state: seen.update(state.counters))
    assert seen == {b"a" * 8: 8, b"b" * 8: 2**32 - 1}


def test_a_file_that_comes_later_does_not_overrule_what_was_learnt(tmp_path: Path) -> None:
    use(tmp_path / "a.db", lambda state: state.counters.update({b"a" * 8: 7, b"b" * 8: 7}))

    async def go() -> None:
        database = Database(tmp_path / "a.db")
        state = State(database)
        state.counters[b"a" * 8] = 9
        state.counters[b"b" * 8] = 3
        state.note("house", NOW, seq=5)
        await database.open()
        assert dict(state.counters) == {b"a" * 8: 9, b"b" * 8: 7}
        assert state.last_published("house") == NOW
        await database.close()

    asyncio.run(go())


def test_without_a_file_it_remembers_while_it_runs() -> None:
    state = State()
    state.note("house", NOW, seq=7)
    state.tick()
    state.close()
    assert state.last_published("house") == NOW
    assert state.memory("house").seq == 7
