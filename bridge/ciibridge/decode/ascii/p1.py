r"""DSMR-P1: text of a telegram → Reading (P1 companion standard 5.0.2, chapter 6; DSMR 2.2 and 3.0; eMUCS-P1 1.7.1).

    /ISK5\2M550T-1012                                 identification; its first three letters are the FLAG id
    0-0:1.0.0(180104231941W)                         YYMMDDhhmmss, S summer or W winter time
    0-0:96.1.1(4530303434303036393033333132393137)   text in hexadecimal digits
    1-0:1.8.1(000156.167*kWh)                        number and unit
    0-0:96.7.21(00009)                               digits: a number or a text, which only the quantity knows
    1-0:99.97.0(2)(0-0:96.7.19)(time)(seconds*s)…    a log
    0-1:24.2.1(180104231507W)(00212.529*m3)          when it was captured, and what

``Register.type`` is decimal (with ``spelling``, its unit), text, time or log (a JSON array). Nothing is scaled here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ciibridge.decode.ascii.lines import BadLine, DataSet, Entry, data_sets, number
from ciibridge.decode.ascii.registers import CLASS_CLOCK, as_sent, join_clock, measured, wall_clock
from ciibridge.errors import DecodeError
from ciibridge.types import Apdu, MeterTime, Obis, Problem, Reading, Register

_IDENTIFICATION: Final = re.compile(r"/([A-Za-z]{3}[0-9][^\r\n]*)[\r\n]*")
_END: Final = re.compile(r"[\r\n]![0-9A-Fa-f]{0,4}\s*\Z")
_TIME: Final = re.compile(r"(\d{12})([SW]?)", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")

_CLOCK: Final = (1, 0, 0)
_VALUE_OF_HOUR: Final = (24, 3, 0)  # DSMR 2 and 3
_POWER_FAILURES: Final = (99, 97, 0)
_MAXIMA: Final = (98, 1, 0)  # Belgium: the largest demand of each month
_MESSAGES: Final = (96, 13)
_DEVICE_IDS: Final = ((96, 1), (42, 0))
#: Shorter device ids are taken as they are: a plain number of eight digits may look like the code of a text.
_SHORTEST_CODED_ID: Final = 14


def decode(apdu: Apdu) -> tuple[Reading, list[Problem]]:
    """Read a telegram in plain text: its reading, and a Problem (bad_line) for each line that is none.

    Raises ``DecodeError`` (unknown_format) when there is no identification, or not one value.
    """
    text = apdu.data.decode("latin-1")
    head = _IDENTIFICATION.match(text)
    if head is None:
        raise DecodeError("unknown_format", "the telegram has no identification line")
    end = _END.search(text)
    registers: list[Register] = []
    problems: list[Problem] = []
    for found in data_sets(text[: end.start() if end else None], head.end()):
        read = found if isinstance(found, BadLine) else _register(found)
        if isinstance(read, BadLine):
            line = text.count("\n", 0, read.offset) + 1
            # In a ciphered telegram, a place in the text is no place in the stream.
            offset = apdu.offset if apdu.encrypted else apdu.offset + read.offset
            problems.append(Problem("bad_line", f"line {line}: {read.message}", offset))
        else:
            registers.append(read)
    if not registers:
        raise DecodeError("unknown_format", "the telegram has no data line")
    join_clock(registers, _time)
    return Reading(tuple(registers), "lines", apdu, identification=head.group(1).strip()), problems


def _register(found: DataSet) -> Register | BadLine:
    read = _READERS.get(found.address[2:5])
    if read is not None and (special := read(found)) is not None:
        return special
    entries = found.entries
    captured = _time(entries[0].text) if len(entries) == 2 else None
    if len(entries) == 1 or captured is not None:
        return _single(found, entries[-1], captured)
    return as_sent(found)


def _single(found: DataSet, entry: Entry, captured: MeterTime | None = None) -> Register | BadLine:
    """One value, perhaps with the time at which it was captured."""
    if not entry.unit:
        return Register(found.address, _text(found.address, entry.text), "text", captured=captured)
    return measured(found, entry, captured) or BadLine(
        f"{found.address} has a unit, but no number", found.offset
    )


def _text(address: Obis, text: str) -> str:
    """Read a text; messages and device ids come in hexadecimal digits of their characters, if the meter obeys."""
    coded = address[2:4] == _MESSAGES or (
        address[2:4] in _DEVICE_IDS and len(text) >= _SHORTEST_CODED_ID and address.a == 0
    )
    if not coded or not _HEX.fullmatch(text):
        return text
    octets = bytes.fromhex(text)
    plain = octets.decode("latin-1")
    return plain.strip() if octets.isascii() and plain.isprintable() and plain.strip() else text


def _time(text: str) -> MeterTime | None:
    """Read YYMMDDhhmmss with S, W or neither; None where a calendar does not know it, as when a clock was never set."""
    found = _TIME.fullmatch(text)
    return wall_clock(found.group(1), season=found.group(2) or None) if found else None


# -- objects with a form of their own: None means that the telegram writes it in the usual one -----------------------


def _clock(found: DataSet) -> Register | None:
    time = _time(found.entries[0].text)
    if time is None:
        return None
    return Register(found.address, time, "time", class_id=CLASS_CLOCK)


def _hourly(found: DataSet) -> Register | BadLine | None:
    """DSMR 2 and 3: (time)(status)(minutes)(count)(OBIS)(unit), and in the next line (value)."""
    if len(found.entries) < 7:
        return None
    time, _status, _minutes, _count, _code, unit, value = found.entries[:7]
    return _single(found, Entry(value.text, value.unit or unit.text), _time(time.text))


def _log(found: DataSet, columns: int, row: Callable[[tuple[Entry, ...]], str | None]) -> Register:
    """Rows behind the count and the codes of the columns, as a JSON array, oldest first."""
    entries = found.entries
    first = next((n for n, entry in enumerate(entries) if _time(entry.text)), len(entries))
    rows = [entries[n : n + columns] for n in range(first, len(entries) - columns + 1, columns)]
    rows.sort(key=lambda cells: cells[0].text)
    written = [text for cells in rows if (text := row(cells))]
    return Register(found.address, f"[{','.join(written)}]", "log")


def _failure(cells: tuple[Entry, ...]) -> str | None:
    end, duration = _time(cells[0].text), number(cells[1].text)
    return f'{{"end":"{end.local.isoformat()}","duration_s":{duration}}}' if end and duration else None


def _maximum(cells: tuple[Entry, ...]) -> str | None:
    end, time, value = _time(cells[0].text), _time(cells[1].text), number(cells[2].text)
    if end is None or time is None or value is None or not cells[2].unit.isalnum():
        return None
    reached = f'"end":"{end.local.isoformat()}","time":"{time.local.isoformat()}"'
    return f'{{{reached},"value":{value},"unit":"{cells[2].unit}"}}'


_READERS: Final[dict[tuple[int, ...], Callable[[DataSet], Register | BadLine | None]]] = {
    _CLOCK: _clock,
    _VALUE_OF_HOUR: _hourly,
    _POWER_FAILURES: lambda found: _log(found, 2, _failure),
    _MAXIMA: lambda found: _log(found, 3, _maximum),
}
