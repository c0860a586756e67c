"""The resolved schema: every fact of ``schema/`` with defaults filled in and families unfolded.

This module is the one definition of that shape. ``resolve`` builds it from the YAML files; it is written to
``generated/python/ciimodel/resolved.json``; its JSON Schema (``generated/jsonschema/resolved.schema.json``) is the
contract for third parties, and the classes with which the bridge reads it (``ciimodel.catalogue``) are generated from
that JSON Schema. Targets render from it and from nothing else.

All models are immutable; a ``Text`` maps a language to a sentence.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Text = Annotated[dict[str, str], Field(description="One sentence or label a language: en, de, fr, it.")]
_OBIS_PATTERN: Final = re.compile(r"(\d+|\*)-(\d+|\*|n):(\d+|\*)\.(\d+|\*)\.(\d+|\*)(\*\d+)?")


def _check_obis(text: str) -> str:
    if not _OBIS_PATTERN.fullmatch(text):
        raise ValueError(f"{text!r} is not an OBIS code: write A-B:C.D.E, e.g. 1-0:1.7.0, * for any value")
    return text


#: A-B:C.D.E with * for any value of a group and n for the number of a sub-meter channel; *F only where F is not 255.
ObisPattern = Annotated[str, AfterValidator(_check_obis)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class Status(StrEnum):
    """How well a fact is known."""

    SEEN = "seen"  # read from the bytes of a capture
    DOCUMENTED = "documented"  # stands in a document of the operator, the maker or a norm
    ASSUMED = "assumed"  # concluded, not seen


class Fact(_Model):
    """How well a block of facts is known, and where it comes from."""

    status: Status
    source: str
    note: str | None = None


class Kind(StrEnum):
    """What sort of quantity this is; QoS, retain and the consumers' classes follow from it."""

    INSTANTANEOUS = "instantaneous"
    CUMULATIVE = "cumulative"  # a register that only grows
    BALANCE = "balance"  # a register that may fall (import - export)
    DEMAND = "demand"
    MAX_DEMAND = "max_demand"
    COUNTER = "counter"  # a count of events, unit 1
    TEXT = "text"
    TIMESTAMP = "timestamp"


class Place(StrEnum):
    """Where a quantity appears on MQTT."""

    VALUE = "value"  # its own topic value/<name>, and values in state
    TEXT = "text"  # its own topic text/<name>, and texts in state
    META = "meta"  # identity: only in meta (a text of digits on a plain topic is rounded by ioBroker)
    TIME = "time"  # becomes ts of state


class Derivation(_Model):
    """How a quantity is computed when the meter does not push it itself."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()
    need: Literal["all", "any"] = Field(
        "all", description="all: every operand must be in the telegram; any: the sum of those that are"
    )


class Unit(_Model):
    """A unit of the profile and how others spell it."""

    symbol: str
    name: Text
    dlms: int | None = Field(
        None, description="Enumeration of COSEM scaler_unit (IEC 62056-6-2, table of units)"
    )
    spellings: dict[str, int] = Field(
        description="Spelling in ASCII telegrams → power of ten to the profile's unit, e.g. kWh → 3"
    )
    consumers: dict[str, dict[str, str]] = Field(default_factory=dict)


class Quantity(_Model):
    """One harmonised quantity: a topic, an OBIS code, a unit, a meaning."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    family: str = Field(
        description="Name of the YAML block it comes from; phases and tariffs of a block share it"
    )
    medium: Literal["electricity", "gas", "water", "heat", "cooling", "device"]
    obis: tuple[ObisPattern, ...] = Field(
        description="Codes under which meters send it; the first is canonical"
    )
    unit: str | None
    kind: Kind
    place: Place
    phase: Literal["l1", "l2", "l3", "n"] | None = None
    tariff: Literal["t1", "t2", "t3", "t4"] | None = None
    direction: Literal["import", "export"] | None = None
    billing: bool = False
    scaler: int = Field(
        0, description="Power of ten used where neither the telegram nor the meter model gives one"
    )
    minimum: float | None = Field(None, description="Below it a value is withheld and reported (in `unit`)")
    maximum: float | None = Field(None, description="Above it a value is withheld and reported (in `unit`)")
    monotonic: bool = Field(default=False, description="A counter that never runs backwards")
    derive: Derivation | None = None
    states: dict[str, Text] = Field(
        default_factory=dict, description="Allowed texts of an enumeration and labels"
    )
    raw_states: dict[str, str] = Field(
        default_factory=dict, description="Text in a telegram → text of `states`"
    )
    channel_types: tuple[int, ...] = Field(
        (),
        description="M-Bus device types (EN 13757-3) for which 0-n:24.2.1 is this quantity; empty: not a sub-meter",
    )
    mbus: str | None = Field(
        None,
        description="M-Bus record (EN 13757-3) that is this quantity: what was measured and its qualifiers, e.g. energy negative",
    )
    identity: int | None = Field(None, description="Rank as meter id, 1 first; None: not an identity")
    label: Text
    description: Text = Field(default_factory=dict)
    cim: str | None = Field(None, description="IEC 61968-9 reading type")
    note: str | None = None
    consumers: dict[str, dict[str, str | int | float | bool]] = Field(
        default_factory=dict, description="Consumer → attributes from schema/consumers/<consumer>.yaml"
    )


