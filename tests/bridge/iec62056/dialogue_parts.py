"""A line between a dialogue and a meter, without port or clock: what is sent too fast or too slow is not understood."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ciibridge.dialogue import Change, Decoded, DialogueError, Listen, Note, Octets, Pause, Send
from ciibridge.simulate.iec62056 import Station
from ciibridge.types import Problem, Reading
from iec62056_parts import NOW

SETS = {
    "": ["F.F(00)", "0.0.0(10000001)", "1.8.0(000219.252*kWh)"],
    "F001": ["0.0.0(10000001)", "1.8.0(000219.252*kWh)"],
    "F009": ["32.7(230.1*V)"],
    "1.7.0": ["1.7.0(0.386*kW)"],
    "2.7.0": ["(0.000*kW)"],
}


def content(name: str, _at: datetime) -> list[str] | None:
    return SETS.get(name)


def station(identification: str = "LGZ6ZMF100AC.M23", **options: Any) -> Station:
    return Station(identification, content, serial="10000001", **options)


@dataclass
class Heard:
    """What came of a round, and how long it would have taken."""

    telegrams: list[bytes] = field(default_factory=list)
    rows: list[Reading] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    speeds: list[int] = field(default_factory=list)
    paused_s: float = 0.0
    listened: int = 0
    form: tuple[int | None, str | None] = (None, None)
    result: Any = None
    error: DialogueError | None = None


def play(
    dialogue: Generator[Any, bytes, Any],
    meter: Station | None,
    *,
    baudrate: int = 300,
    echo: bool = False,
    spoil: Callable[[bytes, int], bytes] = lambda said, _: said,
) -> Heard:
    """Do a round with a meter at the other end. ``spoil`` changes its n-th answer, ``echo``: the head gives back what it sends."""
    heard = Heard(speeds=[baudrate])
    coming = b""
    answers = 0
    speed = baudrate
    answer = b""
    try:
        step = next(dialogue)
        while True:
            answer = b""
            match step:
                case Send():
                    heard.sent.append(step.data)
                    before = meter.baudrate if meter else 0
                    # A call is understood at 300 baud only, everything else at the speed agreed.
                    understood = meter is not None and speed in (
                        before,
                        300 if b"/?" in step.data else before,
                    )
                    if meter is not None and understood:
                        said = meter.feed(step.data, NOW)
                        if said:
                            said = spoil(said, answers)
                            answers += 1
                        coming = (step.data if echo else b"") + said
                    else:
                        coming = step.data if echo else b""
                case Listen():
                    heard.listened += 1
                    assert step.timeout_s > 0
                    for end in range(1, len(coming) + 1):
                        if step.enough is not None and step.enough(coming[:end]):
                            break
                    else:
                        end = len(coming)
                    answer, coming = coming[:end], coming[end:]
                case Change():
                    speed = step.baudrate
                    heard.speeds.append(speed)
                    heard.form = (step.bytesize, step.parity)
                    if meter is not None and speed != meter.baudrate:
                        coming = b""
                case Pause():
                    heard.paused_s += step.seconds
                case Octets():
                    heard.telegrams.append(step.data)
                case Decoded():
                    assert step.past
                    heard.rows.append(step.reading)
                case Note():
                    heard.notes.append(step.problem)
                case _:
                    raise AssertionError(step)
            step = dialogue.send(answer)
    except StopIteration as end_:
        heard.result = end_.value
    except DialogueError as error:
        heard.error = error
    return heard
