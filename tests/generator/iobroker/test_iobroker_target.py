"""ioBroker's objects: order, parents, aliases, roles and units, and what the expressions make of a payload."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from captures import CAPTURES
from ciigen import topics
from ciigen.errors import TargetError, UsageError
from ciigen.resolved import Place, Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.iobroker import TARGET, read
from ciigen.targets.iobroker.objects import objects
from selections import RESOLVED, every, served

EXAMPLES = CAPTURES.parent / "examples" / "iobroker"
ADAPTERS = ("mqtt", "mqtt-client")
Objects = dict[str, dict[str, Any]]
#: Roles of ioBroker's list that a meter uses → unit of the alias; None: no unit, or any.
ROLE_UNITS = {
    "indicator.reachable": None,
    "info.serial": None,
    "json": None,
    "text": None,
    "value": None,
    "value.time": None,
    "value.current": "A",
    "value.energy": None,
    "value.energy.consumed": "kWh",
    "value.energy.produced": "kWh",
    "value.energy.reactive": "kvarh",
    "value.frequency": "Hz",
    "value.power": None,
    "value.power.consumed": "W",
    "value.power.produced": "W",
    "value.power.reactive": "var",
    "value.voltage": "V",
}
TYPES = {"indicator.reachable": "boolean", "info.serial": "string", "json": "string", "text": "string"}


def selections() -> Iterator[Selection]:
    for meter in RESOLVED.meters:
        yield Selection(meter=meter)
    for operator in served(RESOLVED):
        yield Selection(operator=operator, lang="de")
    yield Selection()
    yield Selection(everything=True)
    yield Selection(ids=("house-1", "true"), meter="lg-e450", lang="fr")


EVERY = every({"all": list(selections())})
BOTH = pytest.mark.parametrize("adapter", ADAPTERS)


@cache
def source(adapter: str, selection: Selection) -> str:
    return TARGET.views[adapter].render(RESOLVED, selection)


def made(adapter: str, selection: Selection) -> Objects:
    found: Objects = json.loads(source(adapter, selection))
    return found


def states(found: Objects) -> dict[str, dict[str, Any]]:
    """Id → common of the alias states."""
    return {
        oid: thing["common"]
        for oid, thing in found.items()
        if thing["type"] == "state" and oid.startswith("alias.0.")
    }


def raws(found: Objects) -> Objects:
    return {
        oid: thing
        for oid, thing in found.items()
        if thing["type"] == "state" and not oid.startswith("alias.0.")
    }


@EVERY
@BOTH
def test_every_object_is_whole(adapter: str, selection: Selection) -> None:
    pairs: list[tuple[str, Any]] = json.loads(source(adapter, selection), object_pairs_hook=list)
    assert len(pairs) == len({oid for oid, _ in pairs}), "an object id twice"
    found = made(adapter, selection)
    for oid, thing in found.items():
        assert list(thing) == ["_id", "type", "common", "native"]
        assert thing["_id"] == oid
        assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", oid)
        assert thing["type"] in ("folder", "device", "channel", "state")


@EVERY
@BOTH
def test_parents_and_sources_come_first(adapter: str, selection: Selection) -> None:
    seen: set[str] = set()
    found = made(adapter, selection)
    roots = {f"{adapter}.0", "alias.0"}
    parents = {
        "folder": {"folder"},
        "device": {"folder"},
        "channel": {"device"},
        "state": {"folder", "channel"},
    }
    for oid, thing in found.items():
        parent = oid.rpartition(".")[0]
        assert parent in seen | roots, f"{oid} comes before {parent}"
        if parent not in roots:
            assert found[parent]["type"] in parents[thing["type"]]
        if alias := thing["common"].get("alias"):
            assert alias["id"] in seen, f"{oid} comes before {alias['id']}"
            assert found[alias["id"]]["type"] == "state"
        seen.add(oid)


@EVERY
@BOTH
def test_raw_objects_are_the_topics(adapter: str, selection: Selection) -> None:
    found = raws(made(adapter, selection))
    patterns = [
        re.sub(r"\\\{(\w+)\\\}", lambda match: f"(?:{RESOLVED.levels[match[1]]})", re.escape(topic.path))
        for topic in RESOLVED.topics.values()
    ]
    for oid, thing in found.items():
        topic = thing["native"]["topic"]
        assert oid == f"{adapter}.0.{topic.replace('/', '.')}"
        assert thing["common"]["name"] == topic
        assert any(re.fullmatch(pattern, topic) for pattern in patterns), topic
        assert thing["common"]["write"] is False
        kind = (thing["common"]["type"], thing["common"]["role"])
        if "/value/" in topic or "/text/" in topic:
            assert kind == ("mixed", "state")
        else:
            assert kind == ("string", "text" if topic.endswith("/availability") else "json")
    # nothing is leaf and parent at once
    assert not {oid for oid in found for other in found if other.startswith(f"{oid}.")}


@EVERY
def test_mqtt_has_an_object_for_all_that_comes(selection: Selection) -> None:
    names = {thing["native"]["topic"] for thing in raws(made("mqtt", selection)).values()}
    for level in selection.ids:
        assert {
            f"cii/v1/{level}/{name}" for name in ("availability", "meta", "state", "history", "diag", "error")
        } <= names
        for quantity in quantities(RESOLVED, selection):
            topic = topics.topic_of(RESOLVED, quantity)
            if topic and not topics.is_of_submeter(quantity):
                assert topics.path(RESOLVED, topic, level, quantity.name) in names


@EVERY
def test_mqtt_client_subscribes_to_what_is_read(selection: Selection) -> None:
    found = made("mqtt-client", selection)
    read_from = {common["alias"]["id"] for common in states(found).values()}
    assert set(raws(found)) == read_from
    for thing in raws(found).values():
        ((instance, settings),) = thing["common"]["custom"].items()
        assert instance == "mqtt-client.0"
        assert (settings["enabled"], settings["subscribe"], settings["setAck"]) == (True, True, True)
        assert settings["publish"] is False
        assert settings["topic"] == thing["native"]["topic"]
        assert settings["subQos"] in (0, 1)


@EVERY
@BOTH
def test_no_settings_of_the_user_are_shipped(adapter: str, selection: Selection) -> None:
    found = made(adapter, selection)
    with_custom = {oid for oid, thing in found.items() if "custom" in thing["common"]}
    assert with_custom == (set(raws(found)) if adapter == "mqtt-client" else set())


@EVERY
@BOTH
def test_roles_types_and_units(adapter: str, selection: Selection) -> None:
    for oid, common in states(made(adapter, selection)).items():
        assert common["role"] in ROLE_UNITS, f"{oid}: {common['role']} is no role of ioBroker"
        assert common["type"] == TYPES.get(common["role"], "number"), oid
        assert (common["read"], common["write"]) == (True, False)
        wanted = ROLE_UNITS[common["role"]]
        assert wanted is None or common["unit"] == wanted, oid
        assert common.get("unit") not in ("Wh", "varh", "VAh", "1", "")
        # divided where, and only where, the unit of the alias is a thousand times that of the topic
        assert ("/1000" in common["alias"]["read"]) == (common.get("unit") in ("kWh", "kvarh", "kVAh")), oid


@EVERY
@BOTH
def test_names_are_there_in_every_language(adapter: str, selection: Selection) -> None:
    for oid, thing in made(adapter, selection).items():
        if oid.startswith("alias.0."):
            assert set(thing["common"]["name"]) == set(RESOLVED.languages), oid
            assert all(thing["common"]["name"].values()), oid


@EVERY
@BOTH
def test_each_meter_is_a_device(adapter: str, selection: Selection) -> None:
    found = made(adapter, selection)
    devices = {oid: thing["common"] for oid, thing in found.items() if thing["type"] == "device"}
    assert list(devices) == [f"alias.0.smartmeter.{level}" for level in selection.ids]
    for oid, common in devices.items():
        online = common["statusStates"]["onlineId"]
        assert online == f"{oid}.info.reachable"
        assert (found[online]["common"]["type"], found[online]["common"]["role"]) == (
            "boolean",
            "indicator.reachable",
        )
        (enum,) = common["enums"]
        assert (enum["_id"], enum["type"]) == ("enum.functions.energy", "enum")
        assert "members" not in enum["common"], "an enum with members overwrites those of the user"
        assert found[f"{oid}.info.time"]["common"]["role"] == "value.time"
    assert not [oid for oid in found if oid.startswith("enum.")]


@EVERY
def test_each_quantity_has_its_state(selection: Selection) -> None:
    found = states(made("mqtt", selection))
    for level in selection.ids:
        sources = [
            (common["alias"]["id"], common["alias"]["read"])
            for oid, common in found.items()
            if oid.startswith(f"alias.0.smartmeter.{level}.")
        ]
        for quantity in quantities(RESOLVED, selection):
            if topics.is_of_submeter(quantity) or quantity.place is Place.TIME:
                continue
            if quantity.place is Place.META:
                wanted = (f"mqtt.0.cii.v1.{level}.meta", f"identity.{quantity.name}")
            else:
                wanted = (f"mqtt.0.cii.v1.{level}.{quantity.place}.{quantity.name}", "")
            hits = [oid for oid, expression in sources if oid == wanted[0] and wanted[1] in expression]
            assert len(hits) >= 1, quantity.name


def test_where_things_stand() -> None:
    found = states(made("mqtt", Selection(everything=True)))
    device = "alias.0.smartmeter.smartmeter"
    assert found[f"{device}.power.power_net"]["role"] == "value.power"
    assert found[f"{device}.l1.power_net"]["role"] == "value.power"
    assert found[f"{device}.power.power_import"]["role"] == "value.power.consumed"
    assert found[f"{device}.energy.energy_export"]["role"] == "value.energy.produced"
    assert found[f"{device}.energy_t2.energy_import"]["alias"]["id"].endswith(".value.energy_import_t2")
    assert found[f"{device}.l3.voltage"]["alias"]["id"].endswith(".value.voltage_l3")
    assert found[f"{device}.info.device_name"]["role"] == "info.serial"
    assert found[f"{device}.power.current"] != found[f"{device}.power.current_n"]
    tariff = found[f"{device}.info.tariff_active"]
    assert (tariff["role"], tariff["type"]) == ("value", "number")
    assert tariff["states"] == {"1": "tariff 1", "2": "tariff 2", "3": "tariff 3", "4": "tariff 4"}
    assert found[f"{device}.info.breaker_state"]["states"]["connected"] == "connected"


def test_submeters_of_a_model_that_names_channels() -> None:
    found = states(made("mqtt", Selection(meter="lg-e450")))
    device = "alias.0.smartmeter.smartmeter"
    for number in (1, 2, 3, 4):
        gas = found[f"{device}.sub{number}.volume_gas"]
        assert gas["alias"]["id"] == f"mqtt.0.cii.v1.smartmeter.channel.{number}.value.volume_gas"
        assert gas["unit"] == "m³"
    assert not [oid for oid in states(made("mqtt", Selection())) if ".sub" in oid]


def test_the_device_says_how_to_make_the_file_again() -> None:
    selection = Selection(operator="ekz", ids=("house", "flat"), lang="it")
    for level in selection.ids:
        assert made("mqtt-client", selection)[f"alias.0.smartmeter.{level}"]["native"] == {
            "madeWith": "ciigen iobroker --mqtt-client --operator ekz --id house --id flat --lang it",
            "profile": RESOLVED.version,
        }


def test_two_quantities_on_one_object_are_refused() -> None:
    changed = dict(RESOLVED.quantities)
    for name in ("power_import", "power_export"):
        look = {**changed[name].consumers["iobroker"], "state": "same"}
        changed[name] = changed[name].model_copy(update={"consumers": {"iobroker": look}})
    with pytest.raises(TargetError, match=r"power\.same.*schema/consumers/iobroker\.yaml"):
        objects(RESOLVED.model_copy(update={"quantities": changed}), Selection(), client=False, command="")


def test_unknown_selection() -> None:
    with pytest.raises(UsageError, match="ekz"):
        source("mqtt", Selection(operator="ekzz"))


def test_tree_has_each_meter_and_is_stable() -> None:
    tree = TARGET.tree(RESOLVED)
    assert set(tree) == {f"{m}/smartmeter.{adapter}.json" for m in RESOLVED.meters for adapter in ADAPTERS}
    assert tree == TARGET.tree(RESOLVED)
    for path, text in tree.items():
        assert text.endswith("}\n"), path


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_same_keys_as_the_files_that_iobroker_took(adapter: str) -> None:
    path = EXAMPLES / f"smartmeter-3phase.{adapter}.json"
    assert path.is_file(), f"{path} is missing: CII_CAPTURES must lie beside the folder examples"
    example: Objects = json.loads(path.read_text(encoding="utf-8"))
    assert keys(made(adapter, Selection(everything=True))) == keys(example)


def keys(found: Objects) -> dict[tuple[str, str], set[str]]:
    """(tree, type of object) → every key that occurs in ``common``."""
    occurring: dict[tuple[str, str], set[str]] = {}
    for oid, thing in found.items():
        occurring.setdefault((oid.partition(".")[0], thing["type"]), set()).update(thing["common"])
    return occurring


# --- what the expressions do

STATE = '{"ts":"2026-05-04T09:39:21Z","texts":{"valve_state":"ready"}}'
META = '{"identity":{"device_name":"LGZ1030600000001"},"channels":{"1":{"type":3,"id":"00000012"}}}'
BAD: tuple[Any, ...] = (
    None,
    "",
    "  ",
    "nan",
    "NaN",
    "Infinity",
    "{",
    "null",
    "[]",
    '{"identity":null}',
    True,
    "x",
    [],
    {},
)
CASES: tuple[tuple[str, Any, Any], ...] = (
    (read.number(), 28, 28),
    (read.number(), "28", 28),
    (read.number(), -87.5, -87.5),
    (read.number(), "0", 0),
    (read.number(), 0, 0),
    (read.number("0.001"), 482939, 482.939),
    (read.number("0.001"), "482939", 482.939),
    (read.number("0.001"), 1000000001, 1000000.001),
    (read.number("0.001"), 1, 0.001),
    (read.number("0.001"), 7, 0.007),
    (read.number("60"), 2, 120),
    (read.text(), "t1", "t1"),
    (read.text(), 12, "12"),
    (read.text(), None, None),
    (read.tariff(), "t1", 1),
    (read.tariff(), "t4", 4),
    (read.tariff(), "t5", None),
    (read.tariff(), 1, None),
    (read.equals("online"), "online", True),
    (read.equals("online"), "offline", False),
    (read.json_time(["ts"]), STATE, 1777887561000),
    (read.json_text(["identity", "device_name"]), META, "LGZ1030600000001"),
    (read.json_text(["channels", "1", "type"]), META, "3"),
    (read.json_text(["channels", "1", "id"]), META, "00000012"),
    (read.json_text(["channels", "2", "id"]), META, None),
    (read.json_text(["texts", "valve_state"]), STATE, "ready"),
    *(
        (expression, bad, None)
        for bad in BAD
        for expression in (read.number(), read.number("0.001"), read.tariff())
    ),
    *((read.json_text(["identity", "device_name"]), bad, None) for bad in BAD),
    *((read.json_time(["ts"]), bad, None) for bad in BAD),
    *((read.equals("online"), bad, False) for bad in BAD),
)
#: As js-controller does it: the expression behind a return. NaN would become null in JSON, so it is named, as is what is thrown.
PROGRAM = """
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(cases.map(([read, val]) => {
  try { const got = new Function('val', `return ${read}`)(val); return Number.isNaN(got) ? {NaN: true} : got; }
  catch (error) { return {thrown: String(error)}; }
})));
"""


def run(cases: list[tuple[str, Any]]) -> list[Any]:
    """What Node.js makes of (expression, stored value)."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    assert node, "the expressions are JavaScript: these tests need Node.js (any version) in the PATH"
    answer = subprocess.run(
        [node, "-e", PROGRAM], input=json.dumps(cases), capture_output=True, text=True, check=True, timeout=60
    )
    found: list[Any] = json.loads(answer.stdout)
    return found


