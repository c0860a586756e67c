"""The outbox on disk: nothing is lost that could be kept, nothing is written that need not be."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
from ciibridge.publish import database as database_module
from ciibridge.publish import spool as module
from ciibridge.publish.database import Database
from ciibridge.publish.outbox import Entry, Outbox
from ciibridge.publish.spool import Limits, Spool
from ciibridge.types import Message
from hypothesis import given
from hypothesis import strategies as st

DAY = 86_400
NOW = 1_777_887_561.0  # 4 May 2026


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLE_S", 0.0)
    monkeypatch.setattr(module, "_EVERY_S", 0.0)


class Life:
    """A process with a spool."""

    def __init__(self, database: Database, spool: Spool) -> None:
        self.database = database
        self.spool = spool
        self.found: list[str] = []
        self.now = NOW

    def box(self, name: str = "house") -> Outbox:
        return self.spool.box(name)

    async def written(self) -> None:
        """Wait until everything is on disk."""
        while any(box.dirty for box in self.spool._boxes.values()):
            await asyncio.sleep(0.001)


Script = Callable[[Life], Awaitable[None]]


def live(
    path: Path, script: Script, *, kill: bool = False, shared: bool = False, limits: Limits | None = None
) -> Life:
    """A life of a process; ``kill``: it ends without a last write."""

    async def go() -> Life:
        database = Database(path)
        lives: list[Life] = []
        spool = Spool(database, limits or Limits(), shared=shared, clock=lambda: lives[0].now)
        lives.append(Life(database, spool))
        await database.open()
        spool.begin(lives[0].found.append)
        await script(lives[0])
        if not kill:
            spool.close()
        await database.close()
        return lives[0]

    return asyncio.run(go())


def put(box: Outbox, *texts: str, size: int = 0) -> list[int]:
    orders = []
    for text in texts:
        orders.append(box.next_order())
        box.put(Entry(orders[-1], Message(f"t/{text}", text.encode().ljust(size), 1, retain=False)))
    return orders


async def texts(box: Outbox, count: int = 10_000) -> list[str]:
    return [entry.message.topic[2:] for entry in await box.peek(count)]


def rows(path: Path) -> list[str]:
    """What is in the file, when nobody has it open."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT topic FROM message ORDER BY position").fetchall()
    connection.close()
    return [topic[2:] for (topic,) in found]


# -- over a restart ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kill", [False, True])
def test_what_waits_is_there_after_a_restart_in_order(tmp_path: Path, kill: bool) -> None:
    path = tmp_path / "a.db"

    async def first(life: Life) -> None:
        put(life.box(), "1", "2", "3")
        put(life.box("garage"), "x")
        await life.written()
        life.box().settle([1])
        await life.written()

    async def second(life: Life) -> None:
        assert sorted(life.found) == ["garage", "house"]
        put(life.box(), "4")
        assert len(life.box()) == 3
        assert await texts(life.box()) == ["2", "3", "4"]
        assert await texts(life.box(), 1) == ["2"]
        entry = (await life.box().peek(1))[0]
        assert entry.message == Message("t/2", b"2", 1, retain=False)

    live(path, first, kill=kill)
    live(path, second, kill=kill)


def test_messages_keep_every_property(tmp_path: Path) -> None:
    message = Message("a/b", b"\x00\xff", 1, retain=True, content_type="application/json")

    async def first(life: Life) -> None:
        life.box().put(Entry(life.box().next_order(), message))

    async def second(life: Life) -> None:
        assert [entry.message for entry in await life.box().peek(9)] == [message]

    live(tmp_path / "a.db", first)
    live(tmp_path / "a.db", second)


def test_orders_rise_over_restarts(tmp_path: Path) -> None:
    orders: list[int] = []

    async def script(life: Life) -> None:
        orders.extend(put(life.box(), "a", "b"))

    for _ in range(3):
        live(tmp_path / "a.db", script)
    assert orders == [1, 2, 3, 4, 5, 6]


def test_one_connection_for_all_takes_over_what_each_had(tmp_path: Path) -> None:
    async def first(life: Life) -> None:
        for number, name in enumerate(("house", "garage", "house")):
            put(life.box(name), str(number))

    async def second(life: Life) -> None:
        assert life.found == [""]
        assert await texts(life.box("")) == ["0", "1", "2"]

    live(tmp_path / "a.db", first)
    live(tmp_path / "a.db", second, shared=True)


# -- what is written -----------------------------------------------------------------------------------------------------


def test_what_is_settled_soon_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLE_S", 0.05)
    writes: list[object] = []

    async def script(life: Life) -> None:
        monkeypatch.setattr(life.database, "submit", lambda *job: writes.append(job))
        for number in range(20):
            life.box().settle(put(life.box(), str(number)))
        await asyncio.sleep(0.1)
        assert len(life.box()) == 0
        monkeypatch.undo()

    live(tmp_path / "a.db", script)
    assert not writes
    assert rows(tmp_path / "a.db") == []


