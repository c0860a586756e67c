"""The words of the straight line: what one stage hands to the next.

    bytes → Frame → Apdu → Reading → Snapshot → Message

All are immutable and hold no I/O. Numbers are never floats: a ``Number`` is an integer and a power of ten, so that the
text on the wire is exactly what the meter meant.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple


class Obis(NamedTuple):
    """An OBIS code (IEC 62056-61), A-B:C.D.E*F; F = 255 means "not used" and is not written."""

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int = 255

    def __str__(self) -> str:
        text = f"{self.a}-{self.b}:{self.c}.{self.d}.{self.e}"
        return text if self.f == 255 else f"{text}*{self.f}"


class Number(NamedTuple):
    """An exact decimal: ``mantissa × 10^exponent``; its text keeps the meter's own decimals (2300, -1 → 230.0)."""

    mantissa: int
    exponent: int = 0

    def __str__(self) -> str:
        if self.exponent >= 0:
            return str(self.mantissa * 10**self.exponent)
        sign = "-" if self.mantissa < 0 else ""
        digits = str(abs(self.mantissa)).rjust(1 - self.exponent, "0")
        return f"{sign}{digits[: self.exponent]}.{digits[self.exponent :]}"

    def __float__(self) -> float:
        return float(str(self))


class MeterTime(NamedTuple):
    """A COSEM date-time (IEC 62056-6-2): wall-clock as sent, deviation in minutes if given, clock status if given.

    ``local`` is naive. ``deviation_min`` is UTC offset in minutes *east* (the wire holds it with the opposite sign).
    ASCII telegrams give a ``season`` instead: "S" or "W", the standard time of the zone with or without one hour more.
    """

    local: datetime
    deviation_min: int | None
    status: int | None
    season: str | None = None

    @property
    def dst(self) -> bool | None:
        """Daylight saving active (bit 7 of the clock status, or the season), or None when the meter does not say."""
        if self.season is not None:
            return self.season == "S"
        return None if self.status is None or self.status == 0xFF else bool(self.status & 0x80)


Value = Number | str | bytes | bool | MeterTime | None


class Frame(NamedTuple):
    """One good frame: information field, where it began in the stream, and what the link layer said."""

    information: bytes
    offset: int
    raw: bytes
    destination: str = ""  # address octets as on the wire, hex
    source: str = ""
    segmented: bool = False  # more frames of this APDU follow
    control: int = 0x13  # HDLC control octet: 13 and 03 are UI frames, an even one is an I frame
    check: str = "x-25"  # checksum that fitted: x-25, or kermit (some SML meters)


class Apdu(NamedTuple):
    """One whole application PDU, put together from frames and blocks; still ciphered or already plain."""

    data: bytes
    offset: int
    destination: str = ""
    source: str = ""
    transfer: str = "single"  # single | segmented | blocks
    system_title: bytes | None = None
    invocation_counter: int | None = None
    authenticated: bool = False
    encrypted: bool = False


class Register(NamedTuple):
    """One object of a telegram, as sent. ``scaler`` and ``unit`` only when the telegram itself has them."""

    obis: Obis
    value: Value
    type: str = ""  # A-XDR type name; in ASCII telegrams decimal, text, time or log
    scaler: int | None = None
    unit: int | None = None  # DLMS unit enumeration
    class_id: int | None = None
    attribute: int = 2
    spelling: str | None = None  # unit as an ASCII telegram spells it, e.g. kWh
    captured: MeterTime | None = None  # when the value was read, where it is older than the telegram
    status: int | None = None  # status word of the value (SML)
    octets: int = 0  # of the number as sent, where that is the sender's choice (SML); 0: it is not


@dataclass(frozen=True, slots=True)
class Record:
    """One M-Bus record (EN 13757-3): a value that says itself what it is, in its base unit."""

    quantity: str  # e.g. "energy", "flow temperature"; "" where only ``unit`` says something
    value: Value  # exact; None: the meter has none, or not a number
    unit: str | None
    function: str = "instantaneous"  # maximum | minimum | error | manufacturer
    storage: int = 0  # 0: the present value
    tariff: int = 0  # 0: the total
    subunit: int = 0
    qualifiers: tuple[str, ...] = ()  # e.g. "negative", "l1"
    raw: bytes = b""  # the whole record