class Topic(_Model):
    """One topic of the profile; `path` has placeholders in braces."""

    name: str
    path: str = Field(description="e.g. {prefix}/v1/{meter}/value/{quantity}")
    qos: Literal[0, 1, 2]
    retain: bool
    expiry_s: int | None = Field(None, description="MQTT 5 message expiry interval; None: never")
    payload: str = Field(description="Key of `payloads`")
    content_type: str
    kinds: tuple[Kind, ...] = Field(
        (), description="Kinds of quantity this topic carries; empty: not a quantity"
    )
    will: str | None = Field(None, description="Payload of the last will of the connection")
    per_process: bool = Field(default=False, description="Belongs to the bridge process, not to a meter")
    optional: bool = Field(default=False, description="Published only when asked for in the configuration")
    description: Text


class Consumer(_Model):
    """Settings of a consumer that are not tied to a quantity."""

    name: str
    settings: dict[str, str | int | float | bool] = Field(default_factory=dict)
    words: dict[str, Text] = Field(
        default_factory=dict, description="Headings and names that are not labels of quantities"
    )


class Link(_Model):
    """Serial line settings."""

    baudrate: int
    bytesize: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"
    stopbits: Literal[1, 2] = 1


class Ask(_Model):
    """How a meter that does not send by itself is asked."""

    every_s: int = Field(description="Seconds between two rounds unless configured otherwise")
    address: Literal["none", "device", "primary", "secondary"] = Field(
        "none", description="What a question has to name: nothing, an IEC 62056-21 device or M-Bus address"
    )
    sets: tuple[str, ...] = Field(
        (), description="What is asked for, e.g. F001; empty: what the meter gives by itself"
    )
    password: bool = Field(default=False, description="It wants a password")
    wake_up: bool = Field(default=False, description="It sleeps and must be woken first")


class Interface(_Model):
    """A connector of a meter model, and what runs over it."""

    id: str
    kind: Literal["mbus", "p1", "optical", "rs485", "module"]
    connector: Text
    cable: Text
    link: Link
    protocol: Literal["dlms-hdlc", "dlms-mbus", "dsmr-p1", "iec62056-21", "mbus", "sml"]
    mode: Literal["push", "poll"] = "push"
    read: Ask | None = Field(None, description="How it is asked; None: it cannot be, or nobody knows")
    fact: Fact


class Hdlc(_Model):
    """HDLC facts (IEC 62056-46): addresses as on the wire, in hex, destination and source separately."""

    destination: str
    source: str
    control: str = "13"
    information_octets: int = Field(128, description="Largest information field, header to checksum excluded")


class Transfer(StrEnum):
    """How an APDU is cut into frames."""

    SINGLE = "single"
    SEGMENTED = "segmented"  # HDLC segmentation bit
    BLOCKS = "blocks"  # general-block-transfer, IEC 62056-5-3


