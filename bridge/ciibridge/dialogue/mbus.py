r"""Wired M-Bus: what the master of a bus says to its devices (EN 13757-2, EN 13757-3).

    primary      SND_NKE A ►  ◄ E5          REQ_UD2 A ►  ◄ RSP_UD … while DIF 1F says that there is more
    secondary    SND_UD FD CI 52, number, maker, version, type ►  ◄ E5, and who was selected answers at FD
    enhanced     the same, and a record 0C 78 with the fabrication number: what no customer can change (EN 13757-3, annex)
    254          whoever is there: a line with one device

REQ_UD2 carries the frame count bit: it changes when the answer was good, and stays when it is wanted once more. A device
that does not answer costs a note, and the round goes on with the next one. Level converters may give back what is sent:
our own octets in front of an answer are taken off. What is neither an acknowledgement nor a frame is a collision: several
devices spoke at once.

How a bus is searched stands in ``mbus_search``.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, TypeVar

from ciibridge.decode.mbus import header, records
from ciibridge.dialogue import Change, Dialogue, DialogueError, Listen, Note, Octets, Pause, Send, Step
from ciibridge.errors import ConfigError, ProtocolError
from ciibridge.framing.mbus import LONGEST_FRAME, long_frames
from ciibridge.security import oms
from ciibridge.types import Frame, Problem

if TYPE_CHECKING:
    from ciibridge.dialogue.asking import Asking

_T = TypeVar("_T")
#: A part of a dialogue with a result.
Part: TypeAlias = Generator[Step, bytes, _T]

ADDRESS: Final = re.compile(
    r"250|254|2[0-4]\d|1\d\d|[1-9]?\d|(?:[A-Z]{3}\d{8}|[0-9Ff]{8}|[0-9A-Fa-f]{16})(?:/[0-9Ff]{8})?", re.ASCII
)
ADDRESS_WORDS: Final = (
    "a primary address (0 to 250), the number on the device (12345678 or KAM12345678), or a whole secondary address of 16 "
    "hexadecimal digits; behind a number / and the fabrication number, where two devices have the same (12345678/87654321)"
)
READ: Final = re.compile(r"reset(?::[0-9A-Fa-f]{2})?|baud:(?:300|600|1200|2400|4800|9600|19200|38400)")
READ_WORDS: Final = (
    "reset, reset:50 (application reset with its subcode), or baud:9600 (speed of the readout)"
)

SELECTED: Final = 253
ANYBODY: Final = 254
_SND_NKE: Final = 0x40
_REQ_UD2: Final = 0x5B
_SND_UD: Final = 0x53
_FRAME_COUNT: Final = 0x20
_SELECT: Final = 0x52
_RESET: Final = 0x50
_SPEEDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400)
_FIRST_SPEED: Final = 0xB8  # CI of 300 baud
_ACK: Final = b"\xe5"
_LONG: Final = 0x68
_OVERHEAD: Final = 6
_TIMES: Final = 3  # that something is said before the device is given up
_MOST_TELEGRAMS: Final = 64  # of one readout
#: A device answers within 330 bit times and 50 ms; what comes on top is the adapter's.
_ANSWER_BITS: Final = 330
_ANSWER_S: Final = 0.05 + 0.25
_NETWORK_S: Final = 0.3  # and of a network, where the port is one
#: Silence that ends an answer: no gap inside a frame is longer than 33 bits, but adapters make some.
_IDLE_BITS: Final = 33
_IDLE_S: Final = 0.15
_ANY_MAKER: Final = b"\xff" * 4  # maker, version and device type
#: DIF and VIF of a fabrication number of eight digits.
_FABRICATION: Final = b"\x0c\x78"
_PRIMARY_DIGITS: Final = 3
_FLAG_AND_NUMBER: Final = 11  # KAM12345678
_WHOLE: Final = 16  # number, maker, version, device type


class Heard(StrEnum):
    """What came as an answer."""

    SILENCE = "silence"
    ACK = "acknowledgement"
    FRAME = "frame"
    COLLISION = "collision"


class Answer(NamedTuple):
    """An answer; ``frame`` where it is one."""

    heard: Heard
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask: a primary address, or with ``selection`` (eight octets as on the wire, or 14) who is selected."""

    text: str  # as configured
    primary: int
    selection: bytes = b""