def test_at_most_one_transaction_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EVERY_S", 0.2)
    monkeypatch.setattr(module, "_SETTLE_S", 0.01)
    writes: list[float] = []

    async def script(life: Life) -> None:
        submit = life.database.submit
        loop = asyncio.get_running_loop()

        def counted(*job: object) -> None:
            writes.append(loop.time())
            submit(*job)  # type: ignore[arg-type]

        monkeypatch.setattr(life.database, "submit", counted)
        for number in range(100):
            put(life.box(), str(number))
            await asyncio.sleep(0.005)

    live(tmp_path / "a.db", script)
    gaps = [b - a for a, b in pairwise(writes[:-1])]  # the last one is the end of the process
    assert gaps, writes
    assert min(gaps) >= 0.19
    assert rows(tmp_path / "a.db") == [str(number) for number in range(100)]


def test_settled_while_it_is_being_written(tmp_path: Path) -> None:
    async def script(life: Life) -> None:
        orders = put(life.box(), "1", "2", "3")
        life.spool._flush()
        life.box().settle(orders[:2])
        assert await texts(life.box()) == ["3"]
        await life.written()
        assert await texts(life.box()) == ["3"]
        assert len(life.box()) == 1

    live(tmp_path / "a.db", script)
    assert rows(tmp_path / "a.db") == ["3"]


# -- bounds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before the file was told", "while it was told", "after it was told"])
def test_settled_and_then_not_delivered_after_all(tmp_path: Path, when: str) -> None:
    """A telegram leaves the outbox to be sent at once, the connection breaks, and it comes back."""
    path = tmp_path / "a.db"

    async def script(life: Life) -> None:
        box = life.box()
        orders = put(box, "1", "2")
        entries = await box.peek(2)
        await life.written()
        box.settle(orders)
        if when == "while it was told":
            life.spool._flush()
        if when == "after it was told":
            await life.written()
        for entry in entries:
            box.put(entry)
        assert await texts(box) == ["1", "2"]
        assert len(box) == 2
        await life.written()
        assert await texts(box) == ["1", "2"]
        assert len(box) == 2

    live(path, script)
    assert rows(path) == ["1", "2"]


def test_the_oldest_go_when_the_file_is_full_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    limits = Limits(octets=1_000_000)

    async def script(life: Life) -> None:
        for number in range(4000):
            put(life.box("house" if number % 2 else "garage"), f"{number:04d}", size=700)
        await life.written()
        kept = [len(life.box(name)) for name in ("house", "garage")]
        lost = [life.box(name).dropped for name in ("house", "garage")]
        assert [a + b for a, b in zip(kept, lost, strict=True)] == [2000, 2000]
        assert all(lost)
        newest = await texts(life.box("house"))
        assert newest == [f"{number:04d}" for number in range(4000 - 2 * kept[0] + 1, 4000, 2)]

    live(path, script, limits=limits)
    assert path.stat().st_size <= 1_050_000
    assert rows(path)[-1] == "3999"


def test_what_is_too_old_goes_unless_the_clock_was_not_set(tmp_path: Path) -> None:
    async def script(life: Life) -> None:
        life.now = 100.0  # a machine without a clock, just booted: of unknown age
        put(life.box(), "unknown")
        await life.written()
        life.now = NOW
        put(life.box(), "old")
        await life.written()
        life.now = NOW + 2 * DAY
        put(life.box(), "new")
        await life.written()
        assert await texts(life.box()) == ["unknown", "new"]
        assert (life.box().dropped, len(life.box())) == (1, 2)
        life.now = 200.0  # a clock that falls back loses nothing
        put(life.box(), "newer")
        await life.written()
        assert await texts(life.box()) == ["unknown", "new", "newer"]

    live(tmp_path / "a.db", script, limits=Limits(age_s=1.0 * DAY))


def test_an_emptied_file_gives_its_room_back(tmp_path: Path) -> None:
    path = tmp_path / "a.db"

    async def script(life: Life) -> None:
        orders = put(life.box(), *map(str, range(5000)), size=700)
        await life.written()
        life.box().settle(orders)
        await life.written()

    live(path, script)
    assert path.stat().st_size < 500_000
    assert rows(path) == []


# -- when the disk fails -------------------------------------------------------------------------------------------------