class Shape(StrEnum):
    """Shape of a push body (names as in docs; F1 … F4 of the field notes)."""

    PUSH_LIST = "push-list"  # array of capture objects, then bare values by position
    PAIRS = "pairs"  # OBIS, value, OBIS, value …, flat
    TRIPLETS = "triplets"  # structures {OBIS, value, {scaler, unit}}
    POSITIONAL = "positional"  # values only
    SML = "sml"  # SML value list: entries with OBIS code, unit, scaler, value
    RECORDS = "records"  # M-Bus records, which say themselves what they are


class MbusDevice(_Model):
    """What the header of an M-Bus telegram says beside number and maker (EN 13757-3)."""

    version: int
    type: int = Field(description="Device type: 2 electricity, 3 gas, 4 heat, 6 warm water, 7 water …")
    storage: int = Field(0, description="Storage number of the records that hold what it counts")


class Wire(_Model):
    """How this model's telegrams look on the wire: used to recognise the model and to simulate it."""

    flag: tuple[str, ...] = Field(
        (), description="FLAG ids that open the system title and the logical device name"
    )
    hdlc: tuple[Hdlc, ...] = Field((), description="Address pairs seen; the first is simulated")
    transfer: Transfer = Transfer.SINGLE
    llc: bool = True
    checksum: bool = True
    deviation: Literal["given", "unspecified"] | None = Field(
        None, description="Deviation in date-times of the telegrams; None: they hold no date-time"
    )
    list_name: tuple[str, ...] = Field((), description="List identifiers in the body, e.g. Kamstrup_V0001")
    device_name: str | None = Field(
        None, description="Regular expression of the logical device name 0-0:42.0.0"
    )
    identification: str | None = Field(
        None,
        description="Regular expression of the identification line of its text telegrams, without the slash",
    )
    sml_server: str | None = Field(
        None, description="Regular expression of the SML server id, written in hex in lower case"
    )
    device_type: str | None = Field(
        None, description="Regular expression of the meter type in a telegram, e.g. under 1-1:96.1.1"
    )
    devices: tuple[MbusDevice, ...] = Field(
        (), description="Headers of its M-Bus telegrams, beside the FLAG id; the first is simulated"
    )
    codes: dict[ObisPattern, ObisPattern] = Field(
        default_factory=dict,
        description="Codes of its text telegrams, as an electricity meter would mean them → codes of the profile",
    )
    qualifiers: dict[str, Literal["l1", "l2", "l3", "total"]] = Field(
        default_factory=dict, description="What the maker's own extensions of M-Bus records mean"
    )
    fact: Fact


class RegisterFact(_Model):
    """How a meter model sends a quantity: A-XDR type, power of ten, unit."""

    type: str | None = Field(
        None, description="A-XDR type name, e.g. double-long-unsigned; None: it is sent as text"
    )
    scaler: int | None = Field(
        None, description="Power of ten when the telegram has none; None: the quantity's own"
    )
    fact: Fact | None = None


class PushElement(_Model):
    """One element of a push list, in order."""

    obis: ObisPattern | None = Field(description="None: an element without meaning for us (skipped)")
    class_id: int | None = None
    attribute: int = 2
    quantity: str | None = Field(None, description="Name of the quantity; None: unknown to the profile")


class PushList(_Model):
    """What a meter pushes in one telegram."""

    id: str
    title: Text
    shape: Shape
    object: str | None = Field(None, description="OBIS of the push setup object, e.g. 0-8:25.9.0")
    name: str | None = Field(
        None, description="List identifier sent as the first element, e.g. Kamstrup_V0001"
    )
    elements: tuple[PushElement, ...]
    types: tuple[str, ...] = Field(
        (), description="For positional lists: A-XDR type an element, by which the list is recognised"
    )
    interval_s: float
    fact: Fact


class Maker(_Model):
    """A maker of meters, by the three letters of its FLAG id (DLMS User Association)."""

    name: str
    no_access: tuple[str, ...] = Field(
        (),
        description="What its meters answer for want of a password; IEC 62056-21 leaves the words to the maker",
    )
    fact: Fact


class SerialRange(_Model):
    """Serial numbers, both ends included."""

    first: int
    last: int