def target(text: str) -> Target:
    """Read an address as it is configured; it must match ``ADDRESS``."""
    if len(text) <= _PRIMARY_DIGITS:
        return Target(text, int(text))
    rest = _ANY_MAKER
    digits, _, fabrication = text.partition("/")
    if len(digits) == _FLAG_AND_NUMBER:
        first, second, third = (ord(letter) - 64 for letter in digits[:3])
        rest = (first << 10 | second << 5 | third).to_bytes(2, "little") + b"\xff\xff"
        digits = digits[3:]
    elif len(digits) == _WHOLE:
        rest = bytes.fromhex(digits[8:])
    if fabrication:
        rest += _FABRICATION + bytes.fromhex(fabrication)[::-1]
    return Target(text, SELECTED, bytes.fromhex(digits[:8])[::-1] + rest)


def asker(asking: Asking) -> Master:
    """Make who asks. Raises ConfigError where telegrams would not tell which device they are of."""
    numbers = [address.partition("/")[0] for address in asking.addresses if "/" in address]
    if len(set(numbers)) < len(numbers):
        raise ConfigError(
            "address: devices with one number are not told apart by their telegrams: "
            "write a block [[meter]] for each, with the same port"
        )
    return Master(asking)


@dataclass(slots=True)
class Master:
    """Asks the devices of one bus."""

    asking: Asking
    _bits: dict[str, int] = field(default_factory=dict)  # frame count bit of the last good request

    def round(self, now: datetime) -> Dialogue:  # noqa: ARG002 - a readout is always of now
        """Read every configured device, or the only one there is."""
        targets = [target(text) for text in self.asking.addresses] or [Target("", ANYBODY)]
        line = Line(self.asking)
        speed = next((int(word[5:]) for word in self.asking.read if word.startswith("baud:")), None)
        failed = 0
        for one in targets:
            try:
                yield from self._device(line, one, speed)
            except DialogueError as error:
                failed += 1
                if failed == len(targets):  # the last of them says it for all
                    what = str(error) if failed == 1 else f"none of {failed} devices answers; {error}"
                    raise DialogueError(error.code, what) from error
                yield Note(Problem(error.code, str(error)))

    def _device(self, line: Line, one: Target, speed: int | None) -> Part[None]:
        fresh = (yield from reach(line, one)) is Heard.ACK
        for word in self.asking.read:
            if word.startswith("reset"):
                subcode = bytes.fromhex(word.partition(":")[2])
                yield from _command(line, one, bytes((_RESET,)) + subcode)
        if speed is not None and speed != self.asking.baudrate:
            yield from self._change_speed(line, one, speed)
        yield from self._read(line, one, fresh=fresh)
        if speed is not None and speed != self.asking.baudrate:
            yield from self._change_speed(line, one, self.asking.baudrate)

    def _change_speed(self, line: Line, one: Target, speed: int) -> Part[None]:
        if not self.asking.can_change:
            raise DialogueError(
                "line_fixed", f"the readout wants {speed} baud, and the speed of this port cannot be changed"
            )
        yield from _command(line, one, bytes((_FIRST_SPEED + _SPEEDS.index(speed),)))
        yield Change(speed)
        line.baudrate = speed

    def _read(self, line: Line, one: Target, *, fresh: bool) -> Part[None]:
        """Take all telegrams of a device."""
        bit = _FRAME_COUNT if fresh else self._bits.get(one.text, 0) ^ _FRAME_COUNT
        for _ in range(_MOST_TELEGRAMS):
            frame = yield from request(line, one, bit)
            self._bits[one.text] = bit
            yield Octets(frame.raw)
            if not self._more(frame):
                return
            bit ^= _FRAME_COUNT
        raise DialogueError(
            "refused", f"{_who(one)} has more than {_MOST_TELEGRAMS} telegrams; it is asked no further"
        )

    def _more(self, frame: Frame) -> bool:
        """Tell whether the device has more records for another telegram. What cannot be opened says nothing."""
        try:
            head = header.read(frame)
            if head.fixed:
                return False
            body = frame.information[head.body :]
            if octets := oms.encrypted_octets(head.configuration, body):
                body = oms.decipher(body, octets, head.address, head.device.access, self.asking.key)
            return records.read(body, turned=head.turned).more
        except ProtocolError:
            return False


