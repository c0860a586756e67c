"""``ciigen push iobroker`` against a server that answers as the adapter rest-api does."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ciigen.installed import read_resolved
from ciigen.target import Selection
from ciigen.targets.iobroker import TARGET
from iobroker_server import PASSWORD, IoBroker
from push_server import Command

ARGUMENTS = ("--meter", "iskra-am550", "--id", "house")
NET = "alias.0.smartmeter.house.power.power_net"
RAW = "mqtt.0.cii.v1.house.value.power_net"
ENUM = "enum.functions.energy"


@pytest.fixture
def server() -> Iterator[IoBroker]:
    made = IoBroker()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.fixture
def push(server: IoBroker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command("iobroker", server, monkeypatch, capfd, PASSWORD)


def of_file(view: str = "mqtt") -> dict[str, Any]:
    selection = Selection(meter="iskra-am550", ids=("house",))
    return json.loads(TARGET.views[view].render(read_resolved(), selection))  # type: ignore[no-any-return]


def without_mark(one: dict[str, Any]) -> dict[str, Any]:
    kept = {key: one[key] for key in ("_id", "type", "common", "native")}
    return {**kept, "native": {key: value for key, value in one["native"].items() if key != "ciigen"}}


@pytest.mark.parametrize("adapter", ["mqtt", "mqtt-client"])
def test_it_makes_what_the_file_says(adapter: str, push: Command, server: IoBroker) -> None:
    server.objects[f"system.adapter.{adapter}.0"] = server.objects.pop("system.adapter.mqtt.0")
    existing = set(server.objects)
    assert push(*ARGUMENTS, "--yes") == 0
    wished = of_file(adapter)
    enums = wished["alias.0.smartmeter.house"]["common"].pop("enums")
    made = {oid: without_mark(one) for oid, one in server.objects.items() if oid not in existing | {ENUM}}
    assert made == wished
    assert list(made) == list(wished), "raw objects first, parents before children"
    assert server.objects[ENUM]["common"]["members"] == ["alias.0.smartmeter.house"]
    assert server.objects[ENUM]["common"]["name"] == enums[0]["common"]["name"]


def test_a_second_push_changes_nothing(push: Command, server: IoBroker) -> None:
    assert push(*ARGUMENTS, "--yes") == 0
    assert re.search(r"^\d+ new$", push.out, re.MULTILINE)
    before = deepcopy(server.objects)
    server.written.clear()
    assert push(*ARGUMENTS, "--yes", "--prune-all") == 0
    assert (server.written, server.objects) == ([], before)
    assert re.search(r"^\d+ as they are$", push.out, re.MULTILINE)


def test_dry_run_shows_and_changes_nothing(push: Command, server: IoBroker) -> None:
    assert push(*ARGUMENTS, "--dry-run") == 0
    assert server.written == []
    assert f"+ state {RAW}\n" in push.out
    assert push.out.index(RAW) < push.out.index(f"+ state {NET}\n") < push.out.index(f"+ enum {ENUM}")


def test_what_a_user_changed_stays_and_the_rest_follows(push: Command, server: IoBroker) -> None:
    push(*ARGUMENTS, "--yes")
    history = {"history.0": {"enabled": True}}
    server.objects[NET]["common"] |= {"name": "Netz", "custom": history, "color": "#ff0000", "unit": "kW"}
    server.objects[ENUM]["common"]["members"].insert(0, "alias.0.washer")
    server.objects["alias.0.smartmeter.house"]["common"]["icon"] = "/mine.png"
    # as if an older ciigen had made the role
    net = server.objects[NET]
    net["common"]["role"] = "value"
    net["native"]["ciigen"]["made"]["role"] = '"value"'
    assert push(*ARGUMENTS, "--yes") == 0
    assert f"~ state {NET}: role 'value' → 'value.power'; name is yours; unit is yours" in push.out
    common = server.objects[NET]["common"]
    assert (common["name"], common["custom"], common["color"], common["unit"]) == (
        "Netz",
        history,
        "#ff0000",
        "kW",
    )
    assert common["role"] == "value.power"
    assert server.objects[ENUM]["common"]["members"] == ["alias.0.washer", "alias.0.smartmeter.house"]
    assert server.objects["alias.0.smartmeter.house"]["common"]["icon"] == "/mine.png"
    server.written.clear()
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.written == []
    assert f"= state {NET}: name is yours; unit is yours" in push.out


def test_subscriptions_of_mqtt_client_are_put_beside_what_a_user_keeps_there(
    push: Command, server: IoBroker
) -> None:
    server.objects["system.adapter.mqtt-client.0"] = server.objects.pop("system.adapter.mqtt.0")
    push(*ARGUMENTS, "--yes")
    raw = server.objects[RAW.replace("mqtt.0", "mqtt-client.0")]["common"]
    subscription = raw["custom"].pop("mqtt-client.0")
    raw["custom"]["history.0"] = {"enabled": True}
    assert push(*ARGUMENTS, "--yes") == 0
    assert raw["custom"] == {"mqtt-client.0": subscription, "history.0": {"enabled": True}}
    raw["custom"]["mqtt-client.0"] = {**subscription, "subChangesOnly": True}
    server.written.clear()
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.written == []


def test_objects_that_the_adapter_or_an_import_made_are_taken(push: Command, server: IoBroker) -> None:
    for oid, one in of_file().items():
        server.objects[oid] = deepcopy(one)
    server.objects[RAW]["common"] |= {
        "type": "number",
        "role": "variable",
        "name": "cii/v1/house/value/power_net",
    }
    assert push(*ARGUMENTS, "--yes") == 0
    assert "~ state alias.0.smartmeter.house.l1.voltage: marked as made by ciigen" in push.out
    assert server.objects[RAW]["common"]["type"] == "mixed"
    server.written.clear()
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.written == []


def test_what_somebody_else_made_is_in_the_way_until_it_is_adopted(push: Command, server: IoBroker) -> None:
    server.objects[NET] = {
        "_id": NET,
        "type": "state",
        "common": {"name": "Mine", "role": "x"},
        "native": {"a": 1},
    }
    assert push(*ARGUMENTS, "--yes") == 1
    assert f"! state {NET}: was made by somebody else" in push.out
    assert server.written == []
    assert push(*ARGUMENTS, "--yes", "--adopt") == 0
    assert server.objects[NET]["common"]["name"] == "Mine"
    assert server.objects[NET]["common"]["role"] == "value.power"
    assert server.objects[NET]["native"]["a"] == 1


def test_nothing_of_others_is_removed_and_what_is_ours_only_on_request(
    push: Command, server: IoBroker
) -> None:
    push("--meter", "iskra-am550", "--id", "house", "--id", "old", "--yes")
    mine = "alias.0.smartmeter.house.mine"
    server.objects[mine] = {"_id": mine, "type": "state", "common": {}, "native": {}}
    many = len(server.objects)
    assert push("--id", "house", "--yes") == 0
    assert "no longer wished: " in push.err
    assert "made by ciigen for other meters: " in push.err
    assert len(server.objects) >= many
    assert push("--id", "house", "--yes", "--prune") == 0
    assert mine in server.objects
    assert "alias.0.smartmeter.house.l1.power_net" not in server.objects
    assert "alias.0.smartmeter.old" in server.objects
    gone = [call[1] for call in server.written if call[0] == "DELETE"]
    depths = [path.count(".") for path in gone]
    assert depths == sorted(depths, reverse=True), "children first"
    assert push("--id", "house", "--yes", "--prune-all") == 0
    assert not [oid for oid in server.objects if oid.startswith("alias.0.smartmeter.old")]
    # the adapter mqtt goes on receiving: without its object each message would be a warning
    assert "mqtt.0.cii.v1.old.value.power_net" in server.objects
    assert server.objects[ENUM]["common"]["members"] == ["alias.0.smartmeter.house"]


def test_subscriptions_of_mqtt_client_go_with_their_meter(push: Command, server: IoBroker) -> None:
    server.objects["system.adapter.mqtt-client.0"] = server.objects.pop("system.adapter.mqtt.0")
    push("--id", "house", "--id", "old", "--yes")
    assert push("--id", "house", "--yes", "--prune-all") == 0
    assert "mqtt-client.0.cii.v1.old.value.power_net" not in server.objects
    assert "mqtt-client.0.cii.v1.house.value.power_net" in server.objects


def test_a_server_that_dies_midway_is_told_and_the_next_push_completes(
    push: Command, server: IoBroker
) -> None:
    server.dies_after = 11
    failures = 0
    while push(*ARGUMENTS, "--yes") == 1:
        failures += 1
        assert "the connection was lost" in push.err
        assert re.search(r"11 of \d+ changes are made\. Not made, the first perhaps in part: ", push.err)
        server.written.clear()
    assert failures > 4
    server.dies_after = None
    server.written.clear()
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.written == []
    assert set(of_file()) <= set(server.objects)


def test_the_adapter_is_asked_for_where_it_is_not_clear(push: Command, server: IoBroker) -> None:
    server.objects["system.adapter.mqtt-client.0"] = server.objects["system.adapter.mqtt.0"]
    assert push(*ARGUMENTS, "--yes") == 2
    assert "say which with --instance (mqtt.0 or mqtt-client.0)" in push.err
    assert push(*ARGUMENTS, "--yes", "--instance", "mqtt.3") == 0
    assert "the adapter instance mqtt.3 is not there" in push.err
    assert RAW.replace("mqtt.0", "mqtt.3") in server.objects
    assert server.objects[NET]["common"]["alias"]["id"] == RAW.replace("mqtt.0", "mqtt.3")
    assert push(*ARGUMENTS, "--instance", "shelly.0") == 2
    assert "--instance shelly.0 is none of this adapter: it looks like mqtt.0" in push.err


def test_no_adapter_is_told(push: Command, server: IoBroker) -> None:
    del server.objects["system.adapter.mqtt.0"]
    assert push(*ARGUMENTS, "--yes") == 0
    assert "neither adapter mqtt nor mqtt-client is installed" in push.err


def test_who_may(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    guarded = IoBroker(auth=True)
    push = Command("iobroker", guarded, monkeypatch, capfd, PASSWORD)
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    try:
        assert push(*ARGUMENTS, "--yes") == 1
        assert "401 Unauthorized" in push.err
        assert "--user NAME" in push.err
        assert push(*ARGUMENTS, "--yes", "--user", "guest", "--user-password-file", str(secret)) == 1
        assert "403 Forbidden" in push.err
        assert "this user may not write objects" in push.err
        assert push(*ARGUMENTS, "--yes", "--user", "admin", "--user-password-file", str(secret)) == 0
        assert push(*ARGUMENTS, "--yes", "--token-file", str(secret)) == 0
        monkeypatch.setenv("CIIGEN_IOBROKER_PASSWORD", PASSWORD)
        assert push(*ARGUMENTS, "--yes", "--user", "admin") == 0
        monkeypatch.setenv("CIIGEN_IOBROKER_PASSWORD", "wrong")
        assert push(*ARGUMENTS, "--yes", "--user", "admin") == 1
        assert push(*ARGUMENTS, "--yes", "--user", "admin", "--token", "x") == 2
        assert "choose one" in push.err
    finally:
        guarded.stop()


def test_what_is_not_rest_api_is_told(push: Command, server: IoBroker) -> None:
    server.routes.clear()
    assert push(*ARGUMENTS, "--yes") == 1
    assert "404 Not Found" in push.err
    assert "simple-api cannot write objects" in push.err
    server.routes["GET", r"/v1/object/([^/]+)"] = lambda *_, **__: (200, {"answer": "something"})
    assert push(*ARGUMENTS, "--yes") == 1
    assert "does not answer as the adapter rest-api does" in push.err


def test_as_a_web_extension_it_has_a_path(push: Command, server: IoBroker) -> None:
    server.routes = {(verb, f"/rest-api{pattern}"): route for (verb, pattern), route in server.routes.items()}
    assert push(*ARGUMENTS, "--yes", url=f"{server.url}/rest-api/v1/") == 0
    assert NET in server.objects