def test_without_a_disk_it_is_in_memory_and_written_when_the_disk_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_RETRY_S", 0.0)
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)
    blocker = tmp_path / "state"
    blocker.write_text("a file where the folder should be")

    async def script(life: Life) -> None:
        put(life.box(), *map(str, range(12)))
        await asyncio.sleep(0.05)
        assert await texts(life.box()) == [str(n) for n in range(2, 12)]
        assert (life.box().dropped, len(life.box())) == (2, 10)
        blocker.unlink()
        await life.written()
        assert await texts(life.box()) == [str(n) for n in range(2, 12)]

    live(blocker / "a.db", script, limits=Limits(in_memory=10), kill=True)
    assert rows(blocker / "a.db") == [str(n) for n in range(2, 12)]


def test_a_file_that_turns_up_late_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is mounted after the bridge has started: what it has is older than what came since."""
    monkeypatch.setattr(database_module, "_RETRY_S", 0.0)
    monkeypatch.setattr(module, "_AGAIN_S", 0.01)

    async def before(life: Life) -> None:
        put(life.box(), "1", "2")

    async def late(life: Life) -> None:
        put(life.box(), "3", "4", "5")
        await asyncio.sleep(0.03)
        assert life.found == []
        (tmp_path / "away").rename(tmp_path / "state")
        await life.written()
        assert life.found == ["house"]
        assert await texts(life.box()) == ["1", "2", "3", "4", "5"]

    live(tmp_path / "state" / "a.db", before)
    (tmp_path / "state").rename(tmp_path / "away")
    monkeypatch.setattr(
        database_module.Database, "_connect", _without_folder(database_module.Database._connect)
    )
    live(tmp_path / "state" / "a.db", late)
    assert rows(tmp_path / "state" / "a.db") == ["1", "2", "3", "4", "5"]


def _without_folder(
    connect: Callable[[Database], sqlite3.Connection],
) -> Callable[[Database], sqlite3.Connection]:
    def checked(self: Database) -> sqlite3.Connection:
        if not self.path.parent.exists():
            raise FileNotFoundError(2, "No such file or directory")
        return connect(self)

    return checked


def test_a_file_that_is_damaged_while_it_is_used_costs_what_was_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"

    async def first(life: Life) -> None:
        put(life.box(), *map(str, range(3000)), size=700)

    async def second(life: Life) -> None:
        assert len(life.box()) == 3000
        with path.open("r+b") as file:
            file.seek(40_000)
            file.write(b"\xa5" * (path.stat().st_size - 40_000))
        put(life.box(), "new")
        for _ in range(3):
            if await texts(life.box(), 3000) == ["new"]:
                break
        await life.written()
        assert await texts(life.box()) == ["new"]
        assert life.box().dropped == 3000
        assert len(life.box()) == 1

    live(path, first)
    live(path, second)


# -- anything ------------------------------------------------------------------------------------------------------------

Step = tuple[str, int]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(1, 5)),
            st.tuples(st.just("take"), st.integers(1, 5)),
            st.tuples(st.just("back"), st.integers(1, 5)),
            st.tuples(st.just("write"), st.just(0)),
            st.tuples(st.just("wait"), st.just(0)),
            st.tuples(st.just("kill"), st.just(0)),
            st.tuples(st.just("stop"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_whatever_happens_all_that_was_on_disk_or_in_memory_comes_out_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    path = tmp_path_factory.mktemp("spool") / "a.db"
    expected: list[str] = []  # what waits
    stored: list[str] = []  # what a kill leaves at least
    number = 0
    chunks: list[list[Step]] = [[]]
    for step in steps:
        chunks[-1].append(step)
        if step[0] in ("kill", "stop"):
            chunks.append([])
    for chunk in chunks:
        killed = bool(chunk) and chunk[-1][0] == "kill"

        async def script(life: Life, chunk: list[Step] = chunk) -> None:
            nonlocal number, expected, stored
            box = life.box()
            here = await texts(box)
            assert set(stored) <= set(here), "what was written is there"
            assert [int(text) for text in here] == sorted({int(text) for text in here})
            expected = here
            for what, count in chunk:
                if what == "put":
                    new = [str(number + n) for n in range(count)]
                    number += count
                    put(box, *new)
                    expected += new
                elif what == "take":
                    batch = await box.peek(count)
                    assert [entry.message.topic[2:] for entry in batch] == expected[:count]
                    box.settle(entry.order for entry in batch)
                    expected = expected[count:]
                elif what == "back":
                    batch = await box.peek(count)
                    box.settle(entry.order for entry in batch)
                    await asyncio.sleep(0)
                    for entry in batch:
                        box.put(entry)
                    stored = stored[len(batch) :]  # in memory again
                elif what == "write":
                    await life.written()
                    stored = list(expected)
                elif what == "wait":
                    await asyncio.sleep(0)
                stored = [text for text in stored if text in expected]
                assert len(box) == len(expected)

        live(path, script, kill=killed)
        if not killed:
            stored = list(expected)
