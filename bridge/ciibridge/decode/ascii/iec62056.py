r"""IEC 62056-21: text of a telegram → Reading (IEC 62056-21:2002, 6.5 and annex C; codes: IEC 62056-61).

    /LGZ4ZMF100AC.M27                      identification; its first three letters are the FLAG id
    F.F(00000000)                          fault register
    1.8.0(001846.0*kWh)                    number and unit; A-B: left out, electricity; E and F left out as well: 14.7
    1.8.0*01(0007904.135*kWh)              the same at the end of a billing period (also 1.8.0&01)
    1.6.0(02.468*kW)(1703100930)           maximum, and when it was reached: YYMMDDhhmm
    1-0:1.8.1*255(032942.0231)             number without unit: only the model of the meter knows which
    0.9.1(21:10:29) 0.9.2(24-03-21)        time of day and date: one clock
    0.9.2(1240321)                         the same with the season: 0 winter time, 1 summer time, 2 UTC
    9.4(088*C&082*C)                       several values in one: as sent

``Register.type`` is decimal (with ``spelling``, its unit), text or time. Nothing is scaled here.
"""

from __future__ import annotations

import re
from typing import Final

from ciibridge.decode.ascii.lines import BadLine, DataSet, data_sets, number
from ciibridge.decode.ascii.registers import CLASS_CLOCK, as_sent, join_clock, measured, wall_clock
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, MeterTime, Problem, Reading, Register

_IDENTIFICATION: Final = re.compile(r"/([A-Za-z]{3}[^\r\n]*)[\r\n]+")
_END: Final = re.compile(r"!?[\r\n]*(?:\x03.?)?\Z", re.DOTALL)
#: YYMMDDhhmm[ss], perhaps behind a digit for the season, or YYYYMMDDhhmmss.
_TIME: Final = re.compile(r"(?:([012])(?=\d{12}\Z)|20(?=\d{12}\Z))?(\d{10}(?:\d\d)?)", re.ASCII)
#: The digit for the season (VDEW 2.1: ZSTs13): season of MeterTime, deviation in minutes.
SEASONS: Final = {"0": ("W", None), "1": ("S", None), "2": (None, 0)}
#: Clocks with date and time of day in one.
_CLOCKS: Final = frozenset(((0, 9, 4), (1, 0, 0)))


def decode(apdu: Apdu) -> tuple[Reading, list[Problem]]:
    """Read a telegram: its reading, and a Problem (bad_line) for each line that is none.

    Raises ``DecodeError`` (unknown_format) when there is not one value in it.
    """
    text = apdu.data.decode("latin-1")
    head = _IDENTIFICATION.match(text)
    begin = max(text.find("\x02") + 1, head.end() if head else 0)
    end = _END.search(text)
    registers: list[Register] = []
    problems: list[Problem] = []
    for found in data_sets(text[: end.start() if end else None], begin):
        if isinstance(found, BadLine):
            line = text.count("\n", 0, found.offset) + 1
            problems.append(Problem("bad_line", f"line {line}: {found.message}", apdu.offset + found.offset))
        else:
            registers.append(_register(found))
    if not registers:
        raise DecodeError("unknown_format", "the telegram has no data line")
    registers = list(dict.fromkeys(registers))  # two sets of one meter say some of it twice
    join_clock(registers, _time)
    identification = head.group(1).strip() if head else ""
    return Reading(tuple(registers), "lines", apdu, identification=identification), problems


def _register(found: DataSet) -> Register:
    entries = found.entries
    first, last = entries[0], entries[-1]
    if len(entries) == 1:
        if first.unit:
            return measured(found, first) or as_sent(found)
        if found.address[2:5] in _CLOCKS and (time := _time(re.sub(r"\D", "", first.text))) is not None:
            return Register(found.address, time, "time", class_id=CLASS_CLOCK)
        return Register(found.address, first.text, "text")
    # A value and its time, in this order for maxima, in the other one for sub-meters as in DSMR-P1.
    for value, time_ in ((first, last), (last, first)):
        if len(entries) == 2 and value.unit and _TIME.fullmatch(time_.text):
            return measured(found, value, _time(time_.text)) or as_sent(found)
    if len(entries) == 2 and number(first.text) is not None and _TIME.fullmatch(last.text):
        return Register(found.address, first.text, "text", captured=_time(last.text))
    return as_sent(found)


def _time(digits: str) -> MeterTime | None:
    """Read a time; None where a calendar does not know it, as for a maximum that was never reached."""
    found = _TIME.fullmatch(digits)
    if found is None:
        return None
    season, deviation_min = SEASONS.get(found.group(1) or "", (None, None))
    return wall_clock(found.group(2), season=season, deviation_min=deviation_min)
