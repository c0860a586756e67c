"""Dialogues: what is said to meters that must be asked. Beside the lines, which only listen.

    IEC 62056-21  /?! … ACK … data block        M-Bus  SND_NKE, REQ_UD2 … RSP_UD        DLMS  SNRM, AARQ, GET … DISC

A dialogue is a generator: it yields a step, the driver (``service``, ``probe`` or a test) does it on a transport, and sends
back what came of it. So all of a dialogue is tested without a port, and one driver serves all.

    step         the driver does                                              sends back
    Send         write the octets                                             b""
    Listen       wait until ``enough`` says so, the line is idle, or time out  what came, b"" for nothing
    Change       set the line to other settings (baud change of 62056-21)     b""
    Pause        wait                                                         b""
    Octets       feed them to the meter's pipeline: a whole telegram           b""
    Decoded      hand a finished reading to the meter's pipeline               b""
    Note         report a problem that does not end the round                 b""

It returns when the round is done, and raises ``DialogueError`` when the meter does not answer as it should; the driver
reports that, sets the line back to its own settings and begins the next round at its time. A driver that is stopped closes
the generator: it must not yield again. Which dialogue a protocol has stands in ``asking``.

Pure: no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from ciibridge.errors import ProtocolError
from ciibridge.types import Problem, Reading

__all__ = [
    "Change",
    "Decoded",
    "Dialogue",
    "DialogueError",
    "Listen",
    "Note",
    "Octets",
    "Part",
    "Pause",
    "Send",
    "Step",
]


class DialogueError(ProtocolError):
    """The meter does not answer, or not as the standard says. ``code`` is one of ``PROBLEMS``."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write octets to the meter."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for an answer: at most ``timeout_s`` for its first octet, then until ``idle_s`` pass without another.

    ``enough`` looks at all that came so far and may end it at once. ``limit``: most octets, so that a babbling line ends.
    """

    timeout_s: float
    idle_s: float = 0.5
    enough: Callable[[bytes], bool] | None = None
    limit: int = 262_144


@dataclass(frozen=True, slots=True)
class Change:
    """Set the line to another speed and form; the driver sets it back at the end of the round."""

    baudrate: int
    bytesize: Literal[7, 8] | None = None  # None: as it is
    parity: Literal["none", "even", "odd"] | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, e.g. the 200 ms before an answer that IEC 62056-21 asks for."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Octets:
    """A telegram for the meter's pipeline, as if it had been pushed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """A reading that the dialogue decoded itself (DLMS objects). ``past``: a row of the load profile, for ``history``."""

    reading: Reading
    past: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something is wrong, and the round goes on: an object that the meter does not give, a gap that nothing fills."""

    problem: Problem


_T = TypeVar("_T")
Step: TypeAlias = Send | Listen | Change | Pause | Octets | Decoded | Note
Dialogue: TypeAlias = Generator[Step, bytes, None]
#: A part of a dialogue, with a result.
Part: TypeAlias = Generator[Step, bytes, _T]
