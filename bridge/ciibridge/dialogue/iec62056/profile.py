"""The load profile of a meter that is read by IEC 62056-21: rows of the time without telegrams.

    the round as always (``readout.Reader``)
    /?! ─ 06 0 Z 1 ─ P0 ─ P1 …                            only while there is a gap: the programming mode
    01 R5 STX P.01(<season>YYMMDDhhmm;<season>YYMMDDhhmm) ETX BCC ►  ◄ STX P.01(…)… ETX BCC
    01 R6 …                                               ►  ◄ STX … EOT BCC   06 ► ◄ STX … ETX BCC   in parts
    01 B0 ETX BCC ►

R5 or R6, and whether P.01 or another profile, is what ``read`` says (R5 unless told otherwise). Begin and end are written as
ZSTs11, in the zone of the meter and with its season, an hour more at both ends: some clocks stay in winter time whatever the
season is (VDEW specification 2.1; the command as in the manual of LEM EM4T II+, 4.2.1, and as EMH and MetCom meters take it).
A day at a time, some days a round: at 4800 baud a day of quarters of an hour with six channels takes about ten seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ciibridge.decode.ascii import profile
from ciibridge.dialogue import Change, Dialogue, DialogueError, Part, Pause
from ciibridge.dialogue.filling import Gap, Gaps, Row
from ciibridge.dialogue.iec62056 import readout
from ciibridge.dialogue.iec62056.programming import data_block, leave, programming
from ciibridge.dialogue.iec62056.sign_on import sign_on
from ciibridge.normalise.clock import moved, to_utc
from ciibridge.types import Apdu, MeterTime, Reading

if TYPE_CHECKING:  # ``asking`` lists this module among the ways
    from ciibridge.dialogue.asking import Asking

#: An entry of ``read`` that names a load profile, not a value: without arguments, since the gap says from when to when.
PROFILE: Final = re.compile(r"(?:(R[56]):)?(P\.(\d{1,3}))")
_PIECE: Final = timedelta(days=1)
_PIECES_A_ROUND: Final = 3
_HOUR: Final = timedelta(hours=1)
_USUAL_PERIOD: Final = timedelta(minutes=15)
_SILENCE_S: Final = 1.6  # after which a meter has forgotten the exchange before
#: The meter will say the same in the next round; after wrong passwords some lock themselves.
_HOPELESS: Final = ("refused", "access_denied", "line_fixed", "too_long")


def asker(asking: Asking) -> readout.Reader:
    """Make who asks; one that fills gaps where ``read`` names a load profile. Raises ConfigError as ``readout.asker``."""
    named = [found for entry in asking.read if (found := PROFILE.fullmatch(entry))]
    plain = readout.asker(asking)
    if not named:
        return plain
    values = tuple(entry for entry in asking.read if PROFILE.fullmatch(entry) is None)
    command, code, number = named[0].groups()
    return ProfileReader(replace(asking, read=values), command or "R5", code, f"1-0:99.{int(number)}.0")


class ProfileReader(readout.Reader):
    """Asks a meter as ``Reader`` does, and fills gaps from its load profile."""

    def __init__(
        self, asking: Asking, command: str = "R5", code: str = "P.01", name: str = "1-0:99.1.0"
    ) -> None:
        """Take ``name`` as the OBIS code of the profile in what is published."""
        super().__init__(asking)
        self._command = command
        self._code = code
        self._name = name
        self._gaps = Gaps()
        self._period = _USUAL_PERIOD  # until the meter says it

    @property
    def filling(self) -> bool:
        """Whether there is something left to fill."""
        return bool(self._gaps)

    def fill(self, begin: datetime, end: datetime) -> None:
        """Fill the gap between two telegrams (UTC, both exclusive) from the load profile, in this round or the next."""
        self._gaps.add(begin, end)

    def round(self, now: datetime) -> Dialogue:
        """Call the meter, take what it has, and some of what is missing."""
        yield from super().round(now)
        if self._gaps:
            if self._asking.can_change:
                yield Change(self._asking.baudrate)
            yield Pause(_SILENCE_S)
            yield from self._gaps.go_on(self._fill, _HOPELESS)

    def _fill(self, gap: Gap) -> Part[bool]:
        """Give rows of the gap; True when it is done, False when the next round is to go on."""
        meter = yield from sign_on(self._asking, "".join(self._asking.addresses))
        identification = meter.line.decode("latin-1").lstrip("/").strip()
        try:
            yield from programming(self._asking, meter)
            for _ in range(_PIECES_A_ROUND):
                if gap.begin >= gap.end:
                    break
                end = min(gap.begin + _PIECE, gap.end)
                text = yield from data_block(self._asking, self._command, self._question(gap.begin, end))
                found = {row.at: row for row in self._rows(text, gap, end, identification)}
                yield from gap.give([found[at] for at in sorted(found)], self._period, end)
        except DialogueError:
            yield from leave()
            raise
        yield from leave()
        if gap.begin < gap.end:
            return False
        yield from gap.close(self._period)
        return True

    def _question(self, begin: datetime, end: datetime) -> str:
        zone = self._asking.zone
        return f"{self._code}({stamp(begin - _HOUR, zone)};{stamp(end + _HOUR, zone)})"

    def _rows(self, text: str, gap: Gap, end: datetime, identification: str) -> Iterator[Row]:
        """Give the good rows; note in the gap which of its own are not."""
        stretches, faults = profile.decode(text)
        gap.left_out += faults
        near = gap.begin
        for stretch in stretches:
            self._period = stretch.period
            begin = to_utc(stretch.begin, self._asking.zone, near)
            end_of_rows = begin and moved(begin, stretch.period, len(stretch.rows))
            if begin is None or end_of_rows is None:
                gap.left_out.append(f"{len(stretch.rows)} of a time that no clock shows")
                continue
            times = [begin + stretch.period * number for number in range(len(stretch.rows))]
            near = end_of_rows
            within = [at for at in times if gap.begin < at < gap.end and at <= end]
            if stretch.invalid:
                if within:
                    gap.left_out.append(f"{len(within)} marked by the meter, {stretch.invalid}")
                continue
            for at, registers in zip(times, stretch.rows, strict=True):
                if registers:
                    utc = MeterTime(at.replace(tzinfo=None), 0, None)
                    yield Row(
                        at,
                        Reading(
                            registers,
                            "lines",
                            Apdu(b"", 0),
                            time=utc,
                            list_object=self._name,
                            identification=identification,
                        ),
                    )


def stamp(at: datetime, zone: ZoneInfo) -> str:
    """Write a time as ZSTs11: a digit for the season, and YYMMDDhhmm by the clock on the wall."""
    local = at.astimezone(zone)
    return f"{int(bool(local.dst()))}{local:%y%m%d%H%M}"
