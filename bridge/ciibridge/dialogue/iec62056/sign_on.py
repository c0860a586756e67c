"""The call: who is there, at which speed it wants to go on, and which mode is chosen (IEC 62056-21, 6.3, 6.4.1 and annex E)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ciibridge.dialogue import Change, DialogueError, Listen, Part, Pause, Send
from ciibridge.dialogue.iec62056.exchange import ACK, SILENCE_S, TIMES, ask
from ciibridge.framing.iec62056 import without_parity

if TYPE_CHECKING:  # ``asking`` lists this package among the ways
    from ciibridge.dialogue.asking import Asking

ADDRESS: Final = re.compile(r"[0-9A-Za-z ]{1,32}")
ADDRESS_WORDS: Final = "the device address, up to 32 letters and digits, as printed on the meter"
_SPEEDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200)
_MODE_B: Final = "ABCDEF"  # from 600 baud on
_SETTLE_S: Final = 0.05  # between the last octet and the change of speed; the meter waits 200 ms
_HDLC_SETTLE_S: Final = 0.4
#: Waking a meter on battery (annex B): NUL for 2.2 s at 300 baud, then silence.
_WAKE: Final = bytes(66)
_WAKE_PAUSE_S: Final = 1.6
_IDENTIFICATION: Final = re.compile(rb"/([A-Za-z]{3})([\x20-\x7e])(?:\\([0-9]))?([^\r\n]{0,40})\r*\n")


class Identification(NamedTuple):
    """What a meter says of itself when it is called."""

    line: bytes  # the whole line, with its end
    speed: str  # Z
    escape: str  # the digit behind the backslash: 2 for mode E
    behind: bytes  # what came with it: the data of mode A

    @property
    def baudrate(self) -> int | None:
        """The speed it proposes; None: it stays where it is (mode A)."""
        if self.speed.isdigit():
            return _SPEEDS[int(self.speed)] if int(self.speed) < len(_SPEEDS) else None
        place = _MODE_B.find(self.speed)
        return None if place < 0 else _SPEEDS[1 + place]

    @property
    def bidirectional(self) -> bool:
        """Mode C or E: it waits for an acknowledgement."""
        return self.speed.isdigit()


def sign_on(asking: Asking, address: str = "") -> Part[Identification]:
    """Call a meter; give its identification. Raises ``DialogueError`` (no_answer, noise) after three attempts."""
    request = b"/?" + address.encode("ascii") + b"!\r\n"
    came = b""
    for attempt in range(TIMES):
        if attempt:
            yield Pause(SILENCE_S)
        if asking.wake_up:
            yield Send(_WAKE)
            yield Pause(_WAKE_PAUSE_S)
        came = yield from ask(request, _identified)
        if found := _IDENTIFICATION.search(came):
            _, speed, escape, _ = found.groups(default=b"")
            return Identification(found.group(), speed.decode(), escape.decode(), came[found.end() :])
    if came:
        raise DialogueError(
            "noise", f"{len(came)} octets came, which are no identification: speed or parity of the line?"
        )
    raise DialogueError(
        "no_answer", f"nobody answers to a call{f' of {len(address)} characters' if address else ''}"
    )


def enter_hdlc(asking: Asking, address: str = "") -> Part[int]:
    """Call a meter and go over to HDLC (mode E): afterwards the line is at the speed that is returned, 8N1.

    Raises ``DialogueError``: no_answer; refused where the meter offers no mode E; line_fixed where the line cannot change.
    """
    meter = yield from sign_on(asking, address)
    if meter.escape != "2":
        raise DialogueError("refused", "the meter does not offer HDLC on this interface (mode E)")
    if not asking.can_change:
        raise DialogueError("line_fixed", "HDLC by mode E needs a line whose speed and form can be changed")
    speed, baudrate = _speed(asking, meter)
    acknowledge = ACK + f"2{speed}2\r\n".encode()
    yield Send(acknowledge)
    # Some meters give it back at the old speed, and so do some heads; others say nothing.
    yield Listen(_HDLC_SETTLE_S, 0.1, lambda came: without_parity(came).count(b"\n") > 1)
    yield Change(baudrate, bytesize=8, parity="none")
    yield Pause(_HDLC_SETTLE_S)
    return baudrate


def _speed(asking: Asking, meter: Identification) -> tuple[str, int]:
    """Choose the speed to go on with: the one the meter proposes, or the one that the line has."""
    baudrate = meter.baudrate
    if asking.can_change and baudrate is not None:
        return meter.speed, baudrate
    stays = asking.baudrate if asking.baudrate in _SPEEDS else _SPEEDS[0]
    return str(_SPEEDS.index(stays)), stays


def acknowledge(asking: Asking, meter: Identification, choice: str) -> Part[bytes]:
    """Send the acknowledgement with option select message, and change; gives what was sent."""
    speed, baudrate = _speed(asking, meter)
    acknowledge = ACK + f"0{speed}{choice}\r\n".encode()
    yield Send(acknowledge)
    if baudrate != asking.baudrate:
        yield Pause(_SETTLE_S)
        yield Change(baudrate)
    return acknowledge


def _identified(came: bytes) -> bool:
    return _IDENTIFICATION.search(came) is not None