class Correction(_Model):
    """A value that certain devices of a model send against the standard."""

    quantity: str
    unsigned_octets: int = Field(description="Signed numbers of up to so many octets are meant unsigned")
    nameplate: str = Field(
        description="Medium, FLAG id and block of the number on the nameplate (DIN 43863-5)"
    )
    serials: tuple[SerialRange, ...] = Field(description="Serial numbers behind it")
    fact: Fact


class Meter(_Model):
    """A meter model."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    manufacturer: str
    model: str
    medium: Literal["electricity", "gas", "water", "heat"]
    phases: Literal[1, 3] | None = Field(None, description="None: it counts no electricity")
    description: Text
    interfaces: tuple[Interface, ...]
    wire: Wire | None = None
    zone: str | None = Field(None, description="Zone of a clock without a deviation, e.g. Europe/Zurich")
    registers: dict[str, RegisterFact] = Field(
        default_factory=dict, description="Quantity or family name → how this model sends it"
    )
    lists: tuple[PushList, ...]
    quantities: tuple[str, ...] = Field(
        description="Everything some list of this model yields, derived ones included"
    )
    corrections: tuple[Correction, ...] = ()
    caveats: tuple[Text, ...] = ()


class OperatorMeter(_Model):
    """A meter model in the hands of an operator."""

    meter: str
    interface: str
    link: Link | None = Field(
        None, description="Line settings of this operator; None: those of the interface"
    )
    lists: tuple[str, ...]
    encryption: Literal["none", "always", "on request", "unknown"]
    activation: Text = Field(description="How a customer gets the interface switched on")
    key: Text = Field(default_factory=dict, description="How a customer gets the key")
    fact: Fact


class Tariff(_Model):
    """Meaning of a tariff number at an operator."""

    label: str
    rank: Literal["high", "low", "normal", "unknown"]


class NotPossible(_Model):
    """A meter with which it is known not to work."""

    meter: str
    reason: Text
    fact: Fact


class Operator(_Model):
    """A distribution system operator (DSO)."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    name: str
    full_name: str
    search: tuple[str, ...] = Field((), description="What else customers call it")
    country: str
    meters: tuple[OperatorMeter, ...]
    tariffs: dict[str, Tariff] = Field(default_factory=dict)
    tariffs_fact: Fact | None = None
    not_possible: tuple[NotPossible, ...] = ()
    notes: tuple[Text, ...] = ()


class DialectSetting(_Model):
    """A placeholder of a dialect's path that users can set."""

    default: str
    description: Text


class Dialect(_Model):
    """Topics of another publisher that the bridge can serve beside its own."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    description: Text
    path: str = Field(description="e.g. smartmeter/{id}/{key}")
    qos: Literal[0, 1, 2] = Field(0, description="From 1 on it is kept while the broker is away")
    retain: bool = False
    each: Literal["telegram", "value"] = Field(description="What there is one message for")
    identity: tuple[str, ...] = Field(
        (), description="Quantities that name the meter in {id}, best first; empty: our level of the meter"
    )
    settings: dict[str, DialectSetting] = Field(default_factory=dict)
    key: Literal["obis", "name"] = Field(description="What {key} of a value is: C.D.E as sent, or its name")
    names: dict[str, str] = Field(default_factory=dict, description="Quantity → its name there")
    payload: dict[str, object] = Field(
        description='Shape: a text is one of value, obis, time, epoch; the member "*" is one member a value'
    )
    fact: Fact


class Resolved(_Model):
    """The whole schema."""

    version: str = Field(description="Version of the topic contract, major.minor", pattern=r"^\d+\.\d+$")
    prefix: str = "cii"
    languages: tuple[str, ...]
    levels: dict[str, str] = Field(description="Placeholder of a topic path → regular expression")
    topics: dict[str, Topic]
    payloads: dict[str, dict[str, object]] = Field(description="JSON Schema (draft-07) of each payload")
    units: dict[str, Unit]
    makers: dict[str, Maker]
    quantities: dict[str, Quantity]
    meters: dict[str, Meter]
    operators: dict[str, Operator]
    consumers: dict[str, Consumer]
    dialects: dict[str, Dialect]
