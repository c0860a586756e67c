"""Access rules: what they say is parsed by the brokers' grammars; what they allow is tried on a real mosquitto."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ciigen.errors import UsageError
from ciigen.live.meters import LiveMeter
from ciigen.target import Selection
from ciigen.targets.acl import TARGET
from ciigen.targets.acl.rights import users
from ciigen.write import headed
from lark import Lark, Transformer
from mqtt_parts import BrokerProcess, MakeBroker, find_mosquitto, wait_until
from paho.mqtt.client import Client, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from selections import RESOLVED
from service_parts import METER_ID, TcpMeter, service_in_thread, simulated, write_config

pytest_plugins = ("mqtt_fixtures",)
BROKER = [
    pytest.mark.broker,
    pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)"),
]
HOME = Selection(
    ids=(METER_ID, "second"),
    options=(
        ("homeassistant", "ha"),
        ("bridge-id", "test"),
        ("dialect", "rldsp:group=flat,smartmeter-datacollector"),
    ),
)
PASSWORD = "right"  # of every user of these tests


def text(view: str, selection: Selection) -> str:
    found = TARGET.views[view]
    return headed(found.path(selection), found.render(RESOLVED, selection))


# -- what is written ------------------------------------------------------------------------------------------------------

#: EMQX 5, authorization by file, as far as it is used: terms that end with a full stop, strings as in JSON.
ERLANG = r"""
    start: (rule ".")*
    rule: "{" PERMISSION "," who "," ACTION "," topics "}" | "{" PERMISSION "," "all" "}" -> rest
    who: "{" "username" "," ESCAPED_STRING "}"
    topics: "[" ESCAPED_STRING ("," ESCAPED_STRING)* "]"
    PERMISSION: "allow" | "deny"
    ACTION: "publish" | "subscribe" | "all"
    %import common.ESCAPED_STRING
    %import common.WS
    %ignore WS
    %ignore /%[^\n]*/
