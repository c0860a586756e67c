"""The parts that break what is around the bridge: its disk, its clock, and how much memory it may have."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from chaos.confine import confined
from chaos.faults import BOUND_S, Options, Outcome, outcome
from chaos.world import World

_TMPFS = "512k"
_FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
#: Meters with libfaketime, which reads its file at each look at the clock: with more, a busy machine takes too long to start.
_FAKED = 4
#: Of the bridge with four meters, resident.
MEMORY_LIMIT_KB = 80 * 1024
#: A telegram of a 5 s pusher at 100 × speed, and how long an hour lasts then.
_FAST_S = 0.05
_HOUR_S = 36.0


class CannotRunError(Exception):
    """This machine lacks something that the part needs."""


@contextmanager
def small_disk(folder: Path, mode: str = "rw") -> Iterator[Path]:
    """A disk of 512 kB."""
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    try:
        _mount("-t", "tmpfs", "-o", f"size={_TMPFS},{mode}", "tmpfs", str(disk))
    except subprocess.CalledProcessError as error:
        raise CannotRunError(f"a small disk needs root and the right to mount: {error.stderr}") from error
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True, capture_output=True, text=True)


async def full(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """The disk of the state file is full while the broker is away; room is made, and the broker comes back."""
    begin, done = time.monotonic(), 0
    with small_disk(folder) as disk:
        async with World(folder, meters=options.meters, state=disk / "state.db") as world:
            for done in options.rounds():
                ballast = disk / "ballast"
                _fill(ballast)
                world.cut_off()
                await world.says("Make room on the disk.")
                await asyncio.sleep(3)
                ballast.unlink()
                await world.says("open again after")
                world.network.admits = True
                await world.hears("after the disk was full")
                world.bridge.log_path.write_text("")
                tell(f"full {done}/{options.count}")
            await world.settle()
            return outcome("full", world, done, begin)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            return


async def readonly(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """The disk is read-only from the start, with the broker away for a while; then it can be written."""
    begin, done = time.monotonic(), 0
    with small_disk(folder, "ro") as disk:
        async with World(folder, meters=options.meters, state=disk / "state.db") as world:
            for done in options.rounds():
                await world.says("Read-only file system")
                world.cut_off()
                await asyncio.sleep(5)
                world.network.admits = True
                await world.hears("with a disk that is read-only")
                _mount("-o", "remount,rw", str(disk))
                await world.says("open again after")
                tell(f"readonly {done}/{options.count}")
                break  # what is open for writing cannot be made read-only again
            await world.settle()
            result = outcome("readonly", world, done, begin)
            if "not_stored" not in world.ledger.codes:
                result.notes.append("no event not_stored")
            return result


async def corrupt(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """The state file is overwritten while the bridge is dead and the broker away: what waited in it is lost, no more."""
    dice = random.Random(options.seed)
    begin, done, away_s = time.monotonic(), 0, 4.0
    kills = []
    # Without its memory the bridge numbers from the time in seconds on: not more than one telegram a second (ADR 16).
    async with World(folder, meters=options.meters, interval_s=1.2) as world:
        for done in options.rounds():
            world.cut_off()
            await asyncio.sleep(away_s)
            kills.append(time.monotonic())
            world.bridge.kill()
            # Both: from its log alone SQLite restores what was damaged in the file.
            for path in (world.state, world.state.with_name(f"{world.state.name}-wal")):
                octets = path.read_bytes()
                path.write_bytes(dice.randbytes(100) + octets[100:])
            world.network.admits = True
            world.bridge.start()
            await world.hears("after the file was damaged")
            await world.says("it is damaged and was renamed")
            world.bridge.log_path.write_text("")
            tell(f"corrupt {done}/{options.count}")
        await world.settle()
        return outcome("corrupt", world, done, begin, kills=kills, bound_s=away_s + BOUND_S)


async def clock(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """The machine's clock is set two hours ahead, and back (libfaketime)."""
    begin, done = time.monotonic(), 0
    shift = folder / "faketime"
    shift.write_text("+0\n")
    async with World(folder, meters=min(options.meters, _FAKED), environ=_faketime(shift)) as world:
        for done in options.rounds():
            for offset in ("+2h", "+0", "-2h", "+0"):
                await asyncio.sleep(3)
                shift.write_text(f"{offset}\n")
                await world.hears(f"with the clock at {offset}")
            tell(f"clock {done}/{options.count}")
        await world.settle()
        result = outcome("clock", world, 4 * done, begin)
        if "clock_jumped" not in world.ledger.codes:
            result.notes.append("no event clock_jumped")
        return result


