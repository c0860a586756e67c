"""Value information block: what was measured, in which unit (EN 13757-3, 6.4 and annex C).

    VIF | VIFE …          VIF with bit 7: a VIFE follows, and so on; at most ten
    FB, FD | VIFE …       the true VIF is the VIFE, out of another table
    7C, FC | length text  the unit is a text, its last character first; VIFEs follow behind the text
    7F, FF | …            the manufacturer's own; so is every VIFE behind a VIFE FF

A VIF is a row of a table: quantity, unit, power of ten of its lowest number, and how many numbers the row has. A VIFE
changes the factor, or says more precisely what was measured; then it becomes a qualifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ciibridge.errors import DecodeError

_EXTENSION: Final = 0x80
_MOST_VIFE: Final = 10
_PLAIN_TEXT: Final = 0x7C
_ANY: Final = 0x7E
_MANUFACTURER: Final = 0x7F
_PHASES: Final = 0x7C  # VIFE that opens a further table, of phases and the like


class Vif(NamedTuple):
    """A value information block, taken apart."""

    quantity: str  # what was measured, e.g. "energy"; "" where only a text names the unit
    unit: str | None
    exponent: int
    factor: int  # of durations: 60, 3600, 86400
    qualifiers: tuple[str, ...]
    end: int


class _Row(NamedTuple):
    """``codes`` codes from ``first`` on, each worth ten times the one before; ``exponent`` is that of the first."""

    first: int
    codes: int
    quantity: str
    unit: str | None = None
    exponent: int = 0


_PRIMARY: Final = (
    _Row(0x00, 8, "energy", "Wh", -3),
    _Row(0x08, 8, "energy", "J"),
    _Row(0x10, 8, "volume", "m³", -6),
    _Row(0x18, 8, "mass", "kg", -3),
    _Row(0x28, 8, "power", "W", -3),
    _Row(0x30, 8, "power", "J/h"),
    _Row(0x38, 8, "volume flow", "m³/h", -6),
    _Row(0x40, 8, "volume flow", "m³/min", -7),
    _Row(0x48, 8, "volume flow", "m³/s", -9),
    _Row(0x50, 8, "mass flow", "kg/h", -3),
    _Row(0x58, 4, "flow temperature", "°C", -3),
    _Row(0x5C, 4, "return temperature", "°C", -3),
    _Row(0x60, 4, "temperature difference", "K", -3),
    _Row(0x64, 4, "external temperature", "°C", -3),
    _Row(0x68, 4, "pressure", "bar", -3),
    _Row(0x6C, 1, "date"),
    _Row(0x6D, 1, "time"),
    _Row(0x6E, 1, "heat cost allocation"),
    _Row(0x78, 1, "fabrication number"),
    _Row(0x79, 1, "identification"),
    _Row(0x7A, 1, "bus address"),
    _Row(_ANY, 1, "any"),
)
#: Behind FB: the edition of 2018, and what it took out that old devices still send (gallons, °F).
_FB: Final = (
    _Row(0x00, 2, "energy", "Wh", 5),
    _Row(0x02, 2, "reactive energy", "varh", 3),
    _Row(0x04, 2, "apparent energy", "VAh", 3),
    _Row(0x08, 2, "energy", "J", 8),
    _Row(0x0C, 4, "energy", "cal", 5),
    _Row(0x10, 2, "volume", "m³", 2),
    _Row(0x14, 4, "reactive power", "var"),
    _Row(0x18, 2, "mass", "kg", 5),
    _Row(0x1A, 2, "relative humidity", "%", -1),
    _Row(0x20, 1, "volume", "ft³"),
    _Row(0x21, 1, "volume", "ft³", -1),
    _Row(0x22, 2, "volume", "US gal", -1),
    _Row(0x24, 1, "volume flow", "US gal/min", -3),
    _Row(0x25, 1, "volume flow", "US gal/min"),
    _Row(0x26, 1, "volume flow", "US gal/h"),
    _Row(0x28, 2, "power", "W", 5),
    _Row(0x2A, 1, "phase of voltage", "°", -1),
    _Row(0x2B, 1, "phase of current", "°", -1),
    _Row(0x2C, 4, "frequency", "Hz", -3),
    _Row(0x30, 2, "power", "J/h", 8),
    _Row(0x34, 4, "apparent power", "VA"),
    _Row(0x58, 4, "flow temperature", "°F", -3),
    _Row(0x5C, 4, "return temperature", "°F", -3),
    _Row(0x60, 4, "temperature difference", "°F", -3),
    _Row(0x64, 4, "external temperature", "°F", -3),
    _Row(0x70, 4, "temperature limit", "°F", -3),
    _Row(0x74, 4, "temperature limit", "°C", -3),
    _Row(0x78, 8, "cumulated maximum of power", "W", -3),
)
_FD: Final = (
    _Row(0x00, 4, "credit", None, -3),
    _Row(0x04, 4, "debit", None, -3),
    _Row(0x08, 1, "access number"),
    _Row(0x09, 1, "device type"),
    _Row(0x0A, 1, "manufacturer"),
    _Row(0x0B, 1, "parameter set"),
    _Row(0x0C, 1, "model"),
    _Row(0x0D, 1, "hardware version"),
    _Row(0x0E, 1, "firmware version"),
    _Row(0x0F, 1, "software version"),
    _Row(0x10, 1, "customer location"),
    _Row(0x11, 1, "customer"),
    _Row(0x12, 1, "access code of user"),
    _Row(0x13, 1, "access code of operator"),
    _Row(0x14, 1, "access code of system operator"),
    _Row(0x15, 1, "access code of developer"),
    _Row(0x16, 1, "password"),
    _Row(0x17, 1, "error flags"),
    _Row(0x18, 1, "error mask"),
    _Row(0x19, 1, "security key"),
    _Row(0x1A, 1, "digital output"),
    _Row(0x1B, 1, "digital input"),
    _Row(0x1C, 1, "baud rate"),
    _Row(0x1D, 1, "response delay"),
    _Row(0x1E, 1, "retries"),
    _Row(0x1F, 1, "remote control"),
    _Row(0x20, 1, "first storage number"),
    _Row(0x21, 1, "last storage number"),
    _Row(0x22, 1, "size of storage block"),
    _Row(0x23, 1, "tariff and subunit"),
    _Row(0x28, 1, "storage interval", "month"),
    _Row(0x29, 1, "storage interval", "year"),
    _Row(0x2A, 1, "operator specific"),
    _Row(0x2B, 1, "second of time"),
    _Row(0x30, 1, "start of tariff"),
    _Row(0x38, 1, "period of tariff", "month"),
    _Row(0x39, 1, "period of tariff", "year"),
    _Row(0x3A, 1, "number"),
    _Row(0x40, 16, "voltage", "V", -9),
    _Row(0x50, 16, "current", "A", -12),
    _Row(0x60, 1, "reset counter"),
    _Row(0x61, 1, "cumulation counter"),
    _Row(0x62, 1, "control signal"),
    _Row(0x63, 1, "day of week"),
    _Row(0x64, 1, "week number"),
    _Row(0x65, 1, "time of day change"),
    _Row(0x66, 1, "state of parameter activation"),
    _Row(0x67, 1, "supplier information"),
    _Row(0x70, 1, "battery change"),
    _Row(0x71, 1, "received signal strength", "dBm"),
    _Row(0x72, 1, "daylight saving"),
    _Row(0x73, 1, "listening window"),
    _Row(0x74, 1, "remaining battery time", "d"),
    _Row(0x75, 1, "stops"),
    _Row(0x76, 1, "manufacturer container"),
)
#: Durations: four codes a row, for second, minute, hour and day (or hour … year).
_SECONDS: Final = (("s", 1), ("s", 60), ("s", 3600), ("s", 86400))
_HOURS: Final = (("s", 3600), ("s", 86400), ("month", 1), ("year", 1))
_DURATIONS: Final = {
    0x20: ("on time", _SECONDS),
    0x24: ("operating time", _SECONDS),
    0x70: ("averaging duration", _SECONDS),
    0x74: ("actuality duration", _SECONDS),
}
_FD_DURATIONS: Final = {
    0x24: ("storage interval", _SECONDS),
    0x2C: ("duration since readout", _SECONDS),
    0x30: ("duration of tariff", _SECONDS),  # its first code is the start of the tariff
    0x34: ("period of tariff", _SECONDS),
    0x68: ("duration since cumulation", _HOURS),
    0x6C: ("battery time", _HOURS),
}
#: VIFE that say more precisely what was measured. The others of the table become "vife XX".
_QUALIFIERS: Final = {
    0x12: "average",
    0x13: "profile",
    0x14: "relative deviation",
    0x1D: "standard",  # the content of flags is that of the standard
    0x1E: "profile",
    0x1F: "profile",
    0x20: "per second",
    0x21: "per minute",
    0x22: "per hour",
    0x23: "per day",
    0x24: "per week",
    0x25: "per month",
    0x26: "per year",
    0x39: "start",
    0x3A: "uncorrected",
    0x3B: "positive",  # accumulation only if positive
    0x3C: "negative",  # accumulation of the magnitude only if negative
}
#: Record errors: the device has no value, or none that is good.
_ERRORS: Final = frozenset((*range(0x01, 0x08), *range(0x0B, 0x11), *range(0x15, 0x19), 0x1C))
NO_VALUE: Final = "no value"
#: Behind FC (OMS volume 2, annex B).
_PHASE_NAMES: Final = {
    0x01: "l1",
    0x02: "l2",
    0x03: "l3",
    0x04: "n",
    0x05: "l1-l2",
    0x06: "l2-l3",
    0x07: "l3-l1",
    0x0C: "import less export",
    0x10: "absolute",
}


class _Meaning(NamedTuple):
    quantity: str
    unit: str | None
    exponent: int
    factor: int = 1


def _unfold(
    rows: tuple[_Row, ...], durations: Mapping[int, tuple[str, tuple[tuple[str, int], ...]]]
) -> dict[int, _Meaning]:
    table = {
        first + n: _Meaning(quantity, unit, 0, factor)
        for first, (quantity, units) in durations.items()
        for n, (unit, factor) in enumerate(units)
    }
    for row in rows:
        for step in range(row.codes):
            table[row.first + step] = _Meaning(row.quantity, row.unit, row.exponent + step)
    return table


_TABLES: Final = {
    None: _unfold(_PRIMARY, _DURATIONS),
    0xFB: _unfold(_FB, {}),
    0xFD: _unfold(_FD, _FD_DURATIONS),
    0xEF: {},  # reserved
}


def read(octets: bytes, begin: int) -> Vif:
    """Read the block at ``begin``; raises ``DecodeError`` (bad_apdu) where it does not end."""
    if begin >= len(octets):
        raise DecodeError("bad_apdu", "a record ends before its value information", offset=begin)
    first = octets[begin]
    end = begin + 1
    text = None
    if first & 0x7F == _PLAIN_TEXT:
        text, end = _plain_text(octets, end)
    vifes: list[int] = []
    more = first & _EXTENSION
    while more:
        if end >= len(octets) or len(vifes) == _MOST_VIFE:
            raise DecodeError("bad_apdu", "a value information block does not end", offset=begin)
        vifes.append(octets[end] & 0x7F)
        more = octets[end] & _EXTENSION
        end += 1
    table = first if first in _TABLES else None
    code = vifes.pop(0) if table else first & 0x7F
    if text is not None:
        meaning = _Meaning("", text or None, 0)
    elif table is None and code == _MANUFACTURER:
        meaning = _Meaning("manufacturer specific", None, 0)
        return Vif(*meaning, _own(vifes), end)
    else:
        unknown = _Meaning(f"vif {f'{table:02x}' if table else ''}{code:02x}", None, 0)
        meaning = _TABLES[table].get(code, unknown)
    shift, qualifiers = _qualify(vifes)
    return Vif(meaning.quantity, meaning.unit, meaning.exponent + shift, meaning.factor, qualifiers, end)


def _plain_text(octets: bytes, begin: int) -> tuple[str, int]:
    end = begin + 1 + (octets[begin] if begin < len(octets) else 0)
    if begin >= len(octets) or end > len(octets):
        raise DecodeError("bad_apdu", "a record ends inside its unit", offset=begin)
    return octets[begin + 1 : end][::-1].decode("latin-1").strip(), end


def _qualify(vifes: list[int]) -> tuple[int, tuple[str, ...]]:
    """Power of ten and qualifiers of the VIFEs behind the VIF."""
    shift = 0
    qualifiers: list[str] = []
    rest = iter(vifes)
    for code in rest:
        if code == _MANUFACTURER:
            qualifiers += _own(list(rest)) or ("manufacturer",)
        elif code == _PHASES:
            nested = next(rest, None)
            qualifiers.append(_PHASE_NAMES.get(nested or 0, f"vife fc{nested or 0:02x}"))
        elif 0x70 <= code <= 0x77:
            shift += (code & 7) - 6
        elif code == 0x7D:
            shift += 3
        elif code in _ERRORS:
            qualifiers.append(NO_VALUE)
        elif code:
            qualifiers.append(_QUALIFIERS.get(code, f"vife {code:02x}"))
    return shift, tuple(qualifiers)


def _own(vifes: list[int]) -> tuple[str, ...]:
    """Write VIFEs of the manufacturer; what they mean stands in the manual of the device."""
    return (f"manufacturer {bytes(vifes).hex()}",) if vifes else ()
