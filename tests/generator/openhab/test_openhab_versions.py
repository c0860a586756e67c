"""Each meter in each version of openHAB and each language: everything parses, and what one file names another has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from ciigen import topics
from ciigen.errors import UsageError
from ciigen.live.meters import LiveChannel, LiveMeter
from ciigen.resolved import Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.openhab import TARGET
from ciigen.targets.openhab.setting import demand, setting, version_of
from openhab_dsl import Item, Thing, items, sitemap, things
from selections import RESOLVED
from yaml_text import load

VERSIONS = ("4.3", "5.0", "5.2")
#: Tags of the semantic model that openHAB 4.3 has; 5.0 adds ElectricMeter and Info (among those used here).
TAGS_OF_4 = {
    *("Sensor", "Measurement", "Status", "Power", "Energy", "Voltage", "Current", "Frequency"),
    *("Gas", "Water", "Timestamp"),
}
#: House with everything that may differ: two models, a sub-meter, tariffs named by the operator.
LIVE = Selection(
    ids=("house-1", "house_2"),
    live=(
        LiveMeter(
            "house-1",
            (("power_import", 5.0), ("energy_import_t1", 900.0), ("device_name", 0.0)),
            channels=(LiveChannel(2, ("volume_gas", "channel_id")),),
            model="lg-e450",
            operator="ekz",
            tariffs=(("t1", "Day"),),
        ),
        LiveMeter("house_2", (("power_net", 0.0), ("tariff_active", 0.0)), model="iskra-am550"),
    ),
    source="mqtts://broker.example:8884",
)


def text(view: str, selection: Selection, resolved: Resolved = RESOLVED) -> str:
    return TARGET.views[view].render(resolved, selection)


def components(page: Any) -> Iterator[dict[str, Any]]:
    """Every component of a page, whatever its depth."""
    if isinstance(page, dict):
        if "component" in page:
            yield page
        for inner in page.values():
            yield from components(inner)
    elif isinstance(page, list):
        for inner in page:
            yield from components(inner)


def check_everything(selection: Selection) -> None:
    """Of one version; what no version changes is read in test_openhab_target."""
    of_things = cached_things(replace(selection, options=()))
    found = items(text("items", selection))
    check_items(selection, of_things, found)
    if version_of(RESOLVED, selection).knows("5.0"):
        assert made(text("yaml", selection)) == made(text("yaml", replace(selection, options=())))
    else:
        with pytest.raises(UsageError, match="take --things and --items"):
            text("yaml", selection)


@cache
def cached_things(selection: Selection) -> dict[str, Thing]:
    return things(text("things", selection))


def made(source: str) -> list[str]:
    """The file without the line that names the command."""
    return [line for line in source.splitlines() if "Made with: " not in line]


def check_items(selection: Selection, of_things: dict[str, Thing], found: dict[str, Item]) -> None:
    channels = {f"{thing.uid}:{name}" for thing in of_things.values() for name in thing.channels}
    assert {item.metadata["channel"] for item in found.values() if "channel" in item.metadata} == channels
    tags = {tag for item in found.values() for tag in item.tags}
    allowed = TAGS_OF_4 if selection.option("openhab") == "4.3" else TAGS_OF_4 | {"ElectricMeter", "Info"}
    # of a meter of gas, water or heat in every version, of an electricity meter before 5.0
    electric = not selection.meter or RESOLVED.meters[selection.meter].medium == "electricity"
    assert ("Sensor" in tags) == (selection.option("openhab") == "4.3" or not electric)
    assert tags <= allowed
    for item in found.values():
        assert set(item.groups) <= {name for name, other in found.items() if other.type == "Group"}
    for thing in of_things.values():
        for channel in thing.channels.values():
            level = thing.uid.rpartition(":")[2]
            assert channel.properties["stateTopic"][0] in valid_topics(selection, level)


def valid_topics(selection: Selection, level: str) -> set[str]:
    """Every topic that the schema has for a quantity of this meter."""
    return {
        topics.path(RESOLVED, topic, level, quantity.name, channel)
        for quantity in quantities(RESOLVED, selection.of(level))
        if (topic := topics.topic_of(RESOLVED, quantity))
        for channel in ((None,) if not topics.is_of_submeter(quantity) else range(1, 5))
    }


def check_page(selection: Selection, version: str) -> None:
    selection = replace(selection, options=(("openhab", version),))
    found = items(text("items", selection))
    page = load(text("page", selection))
    if version == "5.2":
        assert set(page) == {"version", "pages"}
        whole = page["pages"]["smartmeter"]
        assert whole["component"] == "oh-layout-page"
        blocks = whole["slots"]["default"]
    else:
        assert set(page) == {"config", "blocks", "masonry", "grid", "canvas"}
        blocks = page["blocks"]
    assert {block["component"] for block in blocks} == {"oh-block"}
    named = [c["config"]["item"] for c in components(blocks) if "item" in c["config"]]
    linked = [name for name, item in found.items() if "channel" in item.metadata]
    assert sorted(named) == sorted(linked), "the page shows every Item once"
    for component in components(blocks):
        together = component["config"].get("actionAnalyzerItems", [])
        assert len({found[name].type for name in together}) <= 1, "one diagram, one dimension"


@pytest.mark.parametrize("lang", RESOLVED.languages)
@pytest.mark.parametrize("meter", RESOLVED.meters)
def test_each_meter_in_each_version(meter: str, lang: str) -> None:
    for version in VERSIONS:
        check_everything(Selection(meter=meter, lang=lang, options=(("openhab", version),)))


@pytest.mark.parametrize("lang", RESOLVED.languages)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_page_has_every_item_once(version: str, lang: str) -> None:
    for selection in (Selection(), Selection(meter="iskra-am550"), LIVE):
        check_page(replace(selection, lang=lang), version)


@pytest.mark.parametrize("meter", RESOLVED.meters)
def test_each_meter_has_its_page(meter: str) -> None:
    check_page(Selection(meter=meter), "5.2")


@pytest.mark.parametrize("lang", RESOLVED.languages)
@pytest.mark.parametrize("version", VERSIONS)
def test_live_meters_in_each_version(version: str, lang: str) -> None:
    check_everything(replace(LIVE, lang=lang, options=(("openhab", version),)))


def test_live_meters_have_what_they_send_and_no_more() -> None:
    found = things(text("things", LIVE))
    assert set(found["mqtt:topic:house-1"].channels) == {
        "power_import",
        "energy_import_t1",
        "channel2_volume_gas",
    }
    assert set(found["mqtt:topic:house_2"].channels) == {"power_net", "tariff_active"}
    gas = found["mqtt:topic:house-1"].channels["channel2_volume_gas"]
    assert gas.properties["stateTopic"] == ["cii/v1/house-1/channel/2/value/volume_gas"]
    assert found["mqtt:broker:home"].properties == {
        "host": ["broker.example"],
        "port": [8884.0],
        "secure": [True],
    }
    named = items(text("items", LIVE))
    assert named["SmartMeter_house_1_Energy_Import_T1"].label == "Energy import, tariff 1 (Day)"
    assert named["SmartMeter_house_1_Power_Import"].metadata["expire"] == "60s"
    shown = {w.options["item"] for w in sitemap(text("sitemap", LIVE)).widgets() if "item" in w.options}
    assert shown >= {name for name, item in named.items() if "channel" in item.metadata}


@pytest.mark.parametrize("view", ["things", "yaml"])
@pytest.mark.parametrize(
    ("options", "uid", "there"),
    [
        ((), "mqtt:broker:home", True),
        ((("no-bridge", "yes"),), "mqtt:broker:home", False),
        ((("bridge", "mqtt:broker:mosquitto"),), "mqtt:broker:mosquitto", False),
    ],
)
def test_the_broker_thing_is_made_or_named(
    view: str, options: tuple[tuple[str, str], ...], uid: str, there: bool
) -> None:
    source = text(view, Selection(options=options))
    if view == "things":
        found = things(source)
        assert found["mqtt:topic:smartmeter"].bridge == uid
        assert (uid in found) == there
    else:
        listed = load(source)["things"]
        assert listed["mqtt:topic:smartmeter"]["bridge"] == uid
        assert (uid in listed) == there


@pytest.mark.parametrize(
    "uid", ["mosquitto", "mqtt:broker:", "mqtt:topic:x", "mqtt:broker:Thing", 'mqtt:broker:"']
)
def test_a_uid_that_openhab_would_not_read_is_refused(uid: str) -> None:
    with pytest.raises(UsageError, match="is no UID of a broker Thing"):
        text("things", Selection(options=(("bridge", uid),)))


@pytest.mark.parametrize(
    ("given", "number"), [("5", (5, 0)), ("5.10", (5, 10)), ("4.3.5", (4, 3)), (None, (5, 0))]
)
def test_versions_are_numbers(given: str | None, number: tuple[int, int]) -> None:
    options = (("openhab", given),) if given else ()
    assert version_of(RESOLVED, Selection(options=options)).number == number


def test_help_names_the_default() -> None:
    assert f"default: {setting(RESOLVED, 'default')}." in TARGET.options["openhab"].help


def test_a_version_too_old_is_told_with_the_one_that_asks_for_it() -> None:
    with pytest.raises(UsageError, match=r"--openhab 5\.0: it came with 5\.2"):
        demand(RESOLVED, Selection(), "pages_since", "it came with {since}")