async def summertime(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """Summer time begins, or ends, half a minute after the start; meters say local time. ts must rise and be right."""
    begin, done = time.monotonic(), 0
    results = []
    for done in options.rounds():
        change = (datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2027, 3, 28, 1, tzinfo=UTC))[done % 2]
        offset = change - timedelta(seconds=30) - datetime.now(UTC)
        shift = folder / f"faketime-{done}"
        shift.write_text(f"{offset.total_seconds():+.3f}\n")
        place = folder / str(done)
        place.mkdir()

        def now(by: timedelta = offset) -> datetime:
            return datetime.now(UTC) + by

        meters = min(options.meters, _FAKED)
        async with World(place, meters=meters, environ=_faketime(shift), clock=now) as world:
            await asyncio.sleep(max(0.0, (change - now()).total_seconds()) + 6)
            await world.settle()
            result = outcome("summertime", world, done, begin)
            for meter, times in world.ledger.times.items():
                if any(after < before for before, after in pairwise(times)):
                    result.notes.append(f"{meter}: ts goes back: {times}")
                crossed = f"{change:%Y-%m-%dT%H:%M:%S}"
                if not times[0] < crossed < times[-1]:
                    result.notes.append(f"{meter}: {times[0]} to {times[-1]} does not cross {crossed}")
            results.append(result)
        tell(f"summertime {done}/{options.count}")
    last = results[-1]
    last.notes = [note for result in results for note in result.notes]
    return last


def _faketime(shift: Path) -> dict[str, str]:
    found = sorted(Path("/").glob(_FAKETIME.lstrip("/")))
    if not found:
        raise CannotRunError("libfaketime is missing (apt install faketime)")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(shift),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


async def memory(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """Four meters for hours at 100 × speed, under a limit of 80 MB that the kernel enforces: resident memory does not grow."""
    begin, done = time.monotonic(), 0
    with confined(MEMORY_LIMIT_KB * 1024) as group:
        command = group.command if group is not None else ()
        meters = min(options.meters, 4)
        async with World(folder, meters=meters, interval_s=_FAST_S, command=command) as world:
            sizes = []
            for done in options.rounds():
                end = time.monotonic() + _HOUR_S
                while time.monotonic() < end and world.bridge.running:
                    await asyncio.sleep(_HOUR_S / 12)
                    sizes.append(_resident_kb(world.bridge.pid))
                tell(f"memory {done}/{options.count}")
                if not world.bridge.running:
                    break
            await world.settle()
            result = outcome("memory", world, done, begin)
            early, late = sizes[len(sizes) // 4], sizes[-1]
            enforced = (
                f"at most {group.peak_octets() / 2**20:.1f} of the {MEMORY_LIMIT_KB / 1024:.0f} MB that the kernel allowed"
                if group is not None
                else "no limit was enforced (that needs root and control groups)"
            )
            result.remark = (
                f"resident {early / 1024:.1f} MB after a quarter, {late / 1024:.1f} MB in the end; {enforced}"
            )
            if late > MEMORY_LIMIT_KB or late > early * 1.05:
                result.notes.append(result.remark)
            return result


def _resident_kb(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])  # 0 once it was killed
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
