"""The parser of the tests takes what openHAB takes, and refuses the mistakes people make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from captures import CAPTURES
from openhab_dsl import DslError, items, persistence, sitemap, things
from yaml_text import load

EXAMPLES = CAPTURES.parent / "examples" / "openhab"
PARSERS: dict[str, Callable[[str], Any]] = {
    ".things": things,
    ".items": items,
    ".sitemap": sitemap,
    ".persist": persistence,
}
FILES = [
    "things/smartmeter.things",
    "things/smartmeter-json.things",
    "items/smartmeter.items",
    "sitemaps/smartmeter.sitemap",
    "persistence/rrd4j.persist",
    "persistence/influxdb.persist",
]


@pytest.mark.parametrize("name", FILES)
def test_takes_files_that_openhab_takes(name: str) -> None:
    path = EXAMPLES / name
    assert path.is_file(), f"{path} is missing: CII_CAPTURES must lie beside the folder examples"
    assert PARSERS[path.suffix](path.read_text(encoding="utf-8"))


def test_reads_what_stands_there() -> None:
    found = things((EXAMPLES / FILES[0]).read_text(encoding="utf-8"))
    assert found["mqtt:broker:home"].properties["port"] == [1883]
    assert found["mqtt:broker:home"].properties["secure"] == [False]
    meter = found["mqtt:topic:smartmeter_main"]
    assert (meter.label, meter.bridge) == ("Smart meter", "mqtt:broker:home")
    assert meter.channels["tariff"].properties["allowedStates"] == ["T1,T2"]
    pattern = things((EXAMPLES / FILES[1]).read_text(encoding="utf-8"))["mqtt:topic:smartmeter_main"]
    assert pattern.channels["energy_export"].properties["transformationPattern"] == [
        "REGEX((.*energy_export.*))",
        "JSONPATH($.energy_export)",
    ]
    power = items((EXAMPLES / FILES[2]).read_text(encoding="utf-8"))["SmartMeter_Power"]
    assert (power.type, power.label, power.format) == ("Number:Power", "Power", "%.0f W")
    assert power.groups == ["SmartMeter", "gSmartMeter_Chart"]
    assert power.metadata["expire"] == "60s"
    page = sitemap((EXAMPLES / FILES[3]).read_text(encoding="utf-8"))
    assert [widget.options["label"] for widget in page.children][:2] == ["Now", "Registers"]
    kept = persistence((EXAMPLES / FILES[5]).read_text(encoding="utf-8"))
    assert kept.entries["gSmartMeter_Chart*"] == (["everyChange", "every15Minutes"], ["tenSeconds"])


def test_yaml_example_is_there() -> None:
    path: Path = EXAMPLES / "yaml" / "smartmeter.yaml"
    assert load(path.read_text(encoding="utf-8"))["version"] == 1


THING = 'Thing mqtt:topic:a "A" (mqtt:broker:b) [ availabilityTopic="a/b" ] {{ Channels: {} }}'
REFUSED_THINGS = {
    "location before bridge": 'Thing mqtt:topic:a "A" @ "cellar" (mqtt:broker:b)',
    "properties before bridge": 'Thing mqtt:topic:a "A" [ a="b" ] (mqtt:broker:b)',
    "label after bridge": 'Thing mqtt:topic:a (mqtt:broker:b) "A"',
    "single quotes": THING.format("Type number : p \"P\" [ stateTopic='a/b' ]"),
    "no comma between properties": THING.format('Type number : p "P" [ stateTopic="a/b" unit="W" ]'),
    "comma between channels": THING.format('Type number : p "P" [ a="b" ], Type number : q "Q" [ a="c" ]'),
    "quoted key": THING.format('Type number : p "P" [ "stateTopic"="a/b" ]'),
    "property without a value": THING.format('Type number : p "P" [ stateTopic= ]'),
    "value without a key": THING.format('Type number : p "P" [ "a/b" ]'),
    "property twice": THING.format('Type number : p "P" [ stateTopic="a", stateTopic="b" ]'),
    "keyword as channel": THING.format('Type number : State "P" [ stateTopic="a/b" ]'),
    "another keyword as channel": THING.format('Type number : Number "P" [ stateTopic="a/b" ]'),
    "keyword as Thing": 'Thing mqtt:topic:true "A" (mqtt:broker:b)',
    "dot in an id": THING.format('Type number : power.l1 "P" [ stateTopic="a/b" ]'),
    "space in an id": THING.format('Type number : power l1 "P" [ stateTopic="a/b" ]'),
    "channel twice": THING.format('Type number : p "P" [ a="b" ] Type number : p "P" [ a="c" ]'),
    "Thing twice": 'Thing mqtt:topic:a "A" Thing mqtt:topic:a "A"',
    "no brace at the end": 'Thing mqtt:topic:a "A" { Channels: Type number : p "P" [ a="b" ]',
    "quote in a label": THING.format('Type number : p "a "b" c" [ stateTopic="a/b" ]'),
    "colon after the keyword is missing": THING.format("").replace("Channels:", "Channels"),
    "bare word as value": THING.format('Type number : p "P" [ stateTopic=topic ]'),
}


@pytest.mark.parametrize("text", REFUSED_THINGS.values(), ids=REFUSED_THINGS)
def test_refuses_things(text: str) -> None:
    with pytest.raises(DslError):
        things(text)


def test_what_it_refuses_is_only_the_mistake() -> None:
    channel = 'Type number : p "P" [ stateTopic="a/b", unit="W", values="x", "y", min=1.5, retained=true ]'
    found = things(THING.format(channel))["mqtt:topic:a"].channels["p"]
    assert found.properties["values"] == ["x", "y"]
    assert found.properties["min"] == [1.5]


ITEM = 'Number:Power A "P [%.0f W]" <energy> (G, H) ["Measurement", "Power"] {{ channel="a:b:c:d"{} }}'
REFUSED_ITEMS = {
    "no comma between metadata": ITEM.format(' unit="W"'),
    "single quotes": ITEM.format(", unit='W'"),
    "metadata without quotes": ITEM.format(", unit=W"),
    "metadata twice": ITEM.format(', unit="W", unit="kW"'),
    "tags before groups": 'Number A "P" ["Measurement"] (G)',
    "icon before label": 'Number A <energy> "P"',
    "metadata before tags": 'Number A "P" { channel="a:b:c:d" } ["Measurement"]',
    "no comma between groups": 'Number A "P" (G H)',
    "hyphen in a name": 'Number A-B "P"',
    "digit first": 'Number 1A "P"',
    "keyword as name": 'Number true "P"',
    "brackets in a label": 'Number A "P [kW] [%.0f W]"',
    "Item twice": 'Number A "P" Number A "Q"',
    "five parts of a type": 'Group:Number:Power:SUM:X A "P"',
    "unknown escape": r'Number A "\d"',
}


@pytest.mark.parametrize("text", REFUSED_ITEMS.values(), ids=REFUSED_ITEMS)
def test_refuses_items(text: str) -> None:
    with pytest.raises(DslError):
        items(text)


def test_takes_the_item_without_the_mistake() -> None:
    assert items(ITEM.format(', stateDescription="" [ options="a=b,c=d" ]'))["A"].options[
        "stateDescription"
    ] == {"options": ["a=b,c=d"]}


REFUSED_SITEMAPS = {
    "space before the equals sign": 'sitemap a label ="A" { Text item=B }',
    "hyphen in the name": 'sitemap a-b label="A" { Text item=B }',
    "empty frame": 'sitemap a label="A" { Frame label="B" { } }',
    "children of a chart": 'sitemap a label="A" { Chart item=B { Text item=C } }',
    "label without quotes of two words": 'sitemap a label="A" { Text item=B label=two words }',
    "option twice": 'sitemap a label="A" { Text item=B item=C }',
    "colour without brackets": 'sitemap a label="A" { Text item=B valuecolor="red" }',
}


@pytest.mark.parametrize("text", REFUSED_SITEMAPS.values(), ids=REFUSED_SITEMAPS)
def test_refuses_sitemaps(text: str) -> None:
    with pytest.raises(DslError):
        sitemap(text)


STRATEGY = 'Strategies { everyMinute : "0 * * * * ?" }'
REFUSED_PERSISTENCE = {
    "default": 'Strategies { everyMinute : "0 * * * * ?" default = everyChange } Items { * : strategy = everyMinute }',
    "no strategy": f"{STRATEGY} Items {{ * : }}",
    "unknown strategy": f"{STRATEGY} Items {{ * : strategy = everyHour }}",
    "unknown filter": f"{STRATEGY} Items {{ * : strategy = everyMinute filter = slow }}",
    "comma before filter": f"{STRATEGY} Filters {{ f : T 10 s }} Items {{ * : strategy = everyMinute, filter = f }}",
    "filters first": f"Filters {{ f : T 10 s }} {STRATEGY}",
    "unit of a filter": f"{STRATEGY} Filters {{ f : T 10 seconds }}",
}


@pytest.mark.parametrize("text", REFUSED_PERSISTENCE.values(), ids=REFUSED_PERSISTENCE)
def test_refuses_persistence(text: str) -> None:
    with pytest.raises(DslError):
        persistence(text)
