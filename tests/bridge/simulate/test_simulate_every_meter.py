"""Every meter of the catalogue, on every interface, with every list: what is simulated is published and recognised."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import ciimodel
import pytest
from ciibridge.framing.sniff import sniff
from ciibridge.normalise.positional import obis_of
from ciibridge.pipeline import LINES, MeterSettings, Pipeline
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from ciibridge.simulate.stations import STATIONS
from ciibridge.simulate.submeters import sub_meter
from ciibridge.simulate.writers import WRITERS
from ciibridge.types import Problem, Snapshot
from ciimodel.catalogue import Meter, PushList

CATALOGUE: Final = ciimodel.load()
NOON: Final = datetime(2026, 5, 4, 10, 40, 15, tzinfo=UTC)
EVERY: Final = [
    (meter, interface.id, pushed)
    for meter in CATALOGUE.meters.values()
    for interface in meter.interfaces
    for pushed in meter.lists
]
#: Protocols whose telegrams can be ciphered with one key, and what for the authentication key is.
CIPHERED: Final = {
    "dlms-hdlc": SYNTHETIC_AUTH_KEY,
    "dlms-mbus": SYNTHETIC_AUTH_KEY,
    "dsmr-p1": SYNTHETIC_AUTH_KEY,
    "mbus": None,
}
every_list = pytest.mark.parametrize(
    ("meter", "interface", "pushed"), EVERY, ids=[f"{m.id}-{i}-{p.id}" for m, i, p in EVERY]
)


def simulated(meter: Meter, interface: str, pushed: PushList, **options: object) -> SimulatedMeter:
    return SimulatedMeter(CATALOGUE, meter.id, interface=interface, lists=(pushed.id,), **options)  # type: ignore[arg-type]


def read(octets: bytes, protocol: str, **settings: object) -> tuple[list[Snapshot], list[Problem]]:
    made = MeterSettings(id="home", **settings)  # type: ignore[arg-type]
    pipeline = Pipeline(CATALOGUE, made, protocol)
    found = pipeline.feed(octets, NOON) + pipeline.finish()
    snapshots = [item for item in found if isinstance(item, Snapshot)]
    return snapshots, [item for item in found if isinstance(item, Problem)]


def alone(meter: Meter) -> bool:
    """One device is asked on its line; one that counts electricity is then the meter of the line."""
    return meter.medium == "electricity" or any(i.protocol == "mbus" for i in meter.interfaces)


def promised(pushed: PushList) -> set[str]:
    """Names of the quantities of a list; the clock becomes ``ts``, and what sits on a channel has its own test."""
    return {
        element.quantity
        for element in pushed.elements
        if element.obis
        and element.quantity
        and sub_meter(obis_of(element.obis)) is None
        and CATALOGUE.quantities[element.quantity].place != "time"
    }


def channels(pushed: PushList) -> set[int]:
    """Channels whose value a list has, and whose sub-meter the household has."""
    codes = [obis_of(element.obis) for element in pushed.elements if element.obis]
    used = {code.b for code in codes if (meter := sub_meter(code)) and meter.number}
    told = {code.b for code in codes if code[2:5] == (24, 1, 0)}
    return {code.b for code in codes if code[2:4] in ((24, 2), (24, 3))} & used & told


@every_list
def test_run_publishes_each_quantity_the_schema_promises(
    meter: Meter, interface: str, pushed: PushList
) -> None:
    source = simulated(meter, interface, pushed)
    octets = source.telegrams(NOON)
    snapshots, problems = read(octets, source.protocol, model=meter.id, alone=alone(meter))
    assert problems == []
    [snapshot] = snapshots
    assert promised(pushed) <= {*snapshot.values, *snapshot.texts, *snapshot.identity}
    assert channels(pushed) <= {n for n, values in snapshot.channels.items() if values}
    whole, one_by_one = (
        [],
        Pipeline(CATALOGUE, MeterSettings(id="home", model=meter.id, alone=alone(meter)), source.protocol),
    )
    for octet in octets:
        whole += one_by_one.feed(bytes((octet,)), NOON)
    assert [item.values for item in whole + one_by_one.finish() if isinstance(item, Snapshot)] == [
        snapshot.values
    ]


@every_list
def test_ciphered_telegrams_open(meter: Meter, interface: str, pushed: PushList) -> None:
    protocol = simulated(meter, interface, pushed).protocol
    if protocol not in CIPHERED:
        assert protocol in ("sml", "iec62056-21")  # nothing is ciphered there
        return
    auth_key = CIPHERED[protocol]
    octets = simulated(meter, interface, pushed, key=SYNTHETIC_KEY, auth_key=auth_key).telegrams(NOON)
    keys = {"key": SYNTHETIC_KEY, "auth_key": auth_key}
    snapshots, problems = read(octets, protocol, model=meter.id, alone=alone(meter), **keys)
    assert (len(snapshots), problems) == (1, [])
    assert snapshots[0].reading is not None
    assert snapshots[0].reading.apdu.encrypted
    assert [p.code for p in read(octets, protocol)[1]] == ["key_missing"]
    assert [p.code for p in read(octets, protocol, key=bytes(16))[1]] == ["key_wrong"]


@every_list
def test_sniffed_and_recognised(meter: Meter, interface: str, pushed: PushList) -> None:
    source = simulated(meter, interface, pushed)
    octets = source.telegrams(NOON)
    assert sniff(octets) == source.protocol
    snapshots, _ = read(octets, source.protocol, alone=alone(meter))
    [snapshot] = snapshots
    if ties(meter, pushed):
        assert meter.id == snapshot.model or meter.id in snapshot.candidates
    else:
        assert (snapshot.model, snapshot.candidates) == (None, ())


def ties(meter: Meter, pushed: PushList) -> bool:
    """Whether the catalogue knows something that ties a telegram to the model."""
    wire = meter.wire
    if wire is None:
        return False
    facts = (
        wire.devices,
        wire.hdlc,
        wire.identification,
        wire.sml_server,
        wire.device_type,
        wire.list_name,
    )
    # the FLAG id opens the logical device name, the line of a text, an SML server id; what has none of them is nobody's
    named = any(element.obis == "0-0:42.0.0" for element in pushed.elements)
    binary = all(interface.protocol == "dlms-mbus" for interface in meter.interfaces)
    return any(facts) or (bool(wire.flag or wire.device_name) and (named or not binary))


def test_a_row_for_every_protocol() -> None:
    spoken = {interface.protocol for meter in CATALOGUE.meters.values() for interface in meter.interfaces}
    assert spoken <= set(WRITERS)
    assert set(WRITERS) == set(LINES) - {"dlms-apdu"}  # which no interface speaks: adapters make it
    asked = {i.protocol for meter in CATALOGUE.meters.values() for i in meter.interfaces if i.mode == "poll"}
    assert asked <= set(STATIONS)
