"""ioBroker with a real js-controller: the objects that ``ciigen iobroker`` makes, read back through its own REST adapter."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import ciimodel
import requests
import solar_checks
from check_table import Say, check, software
from house import METERS, House, Process, SimMeter, ciigen, house, wait_until
from installs import ADAPTERS, IOBROKER_INSTALL, JS_CONTROLLER, NODE, PRISTINE, installed, node_of
from mqtt_parts import free_port

_CATALOGUE: Final = ciimodel.load()
_OBJECTS: Final = Path(__file__).with_name("iobroker_objects.cjs")
_BOTH: Final = ("iobroker-mqtt", "iobroker-mqtt-client")
_THOUSANDTHS: Final = {"kWh": 1000, "kvarh": 1000, "kVAh": 1000}


class IoBroker:
    """A running js-controller with one MQTT adapter, fresh from its installation, and its REST adapter."""

    def __init__(self, folder: Path, adapter: str, made: House) -> None:
        self.house = made
        self.adapter = adapter
        self._folder = folder
        self._node = node_of(folder) / "node"
        self._ports = [free_port() for _ in range(3)]
        self._session = requests.Session()
        self.objects: dict[str, Any] = {}
        self._reset()
        controller = [self._node, "node_modules/iobroker.js-controller/controller.js"]
        environ = {"PATH": f"{node_of(folder)}:{sys.exec_prefix}/bin:/usr/bin:/bin"}
        self.log = made.folder / "controller.log"
        made.keep(Process(controller, self.log, cwd=folder, env=environ))
        wait_until(self._takes_objects, 60, f"start of ioBroker ({self.log})")
        wait_until(self._answers, 60, "start of the REST adapter")

    def _reset(self) -> None:
        """Begin with the databases of the installation, on ports of our own."""
        shutil.rmtree(self._folder / "iobroker-data", ignore_errors=True)
        shutil.rmtree(self._folder / "log", ignore_errors=True)
        shutil.copytree(self._folder / PRISTINE, self._folder / "iobroker-data")
        # at its start the controller replaces a package.json without a version by one without dependencies, which the adapter
        # javascript reads
        package = self._folder / "package.json"
        known = json.loads(package.read_text(encoding="utf-8"))
        package.write_text(json.dumps({"version": "1.0.0", "dependencies": {}, **known}), encoding="utf-8")
        path = self._folder / "iobroker-data/iobroker.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        for database, port in zip(("objects", "states"), self._ports[:2], strict=True):
            config[database] |= {"port": port, "host": "127.0.0.1"}
        path.write_text(json.dumps(config), encoding="utf-8")

    def _takes_objects(self) -> bool:
        native = {"port": self._ports[2], "bind": "127.0.0.1"}
        part = {"common": {"enabled": True}, "native": native}
        time.sleep(1)
        return self._write({"extend": {"system.adapter.rest-api.0": part}}).returncode == 0

    def _answers(self) -> bool:
        time.sleep(0.5)
        try:
            return self._session.get(f"{self.url}/state/system.adapter.rest-api.0.alive", timeout=5).ok
        except requests.ConnectionError:
            return False

    @property
    def url(self) -> str:
        """The REST interface."""
        return f"http://127.0.0.1:{self._ports[2]}/v1"

    def get(self, what: str, pattern: str, **more: str) -> dict[str, Any]:
        """All states, or objects of one ``type`` (states if none is given), whose ids fit the pattern."""
        answer = self._session.get(f"{self.url}/{what}", params={"filter": pattern, **more}, timeout=60)
        assert answer.ok, f"{what} {pattern}: {answer.status_code} {answer.text[:300]}"
        found: dict[str, Any] = answer.json()
        return found

    def _write(self, wanted: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        path = self.house.folder / "objects.json"
        path.write_text(json.dumps(wanted), encoding="utf-8")
        command = [str(self._node), str(_OBJECTS), str(path)]
        return subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False, timeout=60
        )

    def put(self, **wanted: dict[str, Any]) -> None:
        """Write objects (``set``) or parts of them (``extend``)."""
        done = self._write(wanted)
        assert done.returncode == 0, done.stderr[-500:]

    def connect(self) -> None:
        """Set the adapter as docs tell a user to, and switch it on."""
        port = self.house.broker.port
        native = {
            "mqtt": {
                "type": "client",
                "url": "127.0.0.1",
                "port": port,
                "patterns": "cii/#",
                "publish": "",
                "publishAllOnStart": False,
            },
            "mqtt-client": {
                "host": "127.0.0.1",
                "port": port,
                "inbox": "",
                "outbox": "",
                "subscriptions": "",
            },
        }[self.adapter]
        part = {"common": {"enabled": True}, "native": native}
        self.put(extend={f"system.adapter.{self.adapter}.0": part})
        state = f"{self.adapter}.0.info.connection"

        def connected() -> bool:
            time.sleep(0.5)
            return bool(self.get("states", state).get(state, {}).get("val"))

        wait_until(connected, 40, f"connection of {self.adapter} to the broker")

    def log_lines(self) -> list[str]:
        """The controller's log, without its colours."""
        return [
            re.sub(r"\x1b\[[0-9;]*m", "", line)
            for log in self._folder.glob("log/iobroker.*.log")
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        ]