"""


class _Rules(Transformer[Any, Any]):
    """Parse tree → (permission, user, action, topics); the last rule has no user."""

    def start(self, rules: list[Any]) -> list[Any]:
        return rules

    def rule(self, parts: list[Any]) -> tuple[str, str | None, str, list[str]]:
        permission, user, action, topics = parts
        return str(permission), user, str(action), topics

    def rest(self, parts: list[Any]) -> tuple[str, str | None, str, list[str]]:
        return str(parts[0]), None, "all", ["#"]

    def who(self, parts: list[Any]) -> str:
        return str(json.loads(parts[0]))

    def topics(self, parts: list[Any]) -> list[str]:
        return [json.loads(part) for part in parts]


def emqx(selection: Selection) -> list[tuple[str, str | None, str, list[str]]]:
    rules: list[tuple[str, str | None, str, list[str]]] = _Rules().transform(
        Lark(ERLANG).parse(text("emqx", selection))
    )
    return rules


SELECTIONS = [
    Selection(),
    HOME,
    Selection(ids=("a", "0815"), options=(("read-all", "yes"), ("reader", "x, y"), ("user", "b"))),
    Selection(prefix="haus/og", options=(("homeassistant", "ha"), ("discovery-prefix", "ha/x"))),
]


@pytest.mark.parametrize("selection", SELECTIONS, ids=range(len(SELECTIONS)))
def test_all_brokers_are_told_the_same(selection: Selection) -> None:
    rights = users(RESOLVED, selection)
    wanted = {(user.name, "publish", topic) for user in rights for topic in user.writes}
    wanted |= {(user.name, "subscribe", topic) for user in rights for topic in user.reads}
    rules = emqx(selection)
    assert rules[-1] == ("deny", None, "all", ["#"])
    assert {(user, action, topic) for _, user, action, topics in rules[:-1] for topic in topics} == wanted
    document = json.loads(text("emqx-json", selection))
    said = {
        (user["username"], rule["action"], rule["topic"])
        for user in document
        for rule in user["rules"]
        if rule["permission"] == "allow"
    }
    assert said == wanted
    for user in document:
        assert [(rule["permission"], rule["action"], rule["topic"]) for rule in user["rules"][-2:]] == [
            ("deny", "all", "$SYS/#"),
            ("deny", "all", "#"),
        ]
    assert set(mosquitto(text("mosquitto", selection))) == wanted


def mosquitto(rules: str) -> Iterator[tuple[str, str, str]]:
    """User, action, topic; anything that is no line of an ``acl_file`` fails."""
    name = None
    for line in rules.splitlines():
        match line.split():
            case []:
                continue
            case [word, *_] if word.startswith("#"):
                continue
            case ["user", user]:
                name = user
            case ["topic", "read" | "write" | "readwrite" as right, topic] if name:
                for one, action in (("read", "subscribe"), ("write", "publish")):
                    if one in right:
                        yield name, action, topic
            case _:
                pytest.fail(f"no line of an acl_file: {line}")


@pytest.mark.parametrize("selection", SELECTIONS, ids=range(len(SELECTIONS)))
def test_the_bridge_may_write_every_topic_of_its_meters_and_none_of_others(selection: Selection) -> None:
    bridge, *others = users(RESOLVED, selection)
    bridge_id = selection.option("bridge-id") or bridge.name

    def may(topic: str) -> bool:
        return any(topic_matches_sub(pattern, topic) for pattern in bridge.writes)

    for topic in RESOLVED.topics.values():
        names = {"prefix": RESOLVED.prefix, "quantity": "power_net", "item": "active_tariff", "channel": "1"}
        for level in selection.ids:
            assert may(topic.path.format(**names, meter=level, bridge=bridge_id)), topic.path
        assert not may(topic.path.format(**names, meter="other", bridge="other")), topic.path
    writers = [user.name for user in others if user.writes]
    assert writers == [name for name in [selection.option("homeassistant")] if name]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reader": "a b"}, "--reader 'a b' is no name"),
        ({"user": "x\ntopic readwrite #"}, "is no name"),
        ({"user": "smarthome"}, "smarthome is given twice"),
        ({"homeassistant": "ciibridge"}, "ciibridge is given twice"),
        ({"user": "A.b"}, "give one with --bridge-id"),
        ({"bridge-id": "+"}, "--bridge-id \\+ is no id"),
        ({"discovery-prefix": "x"}, "give its user with --homeassistant"),
        ({"homeassistant": "ha", "discovery-prefix": "x/#"}, "cannot begin a topic"),
        ({"dialect": "rldps"}, "--dialect rldps is not in the schema: did you mean rldsp"),
        ({"dialect": "rldsp:gruop=x"}, "has no setting gruop: did you mean group"),
        ({"dialect": "rldsp:group=#"}, "group '#' is no part of a topic"),
        ({"dialect": "rldsp:group"}, "write NAME or NAME:SETTING=VALUE"),
        ({"called": "smartmeter=X"}, "say which with --dialect"),
        ({"dialect": "rldsp", "called": "other=X"}, "--called other=X: known are smartmeter"),
        ({"dialect": "rldsp", "called": "X"}, "write ID=NAME"),
    ],
)
def test_names_that_cannot_be(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        users(RESOLVED, Selection(options=tuple(options.items())))


def test_a_meter_is_called_what_it_calls_itself() -> None:
    def topics(selection: Selection) -> set[str]:
        return {topic for topic in users(RESOLVED, selection)[0].writes if topic.startswith("dt/")}

    dialect = (("dialect", "rldsp"),)
    given = Selection(ids=("house",), options=(*dialect, ("called", "house=Kamstrup/1")))
    assert topics(given) == {"dt/building/Kamstrup_1/ds", "dt/building/house/ds"}
    identity = (("serial_utility", "10000001"), ("device_name", "LGZ1030600000001"))
    live = LiveMeter("house", (("power_net", 5.0),), identity=identity)
    seen = Selection(ids=("house",), live=(live,), source="mqtt://broker", options=dialect)
    assert {"dt/building/LGZ1030600000001/ds", "dt/building/house/ds"} <= topics(seen)
    assert not {topic for topic in topics(seen) if "+" in topic}


CONFIG = """
[bridge]
id = "cellar"
[mqtt]
username = "meters"
prefix = "haus"
[homeassistant]
[dialect.rldsp]
group = "flat"
[[meter]]
port = "/dev/ttyUSB0"
id = "flat-1"
[[meter]]
port = "/dev/ttyUSB1"
id = "flat-2"
"""


def acl(tmp_path: Path, config: str, *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and errors of ``ciigen acl --config``."""
    file = tmp_path / "ciibridge.toml"
    file.write_text(config, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "from ciigen.cli import main; main()", "acl", "--config", file, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_of_a_configuration_exactly_what_it_publishes(tmp_path: Path) -> None:
    status, out, error = acl(tmp_path, CONFIG)
    assert (status, error) == (0, "")
    options = (
        ("user", "meters"), ("bridge-id", "cellar"), ("homeassistant", "homeassistant"), ("dialect", "rldsp:group=flat"),
    )  # fmt: skip
    said = Selection(ids=("flat-1", "flat-2"), prefix="haus", options=options)
    resolved = RESOLVED.model_copy(update={"prefix": "haus"})
    wanted = {(user.name, "publish", topic) for user in users(resolved, said) for topic in user.writes}
    wanted |= {(user.name, "subscribe", topic) for user in users(resolved, said) for topic in user.reads}
    assert set(mosquitto(out)) == wanted
    assert ("meters", "publish", "haus/v1/flat-2/#") in wanted
    # the command in its head makes the same without the file
    again = re.search(r"^# ciigen (acl .*)$", out, re.MULTILINE)
    assert again
    command = [sys.executable, "-c", "from ciigen.cli import main; main()", *again[1].split()]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == out


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (('id = "flat-2"', ""), (), "meter 2 of 2 has no `id`, so it is called what it says itself: name all meters with --id"),
        (('username = "meters"', ""), (), "[mqtt] has no `username`"),
        (('id = "cellar"', ""), (), "[bridge] has no `id`"),
        (("[dialect.rldsp]", "[dialect.rldps]"), (), "rldps is not in the schema: did you mean rldsp"),
        (('"haus"', "7"), (), "mqtt.prefix must be a text in quotes"),
        (("[[meter]]", "[meter]"), (), "it has no [[meter]]"),
        (('id = "cellar"', "id = cellar"), (), "not valid TOML"),
    ],
)  # fmt: skip
def test_what_a_configuration_leaves_open_is_asked(
    change: tuple[str, str], arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    config = CONFIG.replace(*change, 2 if change[0] == "[[meter]]" else 1)
    if change[0] == "[[meter]]":
        config = config.split("[meter]")[0] + "[meter]" + config.split("[meter]")[1]
    status, out, error = acl(tmp_path, config, *arguments)
    assert (status, out) == (2, "")
    assert said in error


def test_what_is_given_beside_a_configuration_goes_before(tmp_path: Path) -> None:
    open_ = (
        CONFIG.replace('id = "flat-2"', "").replace('username = "meters"', "").replace('id = "cellar"', "")
    )
    status, out, _ = acl(tmp_path, open_, "--id", "lgz1", "--user", "b", "--bridge-id", "c", "--prefix", "x")
    assert status == 0
    assert ("b", "publish", "x/v1/lgz1/#") in set(mosquitto(out))
    assert "flat-1" not in out


# -- what mosquitto does with it ------------------------------------------------------------------------------------------


class Visitor:
    """A client with a name: what it hears, and whether what it says is refused."""

    def __init__(self, port: int, user: str | None) -> None:
        self.heard: list[str] = []
        self.refused = False
        self._subscribed = False
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if user is not None:
            self._client.username_pw_set(user, PASSWORD)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_connect(self, client: Client, _data: object, _flags: object, reason: Any, _p: object) -> None:
        self.refused = reason.is_failure
        if not self.refused:
            client.subscribe([("#", 1), ("$SYS/#", 1)])

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.append(message.topic)

    def ready(self) -> Visitor:
        wait_until(lambda: self._subscribed, what="subscription")
        return self

    def says(self, topic: str, payload: str = "forged") -> bool:
        """Publish, retained; whether the broker took it (PUBACK)."""
        answers: list[bool] = []
        self._client.on_publish = lambda _c, _d, _m, reason, _p: answers.append(not reason.is_failure)
        self._client.publish(topic, payload, qos=1, retain=True)
        wait_until(lambda: answers, what="PUBACK")
        return answers[0]

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def guarded(tmp_path: Path, make_broker: MakeBroker) -> BrokerProcess:
    """A mosquitto with the rules for ``HOME``, and a second bridge beside it."""
    passwords, rules = tmp_path / "passwords", tmp_path / "rules.acl"
    other = Selection(ids=("other",), options=(("user", "bridge2"), ("reader", "tenant2")))
    rules.write_text(text("mosquitto", HOME) + text("mosquitto", other))
    passwords.touch(mode=0o600)
    rules.chmod(0o600)
    tool = shutil.which("mosquitto_passwd")
    assert tool, "it comes with mosquitto"
    for name in ("ciibridge", "smarthome", "ha", "bridge2", "tenant2", "nobody"):
        subprocess.run([tool, "-b", str(passwords), name, PASSWORD], check=True, capture_output=True)
    extra = f"allow_anonymous false\npassword_file {passwords}\nacl_file {rules}\nsys_interval 1"
    return make_broker(extra=extra).start()


@pytest.fixture
def visit(guarded: BrokerProcess) -> Iterator[Any]:
    made: list[Visitor] = []

    def make(user: str | None) -> Visitor:
        made.append(Visitor(guarded.port, user))
        return made[-1]

    yield make
    for visitor in made:
        visitor.stop()


class TestOnMosquitto:
    pytestmark = BROKER

    def test_the_bridge_does_all_it_must_and_its_consumers_hear_it(
        self, tmp_path: Path, guarded: BrokerProcess, visit: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        reader, house, stranger = (visit(name).ready() for name in ("smarthome", "ha", "tenant2"))
        meter = TcpMeter(simulated())
        config = write_config(
            tmp_path,
            guarded.port,
            f'port = "{meter.url}"',
            mqtt=f'username = "ciibridge"\npassword = "{PASSWORD}"\nraw = true\n[homeassistant]\n'
            '[dialect.rldsp]\ngroup = "flat"\n[dialect.smartmeter-datacollector]',
        )
        try:
            with service_in_thread(config):
                wait_until(lambda: f"cii/v1/{METER_ID}/raw" in reader.heard, what="raw")
                wait_until(lambda: f"cii/v1/{METER_ID}/value/power_import" in reader.heard, what="value")
                wait_until(lambda: any(t.startswith("homeassistant/") for t in house.heard), what="discovery")
                wait_until(lambda: "cii/v1/_bridge/test/availability" in reader.heard, what="bridge")
                wait_until(lambda: f"dt/flat/{METER_ID.upper()}/ds" in reader.heard, what="RL-DSP")
                power = f"smartmeter/{METER_ID.upper()}/ACTIVE_POWER_P"
                wait_until(lambda: power in reader.heard, what="smartmeter-datacollector")
        finally:
            meter.stop()
        assert "refuses messages" not in caplog.text
        assert not [t for t in reader.heard if not t.startswith(("cii/v1/", "dt/flat/", "smartmeter/"))]
        assert stranger.heard == []

    @pytest.mark.parametrize("user", ["smarthome", "ha", "bridge2", "tenant2", "nobody"])
    def test_nobody_else_writes_or_clears_what_the_bridge_keeps(self, visit: Any, user: str) -> None:
        topic = f"cii/v1/{METER_ID}/value/energy_import"
        assert visit("ciibridge").ready().says(topic, "1234")
        forger = visit(user).ready()
        for forged in (
            topic,
            f"cii/v1/{METER_ID}/meta",
            "cii/v1/_bridge/test/availability",
            "cii/v1/new/state",
            f"dt/flat/{METER_ID.upper()}/ds",
            f"smartmeter/{METER_ID.upper()}/ACTIVE_POWER_P",
        ):
            assert not forger.says(forged), forged
        assert not forger.says(topic, "")
        late = visit("smarthome").ready()
        wait_until(lambda: topic in late.heard, what="the retained value")

    def test_the_bridge_keeps_to_its_own(self, visit: Any) -> None:
        bridge = visit("ciibridge").ready()
        for topic in (
            "cii/v1/other/state",
            "cii/v1/_bridge/bridge2/availability",
            "homeassistant/status",
            "homeassistant/sensor/lamp/x/config",
            "zigbee2mqtt/lamp/set",
            f"dt/building/{METER_ID.upper()}/ds",
            "dt/flat/OTHER/ds",
            "smartmeter/OTHER/ACTIVE_POWER_P",
            "$SYS/broker/version",
        ):
            assert not bridge.says(topic), topic
        assert bridge.says(f"homeassistant/sensor/cii_{METER_ID}/power_net/config", "{}")

    def test_the_broker_tells_its_own_affairs_to_nobody(self, visit: Any) -> None:
        everybody = [visit(name).ready() for name in ("ciibridge", "smarthome", "ha", "nobody")]
        everybody[0].says("cii/v1/second/meta", "{}")
        wait_until(lambda: "cii/v1/second/meta" in everybody[1].heard, what="meta")
        assert not [topic for one in everybody for topic in one.heard if topic.startswith("$SYS")]

    def test_without_a_name_one_is_not_let_in(self, visit: Any) -> None:
        visitor = visit(None)
        wait_until(lambda: visitor.refused, what="refusal")