def test_expressions_give_the_value_or_null() -> None:
    got = run([(expression, value) for expression, value, _ in CASES])
    for (expression, value, wanted), found in zip(CASES, got, strict=True):
        assert (found, type(found) is bool) == (wanted, type(wanted) is bool), f"{expression} of {value!r}"


def test_no_expression_of_any_file_throws() -> None:
    expressions = sorted(
        {common["alias"]["read"] for common in states(made("mqtt", Selection(everything=True))).values()}
    )
    assert len(expressions) > 10
    payloads = [*BAD, 28, "28", "t1", "online", STATE, META]
    got = run([(expression, payload) for expression in expressions for payload in payloads])
    assert not [answer for answer in got if isinstance(answer, dict)]


def test_energy_is_exact_for_every_reading() -> None:
    readings = [*range(3000), *(482939 + 10**k for k in range(3, 12)), *range(10**9, 10**9 + 2000)]
    got = run([(read.number("0.001"), reading) for reading in readings])
    for reading, found in zip(readings, got, strict=True):
        assert f"{found:.3f}" == f"{reading // 1000}.{reading % 1000:03d}"
        assert found == float(f"{reading // 1000}.{reading % 1000:03d}"), (
            "the nearest number, so it is shown without a tail"
        )


def changed_payload(resolved: Resolved, states_: list[str]) -> Resolved:
    payloads = {**resolved.payloads, "availability": {"type": "string", "enum": states_}}
    return resolved.model_copy(update={"payloads": payloads})


def test_reachable_follows_the_schema() -> None:
    found = objects(changed_payload(RESOLVED, ["here", "offline"]), Selection(), client=False, command="")
    common: Any = found["alias.0.smartmeter.smartmeter.info.reachable"]["common"]
    assert common["alias"]["read"] == "val==='here'"