@contextmanager
def _open(adapter: str, folder: Path, say: Say) -> Iterator[IoBroker]:
    with installed(IOBROKER_INSTALL, say) as tree, house(folder) as made:
        yield IoBroker(tree, adapter, made)


for _adapter in ("mqtt", "mqtt-client"):
    software(
        f"iobroker-{_adapter}",
        f"ioBroker js-controller {JS_CONTROLLER} on Node.js {NODE}, adapter {_adapter}",
        ADAPTERS[_adapter],
    )(partial(_open, _adapter))


def _generated(adapter: str, meter: SimMeter) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ciigen("iobroker", f"--{adapter}", "--id", meter.id, *meter.chosen))
    return found


@check(_BOTH, "the objects that `ciigen iobroker` makes for each meter are taken as they are")
def _imported(broker: IoBroker) -> None:
    for meter in METERS:
        broker.objects |= _generated(broker.adapter, meter)
    broker.put(set=broker.objects)
    kinds = {made["type"] for made in broker.objects.values()}
    stored = {i: o for kind in kinds for i, o in broker.get("objects", "alias.0.*", type=kind).items()}
    for object_id, wanted in broker.objects.items():
        if object_id.startswith("alias.0."):
            found = stored[object_id]["common"]
            assert {key: found.get(key) for key in wanted["common"]} == wanted["common"], object_id


@check(
    _BOTH, "every state of the alias tree has the value of its topic, its type and unit, and is acknowledged"
)
def _read_back(broker: IoBroker) -> None:
    broker.connect()
    broker.house.wait_for_readings()
    live = broker.house.listener
    count = len(live.messages)
    wait_until(lambda: len(live.messages) > count + 100, 20, "some more telegrams")
    broker.house.silence()
    states: dict[str, Any] = {}
    wanted = {i: _expected(broker, o) for i, o in broker.objects.items() if "alias" in o["common"]}
    faults = ["not yet"]
    end = time.monotonic() + 10
    while faults and time.monotonic() < end:
        states = broker.get("states", "alias.0.*")
        faults = [fault for i, value in wanted.items() if (fault := _fault(i, value, states.get(i)))]
    assert not faults, (len(faults), faults[:8])
    with_value = [i for i, value in wanted.items() if value is not None]
    assert len(with_value) > 60, len(with_value)
    for object_id in with_value:
        kind = broker.objects[object_id]["common"]["type"]
        assert isinstance(states[object_id]["val"], _TYPES[kind]), (object_id, kind, states[object_id])


_TYPES: Final = {"number": int | float, "string": str, "boolean": bool}