@dataclass(frozen=True, slots=True)
class Device:
    """Who sent M-Bus records: the secondary address and what the header says of its state (EN 13757-3)."""

    id: str  # FLAG id of the maker and identification number, e.g. KAM12345678
    type: int  # device type: 2 electricity, 3 gas, 4 heat, 7 water …
    version: int
    address: int  # primary address on the bus
    status: int = 0  # 0: no error
    access: int = 0
    master: bool = False  # it sends unasked, as master of the bus: the meter itself, not a sub-meter
    alone: bool = False  # the only device that is asked on this line


@dataclass(
    frozen=True
)  # without slots: of a telegram that comes again, the parts are made when asked for (ADR 38)
class Reading:
    """One decoded telegram before the profile: registers with full OBIS codes, in the order of the telegram."""

    registers: tuple[Register, ...]
    shape: str  # push-list | pairs | triplets | positional | lines | records | sml
    apdu: Apdu
    time: MeterTime | None = None  # date-time of the APDU (notification), not of the clock object
    list_object: str | None = None  # OBIS of the push setup, e.g. "0-8:25.9.0"
    list_name: str | None = None  # e.g. Kamstrup_V0001
    types: tuple[str, ...] = ()  # A-XDR type of each element sent without OBIS code: positional lists
    values: tuple[Value, ...] = ()  # those elements themselves, same order; None: null, array or structure
    identification: str | None = None  # of an ASCII telegram, without its slash; begins with the FLAG id
    records: tuple[Record, ...] = ()  # M-Bus: what ``registers`` are chosen from
    device: Device | None = None  # M-Bus: who sent them
    server_id: bytes | None = None  # who sends, in the envelope of the telegram (SML)
    #: Readings with the same one differ in values only; None: nothing is known of that.
    layout: Hashable = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that was wrong, as data. ``code`` is stable, ``message`` is for people, ``hint`` says what to do."""

    code: str
    message: str
    offset: int = 0
    hint: str = ""
    quantity: str = ""  # name of the quantity it is about, if one
    begin: datetime | None = None  # UTC; bounds of the time it is about, if it is about one
    end: datetime | None = None


class Measured(NamedTuple):
    """One value of a snapshot: exact number in the profile's unit, and where it came from."""

    number: Number
    unit: str
    obis: Obis | None  # None: derived
    raw: Number | None = None  # as in the telegram, before the scaler; None: derived


class SubMeter(NamedTuple):
    """Who sits on a channel of the meter."""

    id: str | None  # serial number as sent
    type: int | None  # M-Bus device type (EN 13757-3)
    model: str | None = None  # id in the catalogue, where the header of its telegrams says which