class Line:
    """What is said on the bus, and what is heard."""

    def __init__(self, asking: Asking) -> None:
        self.baudrate = asking.baudrate
        self._network_s = 0.0 if asking.can_change else _NETWORK_S

    def say(self, octets: bytes, times: int = _TIMES) -> Part[Answer]:
        """Say something until there is a clean answer; the last one that there was."""
        timeout_s = _ANSWER_BITS / self.baudrate + _ANSWER_S + self._network_s
        idle_s = _IDLE_BITS / self.baudrate + _IDLE_S + self._network_s / 2
        answer = Answer(Heard.SILENCE)
        for attempt in range(times):
            if attempt:
                yield Pause(idle_s)
            yield Send(octets)
            came = yield Listen(
                timeout_s, idle_s, lambda came: _whole(_without(octets, came)), 4 * LONGEST_FRAME
            )
            rest = _without(octets, came)
            if not rest and came:  # only the echo so far
                rest = yield Listen(timeout_s, idle_s, _whole, 4 * LONGEST_FRAME)
            answer = _understood(rest)
            if answer.heard in (Heard.ACK, Heard.FRAME):
                return answer
        return answer


def reach(line: Line, one: Target, times: int = 2) -> Part[Heard]:
    """Set a device to its beginning, or select it; an acknowledgement means that its frame count bit is fresh.

    Raises ``DialogueError`` where nobody can be selected. Some devices do not acknowledge SND_NKE, yet answer.
    """
    if not one.selection:
        return (yield from line.say(short(_SND_NKE, one.primary), times)).heard
    yield from line.say(short(_SND_NKE, SELECTED), times=1)  # nobody is selected any more
    answer = yield from select(line, one.selection)
    if answer.heard is Heard.ACK:
        return answer.heard
    raise _silence(one) if answer.heard is Heard.SILENCE else _collision(one)


def select(line: Line, selection: bytes, times: int = _TIMES) -> Part[Answer]:
    """Select who fits ``selection``: number, maker, version, device type as on the wire, F and FF for any."""
    return (yield from line.say(long(SELECTED, bytes((_SELECT,)) + selection), times))


def request(line: Line, one: Target, bit: int, times: int = _TIMES) -> Part[Frame]:
    """Ask for a telegram; raises ``DialogueError`` (no_answer, refused, collision)."""
    answer = yield from line.say(short(_REQ_UD2 | bit, one.primary), times)
    if answer.heard is Heard.SILENCE:
        raise _silence(one)
    if answer.heard is Heard.ACK:
        raise DialogueError("refused", f"{_who(one)} has nothing to give")
    frame = answer.frame
    if frame is None:
        raise _collision(one)
    if one.primary < SELECTED and int(frame.destination, 16) != one.primary:
        raise DialogueError(
            "refused", f"{_who(one)} was asked, and address {int(frame.destination, 16)} answers"
        )
    return frame


def _command(line: Line, one: Target, information: bytes) -> Part[None]:
    answer = yield from line.say(long(one.primary, information))
    if answer.heard is not Heard.ACK:
        raise DialogueError("refused", f"{_who(one)} does not acknowledge command {information[0]:02X}")


def short(control: int, address: int) -> bytes:
    """Write a short frame."""
    return bytes((0x10, control, address, (control + address) & 0xFF, 0x16))


def long(address: int, information: bytes) -> bytes:
    """Write a SND_UD."""
    body = bytes((_SND_UD, address)) + information
    return bytes((_LONG, len(body), len(body), _LONG)) + body + bytes((sum(body) & 0xFF, 0x16))


def _without(sent: bytes, came: bytes) -> bytes:
    """Take off the echo; a part of it is nothing yet."""
    if came.startswith(sent):
        return came[len(sent) :]
    return b"" if sent.startswith(came) else came


def _whole(octets: bytes) -> bool:
    """Tell whether nothing more is to be waited for."""
    if octets[:1] == _ACK:
        return True
    if len(octets) < 4 or octets[0] != _LONG or octets[1] != octets[2]:
        return False
    return len(octets) >= octets[1] + _OVERHEAD and octets[octets[1] + _OVERHEAD - 1] == 0x16


def _understood(octets: bytes) -> Answer:
    if not octets:
        return Answer(Heard.SILENCE)
    frame = next(long_frames(octets), None)
    if frame is not None:
        return Answer(Heard.FRAME, frame)
    return Answer(Heard.ACK if octets == _ACK else Heard.COLLISION)


def _who(one: Target) -> str:
    if one.primary == ANYBODY:
        return "the device"
    # of a number only its end: the whole of it is nobody's business
    return (
        f"the device at address {one.primary}"
        if not one.selection
        else f"the device …{one.text.partition('/')[0][:11][-4:]}"
    )


def _silence(one: Target) -> DialogueError:
    return DialogueError("no_answer", f"{_who(one)} does not answer")


def _collision(one: Target) -> DialogueError:
    remedy = "name them in `address`" if one.primary == ANYBODY else "two devices may have this address"
    return DialogueError("collision", f"several devices answer at once, or the line is disturbed: {remedy}")
