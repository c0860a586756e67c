"""``ciigen push openhab`` against a server that answers as openHAB does: what is made, what is left, and what is said."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ciigen.installed import read_resolved
from ciigen.target import Selection
from ciigen.targets.openhab import TARGET
from openhab_dsl import items, things
from openhab_server import ADMIN, USER, OpenHab
from push_server import Command

ARGUMENTS = ("--meter", "iskra-am550")
THING = "mqtt:topic:smartmeter"


@pytest.fixture
def server() -> Iterator[OpenHab]:
    made = OpenHab()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setenv("CIIGEN_OPENHAB_TOKEN", ADMIN)


@pytest.fixture
def push(server: OpenHab, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    return Command("openhab", server, monkeypatch, capfd, ADMIN)


def snapshot(server: OpenHab) -> str:
    state = (server.things, server.items, server.metadata, server.links, server.pages)
    return json.dumps([{str(key): value for key, value in part.items()} for part in state], sort_keys=True)


def test_it_makes_what_the_files_say(push: Command, server: OpenHab) -> None:
    assert push(*ARGUMENTS, "--yes") == 0
    selection = Selection(meter="iskra-am550")
    of_files = things(TARGET.views["things"].render(read_resolved(), selection))
    assert set(server.things) == set(of_files)
    for uid, thing in of_files.items():
        made = server.things[uid]
        assert made["label"] == thing.label
        assert made.get("bridgeUID", "") == thing.bridge
        found = {channel["id"]: channel for channel in made["channels"]}
        assert set(found) == set(thing.channels)
        for name, channel in thing.channels.items():
            wished = {key: values[0] for key, values in channel.properties.items()}
            assert found[name]["configuration"].items() >= wished.items()
            assert (found[name]["label"], found[name]["channelTypeUID"]) == (
                channel.label,
                f"mqtt:{channel.type}",
            )
            assert found[name]["kind"] == "STATE"
    of_files_items = items(TARGET.views["items"].render(read_resolved(), selection))
    assert set(server.items) == set(of_files_items)
    for name, item in of_files_items.items():
        made = server.items[name]
        assert (made["type"], made["label"], made["category"]) == (item.type, item.label, item.icon)
        assert sorted(made["groupNames"]) == sorted(item.groups)
        assert sorted(made["tags"]) == sorted(item.tags)
        for space in ("unit", "expire"):
            assert server.metadata.get((name, space), {}).get("value") == item.metadata.get(space)
        state = server.metadata.get((name, "stateDescription"), {}).get("config", {})
        assert state.get("pattern", "") == item.format
        assert state.get("options") == item.options.get("stateDescription", {}).get("options", [None])[0]
        if channel := item.metadata.get("channel"):
            assert (name, channel) in server.links


def test_a_second_push_changes_nothing(push: Command, server: OpenHab) -> None:
    assert push(*ARGUMENTS, "--yes") == 0
    assert re.search(r"^\d+ new$", push.out, re.MULTILINE)
    before = snapshot(server)
    server.written.clear()
    assert push(*ARGUMENTS, "--yes", "--prune-all") == 0
    assert server.written == []
    assert snapshot(server) == before
    assert re.search(r"^\d+ as they are$", push.out, re.MULTILINE)


def test_dry_run_shows_and_changes_nothing(push: Command, server: OpenHab) -> None:
    assert push(*ARGUMENTS, "--dry-run") == 0
    assert server.written == []
    assert f"+ thing {THING}" in push.out
    assert "+ item SmartMeter_Power_Import: label 'Power import'; type 'Number:Power'" in push.out
    assert "+ link SmartMeter_Power_Import ↔ mqtt:topic:smartmeter:power_import" in push.out


def test_where_nobody_can_be_asked_it_wants_yes(push: Command, server: OpenHab) -> None:
    assert push(*ARGUMENTS) == 2
    assert "nobody can be asked here: --yes makes the changes" in push.err
    assert server.written == []


@pytest.mark.parametrize(("answer", "done"), [("y", True), ("n", False), ("", False)])
def test_a_person_is_asked(
    answer: str, done: bool, push: Command, server: OpenHab, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    assert push(*ARGUMENTS) == 0
    assert bool(server.written) == done
    assert "changes? [y/N]" in push.err


def test_what_a_user_changed_stays_and_the_rest_follows(push: Command, server: OpenHab) -> None:
    push(*ARGUMENTS, "--yes")
    mine, other = server.items["SmartMeter_Power_Import"], server.items["SmartMeter_Power_Export"]
    mine |= {
        "label": "Netzbezug",
        "groupNames": [*mine["groupNames"], "gKitchen"],
        "tags": [*mine["tags"], "Mine"],
    }
    server.items["gSmartMeter_Meter"] |= {"category": "cellar", "groupType": "Number:Energy"}
    server.metadata["SmartMeter_Power_Import", "expire"] = {"value": "5m", "config": {"ignoreCommands": True}}
    del server.metadata["SmartMeter_Power_Export", "expire"]
    server.metadata["SmartMeter_Power_Export", "listWidget"] = {"value": "oh-label-item"}
    server.metadata["SmartMeter_Voltage_L1", "stateDescription"]["config"]["readOnly"] = True
    channel = server.things[THING]["channels"][0]
    channel["label"] = "Bezug"
    channel["configuration"]["transformationPattern"] = ["JS:x.js"]
    server.things[THING]["label"] = "Zähler im Keller"
    server.things[THING]["channels"].append(
        {
            "uid": f"{THING}:own",
            "id": "own",
            "channelTypeUID": "mqtt:string",
            "configuration": {},
            "kind": "STATE",
        }
    )
    server.links["SmartMeter_Power_Import", "ntp:ntp:local:dateTime"] = {"configuration": {}}
    before = snapshot(server)
    assert push(*ARGUMENTS, "--yes", "--prune") == 0
    assert snapshot(server) == before
    assert (
        "= item SmartMeter_Power_Import: label is yours; tags is yours; groups is yours; expire is yours"
        in push.out
    )

    assert push(*ARGUMENTS, "--yes", "--lang", "de") == 0
    assert mine["label"] == server.items["SmartMeter_Power_Import"]["label"] == "Netzbezug"
    assert server.items["SmartMeter_Power_Export"]["label"] != other["label"]
    assert "gKitchen" in server.items["SmartMeter_Power_Import"]["groupNames"]
    assert ("SmartMeter_Power_Export", "expire") not in server.metadata
    assert ("SmartMeter_Power_Export", "listWidget") in server.metadata
    assert server.items["gSmartMeter_Meter"]["groupType"] == "Number:Energy"
    assert server.items["gSmartMeter_Meter"]["category"] == "cellar"
    assert server.things[THING]["label"] == "Zähler im Keller"
    found = {channel["id"]: channel for channel in server.things[THING]["channels"]}
    assert found["own"]["uid"] == f"{THING}:own"
    assert found[channel["id"]]["label"] == "Bezug"
    assert found[channel["id"]]["configuration"]["transformationPattern"] == ["JS:x.js"]
    assert ("SmartMeter_Power_Import", "ntp:ntp:local:dateTime") in server.links
    server.written.clear()
    assert push(*ARGUMENTS, "--yes", "--lang", "de") == 0
    assert server.written == []


def test_what_somebody_else_made_is_in_the_way_until_it_is_adopted(push: Command, server: OpenHab) -> None:
    item = {"type": "Number", "label": "Mine", "category": "", "tags": [], "groupNames": ["gMine"]}
    server.items["SmartMeter_Power_Import"] = {"name": "SmartMeter_Power_Import", **item}
    server.things[THING] = {
        "UID": THING,
        "thingTypeUID": "mqtt:topic",
        "label": "Mine",
        "channels": [],
        "properties": {},
    }
    assert push(*ARGUMENTS, "--yes") == 1
    assert (
        "! item SmartMeter_Power_Import: was made by somebody else: rename it in openHAB, or take it over"
        in push.out
    )
    assert f"! thing {THING}: was made by somebody else: take it over with --adopt" in push.out
    assert "2 in the way (the lines with !): nothing was changed" in push.err
    assert server.written == []
    assert push(*ARGUMENTS, "--yes", "--adopt") == 0
    adopted = server.items["SmartMeter_Power_Import"]
    assert (adopted["type"], adopted["label"]) == ("Number:Power", "Mine")
    assert "gMine" in adopted["groupNames"]
    assert "SmartMeter" in adopted["groupNames"]
    server.written.clear()
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.written == []


def test_what_is_defined_in_a_file_is_in_the_way(push: Command, server: OpenHab) -> None:
    push(*ARGUMENTS, "--yes")
    server.in_files |= {THING, "SmartMeter_Power_Import"}
    server.written.clear()
    assert push(*ARGUMENTS, "--yes", "--lang", "it") == 1
    assert f"! thing {THING}: is defined in a file: remove it there" in push.out
    assert "! item SmartMeter_Power_Import: is defined in a file" in push.out
    assert server.written == []


@pytest.mark.parametrize(("kind", "status"), [("items", 405), ("things", 409)])
def test_a_refusal_on_the_way_says_why(kind: str, status: int, push: Command, server: OpenHab) -> None:
    route = next(key for key in server.routes if key[0] != "GET" and key[1].startswith(f"/rest/{kind}"))
    server.routes[route] = lambda *_, **__: (status, OpenHab.error("no way"))
    assert push(*ARGUMENTS, "--yes") == 1
    assert f": {status} " in push.err
    assert "(no way) → it is defined in a file" in push.err


def test_nothing_of_others_is_removed_and_what_is_ours_only_on_request(
    push: Command, server: OpenHab
) -> None:
    push("--meter", "iskra-am550", "--yes")
    server.items["SmartMeter_Mine"] = {
        "name": "SmartMeter_Mine",
        "type": "Number",
        "label": "",
        "category": "",
        "tags": [],
        "groupNames": ["SmartMeter"],
    }
    assert push("--meter", "lg-e450", "--operator", "ekz", "--yes") == 0
    assert "no longer wished: " in push.err
    assert "(--prune removes them)" in push.err
    assert "SmartMeter_Voltage_L1" in server.items
    everything = set(server.items)
    assert push("--yes", "--prune") == 0
    gone = everything - set(server.items)
    assert gone
    assert "SmartMeter_Mine" in server.items
    wished = items(TARGET.views["items"].render(read_resolved(), Selection()))
    assert set(server.items) == set(wished) | {"SmartMeter_Mine"}
    assert {item for item, _ in server.links} <= set(server.items)
    assert {item for item, _ in server.metadata} <= set(server.items)
    channels = {channel["id"] for channel in server.things[THING]["channels"]}
    assert channels == {
        item.metadata["channel"].rpartition(":")[2] for item in wished.values() if "channel" in item.metadata
    }
    for name in gone:
        assert f"- item {name}" in push.out


def test_other_meters_go_only_with_prune_all(push: Command, server: OpenHab) -> None:
    push("--id", "old", "--id", "new", "--yes")
    assert push("--id", "new", "--yes", "--prune") == 0
    assert "mqtt:topic:old" in server.things
    assert (
        "made by ciigen for other meters: mqtt:topic:old, page smartmeter_old (--prune-all removes them)"
        in push.err
    )
    assert push("--id", "new", "--yes", "--prune-all") == 0
    assert "mqtt:topic:old" not in server.things
    assert not [name for name in server.items if "old" in name]
    assert "mqtt:broker:home" in server.things


def test_a_meter_pushed_after_another_leaves_its_names(push: Command, server: OpenHab) -> None:
    push("--id", "a", "--yes")
    before = {name: dict(item) for name, item in server.items.items()}
    assert push("--id", "b", "--yes") == 0
    assert {name: server.items[name] for name in before} == before
    assert "SmartMeter_b_Power_Net" in server.items


def test_names_given_once_stay(push: Command, server: OpenHab) -> None:
    push("--id", "a", "--names", "a=SmartMeter", "--yes")
    before = {name: dict(item) for name, item in server.items.items()}
    assert "SmartMeter_Power_Net" in before
    server.written.clear()
    assert push("--id", "a", "--yes", "--prune-all") == 0
    assert server.written == []
    assert push("--id", "a", "--id", "b", "--yes", "--prune") == 0
    assert set(before) <= set(server.items)
    assert {"SmartMeter_Power_Net", "SmartMeter_b_Power_Net"} <= set(server.items)
    # another name is a wish, too: what was is left until it may go
    assert push("--id", "a", "--id", "b", "--names", "a=House", "--yes") == 0
    assert {"SmartMeter_Power_Net", "House_Power_Net"} <= set(server.items)


def test_two_meters_of_one_name_are_in_the_way(push: Command, server: OpenHab) -> None:
    push("--id", "a", "--names", "a=House", "--yes")
    before = snapshot(server)
    assert push("--id", "b", "--names", "b=House", "--yes") == 1
    assert "is of meter a: give this one another name with --names" in push.out
    assert snapshot(server) == before


def test_a_server_that_dies_midway_is_told_and_the_next_push_completes(
    push: Command, server: OpenHab
) -> None:
    server.dies_after = 7  # 7, 14, 21 … calls after the first: between an Item and its mark, too
    failures = 0
    server.written.clear()
    while push(*ARGUMENTS, "--yes") == 1:
        failures += 1
        assert len(server.written) == 7
        assert "the connection was lost → does it still run?" in push.err
        assert re.search(r"\d+ of \d+ changes are made\. Not made, the first perhaps in part: ", push.err)
        assert "The same command goes on where this one stopped." in push.err
        server.written.clear()
    assert failures > 10
    server.dies_after = None
    assert push(*ARGUMENTS, "--yes") == 0
    complete = snapshot(server)
    server.written.clear()
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.written == []
    for part in (server.things, server.items, server.metadata, server.links, server.pages):
        part.clear()
    push(*ARGUMENTS, "--yes")
    assert snapshot(server) == complete


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (
            "oh.push.wrong",
            "401 Unauthorized (Authentication required) → the token is wrong, or there is none",
        ),
        (USER, "403 Forbidden (Authentication required) → the token is of a user who may not do this"),
        ("öh", "the token holds something that no token has"),
    ],
)
def test_a_wrong_token(token: str, words: str, push: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIIGEN_OPENHAB_TOKEN", token)
    assert push(*ARGUMENTS, "--yes") in (1, 2)
    assert words in push.err
    assert token not in push.err


def test_where_the_token_comes_from(push: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CIIGEN_OPENHAB_TOKEN")
    assert push(*ARGUMENTS, "--dry-run") == 2
    assert "openHAB wants a token" in push.err
    assert push(*ARGUMENTS, "--dry-run", "--token", ADMIN) == 0
    (tmp_path / "token").write_text(f"{ADMIN}\n")
    assert push(*ARGUMENTS, "--dry-run", "--token-file", str(tmp_path / "token")) == 0
    assert push(*ARGUMENTS, "--dry-run", "--token-file", str(tmp_path / "none")) == 2
    assert "the token cannot be read" in push.err
    # a line in .netrc is for somebody else
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert push(*ARGUMENTS, "--dry-run", "--token", ADMIN) == 0


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        (
            "http://127.0.0.1:1",
            1,
            "nothing listens there → does openHAB run, is the port right (often 8080)?",
        ),
        ("http://nobody.invalid", 1, "the name nobody.invalid is not known → write its IP address"),
        ("openhab:8080", 2, "is no address: write http://HOST:PORT"),
        ("http://u:p@openhab", 2, "everybody on this machine can read a password in a command line"),
        ("http://openhab/?x", 2, "nothing may follow the path"),
    ],
)
def test_a_wrong_address(url: str, status: int, words: str, push: Command) -> None:
    assert push(*ARGUMENTS, "--yes", url=url) == status
    assert words in push.err


def test_what_is_no_openhab_is_told(push: Command, server: OpenHab) -> None:
    server.routes["GET", "/rest/"] = lambda **_: (200, {"name": "something else"})
    assert push(*ARGUMENTS, "--yes") == 1
    assert "is this the URL of openHAB" in push.err
    server.routes.clear()
    assert push(*ARGUMENTS, "--yes") == 1
    assert "404 Not Found" in push.err


def test_tls_with_the_wrong_authority_and_without_tls(
    push: Command,
    server: OpenHab,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tls: tuple[Any, Path],
) -> None:
    assert push(*ARGUMENTS, "--dry-run", url=server.url.replace("http:", "https:")) == 1
    assert "it does not speak TLS there → write http://" in push.err
    context, authority = tls
    guarded = OpenHab(tls=context)
    try:
        assert push(*ARGUMENTS, "--dry-run", url=guarded.url) == 1
        assert "its certificate is not accepted" in push.err
        assert "--url-ca-file" in push.err
        assert push(*ARGUMENTS, "--dry-run", "--url-ca-file", str(authority), url=guarded.url) == 0
    finally:
        guarded.stop()
    assert push(*ARGUMENTS, "--dry-run", "--url-ca-file", str(authority)) == 2
    assert "--url-ca-file is for TLS" in push.err


@pytest.mark.parametrize(
    ("version", "tag"), [("4.3.5", "Sensor"), ("5.1.0.M2", "ElectricMeter"), ("", "ElectricMeter")]
)
def test_the_version_is_asked_of_the_server(version: str, tag: str, push: Command, server: OpenHab) -> None:
    server.version = version
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.items["SmartMeter"]["tags"] == [tag]


def test_the_broker_thing_of_the_house_is_used(push: Command, server: OpenHab) -> None:
    def broker(uid: str) -> dict[str, Any]:
        return {"UID": uid, "thingTypeUID": "mqtt:broker", "label": "", "channels": [], "properties": {}}

    server.things["mqtt:broker:a"] = broker("mqtt:broker:a")
    assert push(*ARGUMENTS, "--yes") == 0
    assert server.things[THING]["bridgeUID"] == "mqtt:broker:a"
    assert "mqtt:broker:home" not in server.things
    assert "the broker Thing is mqtt:broker:a" in push.err
    server.things["mqtt:broker:b"] = broker("mqtt:broker:b")
    assert push(*ARGUMENTS, "--yes") == 2
    assert "say which with --bridge (mqtt:broker:a, mqtt:broker:b)" in push.err
    assert push(*ARGUMENTS, "--yes", "--bridge", "mqtt:broker:b") == 0
    assert server.things[THING]["bridgeUID"] == "mqtt:broker:b"
    assert push(*ARGUMENTS, "--yes", "--bridge", "mqtt:broker:c") == 1
    assert "! thing mqtt:broker:c: is not there; broker Things are: mqtt:broker:a, mqtt:broker:b" in push.out


def test_a_missing_binding_is_told(push: Command, server: OpenHab) -> None:
    server.has_mqtt = False
    assert push(*ARGUMENTS, "--yes") == 0
    assert "the MQTT binding is not installed" in push.err


def test_each_meter_gets_its_page(push: Command, server: OpenHab) -> None:
    assert push("--id", "a", "--id", "b", "--yes") == 0
    assert set(server.pages) == {"smartmeter_a", "smartmeter_b"}
    page = server.pages["smartmeter_a"]
    assert (page["component"], page["config"]["sidebar"], page["tags"]) == (
        "oh-layout-page",
        True,
        ["ciigen"],
    )
    shown = set(re.findall(r'"item": "(\w+)"', json.dumps(page)))
    assert shown
    assert shown <= {name for name in server.items if name.startswith("SmartMeter_a_")}
    assert {block["component"] for block in page["slots"]["default"]} == {"oh-block"}
    # one of them alone leaves the other's
    before = dict(server.pages)
    assert push("--id", "a", "--yes") == 0
    assert server.pages["smartmeter_b"] == before["smartmeter_b"]
    assert push("--id", "a", "--yes", "--prune-all") == 0
    assert set(server.pages) == {"smartmeter_a"}


def test_a_page_that_nobody_changed_follows_and_a_changed_one_stays(push: Command, server: OpenHab) -> None:
    push(*ARGUMENTS, "--yes")
    made = json.dumps(server.pages["smartmeter"])
    assert push(*ARGUMENTS, "--yes", "--lang", "de") == 0
    assert "~ page smartmeter: what it shows" in push.out
    assert json.dumps(server.pages["smartmeter"]) != made
    server.pages["smartmeter"]["slots"]["default"].pop()
    mine = json.dumps(server.pages["smartmeter"])
    server.written.clear()
    for more in ((), ("--lang", "fr"), ("--adopt",), ("--prune-all",)):
        assert push(*ARGUMENTS, "--yes", *more) == 0
        assert json.dumps(server.pages["smartmeter"]) == mine
    assert "= page smartmeter: is yours since you changed it" in push.out
    # neither is it removed with its meter
    assert push("--id", "other", "--yes", "--prune-all") == 0
    assert json.dumps(server.pages["smartmeter"]) == mine


def test_a_page_of_somebody_else_is_left_alone_and_in_nobody_s_way(push: Command, server: OpenHab) -> None:
    theirs = {
        "uid": "smartmeter",
        "component": "oh-layout-page",
        "config": {"label": "Mine"},
        "slots": {},
        "tags": [],
    }
    server.pages["smartmeter"] = dict(theirs)
    assert push(*ARGUMENTS, "--yes", "--adopt", "--prune-all") == 0
    assert "= page smartmeter: is somebody else's and stays" in push.out
    assert server.pages["smartmeter"] == theirs
    assert THING in server.things


def test_pages_can_be_left_away(push: Command, server: OpenHab) -> None:
    assert push(*ARGUMENTS, "--yes", "--no-pages") == 0
    assert server.pages == {}
    push(*ARGUMENTS, "--yes")
    assert push(*ARGUMENTS, "--yes", "--no-pages", "--prune-all") == 0
    assert set(server.pages) == {"smartmeter"}


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (None, ""),
        ([], "gSmartMeter_Chart*, gSmartMeter_Meter*"),
        ([{"items": ["*"], "strategies": ["everyChange"]}], ""),
        ([{"items": ["gSmartMeter_Chart*", "gSmartMeter_Meter*"], "strategies": ["everyMinute"]}], ""),
        ([{"items": ["gSmartMeter_Chart*", "Other"], "strategies": ["everyMinute"]}], "gSmartMeter_Meter*"),
    ],
)
def test_persistence_is_advised_and_never_written(
    kept: list[dict[str, Any]] | None, said: str, push: Command, server: OpenHab
) -> None:
    server.kept = kept
    assert push(*ARGUMENTS, "--yes") == 0
    assert ("rrd4j does not keep" in push.err) == bool(said)
    assert f"rrd4j does not keep {said}: " in push.err or not said
    assert not [path for _, path in server.written if "persistence" in path]


def test_json_is_the_plan(push: Command, server: OpenHab) -> None:
    assert push(*ARGUMENTS, "--yes", "--json") == 0
    told = json.loads(push.out)
    assert told["done"] == told["todo"] == len(told["changes"])
    assert {change["mark"] for change in told["changes"]} == {"+"}
    server.in_files.add(THING)
    assert push(*ARGUMENTS, "--json") == 1
    assert [c["name"] for c in json.loads(push.out)["changes"] if c["mark"] == "!"] == [THING]
