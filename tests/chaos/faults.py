"""The parts: each breaks one thing many times, and says what became of the telegrams."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from chaos.cable import laid
from chaos.ledger import Verdict
from chaos.world import World, until

#: ADR 16: a kill while the broker is connected costs what was read and not confirmed in 2 s; half a second is for the harness.
BOUND_S = 2.5


#: A meter may write to the socket of a process for so long after it was killed.
_DEAD_S = 0.5


@dataclass
class Outcome:
    """What a part has shown. ``bound_s``: so long before a fault a loss is what the documentation promises (ADR 16)."""

    part: str
    faults: int
    seconds: float
    verdict: Verdict
    #: How long before the fault what was lost had been sent, in seconds.
    ages: list[float] = field(default_factory=list)
    bound_s: float = 0.0
    notes: list[str] = field(default_factory=list)
    remark: str = ""

    @property
    def good(self) -> bool:
        return not self.verdict.problems and all(age <= self.bound_s for age in self.ages) and not self.notes


@dataclass(frozen=True)
class Options:
    """``count`` faults, ``meters`` meters; the same ``seed`` gives the same faults at the same distances."""

    count: int
    meters: int = 20
    seed: int = 1
    longest_s: float = 60.0  # of a network cut
    limit_s: float = float("inf")  # no further fault after so long
    proxy: bool = False  # cut the network in a proxy, even where a cable could be pulled

    def rounds(self) -> Iterator[int]:
        """Count the faults, as many as there is time for."""
        end = time.monotonic() + self.limit_s
        for number in range(1, self.count + 1):
            if time.monotonic() > end:
                return
            yield number


async def broker(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """kill -9 of mosquitto, which keeps nothing on disk, at random moments."""
    dice = random.Random(options.seed)
    begin = time.monotonic()
    done = 0
    async with World(folder, meters=options.meters) as world:
        for done in options.rounds():
            await asyncio.sleep(dice.uniform(0, 1.5))
            world.network.admits = False
            world.broker.kill()
            await world.subscriber.ended()
            await asyncio.sleep(dice.uniform(0, 1.5))
            await world.broker.start()
            world.subscriber = type(world.subscriber)(world.ledger, world.broker.port)
            await world.subscriber.ready()
            world.network.admits = True
            await world.hears(f"after kill {done} of the broker")
            tell(f"broker {done}/{options.count}")
        await world.settle()
        return outcome("broker", world, done, begin)


async def bridge(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """kill -9 of the bridge at random moments, every fourth time while the broker cannot be reached."""
    dice = random.Random(options.seed)
    begin = time.monotonic()
    done = 0
    kills: list[float] = []
    async with World(folder, meters=options.meters) as world:
        for done in options.rounds():
            await asyncio.sleep(dice.uniform(0, 2))
            away = done % 4 == 0
            if away:
                world.cut_off()
                await asyncio.sleep(dice.uniform(0, 3))
            kills.append(time.monotonic())
            world.bridge.kill()
            await asyncio.sleep(dice.uniform(0, 0.3))
            world.network.admits = True
            world.bridge.start()
            await world.hears(f"after kill {done} of the bridge", 60)
            tell(f"bridge {done}/{options.count}")
        await world.settle()
        return outcome("bridge", world, done, begin, kills=kills, bound_s=BOUND_S)


async def ports(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """Serial ports torn away and given back, any of them at any time."""
    begin = time.monotonic()
    done = 0
    async with World(folder, meters=options.meters, ports=True) as world:
        rounds = options.rounds()

        async def torment(place: int) -> None:
            nonlocal done
            dice = random.Random(f"{options.seed}/{place}")
            meter = world.meters[place]
            for _ in rounds:
                await asyncio.sleep(dice.uniform(1, 4))
                meter.tear()
                await asyncio.sleep(dice.uniform(0, 1.5))
                meter.give()
                number = meter.number
                if not await until(lambda was=number: meter.number > was, 60):
                    raise RuntimeError(
                        f"{meter.name}: its port is not opened again\n{world.bridge.log[-3000:]}"
                    )
                done += 1
                tell(f"ports {done}/{options.count}")

        await asyncio.gather(*(torment(place) for place in range(len(world.meters))))
        await world.settle()
        return outcome("ports", world, done, begin)


async def cuts(folder: Path, options: Options, tell: Callable[[str], None]) -> Outcome:
    """The network between bridge and broker cut: a virtual cable is pulled out, at either end in turn.

    Without root, or as ``options`` want it, a proxy: segments are held back and delivered late, or lost with their connection.
    """
    dice = random.Random(options.seed)
    begin = time.monotonic()
    done = 0
    with nullcontext() if options.proxy else laid() as cable:
        async with World(folder, meters=options.meters, cable=cable) as world:
            for done in options.rounds():
                await asyncio.sleep(dice.uniform(0.5, 3))
                seconds = dice.uniform(min(1.0, options.longest_s), options.longest_s)
                if cable is not None:
                    cable.set("down", near=done % 2 == 0)
                    await asyncio.sleep(seconds)
                    cable.set("up", near=done % 2 == 0)
                else:
                    world.network.hold()
                    await asyncio.sleep(seconds)
                    world.network.heal(drop=done % 2 == 0)
                await world.hears(f"after cut {done}", 150)
                tell(f"cuts {done}/{options.count}")
            await world.settle(180)
            result = outcome("cuts", world, done, begin)
            result.remark = (
                "cut by a proxy (a cable needs root and `ip`)"
                if cable is None
                else "cut by a cable between namespaces"
            )
            return result


def outcome(
    part: str,
    world: World,
    faults: int,
    begin: float,
    *,
    kills: list[float] | None = None,
    bound_s: float = 0.0,
) -> Outcome:
    for key in world.ledger.missing():  # sent to a process that had just been killed
        if any(0 <= world.ledger.sent[key] - kill < _DEAD_S for kill in kills or []):
            world.ledger.unread.add(key)
    verdict = world.ledger.judge()
    notes = ["Traceback in the log of the bridge"] if "Traceback" in world.bridge.log else []
    if not world.bridge.running:
        notes.append("the bridge has ended")
    ages = []
    for key in verdict.lost:
        sent = world.ledger.sent[key]
        later = [
            kill for kill in kills or [] if kill >= sent - 0.5
        ]  # sent into a socket whose reader just died
        ages.append(max(0.0, min(later) - sent) if later else float("inf"))
    return Outcome(part, faults, time.monotonic() - begin, verdict, ages, bound_s, notes)
