"""Other tongues: the same telegram in the topics of other publishers, by the data of the schema alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ciimodel
import pytest
from ciibridge.errors import ConfigError
from ciibridge.publish.dialect import Spoken, Tongue
from ciibridge.publish.messages import Messages
from ciibridge.service.config import Config
from ciibridge.service.dialects import dialects
from ciibridge.service.setup import load
from ciibridge.types import Measured, Message, Number, Obis, Snapshot
from ciimodel.catalogue import Resolved

TS = datetime(2026, 5, 4, 9, 39, 21, tzinfo=UTC)
SNAPSHOT = Snapshot(
    meter="house",
    seq=1,
    ts=TS,
    ts_source="meter",
    rx=TS,
    values={
        "power_import": Measured(Number(28), "W", Obis(1, 1, 1, 7, 0)),
        "current_l1": Measured(Number(9, -2), "A", Obis(1, 0, 31, 7, 0)),
        "energy_import": Measured(Number(123456, 1), "Wh", Obis(1, 0, 1, 8, 0)),
        "power_net": Measured(Number(28), "W", None),
        "power_failures": Measured(Number(3), "1", Obis(0, 0, 96, 7, 21)),
        "voltage_avg_l1": Measured(Number(230), "V", Obis(1, 0, 32, 24, 0)),
    },
    texts={"tariff_active": "t1"},
    derived=("power_net",),
    channels={1: {"volume_gas": Measured(Number(5), "m³", Obis(0, 1, 24, 2, 1))}},
    identity={"device_name": "LGZ1030600000001"},
)


@pytest.fixture(scope="module")
def catalogue() -> Resolved:
    return ciimodel.load()


def spoken(catalogue: Resolved, name: str, **settings: str) -> tuple[Spoken, ...]:
    faults: list[object] = []
    found = dialects({name: settings}, catalogue, lambda *fault: faults.append(fault))
    assert not faults
    return found


def said(catalogue: Resolved, name: str, snapshot: Snapshot, **settings: str) -> list[Message]:
    (one,) = spoken(catalogue, name, **settings)
    return Tongue(one).messages(snapshot)


def test_rldsp_is_one_message_a_telegram_with_exact_numbers(catalogue: Resolved) -> None:
    (message,) = said(catalogue, "rldsp", SNAPSHOT)
    assert message.topic == "dt/building/LGZ1030600000001/ds"
    assert message.payload == (
        b'{"meter":{"ts":"2026-05-04T09:39:21+00:00","1.7.0":28,"31.7.0":0.09,"1.8.0":1234560,"32.24.0":230}}'
    )
    assert (message.qos, message.retain, message.later) == (1, False, message.topic)
    (elsewhere,) = said(catalogue, "rldsp", SNAPSHOT, group="flat-12")
    assert elsewhere.topic == "dt/flat-12/LGZ1030600000001/ds"


def test_smartmeter_datacollector_is_one_message_a_value_it_knows(catalogue: Resolved) -> None:
    messages = said(catalogue, "smartmeter-datacollector", SNAPSHOT)
    assert {m.topic: m.payload for m in messages} == {
        "smartmeter/LGZ1030600000001/ACTIVE_POWER_P": b'{"value":28,"timestamp":1777887561,"obis":"1.7.0"}',
        "smartmeter/LGZ1030600000001/CURRENT_L1": b'{"value":0.09,"timestamp":1777887561,"obis":"31.7.0"}',
        "smartmeter/LGZ1030600000001/ACTIVE_ENERGY_P": b'{"value":1234560,"timestamp":1777887561,"obis":"1.8.0"}',
    }
    assert not any(m.retain or m.qos or m.later for m in messages)


def test_a_meter_is_called_by_our_name_until_it_says_its_own_which_is_then_remembered(
    catalogue: Resolved,
) -> None:
    tongue = Tongue(spoken(catalogue, "rldsp")[0])
    silent = replace(SNAPSHOT, identity={})
    assert [tongue.messages(s)[0].topic.split("/")[2] for s in (silent, SNAPSHOT, silent)] == [
        "house",
        "LGZ1030600000001",
        "LGZ1030600000001",
    ]
    (odd,) = said(catalogue, "rldsp", replace(SNAPSHOT, identity={"device_name": "A/B+C#\0 "}))
    assert odd.topic == "dt/building/A_B_C_/ds"


def test_nothing_is_said_of_what_is_not_of_this_tongue(catalogue: Resolved) -> None:
    for name in catalogue.dialects:
        assert said(catalogue, name, replace(SNAPSHOT, values={})) == []
        before_ntp = replace(SNAPSHOT, ts=datetime(1970, 1, 1, tzinfo=UTC), ts_source="receiver")
        assert said(catalogue, name, before_ntp) == []
        messages = Messages(catalogue, dialects=spoken(catalogue, name))
        own = {m.topic for m in Messages(catalogue).snapshot(SNAPSHOT)}
        assert {m.topic for m in messages.snapshot(SNAPSHOT)} > own
        past = messages.snapshot(replace(SNAPSHOT, past=True))
        assert {m.topic.split("/")[0] for m in past} == {"cii"}


def test_each_payload_is_json_with_every_word_filled_in(catalogue: Resolved) -> None:
    for name in catalogue.dialects:
        for message in said(catalogue, name, SNAPSHOT):
            assert "null" not in message.payload.decode()
            assert isinstance(json.loads(message.payload), dict)
            assert "{" not in message.topic


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("[dialect.rldps]", "c.toml:3: dialect.rldps: 'rldps' is not in the schema. Did you mean rldsp?"),
        (
            '[dialect.rldsp]\ngruop = "x"',
            "c.toml:4: dialect.rldsp.gruop: unknown key. Did you mean group?",
        ),
        ('[dialect.rldsp]\ngroup = "a/b"', "c.toml:4: dialect.rldsp.group: cannot be a part of a topic"),
        ("[dialect.rldsp]\ngroup = 5", "c.toml:4: dialect.rldsp.group: must be a text"),
        ('dialect = "rldsp"', "must be a table"),
        ('[dialect.smartmeter-datacollector]\nx = "y"', "unknown key. Remove it: there is none."),
    ],
)
def test_what_is_wrong_in_the_configuration_is_told(
    catalogue: Resolved, tmp_path: Path, table: str, words: str
) -> None:
    path = tmp_path / "c.toml"
    head, meter = ("", '[[meter]]\nport = "a.bin"\n\n')
    path.write_text(
        f"{table}\n{meter}" if table.startswith("dialect") else f"{meter.rstrip()}\n{table}\n{head}"
    )
    with pytest.raises(ConfigError) as caught:
        load(path, catalogue, {})
    assert words in str(caught.value)


def test_a_configuration_switches_them_on(catalogue: Resolved, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[dialect.rldsp]\n[dialect.smartmeter-datacollector]\n[[meter]]\nport = "a.bin"\n')
    setup = load(path, catalogue, {})
    assert [(one.dialect.name, one.settings) for one in setup.dialects] == [
        ("rldsp", {"group": "building"}),
        ("smartmeter-datacollector", {}),
    ]
    assert setup == load(path, catalogue, {})  # so that a reload finds nothing changed
    assert Config().dialect == {}
