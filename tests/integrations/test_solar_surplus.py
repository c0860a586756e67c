"""The rule of docs/how-to/use-your-own-solar-power.md, as openHAB's and ioBroker's scripts follow it, second by second.

Home Assistant's blueprint has no logic that could run without Home Assistant: ``make conformance`` runs it, and ioBroker's
script, in the real software.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest
from captures import ROOT
from ruamel.yaml import YAML

HOMES: Final = ROOT / "integrations"
PAGE: Final = ROOT / "docs/how-to/use-your-own-solar-power.md"
SCRIPTS: Final = (HOMES / "openhab/solar-surplus.js", HOMES / "iobroker/solar-surplus.js")
BLUEPRINT: Final = HOMES / "homeassistant/solar_surplus.yaml"
EVCC: Final = HOMES / "evcc/loadpoint.yaml"

Step = tuple[Any, ...]
MINUTE: Final = 60
SUN, ENOUGH, LITTLE, DRAWN = -3000, -2000, -1999, 200
AWAY, SILENT = None, "silent"

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)


def during(begin: float, end: float, net: object) -> list[Step]:
    """A value every ten seconds, from a minute up to another."""
    return [(second, net) for second in range(round(begin * MINUTE), round(end * MINUTE), 10)]


def commands(script: Path, steps: Iterable[Step], **more: Any) -> list[tuple[float, bool]]:
    """The commands that a script gives: minute, on or off."""
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    assert node, "the scripts are JavaScript: these tests need Node.js in the PATH"
    runner = str(Path(__file__).with_name("solar_script.cjs"))
    done = subprocess.run(
        [node, runner, str(script)],
        input=json.dumps({"steps": list(steps), **more}),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return [(second / MINUTE, on) for second, on in json.loads(done.stdout)]


@each_script
def test_a_day(script: Path) -> None:
    day = [
        *during(0, 60, 400),
        *during(60, 120, SUN),
        *during(120, 180, -800),  # runs on the sun
        *during(180, 240, 500),
        *during(240, 300, SUN),
    ]
    assert commands(script, day) == [(65, True), (190, False), (245, True)]


@each_script
def test_at_the_start_it_has_paused_for_nothing(script: Path) -> None:
    assert commands(script, during(0, 30, SUN)) == [(10, True)]


@each_script
def test_the_thresholds_are_met_when_reached(script: Path) -> None:
    assert commands(script, during(0, 60, LITTLE)) == []
    assert commands(script, during(0, 11, ENOUGH)) == [(10, True)]
    running = during(0, 11, SUN)
    assert commands(script, running + during(11, 90, DRAWN - 1)) == [(10, True)]
    assert commands(script, running + during(11, 90, DRAWN)) == [(10, True), (30, False)]


@each_script
def test_a_cloud_begins_the_waiting_anew(script: Path) -> None:
    day = [*during(0, 14, 0), *during(14, 18, SUN), *during(18, 18.5, 0), *during(18.5, 30, SUN)]
    assert commands(script, day) == [(23.5, True)]


@each_script
def test_a_kettle_does_not_switch_it_off(script: Path) -> None:
    day = [*during(0, 60, SUN), *during(60, 69, 1500), *during(69, 90, -500)]
    assert commands(script, day) == [(10, True)]


@each_script
def test_clouds_that_come_and_go_do_not_make_it_flap(script: Path) -> None:
    """Sun and shade every 15 minutes for a day: never shorter on or off than promised."""
    day = [
        step for at in range(0, 1440, 30) for step in during(at, at + 15, SUN) + during(at + 15, at + 30, 900)
    ]
    given = commands(script, day)
    assert len(given) > 10
    assert [on for _, on in given] == [index % 2 == 0 for index in range(len(given))]
    for (begin, on), (end, _) in pairwise(given):
        assert end - begin >= (20 if on else 10)


@pytest.mark.parametrize(
    ("script", "lost"),
    # in openHAB the Item itself expires: silence is the same as away
    [(SCRIPTS[0], AWAY), (SCRIPTS[1], AWAY), (SCRIPTS[1], SILENT)],
    ids=["openhab-away", "iobroker-away", "iobroker-silent"],
)
def test_without_data_it_goes_off_in_time_and_stays_off(script: Path, lost: object) -> None:
    day = [*during(0, 40, SUN), *during(40, 120, lost)]
    switched_on, (minute, on) = commands(script, day)
    assert switched_on == (10, True)
    assert not on
    assert 50 <= minute <= 53


@each_script
def test_data_that_come_back_in_time_leave_it_on_and_begin_the_waiting_for_on_anew(script: Path) -> None:
    assert commands(script, [*during(0, 40, SUN), *during(40, 45, AWAY), *during(45, 90, SUN)]) == [
        (10, True)
    ]
    off = [*during(0, 30, 0), *during(30, 34, SUN), *during(34, 35, AWAY), *during(35, 60, SUN)]
    assert commands(script, off) == [(40, True)]


@each_script
def test_by_hand_counts_as_switching(script: Path) -> None:
    by_hand_on = [(0, 500), (30, 500, True), *during(1, 60, 500)]
    assert commands(script, by_hand_on) == [(20.5, False)]
    by_hand_off = [*during(0, 30, SUN), (1800, SUN, False), *during(30.5, 60, SUN)]
    assert commands(script, by_hand_off) == [(10, True), (40, True)]


@each_script
def test_a_device_that_does_not_follow_is_asked_again_after_a_pause(script: Path) -> None:
    given = commands(script, during(0, 60, SUN), follows=False)
    assert [minute for minute, _ in given] == [10, 21, 32, 43, 54]
    assert all(on for _, on in given)


@each_script
def test_a_device_of_unknown_state_is_left_alone(script: Path) -> None:
    assert commands(script, [(0, SUN, None), *during(0, 60, SUN)]) == []


@each_script
def test_the_settings_are_settings(script: Path) -> None:
    settings = {
        "onSurplusW": 100,
        "onAfterMin": 1,
        "offImportW": -50,
        "offAfterMin": 2,
        "minRunMin": 3,
        "minPauseMin": 0.5,
    }
    day = [*during(0, 10, -100), *during(10, 20, -50)]
    assert commands(script, day, settings=settings) == [(1, True), (12, False)]


# -- stated once -----------------------------------------------------------------------------------------------------------

NAMES: Final = (
    "on_surplus_w",
    "on_after_min",
    "off_import_w",
    "off_after_min",
    "min_run_min",
    "min_pause_min",
)


def stated() -> dict[str, int]:
    """Setting → value, from the table of the page."""
    rows = re.findall(r"^\| `(\w+)` \| (-?\d+) ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(value) for name, value in rows}


def test_the_page_states_every_setting() -> None:
    assert tuple(stated()) == NAMES


@each_script
def test_the_scripts_have_the_values_of_the_page(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for name, value in stated().items():
        camel = re.sub(r"_(\w)", lambda match: match[1].upper(), name)
        assert re.search(rf"^ +{camel}: {value},", text, re.MULTILINE), camel


def test_the_scripts_have_the_same_rule() -> None:
    rules = [
        re.findall(r"// ---- the rule.*// ---- end of the rule ----", p.read_text("utf-8"), re.DOTALL)
        for p in SCRIPTS
    ]
    assert len(rules[0]) == 1
    assert rules[0] == rules[1]


def test_the_blueprint_has_the_values_of_the_page() -> None:
    reader = YAML()
    reader.constructor.add_constructor("!input", lambda _, node: f"!input {node.value}")
    made = reader.load(BLUEPRINT.read_text(encoding="utf-8"))
    inputs = made["blueprint"]["input"]
    assert {name: inputs[name]["default"] for name in NAMES} == stated()
    assert dict(made["variables"]) == {name: f"!input {name}" for name in ("power", "device", *NAMES)}


def test_evcc_has_the_values_of_the_page() -> None:
    (point,) = YAML(typ="safe").load(EVCC.read_text(encoding="utf-8"))["loadpoints"]
    want = stated()
    assert point["enable"] == {"threshold": -want["on_surplus_w"], "delay": f"{want['on_after_min']}m"}
    assert point["disable"] == {"threshold": want["off_import_w"], "delay": f"{want['off_after_min']}m"}