@dataclass(frozen=True)  # without slots, as ``Reading``
class Snapshot:
    """One telegram in the words of the profile: what ``state`` and the value topics publish."""

    meter: str  # topic level
    seq: int
    ts: datetime  # UTC
    ts_source: str  # meter | message | receiver
    rx: datetime | None  # UTC; None when the receiver's clock is not trusted
    values: dict[str, Measured]
    texts: dict[str, str] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    list: str | None = None
    unknown: dict[str, Value] = field(default_factory=dict)  # OBIS codes the profile does not know
    channels: dict[int, dict[str, Measured]] = field(default_factory=dict)  # sub-meters
    channel_texts: dict[int, dict[str, str]] = field(default_factory=dict)  # of sub-meters, e.g. a valve
    submeters: dict[int, SubMeter] = field(default_factory=dict)  # channel → who sits there, for meta only
    identity: dict[str, str] = field(default_factory=dict)  # quantity name → text, for meta only
    reading: Reading | None = None
    model: str | None = None  # id in schema/meters when recognised or configured
    candidates: tuple[str, ...] = ()  # models it cannot be told from
    clock_offset_s: float | None = None  # meter clock minus receiver's clock
    past: bool = False  # a row of a load profile, for ``history`` alone

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the values, in their order."""
        return tuple(self.values)


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message, ready to be sent."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: int | None = None
    content_type: str | None = None
    later: str | None = (
        None  # topic instead, when it could not be sent at once; None: then it is not worth sending
    )


#: Every problem code, with what a person can do about it. docs/reference/problems.md is generated from it.
PROBLEMS: Final[dict[str, str]] = {
    "bad_checksum": "Check cable, supply of the reader and line settings; single cases are normal.",
    "bad_length": "Check cable and line settings; single cases are normal.",
    "noise": "The bytes are no frames: check baud rate, parity and polarity of the line.",
    "incomplete": "The stream ended inside a telegram; nothing to do if the recording was cut.",
    "block_lost": "A block of a telegram is missing: check cable and supply of the reader.",
    "block_order": "Blocks came out of order or twice; the telegram is dropped.",
    "too_long": "A telegram is longer than any meter sends; the rest of it is skipped.",
    "key_missing": "The meter encrypts. Ask the operator for the key and set `key`.",
    "key_wrong": "The key does not open the telegram. Compare it with the operator's letter; encryption and "
    "authentication key may be swapped.",
    "not_authentic": "The authentication tag does not fit: wrong `auth_key`, or a forged telegram.",
    "replayed": "The invocation counter did not rise: a replayed telegram, or two readers on one line. If the operator has reset "
    "the meter: `ciibridge forget`.",
    "not_encrypted": "A key is configured, yet the telegram is plain. Remove the key if the operator stopped encrypting.",
    "unsupported_security": "The security suite or policy is not supported; send us the telegram.",
    "unknown_format": "The telegram is not understood; send it to us.",
    "bad_line": "A line of the telegram is not understood; the others are used. If it is not a single case, send us the "
    "telegram.",
    "bad_apdu": "The telegram breaks the standard; send it to us.",
    "decoders_disagree": "Two decoders read the telegram differently; it is dropped. Send it to us.",
    "unknown_layout": "Values without OBIS codes, and no list in schema/meters fits; send us the telegram.",
    "implausible": "The value was withheld. If it is right, the scaler of the meter model in schema/meters is wrong.",
    "counter_decreased": "The counter fell and was withheld until three telegrams confirm it (meter exchanged?).",
    "clock_off": "The meter's clock differs by more than 60 s; the receiver's time is used.",
    "model_ambiguous": "Several models fit: set `model` in the configuration.",
    "model_unknown": "Compare the values with the display of the meter; set `model` if yours is in `ciibridge meters`, "
    "else send us the telegram.",
    "device_error": "The device answers with an error: ask again later, and look at its display.",
    "no_telegram": "Nothing in it is a telegram: check that it is what the meter sent, and the protocol.",
    "no_identity": "The meter does not say who it is: set `id` in the configuration.",
    "port_error": "The port cannot be opened or read: check its name, its rights and the cable.",
    "no_answer": "The meter does not answer: check cable or reading head, address, speed, and that the interface is on.",
    "access_denied": "The meter refuses access: ask the operator for the password and set `password`.",
    "refused": "The meter does not give what it is asked for: compare `read` and `model` with the meter.",
    "not_associated": "The meter does not let this client in: compare `address`, `authentication` and `key` with what the "
    "operator gave.",
    "hung_up": "The meter broke off in the middle: it may allow one reader at a time, or short sessions; it is asked again.",
    "counter_low": "The meter wants a higher invocation counter: somebody else reads it with this client, or `counter` is wrong.",
    "object_refused": "The meter does not give this object to this client; the others are read.",
    "gap_left": "These readings are lost for `history`; energy registers go on counting, so totals stay right.",
    "collision": "Several devices answer at once: name each in `address` (`ciibridge bus` finds them), or check the line.",
    "line_fixed": "The meter wants another speed than this port can be set to: use a local port or rfc2217://.",
    "gap": "Telegrams are missing between `from` and `to`: bridge or port were off, or the meter was silent. A meter that can "
    "be asked still has the registers of that time in its load profile.",
    "clock_jumped": "Nothing to do if the clock was just set. If it happens again, check time synchronisation (NTP).",
    "messages_lost": "The broker was away for longer than the outbox lasts: raise megabytes and days in [outbox].",
    "not_stored": "What waits for the broker is in memory only and is lost when the process ends: check the disk and "
    "[outbox].",
    "unit_unknown": "A register comes in a unit that cannot be converted exactly; it is shown as sent.",
}
