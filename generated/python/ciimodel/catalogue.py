# generated from schema/ by ciigen, do not edit
"""The resolved schema (resolved.json): meters, operators, quantities and topics as models."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from pydantic import BaseModel, ConfigDict, Field


class Ask(BaseModel):
    """
    How a meter that does not send by itself is asked.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    every_s: Annotated[int, Field(title="Every S")]
    """
    Seconds between two rounds unless configured otherwise
    """
    address: Annotated[Literal["none", "device", "primary", "secondary"], Field(title="Address")]
    """
    What a question has to name: nothing, an IEC 62056-21 device or M-Bus address
    """
    sets: Annotated[list[str], Field(title="Sets")]
    """
    What is asked for, e.g. F001; empty: what the meter gives by itself
    """
    password: Annotated[bool, Field(title="Password")]
    """
    It wants a password
    """
    wake_up: Annotated[bool, Field(title="Wake Up")]
    """
    It sleeps and must be woken first
    """


class Consumer(BaseModel):
    """
    Settings of a consumer that are not tied to a quantity.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    name: Annotated[str, Field(title="Name")]
    settings: Annotated[dict[str, str | int | float | bool], Field(title="Settings")]
    words: Annotated[dict[str, dict[str, str]], Field(title="Words")]
    """
    Headings and names that are not labels of quantities
    """


class Derivation(BaseModel):
    """
    How a quantity is computed when the meter does not push it itself.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    plus: Annotated[list[str], Field(title="Plus")]
    minus: Annotated[list[str], Field(title="Minus")]
    need: Annotated[Literal["all", "any"], Field(title="Need")]
    """
    all: every operand must be in the telegram; any: the sum of those that are
    """


class DialectSetting(BaseModel):
    """
    A placeholder of a dialect's path that users can set.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    default: Annotated[str, Field(title="Default")]
    description: Annotated[dict[str, str], Field(title="Description")]
    """
    One sentence or label a language: en, de, fr, it.
    """


class Hdlc(BaseModel):
    """
    HDLC facts (IEC 62056-46): addresses as on the wire, in hex, destination and source separately.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    destination: Annotated[str, Field(title="Destination")]
    source: Annotated[str, Field(title="Source")]
    control: Annotated[str, Field(title="Control")]
    information_octets: Annotated[int, Field(title="Information Octets")]
    """
    Largest information field, header to checksum excluded
    """


class Link(BaseModel):
    """
    Serial line settings.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    baudrate: Annotated[int, Field(title="Baudrate")]
    bytesize: Annotated[Literal[7, 8], Field(title="Bytesize")]
    parity: Annotated[Literal["none", "even", "odd"], Field(title="Parity")]
    stopbits: Annotated[Literal[1, 2], Field(title="Stopbits")]


class MbusDevice(BaseModel):
    """
    What the header of an M-Bus telegram says beside number and maker (EN 13757-3).
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    version: Annotated[int, Field(title="Version")]
    type: Annotated[int, Field(title="Type")]
    """
    Device type: 2 electricity, 3 gas, 4 heat, 6 warm water, 7 water …
    """
    storage: Annotated[int, Field(title="Storage")]
    """
    Storage number of the records that hold what it counts
    """


