"""How the documentation says what the schema holds as a code word or a bare number."""

from __future__ import annotations

from typing import Final

from ciigen.resolved import Fact, Interface, Kind, Link, Shape, Status, Transfer
from ciigen.targets.docs.markdown import capitalised, prose, sentences

STATUS: Final[dict[Status, str]] = {
    Status.SEEN: "seen in a capture",
    Status.DOCUMENTED: "documented",
    Status.ASSUMED: "assumed",
}
KIND: Final[dict[Kind, str]] = {
    Kind.INSTANTANEOUS: "live value",
    Kind.CUMULATIVE: "meter reading, only rises",
    Kind.BALANCE: "meter reading, may fall",
    Kind.DEMAND: "average over a period",
    Kind.MAX_DEMAND: "highest average",
    Kind.COUNTER: "count of events",
    Kind.TEXT: "text",
    Kind.TIMESTAMP: "time",
}
CONNECTOR: Final[dict[str, str]] = {
    "mbus": "M-Bus",
    "p1": "P1",
    "optical": "optical head",
    "rs485": "RS-485",
    "module": "module slot",
}
PROTOCOL: Final[dict[str, str]] = {
    "dlms-hdlc": "DLMS/COSEM in HDLC frames",
    "dlms-mbus": "DLMS/COSEM in M-Bus frames",
    "dsmr-p1": "DSMR P1 telegrams (text)",
    "iec62056-21": "IEC 62056-21 (text, polled)",
    "mbus": "wired M-Bus (EN 13757)",
    "sml": "SML",
}
TRANSFER: Final[dict[Transfer, str]] = {
    Transfer.SINGLE: "one frame a telegram",
    Transfer.SEGMENTED: "several frames a telegram (HDLC segmentation)",
    Transfer.BLOCKS: "several frames a telegram (general block transfer)",
}
SHAPE: Final[dict[Shape, str]] = {
    Shape.PUSH_LIST: "the list of objects, then their values",
    Shape.PAIRS: "OBIS code and value in turn",
    Shape.TRIPLETS: "OBIS code, value, scaler and unit together",
    Shape.POSITIONAL: "values only, known by their position",
    Shape.SML: "OBIS code, unit, scaler and value together (SML)",
    Shape.RECORDS: "records that say themselves what they are (M-Bus)",
}
ENCRYPTION: Final[dict[str, str]] = {
    "none": "no",
    "always": "yes, you need a key",
    "on request": "only if you ask for it",
    "unknown": "not known",
}
#: What to do where it is not known beforehand.
NOT_KNOWN: Final = "not known. If it is, `link` in `diag` becomes `key_missing`: then ask for the key."
RANK: Final[dict[str, str]] = {"high": "high", "low": "low", "normal": "normal", "unknown": "not known"}
MEDIUM: Final[dict[str, str]] = {
    "electricity": "electricity",
    "gas": "gas",
    "water": "water",
    "heat": "heat",
    "cooling": "cooling",
    "device": "device",
}
COUNTRY: Final[dict[str, str]] = {
    "AT": "Austria",
    "BE": "Belgium",
    "CH": "Switzerland",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "IE": "Ireland",
    "IT": "Italy",
    "LI": "Liechtenstein",
    "LT": "Lithuania",
    "LU": "Luxembourg",
    "NL": "Netherlands",
    "NO": "Norway",
    "PL": "Poland",
    "SE": "Sweden",
    "SI": "Slovenia",
}
_PARITY: Final[dict[str, str]] = {"none": "no parity", "even": "even parity", "odd": "odd parity"}


def fact(known: Fact) -> str:
    """How sure a fact is, and where it comes from."""
    # "seen in a capture: capture x" would say it twice
    source = known.source.removeprefix("captures ").removeprefix("capture ")
    return sentences(
        f"{capitalised(STATUS[known.status])}: {prose(source)}", capitalised(prose(known.note or ""))
    )


def line(link: Link) -> str:
    """Return settings of a serial line, as a person and as most programs write them."""
    short = f"{link.bytesize}{link.parity[0].upper()}{link.stopbits}"
    stop = "1 stop bit" if link.stopbits == 1 else f"{link.stopbits} stop bits"
    return f"{link.baudrate} baud, {short} ({link.bytesize} data bits, {_PARITY[link.parity]}, {stop})"


def way(interface: Interface) -> str:
    """Whether the meter speaks by itself."""
    return "the meter sends by itself" if interface.mode == "push" else "the meter must be asked (polled)"


def interval(seconds: float) -> str:
    """How often, e.g. ``every 5 s``, ``every minute``, ``every 15 minutes``."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"every {name}" if count == 1 else f"every {count} {name}s"
    return "every second" if seconds == 1 else f"every {seconds:g} s"


def step(scaler: int, unit: str | None) -> str:
    """Return the smallest difference between two numbers, e.g. ``0.01 A``."""
    number = f"{10**scaler}" if scaler >= 0 else f"0.{'0' * (-scaler - 1)}1"
    return number if unit in (None, "1") else f"{number} {unit}"