@check(_BOTH, "the meters are reachable while they send, and not when they are silent")
def _reachable(broker: IoBroker) -> None:
    states = broker.get("states", "alias.0.*.info.reachable")
    assert len(states) == len(METERS)
    assert {state["val"] for state in states.values()} == {False}
    history = [h.payload for h in broker.house.listener.of("cii/v1/house/availability")]
    assert "online" in history


@check(_BOTH, "nothing is written to the broker by ioBroker")
def _silent(broker: IoBroker) -> None:
    foreign = {heard.topic for heard in broker.house.heard if not heard.topic.startswith("cii/v1/")}
    assert not foreign, foreign
    values = broker.house.listener.of("cii/v1/house/state")
    sequence = [json.loads(heard.payload)["seq"] for heard in values]
    assert len(sequence) == len(set(sequence)), "a telegram came twice"


@check(
    _BOTH,
    "`ciigen push iobroker` takes over what was imported and adds what is new; a second push changes nothing; a user's own "
    "names and history stay; what goes is only what ciigen made",
)
def _pushed(broker: IoBroker) -> None:
    (flat, *others) = METERS
    arguments = [argument for meter in METERS for argument in ("--id", meter.id)]
    # names of one meter and of several differ, so what was imported one by one is taken over on request
    first = _push(broker, *arguments, "--lang", "de", "--adopt")
    assert first["done"] == first["todo"] > 0
    assert _push(broker, *arguments, "--lang", "de")["todo"] == 0

    mine = next(
        i
        for i, made in broker.objects.items()
        if i.startswith(f"alias.0.smartmeter.{others[0].id}.") and "alias" in made["common"]
    )
    own = {"name": "Mine", "custom": {"history.0": {"enabled": True}}, "color": "#ff0000"}
    foreign = f"alias.0.smartmeter.{flat.id}.mine"
    target = broker.objects[mine]["common"]["alias"]
    state = {
        "_id": foreign,
        "type": "state",
        "common": {"name": "x", "type": "number", "role": "value", "alias": target},
        "native": {},
    }
    broker.put(extend={mine: {"common": own}}, set={foreign: state})
    assert _push(broker, *arguments, "--lang", "de")["todo"] == 0
    left = [argument for meter in others for argument in ("--id", meter.id)]
    assert _push(broker, *left, "--lang", "de", "--prune-all")["done"] > 0
    found = broker.get("objects", "alias.0.*")
    assert foreign in found
    # what an import made and no push ever took over is not ours to remove
    ours = {change["name"] for change in first["changes"]}
    assert not [i for i in found if i in ours and i.startswith(f"alias.0.smartmeter.{flat.id}.")]
    again = _push(broker, *arguments, "--lang", "de")
    assert {change["mark"] for change in again["changes"]} <= {"+", "~", "="}
    enum = broker.get("objects", "enum.functions.*", type="enum")["enum.functions.energy"]
    assert len(enum["common"]["members"]) == len(METERS)
    kept = broker.get("objects", mine)[mine]["common"]
    assert {key: kept[key] for key in own} == own


def _push(broker: IoBroker, *arguments: str) -> dict[str, Any]:
    url = broker.url.removesuffix("/v1")
    words = [
        "push",
        "iobroker",
        "--url",
        url,
        "--instance",
        f"{broker.adapter}.0",
        "--yes",
        "--json",
        *arguments,
    ]
    found: dict[str, Any] = json.loads(ciigen(*words))
    return found


