"""What a bridge remembers over a restart, and over a kill."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ciibridge.publish.database import Database
from ciibridge.security.glo import ReplayGuard, key_mark
from ciibridge.service import state as module
from ciibridge.service.runtime import Copy, runtime_copy
from ciibridge.service.state import BLOCK, CARD_BLOCK, State
from ciibridge.types import Apdu

NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)


class Clocks:
    def __init__(self) -> None:
        self.unix = NOW.timestamp()
        self.steady = 0.0


def use(
    path: Path,
    script: Callable[[State], None],
    *,
    clocks: Clocks | None = None,
    kill: bool = False,
    copy: Path | None = None,
    card_every_s: float = 86_400.0,
) -> None:
    """Open the file, run the script, and end: in good order, or with nothing more written."""
    clocks = clocks or Clocks()

    async def go() -> None:
        database = Database(path)
        state = State(
            database,
            None if copy is None else Copy(copy),
            card_every_s=card_every_s,
            clock=lambda: clocks.unix,
            steady=lambda: clocks.steady,
        )
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
@pytest.mark.parametrize("power", ["stays", "goes"])
def test_no_number_is_used_twice_after_a_kill(
    tmp_path: Path, count: int, power: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CARD_BLOCK", 2 * BLOCK)  # that it is used up, too
    copy = tmp_path / "copy.json"
    numbers: list[int] = []
    for _ in range(3):
        use(
            tmp_path / "a.db",
            lambda state: numbers.extend(telegrams(state, "house", count)),
            kill=True,
            copy=copy,
        )
        if power == "goes":
            copy.unlink()
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] <= 3 * (count + (BLOCK if power == "stays" else 2 * BLOCK))


@pytest.mark.parametrize("with_copy", [True, False])
def test_numbers_are_reserved_before_the_first_one_is_used(tmp_path: Path, *, with_copy: bool) -> None:
    """A kill right after a telegram, before the card has anything of it."""
    card, copy = tmp_path / "a.db", tmp_path / "a.json"
    numbers: list[int] = []
    use(card, lambda state: numbers.extend(telegrams(state, "house", 3)))

    async def killed_at_once() -> None:
        database = Database(card)
        state = State(database, Copy(copy) if with_copy else None)
        await database.open()
        database.submit = lambda *_: None  # type: ignore[method-assign]
        numbers.extend(telegrams(state, "house", 2))
        await database.close()

    for _ in range(3):
        asyncio.run(killed_at_once())
    assert numbers == sorted(set(numbers))


def test_meters_that_said_nothing_lose_no_numbers_by_a_clean_restart(tmp_path: Path) -> None:
    numbers: list[int] = []
    for script in (telegrams, lambda *_: [], lambda *_: [], telegrams):
        use(tmp_path / "a.db", lambda state, script=script: numbers.extend(script(state, "house", 2)))  # type: ignore[misc]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_a_disk_that_failed_is_tried_again_soon_although_a_broker_answers(tmp_path: Path) -> None:
    clocks, folder = Clocks(), tmp_path / "later"
    folder.write_text("no folder yet")

    async def go() -> None:
        database = Database(folder / "a.db")
        state = State(database, clock=lambda: clocks.unix, steady=lambda: clocks.steady)
        await database.open()
        telegrams(state, "house", 1)
        await database.run(lambda _: True)
        assert state.trouble is not None
        folder.unlink()
        database._retry_at = 0  # as if 30 s had passed, there too
        clocks.steady = 31
        state.tick()
        await database.run(lambda _: True)
        assert state.trouble is None
        await database.close()

    asyncio.run(go())
    use(folder / "a.db", lambda state: expect(state.last_published("house"), NOW + timedelta(seconds=5)))


def test_the_card_is_left_alone_but_for_once_a_day(tmp_path: Path) -> None:
    card, copy, clocks = tmp_path / "card" / "a.db", tmp_path / "run" / "a.json", Clocks()
    line = b"\x01" * 16
    seen: list[set[tuple[str, int, int]]] = []
    copies: list[int] = []

    def look() -> set[tuple[str, int, int]]:
        return {(f.name, f.stat().st_mtime_ns, f.stat().st_size) for f in card.parent.iterdir()}

    async def hours(state: State, database: Database, count: int) -> None:
        """Live so long, with a telegram of two meters every five seconds."""
        for second in range(count * 3600):
            clocks.steady += 1
            if second % 5 == 0:
                state.counters[line] = int(clocks.steady)
                for meter in ("house", "garage"):
                    state.note(meter, NOW + timedelta(seconds=clocks.steady), seq=state.memory(meter).seq + 1)
            state.tick()
            if second % 600 == 0:
                copies.append(copy.stat().st_mtime_ns)
        await database.run(lambda _: True)
        seen.append(look())

    async def go() -> None:
        database = Database(card)
        state = State(database, Copy(copy), clock=lambda: clocks.unix, steady=lambda: clocks.steady)
        await database.open()
        telegrams(state, "house", 1)  # the first ones reserve numbers
        telegrams(state, "garage", 1)
        await database.run(lambda _: True)
        seen.append(look())
        await hours(state, database, 1)
        await hours(state, database, 22)
        await hours(state, database, 2)
        await database.close()

    asyncio.run(go())
    start, after_an_hour, after_23, after_25 = seen
    assert start == after_an_hour == after_23
    assert after_25 != start, "once a day it is written"
    assert len(set(copies)) > 100, "the copy is"


def test_where_the_outbox_writes_anyway_so_does_the_state(tmp_path: Path) -> None:
    clocks = Clocks()

    def script(state: State) -> None:
        telegrams(state, "house", 1)
        state.counters[b"\x01" * 16] = 7
        clocks.steady = 60
        state.tick(card_busy=True)

    use(tmp_path / "a.db", script, clocks=clocks, kill=True)
    use(tmp_path / "a.db", lambda state: expect(dict(state.counters), {b"\x01" * 16: 7}))


def expect(found: object, wanted: object) -> None:
    assert found == wanted


def test_of_two_files_the_newer_one_counts(tmp_path: Path) -> None:
    """Once somebody starts the bridge by hand, without the runtime folder: the copy of before is too old then."""
    card, copy = tmp_path / "a.db", tmp_path / "a.json"
    numbers: list[int] = []
    for folder in (copy, None, copy, copy):
        use(card, lambda state: numbers.extend(telegrams(state, "house", 3)), kill=True, copy=folder)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[-4] <= BLOCK + 3, "and where it is new it does not cost a block of the card"
    assert numbers[3] - numbers[2] > CARD_BLOCK - 5


def test_a_copy_that_is_damaged_is_said_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card, copy = tmp_path / "a.db", tmp_path / "a.json"
    numbers: list[int] = []
    for text in ('{"life": 9', '{"life": 9, "meters": [["house"]], "counters": {}}', "[]"):
        use(card, lambda state: numbers.extend(telegrams(state, "house", 3)), copy=copy)
        copy.write_text(text)
    use(card, lambda state: numbers.extend(telegrams(state, "house", 3)), copy=copy)
    assert numbers == list(range(numbers[0], numbers[0] + 12))
    assert sum("it is damaged and is left out" in text for text in caplog.messages) == 3


def test_a_runtime_folder_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    numbers: list[int] = []
    use(
        tmp_path / "a.db",
        lambda state: numbers.extend(telegrams(state, "house", BLOCK)),
        copy=tmp_path / "file" / "a.json",
    )
    assert len(numbers) == BLOCK
    said = [text for text in caplog.messages if "Make its folder writable" in text]
    assert said
    assert len(said) == len(set(said))


def test_the_copy_is_its_owners_only_and_one_a_state_file(tmp_path: Path) -> None:
    card = tmp_path / "house.db"
    copy = runtime_copy({"RUNTIME_DIRECTORY": str(tmp_path / "run")}, card)
    assert copy is not None
    assert copy.parent == tmp_path / "run"
    assert runtime_copy({"XDG_RUNTIME_DIR": str(tmp_path)}, card) == tmp_path / "ciibridge" / copy.name
    assert runtime_copy({"RUNTIME_DIRECTORY": str(tmp_path / "run")}, tmp_path / "b" / "house.db") != copy
    assert runtime_copy({}, card) is None
    use(card, lambda state: telegrams(state, "house", 1), copy=copy)
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_counters_of_one_key_are_forgotten_in_both_files(tmp_path: Path) -> None:
    card, copy = tmp_path / "a.db", tmp_path / "a.json"
    keys = (b"k" * 16, b"l" * 16)

    def hear(state: State) -> None:
        for key in keys:
            guard = ReplayGuard(key, state.counters)
            for title in (b"SIM00001", b"SIM00002"):
                guard.accept(Apdu(b"", 0, system_title=title, invocation_counter=9))

    use(card, hear, copy=copy)
    told: list[int | None] = []
    use(card, lambda state: state.forget(keys[0], told.append), copy=copy)
    assert told == [2]

    def look(state: State) -> None:
        assert len(state.counters) == 2
        assert all(line.startswith(key_mark(keys[1])) for line in state.counters)

    use(card, look, copy=copy)
    use(card, look)


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


def test_it_is_written_when_it_is_due_not_with_each_telegram(tmp_path: Path) -> None:
    clocks = Clocks()
    line = b"\x01" * 8

    def script(state: State) -> None:
        telegrams(state, "house", 1)  # the first one reserves numbers
        for second in range(1, 119):
            clocks.steady = float(second)
            state.counters[line] = second
            telegrams(state, "house", 1)
            state.tick()

    use(tmp_path / "a.db", script, clocks=clocks, kill=True, card_every_s=60)

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
