"""What must hold whatever the octets are. A violation is an ``AssertionError``, or any exception that is not declared.

An input begins with a few octets that say how it is cut into chunks; the rest is what arrives:

    n | n cuts, a fraction of the length each | octets
    └ lowest three bits
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Protocol, TypeVar

from ciibridge.dialogue import Change, Decoded, Dialogue, DialogueError, Listen, Note, Octets, Pause, Send
from ciibridge.types import Problem

T = TypeVar("T")
NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)
#: Steps of one round of a dialogue; a load profile of a year is read in fewer.
_STEPS = 3000


class Machine(Protocol[T]):
    """What is fed octets: a framer or a line."""

    def feed(self, data: bytes) -> list[T]:
        """Take octets."""

    def finish(self) -> list[T]:
        """End the stream."""


def split(data: bytes) -> tuple[bytes, list[bytes]]:
    """Take an input apart: all its octets, and the same in chunks."""
    count = data[0] & 7 if data else 0
    cuts, octets = data[1 : 1 + count], data[1 + count :]
    places = [0, *sorted(cut * len(octets) // 255 for cut in cuts), len(octets)]
    return octets, [octets[begin:end] for begin, end in pairwise(places)]


def chunking(
    make: Callable[[], Machine[T]], data: bytes, pending: Callable[[Machine[T]], int], most: int
) -> None:
    """Any chunking gives the same, and no more than ``most`` octets are ever held."""
    octets, chunks = split(data)
    whole = make()
    expected = [*whole.feed(octets), *whole.finish()]
    cut = make()
    found: list[T] = []
    for chunk in chunks:
        found += cut.feed(chunk)
        assert pending(cut) <= most, f"{pending(cut)} octets are held, more than {most}"
    found += cut.finish()
    assert found == expected, f"in chunks: {found}\nat once: {expected}"


def recovers(make: Callable[[], Machine[object]], data: bytes, good: bytes, most: int) -> None:
    """After garbage the good telegram comes out, once so much has passed as the garbage may have announced."""
    octets, _ = split(data)
    machine = make()
    machine.feed(octets)
    for _ in range(2 + most // len(good)):
        if any(not isinstance(item, Problem) for item in machine.feed(good)):
            return
    raise AssertionError(f"no good telegram comes out behind {octets.hex()}")


def only(found: Iterable[object], *kinds: type) -> None:
    """Nothing but what is declared comes out."""
    for item in found:
        assert isinstance(item, kinds), f"{type(item).__name__} comes out"


def talk(dialogue: Dialogue, answers: Iterable[bytes]) -> None:
    """A meter that answers anything: the dialogue ends, by itself or with its own error."""
    said = iter(answers)
    steps = 0
    try:
        step = next(dialogue)
        while True:
            steps += 1
            assert steps < _STEPS, "the dialogue does not end"
            match step:
                case Listen():
                    answer = next(said, b"")[: step.limit]
                    if step.enough is not None:
                        step.enough(answer)
                case Send(data=octets):
                    assert isinstance(octets, bytes)
                    answer = b""
                case Change() | Pause() | Octets() | Decoded() | Note():
                    answer = b""
            step = dialogue.send(answer)
    except (DialogueError, StopIteration):
        return


def later(number: int) -> datetime:
    """Tell the time of round ``number``."""
    return NOW + timedelta(minutes=number)