@check(
    "iobroker-mqtt",
    "the script for solar surplus switches, with its shortest run and pause, and off when the meter is silent",
)
def _surplus(broker: IoBroker) -> None:
    solar_checks.night(broker.house)
    source = _SURPLUS.read_text(encoding="utf-8").replace("smartmeter.smartmeter", "smartmeter.house")
    for name, minutes in solar_checks.QUICK.items():
        camel = re.sub(r"_(\w)", lambda match: match[1].upper(), name)
        source, changed = re.subn(rf"\b{camel}: \d+", f"{camel}: {minutes}", source)
        assert changed == 1, camel
    device = {
        "name": "Heat pump",
        "type": "boolean",
        "role": "switch",
        "read": True,
        "write": True,
        "def": False,
    }
    engine = "system.adapter.javascript.0"
    script = {
        "name": "solar-surplus",
        "engineType": "Javascript/js",
        "engine": engine,
        "source": source,
        "enabled": True,
        "expert": True,
        "debug": False,
        "verbose": False,
    }
    broker.put(
        set={
            _DEVICE: {"type": "state", "common": device, "native": {}},
            "script.js.solar-surplus": {"type": "script", "common": script, "native": {}},
        },
        # it warns of a home without a place
        extend={engine: {"common": {"enabled": True}, "native": {"latitude": 47.4, "longitude": 8.5}}},
    )
    put = requests.patch(f"{broker.url}/state/{_DEVICE}", json={"val": False, "ack": True}, timeout=10)
    assert put.ok, put.text

    def started() -> bool:
        time.sleep(0.5)
        return any("script.js.solar-surplus" in line and "registered" in line for line in broker.log_lines())

    wait_until(started, 60, "start of the script")

    def is_on() -> bool:
        time.sleep(0.25)
        return broker.get("states", _DEVICE)[_DEVICE]["val"] is True

    solar_checks.see_it_switch(broker.house, is_on)


_DEVICE: Final = "0_userdata.0.heatpump"
_SURPLUS: Final = Path(__file__).parents[2] / "integrations/iobroker/solar-surplus.js"


@check(_BOTH, "the controller's log has no warning and no error")
def _log(broker: IoBroker) -> None:
    assert broker.log_lines(), "no log"
    complaints = [
        line
        for line in broker.log_lines()
        if re.search(r" - (warn|error): ", line)
        and not re.search(r": host\.", line)  # it looks for a repository
    ]
    assert not complaints, (len(complaints), complaints[:5])


def _fault(object_id: str, wanted: Any, state: dict[str, Any] | None) -> str | None:
    value = None if state is None else state.get("val")
    if isinstance(wanted, Decimal) and isinstance(value, int | float) and not isinstance(value, bool):
        same = Decimal(repr(value)) == wanted
    else:
        same = value == wanted
    if not same:
        return f"{object_id}: {value!r}, the topic says {wanted!r}"
    if wanted is not None and state is not None and state["ack"] is not True:
        return f"{object_id}: not acknowledged"
    return None


def _expected(broker: IoBroker, alias: dict[str, Any]) -> Any:
    """What an alias state must hold, from the last message on its topic; None: nothing was ever sent there."""
    raw = broker.objects[alias["common"]["alias"]["id"]]
    topic = raw["native"].get("topic") or raw["common"]["custom"][f"{broker.adapter}.0"]["topic"]
    payloads = broker.house.listener.payloads(topic)
    if not payloads:
        return None
    last, kind, key = payloads[-1], alias["common"]["type"], alias["_id"].rpartition(".")[2]
    if topic.endswith("/availability"):
        return last == "online"
    if topic.endswith("/state"):
        return int(datetime.fromisoformat(json.loads(last)["ts"]).timestamp() * 1000)
    if topic.endswith("/diag"):
        return json.loads(last)[key]
    if topic.endswith("/meta"):
        meta = json.loads(last)
        if channel := re.search(r"\.sub(\d+)\.channel_(id|type)$", alias["_id"]):
            found = meta.get("channels", {}).get(channel[1], {}).get(channel[2])
            return None if found is None else str(found)
        return meta["identity"].get(key)
    if kind == "number" and re.fullmatch(r"t[1-4]", last):
        return Decimal(last[1])
    return last if kind == "string" else Decimal(last) / _THOUSANDTHS.get(alias["common"].get("unit"), 1)