class PushElement(BaseModel):
    """
    One element of a push list, in order.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    obis: Annotated[str | None, Field(title="Obis")]
    """
    None: an element without meaning for us (skipped)
    """
    class_id: Annotated[int | None, Field(title="Class Id")]
    attribute: Annotated[int, Field(title="Attribute")]
    quantity: Annotated[str | None, Field(title="Quantity")]
    """
    Name of the quantity; None: unknown to the profile
    """


class Quantity(BaseModel):
    """
    One harmonised quantity: a topic, an OBIS code, a unit, a meaning.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", title="Name")]
    family: Annotated[str, Field(title="Family")]
    """
    Name of the YAML block it comes from; phases and tariffs of a block share it
    """
    medium: Annotated[
        Literal["electricity", "gas", "water", "heat", "cooling", "device"], Field(title="Medium")
    ]
    obis: Annotated[list[str], Field(title="Obis")]
    """
    Codes under which meters send it; the first is canonical
    """
    unit: Annotated[str | None, Field(title="Unit")]
    kind: Annotated[
        Literal[
            "instantaneous", "cumulative", "balance", "demand", "max_demand", "counter", "text", "timestamp"
        ],
        Field(title="Kind"),
    ]
    """
    What sort of quantity this is; QoS, retain and the consumers' classes follow from it.
    """
    place: Annotated[Literal["value", "text", "meta", "time"], Field(title="Place")]
    """
    Where a quantity appears on MQTT.
    """
    phase: Annotated[Literal["l1", "l2", "l3", "n"] | None, Field(title="Phase")]
    tariff: Annotated[Literal["t1", "t2", "t3", "t4"] | None, Field(title="Tariff")]
    direction: Annotated[Literal["import", "export"] | None, Field(title="Direction")]
    billing: Annotated[bool, Field(title="Billing")]
    scaler: Annotated[int, Field(title="Scaler")]
    """
    Power of ten used where neither the telegram nor the meter model gives one
    """
    minimum: Annotated[float | None, Field(title="Minimum")]
    """
    Below it a value is withheld and reported (in `unit`)
    """
    maximum: Annotated[float | None, Field(title="Maximum")]
    """
    Above it a value is withheld and reported (in `unit`)
    """
    monotonic: Annotated[bool, Field(title="Monotonic")]
    """
    A counter that never runs backwards
    """
    derive: Derivation | None
    states: Annotated[dict[str, dict[str, str]], Field(title="States")]
    """
    Allowed texts of an enumeration and labels
    """
    raw_states: Annotated[dict[str, str], Field(title="Raw States")]
    """
    Text in a telegram → text of `states`
    """
    channel_types: Annotated[list[int], Field(title="Channel Types")]
    """
    M-Bus device types (EN 13757-3) for which 0-n:24.2.1 is this quantity; empty: not a sub-meter
    """
    mbus: Annotated[str | None, Field(title="Mbus")]
    """
    M-Bus record (EN 13757-3) that is this quantity: what was measured and its qualifiers, e.g. energy negative
    """
    identity: Annotated[int | None, Field(title="Identity")]
    """
    Rank as meter id, 1 first; None: not an identity
    """
    label: Annotated[dict[str, str], Field(title="Label")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    description: Annotated[dict[str, str], Field(title="Description")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    cim: Annotated[str | None, Field(title="Cim")]
    """
    IEC 61968-9 reading type
    """
    note: Annotated[str | None, Field(title="Note")]
    consumers: Annotated[dict[str, dict[str, str | int | float | bool]], Field(title="Consumers")]
    """
    Consumer → attributes from schema/consumers/<consumer>.yaml
    """


class SerialRange(BaseModel):
    """
    Serial numbers, both ends included.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    first: Annotated[int, Field(title="First")]
    last: Annotated[int, Field(title="Last")]


class Tariff(BaseModel):
    """
    Meaning of a tariff number at an operator.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    label: Annotated[str, Field(title="Label")]
    rank: Annotated[Literal["high", "low", "normal", "unknown"], Field(title="Rank")]


class Topic(BaseModel):
    """
    One topic of the profile; `path` has placeholders in braces.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    name: Annotated[str, Field(title="Name")]
    path: Annotated[str, Field(title="Path")]
    """
    e.g. {prefix}/v1/{meter}/value/{quantity}
    """
    qos: Annotated[Literal[0, 1, 2], Field(title="Qos")]
    retain: Annotated[bool, Field(title="Retain")]
    expiry_s: Annotated[int | None, Field(title="Expiry S")]
    """
    MQTT 5 message expiry interval; None: never
    """
    payload: Annotated[str, Field(title="Payload")]
    """
    Key of `payloads`
    """
    content_type: Annotated[str, Field(title="Content Type")]
    kinds: Annotated[
        list[
            Literal[
                "instantaneous",
                "cumulative",
                "balance",
                "demand",
                "max_demand",
                "counter",
                "text",
                "timestamp",
            ]
        ],
        Field(title="Kinds"),
    ]
    """
    Kinds of quantity this topic carries; empty: not a quantity
    """
    will: Annotated[str | None, Field(title="Will")]
    """
    Payload of the last will of the connection
    """
    per_process: Annotated[bool, Field(title="Per Process")]
    """
    Belongs to the bridge process, not to a meter
    """
    optional: Annotated[bool, Field(title="Optional")]
    """
    Published only when asked for in the configuration
    """
    description: Annotated[dict[str, str], Field(title="Description")]
    """
    One sentence or label a language: en, de, fr, it.
    """


class Unit(BaseModel):
    """
    A unit of the profile and how others spell it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    symbol: Annotated[str, Field(title="Symbol")]
    name: Annotated[dict[str, str], Field(title="Name")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    dlms: Annotated[int | None, Field(title="Dlms")]
    """
    Enumeration of COSEM scaler_unit (IEC 62056-6-2, table of units)
    """
    spellings: Annotated[dict[str, int], Field(title="Spellings")]
    """
    Spelling in ASCII telegrams → power of ten to the profile's unit, e.g. kWh → 3
    """
    consumers: Annotated[dict[str, dict[str, str]], Field(title="Consumers")]


class Fact(BaseModel):
    """
    How well a block of facts is known, and where it comes from.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    status: Annotated[Literal["seen", "documented", "assumed"], Field(title="Status")]
    """
    How well a fact is known.
    """
    source: Annotated[str, Field(title="Source")]
    note: Annotated[str | None, Field(title="Note")]


class Interface(BaseModel):
    """
    A connector of a meter model, and what runs over it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    id: Annotated[str, Field(title="Id")]
    kind: Annotated[Literal["mbus", "p1", "optical", "rs485", "module"], Field(title="Kind")]
    connector: Annotated[dict[str, str], Field(title="Connector")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    cable: Annotated[dict[str, str], Field(title="Cable")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    link: Link
    protocol: Annotated[
        Literal["dlms-hdlc", "dlms-mbus", "dsmr-p1", "iec62056-21", "mbus", "sml"], Field(title="Protocol")
    ]
    mode: Annotated[Literal["push", "poll"], Field(title="Mode")]
    read: Ask | None
    """
    How it is asked; None: it cannot be, or nobody knows
    """
    fact: Fact


class Maker(BaseModel):
    """
    A maker of meters, by the three letters of its FLAG id (DLMS User Association).
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    name: Annotated[str, Field(title="Name")]
    no_access: Annotated[list[str], Field(title="No Access")]
    """
    What its meters answer for want of a password; IEC 62056-21 leaves the words to the maker
    """
    fact: Fact


class NotPossible(BaseModel):
    """
    A meter with which it is known not to work.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    meter: Annotated[str, Field(title="Meter")]
    reason: Annotated[dict[str, str], Field(title="Reason")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    fact: Fact


class OperatorMeter(BaseModel):
    """
    A meter model in the hands of an operator.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    meter: Annotated[str, Field(title="Meter")]
    interface: Annotated[str, Field(title="Interface")]
    link: Link | None
    """
    Line settings of this operator; None: those of the interface
    """
    lists: Annotated[list[str], Field(title="Lists")]
    encryption: Annotated[Literal["none", "always", "on request", "unknown"], Field(title="Encryption")]
    activation: Annotated[dict[str, str], Field(title="Activation")]
    """
    How a customer gets the interface switched on
    """
    key: Annotated[dict[str, str], Field(title="Key")]
    """
    How a customer gets the key
    """
    fact: Fact


class PushList(BaseModel):
    """
    What a meter pushes in one telegram.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    id: Annotated[str, Field(title="Id")]
    title: Annotated[dict[str, str], Field(title="Title")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    shape: Annotated[
        Literal["push-list", "pairs", "triplets", "positional", "sml", "records"], Field(title="Shape")
    ]
    """
    Shape of a push body (names as in docs; F1 … F4 of the field notes).
    """
    object: Annotated[str | None, Field(title="Object")]
    """
    OBIS of the push setup object, e.g. 0-8:25.9.0
    """
    name: Annotated[str | None, Field(title="Name")]
    """
    List identifier sent as the first element, e.g. Kamstrup_V0001
    """
    elements: Annotated[list[PushElement], Field(title="Elements")]
    types: Annotated[list[str], Field(title="Types")]
    """
    For positional lists: A-XDR type an element, by which the list is recognised
    """
    interval_s: Annotated[float, Field(title="Interval S")]
    fact: Fact


class RegisterFact(BaseModel):
    """
    How a meter model sends a quantity: A-XDR type, power of ten, unit.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    type: Annotated[str | None, Field(title="Type")]
    """
    A-XDR type name, e.g. double-long-unsigned; None: it is sent as text
    """
    scaler: Annotated[int | None, Field(title="Scaler")]
    """
    Power of ten when the telegram has none; None: the quantity's own
    """
    fact: Fact | None


class Wire(BaseModel):
    """
    How this model's telegrams look on the wire: used to recognise the model and to simulate it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    flag: Annotated[list[str], Field(title="Flag")]
    """
    FLAG ids that open the system title and the logical device name
    """
    hdlc: Annotated[list[Hdlc], Field(title="Hdlc")]
    """
    Address pairs seen; the first is simulated
    """
    transfer: Annotated[Literal["single", "segmented", "blocks"], Field(title="Transfer")]
    """
    How an APDU is cut into frames.
    """
    llc: Annotated[bool, Field(title="Llc")]
    checksum: Annotated[bool, Field(title="Checksum")]
    deviation: Annotated[Literal["given", "unspecified"] | None, Field(title="Deviation")]
    """
    Deviation in date-times of the telegrams; None: they hold no date-time
    """
    list_name: Annotated[list[str], Field(title="List Name")]
    """
    List identifiers in the body, e.g. Kamstrup_V0001
    """
    device_name: Annotated[str | None, Field(title="Device Name")]
    """
    Regular expression of the logical device name 0-0:42.0.0
    """
    identification: Annotated[str | None, Field(title="Identification")]
    """
    Regular expression of the identification line of its text telegrams, without the slash
    """
    sml_server: Annotated[str | None, Field(title="Sml Server")]
    """
    Regular expression of the SML server id, written in hex in lower case
    """
    device_type: Annotated[str | None, Field(title="Device Type")]
    """
    Regular expression of the meter type in a telegram, e.g. under 1-1:96.1.1
    """
    devices: Annotated[list[MbusDevice], Field(title="Devices")]
    """
    Headers of its M-Bus telegrams, beside the FLAG id; the first is simulated
    """
    codes: Annotated[dict[str, str], Field(title="Codes")]
    """
    Codes of its text telegrams, as an electricity meter would mean them → codes of the profile
    """
    qualifiers: Annotated[dict[str, Literal["l1", "l2", "l3", "total"]], Field(title="Qualifiers")]
    """
    What the maker's own extensions of M-Bus records mean
    """
    fact: Fact


class Correction(BaseModel):
    """
    A value that certain devices of a model send against the standard.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    quantity: Annotated[str, Field(title="Quantity")]
    unsigned_octets: Annotated[int, Field(title="Unsigned Octets")]
    """
    Signed numbers of up to so many octets are meant unsigned
    """
    nameplate: Annotated[str, Field(title="Nameplate")]
    """
    Medium, FLAG id and block of the number on the nameplate (DIN 43863-5)
    """
    serials: Annotated[list[SerialRange], Field(title="Serials")]
    """
    Serial numbers behind it
    """
    fact: Fact


class Dialect(BaseModel):
    """
    Topics of another publisher that the bridge can serve beside its own.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    name: Annotated[str, Field(pattern="^[a-z0-9-]+$", title="Name")]
    title: Annotated[str, Field(title="Title")]
    description: Annotated[dict[str, str], Field(title="Description")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    path: Annotated[str, Field(title="Path")]
    """
    e.g. smartmeter/{id}/{key}
    """
    qos: Annotated[Literal[0, 1, 2], Field(title="Qos")]
    """
    From 1 on it is kept while the broker is away
    """
    retain: Annotated[bool, Field(title="Retain")]
    each: Annotated[Literal["telegram", "value"], Field(title="Each")]
    """
    What there is one message for
    """
    identity: Annotated[list[str], Field(title="Identity")]
    """
    Quantities that name the meter in {id}, best first; empty: our level of the meter
    """
    settings: Annotated[dict[str, DialectSetting], Field(title="Settings")]
    key: Annotated[Literal["obis", "name"], Field(title="Key")]
    """
    What {key} of a value is: C.D.E as sent, or its name
    """
    names: Annotated[dict[str, str], Field(title="Names")]
    """
    Quantity → its name there
    """
    payload: Annotated[dict[str, Any], Field(title="Payload")]
    """
    Shape: a text is one of value, obis, time, epoch; the member "*" is one member a value
    """
    fact: Fact


class Meter(BaseModel):
    """
    A meter model.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    id: Annotated[str, Field(pattern="^[a-z0-9-]+$", title="Id")]
    manufacturer: Annotated[str, Field(title="Manufacturer")]
    model: Annotated[str, Field(title="Model")]
    medium: Annotated[Literal["electricity", "gas", "water", "heat"], Field(title="Medium")]
    phases: Annotated[Literal[1, 3] | None, Field(title="Phases")]
    """
    None: it counts no electricity
    """
    description: Annotated[dict[str, str], Field(title="Description")]
    """
    One sentence or label a language: en, de, fr, it.
    """
    interfaces: Annotated[list[Interface], Field(title="Interfaces")]
    wire: Wire | None
    zone: Annotated[str | None, Field(title="Zone")]
    """
    Zone of a clock without a deviation, e.g. Europe/Zurich
    """
    registers: Annotated[dict[str, RegisterFact], Field(title="Registers")]
    """
    Quantity or family name → how this model sends it
    """
    lists: Annotated[list[PushList], Field(title="Lists")]
    quantities: Annotated[list[str], Field(title="Quantities")]
    """
    Everything some list of this model yields, derived ones included
    """
    corrections: Annotated[list[Correction], Field(title="Corrections")]
    caveats: Annotated[list[dict[str, str]], Field(title="Caveats")]


class Operator(BaseModel):
    """
    A distribution system operator (DSO).
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    id: Annotated[str, Field(pattern="^[a-z0-9-]+$", title="Id")]
    name: Annotated[str, Field(title="Name")]
    full_name: Annotated[str, Field(title="Full Name")]
    search: Annotated[list[str], Field(title="Search")]
    """
    What else customers call it
    """
    country: Annotated[str, Field(title="Country")]
    meters: Annotated[list[OperatorMeter], Field(title="Meters")]
    tariffs: Annotated[dict[str, Tariff], Field(title="Tariffs")]
    tariffs_fact: Fact | None
    not_possible: Annotated[list[NotPossible], Field(title="Not Possible")]
    notes: Annotated[list[dict[str, str]], Field(title="Notes")]


class Resolved(BaseModel):
    """
    The whole schema.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
    )
    version: Annotated[str, Field(pattern="^\\d+\\.\\d+$", title="Version")]
    """
    Version of the topic contract, major.minor
    """
    prefix: Annotated[str, Field(title="Prefix")]
    languages: Annotated[list[str], Field(title="Languages")]
    levels: Annotated[dict[str, str], Field(title="Levels")]
    """
    Placeholder of a topic path → regular expression
    """
    topics: Annotated[dict[str, Topic], Field(title="Topics")]
    payloads: Annotated[dict[str, dict[str, Any]], Field(title="Payloads")]
    """
    JSON Schema (draft-07) of each payload
    """
    units: Annotated[dict[str, Unit], Field(title="Units")]
    makers: Annotated[dict[str, Maker], Field(title="Makers")]
    quantities: Annotated[dict[str, Quantity], Field(title="Quantities")]
    meters: Annotated[dict[str, Meter], Field(title="Meters")]
    operators: Annotated[dict[str, Operator], Field(title="Operators")]
    consumers: Annotated[dict[str, Consumer], Field(title="Consumers")]
    dialects: Annotated[dict[str, Dialect], Field(title="Dialects")]
