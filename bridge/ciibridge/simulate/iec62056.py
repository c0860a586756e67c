r"""The meter's end of IEC 62056-21: octets of a reader in, octets of the meter out (modes A to E, without HDLC).

    /?! ─► identification      06 0 Z 0 ─► readout      06 0 Z 1 ─► P0      P1 ─► 06      R2 F001 ─► data set      15 ─► once more
    R5 P.01(…;…) ─► load profile      R6 ─► the same in parts, 06 ─► the next one

What it holds is given as lines, or taken from a simulated meter. It changes its speed as a real one does; ``baudrate`` tells
which it has after an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ciimodel.catalogue import PushElement, PushList

from ciibridge.framing.iec62056 import STX, block_check, without_parity
from ciibridge.normalise.positional import obis_of
from ciibridge.simulate.submeters import counter_of

if TYPE_CHECKING:
    from ciibridge.simulate.meter import SimulatedMeter

#: Name of a data set, "" for the standard readout → its lines; None: the meter has no such set.
Content = Callable[[str, datetime], Sequence[str] | None]
#: Begin and end as the reader wrote them, and what the clock shows → lines of the load profile; None: what is no time.
Rows = Callable[[str, str, datetime], Sequence[str] | None]

SPEEDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200)
_MODE_B: Final = "ABCDEF"
_CALL: Final = re.compile(rb"/\?([^!]{0,32})!\r\n")
_ACKNOWLEDGE: Final = re.compile(rb"\x06([0-9])([0-9])([0-9])\r\n")
_COMMAND: Final = re.compile(rb"\x01([A-Z][0-9])(?:\x02([^\x03]*))?\x03(.)", re.DOTALL)
_NAK: Final = b"\x15"
_ACK: Final = b"\x06"
_ELECTRICITY: Final = re.compile(r"1-\d+:")
_TIME_OF_DAY: Final = "1-0:0.9.1"
_DATE: Final = "1-0:0.9.2"
_MINUTES: Final = 10  # digits of YYMMDDhhmm
_DEVICE_ID: Final = "0-0:96.1."
_PROFILE: Final = re.compile(r"P\.01\(([^();]*);([^();]*)\)")
_ETX: Final = "\x03"
_EOT: Final = "\x04"  # more follows
_LINES_A_BLOCK: Final = 8  # of what is asked for in parts
_LONGEST_OCTETS: Final = 512  # of what a reader may say


def readout(identification: str, lines: Sequence[str], *, checked: bool = True) -> bytes:
    """Write a telegram: with STX and BCC as in mode C, or without as meters push it (mode D)."""
    body = "".join(f"{line}\r\n" for line in lines) + "!\r\n"
    head = f"/{identification}\r\n".encode("ascii")
    return head + (_block(body) if checked else b"\r\n" + body.encode("ascii"))


def _block(body: str, end: str = _ETX) -> bytes:
    octets = (body + end).encode("ascii")
    return bytes((STX,)) + octets + bytes((block_check(octets),))


def data_lines(meter: SimulatedMeter, pushed: PushList, at: datetime) -> list[str]:
    """Write the lines of a list as these meters do: codes of electricity without medium and channel."""
    local = at.astimezone(meter.zone)
    in_two = any(element.obis == _TIME_OF_DAY for element in pushed.elements)
    clock = {_TIME_OF_DAY: f"0.9.1({local:%H:%M:%S})", _DATE: f"0.9.2({local:%y-%m-%d})"} if in_two else {}
    lines = []
    own = {ours: theirs for theirs, ours in (meter.wire.codes if meter.wire else {}).items()}
    if own:
        return [line for e in pushed.elements if (line := _own_line(meter, own.get(e.obis or ""), e, at))]
    for line in meter.lines(pushed, at):
        code, _, rest = line.partition("(")
        entries = rest.removesuffix(")").split(")(")
        if code.startswith(_DEVICE_ID):  # P1 writes these texts in hexadecimal digits
            entries = [bytes.fromhex(entries[0]).decode("ascii")]
        if len(entries) == 2:  # a maximum: P1 writes its time first, and with the season
            entries = [entries[1], entries[0][:_MINUTES]]
        text = "".join(f"({entry})" for entry in entries)
        lines.append(clock.get(code) or f"{_ELECTRICITY.sub('', code)}{text}")
    return lines


def _own_line(meter: SimulatedMeter, code: str | None, element: PushElement, at: datetime) -> str:
    """Write a line of a meter that means something else by its codes, e.g. 6.8(00012.345*MWh); none of what it does not say."""
    if code is None or element.obis is None:
        return ""
    kinds = [q.channel_types for q in meter.catalogue.quantities.values() if q.medium == meter.meter.medium]
    counter = counter_of([kind for types in kinds for kind in types])
    obis = obis_of(element.obis)
    text = counter.entries(obis, at.astimezone(meter.zone))[-1]
    if element.quantity is not None and meter.catalogue.quantities[element.quantity].place == "meta":
        text = str(meter.number)
    return f"{_ELECTRICITY.sub('', code).removesuffix('.0')}({text})"


class Station:
    """One meter on the line. ``identification`` without its slash: its fifth character says mode and speed."""

    def __init__(
        self,
        identification: str,
        content: Content,
        *,
        serial: str = "",
        password: str | None = None,
        called_at: int = SPEEDS[0],
        rows: Rows | None = None,
    ) -> None:
        """``rows``: of its load profile; None: it has none."""
        self._rows = rows
        self._waiting: list[bytes] = []  # blocks of an answer in parts that were not fetched
        self._identification = identification
        self._content = content
        self._serial = serial
        self._password = password
        self._heard = b""
        self._last = b""
        self._open = password is None
        self._programming = False
        self.called_at: Final = called_at  # baud: the speed at which it is called
        self.baudrate = called_at

    def feed(self, octets: bytes, at: datetime) -> bytes:
        """Take octets of the line; give what the meter says to them at ``at`` (aware)."""
        self._heard = (self._heard + without_parity(octets))[-_LONGEST_OCTETS:]
        said = b""
        while (answer := self._step(at)) is not None:
            said += answer
        return said

    def _step(self, at: datetime) -> bytes | None:
        """Answer the next thing that was said; None: nothing whole is left."""
        steps: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes], datetime], bytes]], ...] = (
            (_CALL, self._called),
            (_ACKNOWLEDGE, self._acknowledged),
            (_COMMAND, self._commanded),
        )
        for pattern, answer in steps:
            if found := pattern.search(self._heard):
                self._heard = self._heard[found.end() :]
                return answer(found, at)
        if self._heard.endswith(_NAK):
            self._heard = b""
            return self._last
        if self._waiting and self._heard == _ACK:
            self._heard = b""
            return self._say(self._waiting.pop(0))
        return None

    def _called(self, call: re.Match[bytes], at: datetime) -> bytes:
        self.baudrate = self.called_at
        self._programming = False
        self._waiting = []
        if call.group(1).decode().strip() not in ("", self._serial):
            return b""
        line = f"/{self._identification}\r\n".encode("ascii")
        mode = self._identification[3]
        if mode.isdigit():
            return line
        if mode in _MODE_B:
            self.baudrate = SPEEDS[1 + _MODE_B.index(mode)]
        return line + self._data("", at)

    def _acknowledged(self, choice: re.Match[bytes], at: datetime) -> bytes:
        protocol, speed, what = (group.decode() for group in choice.groups())
        if protocol != "0" or int(speed) >= len(SPEEDS) or not self._identification[3].isdigit():
            return b""
        self.baudrate = SPEEDS[int(speed)]
        if what == "0":
            return self._data("", at)
        self._programming, self._open = True, self._password is None
        return self._say(b"\x01P0" + _block(f"({self._serial})")) if what == "1" else b""

    def _commanded(self, command: re.Match[bytes], at: datetime) -> bytes:
        word, body = command.group(1).decode(), (command.group(2) or b"").decode()
        if command.group(3)[0] != block_check(command.group()[1:-1]):
            return _NAK
        if word == "B0":
            self._programming, self.baudrate = False, self.called_at
            return b""
        if not self._programming:
            return b""
        if word == "P1":
            self._open = self._password is None or body == f"({self._password})"
            return _ACK if self._open else self._say(_block("(ER09)"))
        if not self._open:
            return self._say(_block("(ER10)"))
        if self._rows is not None and (asked := _PROFILE.fullmatch(body)):
            return self._profile(self._rows(asked.group(1), asked.group(2), at), parts=word == "R6")
        return self._data(body.removesuffix("()"), at)

    def _profile(self, lines: Sequence[str] | None, *, parts: bool) -> bytes:
        if lines is None:
            return self._say(_block("(ER24)"))
        size = _LINES_A_BLOCK if parts else max(len(lines), 1)
        bodies = ["".join(f"{line}\r\n" for line in lines[n : n + size]) for n in range(0, len(lines), size)]
        blocks = [_block(body, _EOT) for body in bodies[:-1]]
        blocks.append(_block(bodies[-1] if bodies else "P.01(ERROR)"))
        self._waiting = blocks[1:]
        return self._say(blocks[0])

    def _data(self, name: str, at: datetime) -> bytes:
        lines = self._content(name, at)
        if lines is None:
            return self._say(_block("(ER23)"))
        return self._say(_block("".join(f"{line}\r\n" for line in lines) + "!\r\n"))

    def _say(self, octets: bytes) -> bytes:
        self._last = octets
        return octets
