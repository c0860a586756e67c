"""openHAB's files parse, fit together, and say what the schema says: for every meter, operator and language."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from ciigen import topics
from ciigen.errors import TargetError, UsageError
from ciigen.resolved import Kind, Quantity, Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.openhab import TARGET
from ciigen.targets.openhab.names import KEYWORDS, equipment_names, quotable, thing_id
from openhab_dsl import Item, Thing, items, persistence, sitemap, things
from selections import RESOLVED, by_language, describe
from yaml_text import load

#: Units that openHAB registers (org.openhab.core.library.unit.Units and SIUnits) → their dimension. kVAh is none of them.
DIMENSIONS = {
    **dict.fromkeys(("W", "kW", "var", "kvar", "VA", "kVA"), "Power"),
    **dict.fromkeys(("Wh", "kWh", "varh", "kvarh", "VAh"), "Energy"),
    "V": "ElectricPotential",
    "A": "ElectricCurrent",
    "Hz": "Frequency",
    "m³": "Volume",
    "rad": "Angle",
}
POINTS = {"Measurement", "Status"}
LIVE = {Kind.INSTANTANEOUS, Kind.DEMAND}


EVERY = by_language(RESOLVED, ("house-1", "house_2", "true"))


def text(view: str, selection: Selection, resolved: Resolved | None = None) -> str:
    return TARGET.views[view].render(resolved, selection) if resolved else _text(view, selection)


@cache
def _text(view: str, selection: Selection) -> str:
    return TARGET.views[view].render(RESOLVED, selection)


def own(selection: Selection) -> dict[str, Quantity]:
    """The quantities that have a topic of their own by channel of the Thing: without sub-meters, unless it is one itself."""
    chosen = [q for q in quantities(RESOLVED, selection) if topics.topic_of(RESOLVED, q)]
    if itself(selection):
        return {f"channel1_{q.name}": q for q in chosen}
    return {q.name: q for q in chosen if not topics.is_of_submeter(q)}


def itself(selection: Selection) -> bool:
    """Whether it is a device of an M-Bus that counts no electricity."""
    return bool(selection.meter) and RESOLVED.meters[selection.meter].medium != "electricity"


def channels(found: dict[str, Thing]) -> dict[str, tuple[Thing, Any]]:
    return {
        f"{thing.uid}:{channel.id}": (thing, channel)
        for thing in found.values()
        for channel in thing.channels.values()
    }


def linked(found: dict[str, Item]) -> list[Item]:
    return [item for item in found.values() if "channel" in item.metadata]


def uncommented(source: str) -> str:
    """The file after its reader took away the // before the lines for sub-meters."""
    return re.sub(r"^( *)// (?=Type |Number:\w+ +SmartMeter)", r"\1", source, flags=re.MULTILINE)


@EVERY
def test_things_have_the_topics_of_the_schema(selection: Selection) -> None:
    found = things(text("things", selection))
    assert next(iter(found)) == "mqtt:broker:home"
    for level in selection.ids:
        thing = found[f"mqtt:topic:{thing_id(level)}"]
        assert thing.bridge == "mqtt:broker:home"
        assert thing.properties == {
            "availabilityTopic": [f"cii/v1/{level}/availability"],
            "payloadAvailable": ["online"],
            "payloadNotAvailable": ["offline"],
        }
        expected = {
            channel: topics.path(RESOLVED, topics.topic_of(RESOLVED, q), level, q.name, 1)  # type: ignore[arg-type]
            for channel, q in own(selection).items()
        }
        assert {c.id: c.properties["stateTopic"][0] for c in thing.channels.values()} == expected
    assert len(found) == len(selection.ids) + 1


@EVERY
def test_channels_have_labels_units_and_states(selection: Selection) -> None:
    known = own(selection)
    for _, channel in channels(things(text("things", selection))).values():
        quantity = known[channel.id]
        assert channel.label.startswith(quantity.label[selection.lang])
        assert set(channel.properties) <= {"stateTopic", "unit", "allowedStates"}
        if quantity.kind is Kind.TEXT:
            assert channel.type == "string"
            states = channel.properties.get("allowedStates", [""])[0]
            assert states == ",".join(quantity.states)
        else:
            assert channel.type == "number"
            # the number on the topic is in the unit of the profile; a count and a power factor have none
            unit = channel.properties.get("unit", ["1"])[0]
            assert unit == quantity.unit
            assert unit == "1" or unit in DIMENSIONS


@EVERY
def test_each_item_has_its_channel(selection: Selection) -> None:
    of_channel = channels(things(text("things", selection)))
    found = linked(items(text("items", selection)))
    assert sorted(item.metadata["channel"] for item in found) == sorted(of_channel)
    for item in found:
        _, channel = of_channel[item.metadata["channel"]]
        assert item.type.partition(":")[0] == {"number": "Number", "string": "String"}[channel.type]
        assert item.label == channel.label
        assert ("unit" in item.metadata) == ("unit" in channel.properties)


@EVERY
def test_each_unit_fits_its_dimension(selection: Selection) -> None:
    of_channel = channels(things(text("things", selection)))
    for item in linked(items(text("items", selection))):
        dimension = item.type.partition(":")[2]
        unit = item.metadata.get("unit")
        assert bool(unit) == bool(dimension), f"{item.name} {item.type} without unit, or the other way round"
        if unit:
            _, channel = of_channel[item.metadata["channel"]]
            assert DIMENSIONS.get(unit) == dimension, (
                f"{item.name}: openHAB has no unit {unit} of {dimension}"
            )
            assert DIMENSIONS[channel.properties["unit"][0]] == dimension
            assert item.format.endswith(f" {unit}"), f"{item.name} shows {item.format}, and is kept in {unit}"
        assert re.fullmatch(r"%\.[0-3]f( \S+)?|%s", item.format), item.format


@EVERY
def test_only_live_values_expire(selection: Selection) -> None:
    known = own(selection)
    for item in linked(items(text("items", selection))):
        quantity = known[item.metadata["channel"].rpartition(":")[2]]
        assert ("expire" in item.metadata) == (quantity.kind in LIVE)
        if "expire" in item.metadata:
            assert int(re.fullmatch(r"(\d+)s", item.metadata["expire"])[1]) >= 60  # type: ignore[index]


@EVERY
@pytest.mark.parametrize("version", ["5.0", "4.3"])
def test_groups_and_tags(selection: Selection, version: str) -> None:
    modern = version == "5.0"
    found = items(text("items", replace(selection, options=() if modern else (("openhab", version),))))
    groups = {name for name, item in found.items() if item.type == "Group"}
    equipment = [item for item in found.values() if item.tags in (["ElectricMeter"], ["Sensor"])]
    assert len(equipment) == len(selection.ids)
    tag = "ElectricMeter" if modern and not itself(selection) else "Sensor"
    assert {item.tags[0] for item in equipment} == {tag}
    for item in linked(found):
        assert set(item.groups) <= groups
        # the equipment of its own meter, and of no other
        assert [group for group in item.groups if group in {e.name for e in equipment}] == [item.groups[0]]
        assert item.name.startswith(f"{item.groups[0]}_")
        # a property tag is lost without a point tag before it
        assert item.tags[0] in POINTS
        assert len(item.tags) <= 2
        assert modern or "Info" not in item.tags
    members = {group for item in linked(found) for group in item.groups}
    assert groups == members, "a group without members"


@EVERY
def test_sitemap_shows_every_item_once(selection: Selection) -> None:
    page = sitemap(text("sitemap", selection))
    found = items(text("items", selection))
    assert page.name == "smartmeter"
    assert TARGET.views["sitemap"].path(selection) == "sitemaps/smartmeter.sitemap"
    shown = [
        w.options["item"] for w in page.widgets() if w.kind in ("Text", "Default") and "item" in w.options
    ]
    assert sorted(shown) == sorted(item.name for item in linked(found))
    for chart in (w for w in page.widgets() if w.kind == "Chart"):
        kinds = {item.type for item in found.values() if chart.options["item"] in item.groups}
        assert len(kinds) == 1, f"{chart.options['item']} mixes {kinds} in one diagram"
    headings = [w.options["label"] for w in page.children]
    assert len(headings) == len(set(headings))


@EVERY
def test_persistence_keeps_groups_that_exist(selection: Selection) -> None:
    found = items(text("items", selection))
    for view in ("persist", "persist-influxdb"):
        kept = persistence(text(view, selection)).entries
        assert set(kept) == {
            f"{name}*" for name in found if name in ("gSmartMeter_Chart", "gSmartMeter_Meter")
        }
    rrd4j = persistence(text("persist", selection)).entries
    assert all("everyMinute" in strategies for strategies, _ in rrd4j.values()), "gaps in the charts"
    live = rrd4j.get("gSmartMeter_Chart*", ((),))[0]
    assert "restoreOnStartup" not in live, "an old live value after a start"
    for item in linked(found):
        # what expires is a live value, and what does not is no live value
        assert ("gSmartMeter_Chart" in item.groups) <= ("expire" in item.metadata)
        assert ("gSmartMeter_Meter" in item.groups) <= ("expire" not in item.metadata)


@EVERY
def test_yaml_says_the_same(selection: Selection) -> None:
    found = load(text("yaml", selection))
    assert set(found) == {"version", "things", "items"}
    assert found["version"] == 1
    dsl = things(text("things", selection))
    assert list(found["things"]) == list(dsl)
    broker = found["things"]["mqtt:broker:home"]
    assert broker["isBridge"] is True
    assert broker["config"] == {key: value[0] for key, value in dsl["mqtt:broker:home"].properties.items()}
    for uid, thing in list(dsl.items())[1:]:
        entry = found["things"][uid]
        assert (entry["label"], entry["bridge"]) == (thing.label, thing.bridge)
        assert entry["config"] == {key: value[0] for key, value in thing.properties.items()}
        assert {
            name: (channel["type"], channel["label"], channel["config"])
            for name, channel in entry["channels"].items()
        } == {
            name: (channel.type, channel.label, {key: value[0] for key, value in channel.properties.items()})
            for name, channel in thing.channels.items()
        }
    assert {name: from_yaml(name, entry) for name, entry in found["items"].items()} == items(
        text("items", selection)
    )


def from_yaml(name: str, entry: dict[str, Any]) -> Item:
    """A YAML Item in the shape of the DSL, so that the two can be compared whole."""
    metadata = {key: entry[key] for key in ("channel", "unit") if key in entry}
    options: dict[str, dict[str, list[Any]]] = {key: {} for key in metadata}
    pattern = entry.get("format", "")
    for key, value in entry.get("metadata", {}).items():
        config = dict(value.get("config", {}))
        pattern = config.pop("pattern", pattern)
        metadata[key] = value.get("value", "")
        options[key] = {setting: [content] for setting, content in config.items()}
    kind = ":".join(filter(None, (entry["type"], entry.get("dimension"))))
    return Item(
        kind,
        name,
        entry["label"],
        pattern,
        entry.get("icon", ""),
        entry.get("groups", []),
        entry.get("tags", []),
        metadata,
        options,
    )


@pytest.mark.parametrize("lang", RESOLVED.languages)
def test_lines_for_submeters_work_once_uncommented(lang: str) -> None:
    selection = Selection(meter="lg-e450", lang=lang)
    below = [
        q
        for q in quantities(RESOLVED, selection)
        if topics.is_of_submeter(q) and topics.topic_of(RESOLVED, q)
    ]
    assert below
    source = text("things", selection)
    before, after = channels(things(source)), channels(things(uncommented(source)))
    added = {channel.id: channel for uid, (_, channel) in after.items() if uid not in before}
    assert {channel.properties["stateTopic"][0] for channel in added.values()} == {
        f"cii/v1/smartmeter/channel/1/value/{q.name}" for q in below
    }
    new = {item.metadata["channel"]: item for item in linked(items(uncommented(text("items", selection))))}
    for name, channel in added.items():
        item = new[f"mqtt:topic:smartmeter:{name}"]
        assert item.label == channel.label
        assert DIMENSIONS[item.metadata["unit"]] == item.type.partition(":")[2]


def test_identity_has_no_channel() -> None:
    names = {
        channel.id for _, channel in channels(things(text("things", Selection(everything=True)))).values()
    }
    assert not names & {"device_name", "serial_manufacturer", "serial_utility", "meter_number", "meter_clock"}


def test_tariff_is_a_text_with_states() -> None:
    found = things(text("things", Selection(everything=True)))["mqtt:topic:smartmeter"].channels[
        "tariff_active"
    ]
    assert (found.type, found.properties["allowedStates"]) == ("string", ["t1,t2,t3,t4"])
    item = items(text("items", Selection(everything=True, lang="de")))["SmartMeter_Tariff_Active"]
    assert item.options["stateDescription"]["options"] == ["t1=Tarif 1,t2=Tarif 2,t3=Tarif 3,t4=Tarif 4"]
    assert item.format == "%s"


def test_an_operator_names_its_tariffs() -> None:
    named = {name: o for name, o in RESOLVED.operators.items() if o.tariffs}
    assert "ekz" in named
    seen = set()
    for name, operator in named.items():
        found = items(text("items", Selection(operator=name)))
        for item in (item for item in found.values() if re.search(r"_T[1-4]$", item.name)):
            seen.add(name)
            assert item.label.endswith(f" ({operator.tariffs[item.name[-2:].lower()].label})")
    assert "ekz" in seen


def slowed(interval_s: float) -> Resolved:
    """The schema with the common list pushed less often."""
    meter = RESOLVED.meters["lg-e450"]
    lists = tuple(
        pushed.model_copy(update={"interval_s": interval_s}) if pushed.id == "vse2026" else pushed
        for pushed in meter.lists
    )
    slower = {**RESOLVED.meters, "lg-e450": meter.model_copy(update={"lists": lists})}
    return RESOLVED.model_copy(update={"meters": slower})


@pytest.mark.parametrize(("interval_s", "expire"), [(5, "60s"), (20, "60s"), (60, "180s"), (900, "2700s")])
def test_an_item_outlives_two_missed_telegrams(interval_s: float, expire: str) -> None:
    found = items(text("items", Selection(), slowed(interval_s)))
    assert found["SmartMeter_Power_Import"].metadata["expire"] == expire
    # derived: as often as what it is computed from
    assert found["SmartMeter_Power_Net"].metadata["expire"] == expire
    assert "expire" not in found["SmartMeter_Energy_Import"].metadata
    # of several lists with the same value, the quickest counts
    model = items(text("items", Selection(meter="lg-e450"), slowed(interval_s)))
    assert model["SmartMeter_Power_Import"].metadata["expire"] == "60s"


def test_several_meters_in_one_file() -> None:
    selection = Selection(ids=("house", "heat-pump"), meter="lg-e360")
    found = things(text("things", selection))
    assert [thing.label for thing in found.values()] == [
        "MQTT broker",
        "Smart meter (house)",
        "Smart meter (heat-pump)",
    ]
    names = [item.name for item in linked(items(text("items", selection)))]
    assert "SmartMeter_house_Power_Import" in names
    assert "SmartMeter_heat_pump_Power_Import" in names


def test_names() -> None:
    assert equipment_names(["smartmeter", "a-b", "ab"], {}) == {
        "smartmeter": "SmartMeter",
        "a-b": "SmartMeter_a_b",
        "ab": "SmartMeter_ab",
    }
    assert thing_id("true") == "meter_true"
    assert not KEYWORDS & {thing_id(keyword) for keyword in KEYWORDS}


@pytest.mark.parametrize("level", ["smartmeter", "lgz1030600000001", "house-1"])
@pytest.mark.parametrize("view", ["items", "yaml", "sitemap", "page", "persist"])
def test_a_second_meter_renames_nothing_of_the_first(view: str, level: str) -> None:
    def names(ids: tuple[str, ...]) -> set[str]:
        return set(re.findall(r"\bg?SmartMeter\w*", text(view, Selection(ids=ids))))

    alone = names((level,))
    assert alone
    for beside in ((level, "flat"), ("flat", level), ("flat", level, "smart")):
        assert alone <= names(beside)


def test_names_that_a_user_chose() -> None:
    selection = Selection(ids=("lgz1", "lgz2"), options=(("names", "lgz1=SmartMeter, lgz2=Heat_Pump"),))
    names = [item.name for item in linked(items(text("items", selection)))]
    assert {"SmartMeter_Power_Net", "Heat_Pump_Power_Net"} <= set(names)
    # the same meter in another housing: another id, the names of before
    after = Selection(ids=("lgz9", "lgz2"), options=(("names", "lgz9=SmartMeter,lgz2=Heat_Pump"),))
    assert [item.name for item in linked(items(text("items", after)))] == names


@pytest.mark.parametrize(
    ("ids", "names", "message"),
    [
        (("a",), "a", "write ID=NAME"),
        (("a",), "a=2nd", "write ID=NAME"),
        (("a",), "a=Zähler", "write ID=NAME"),
        (("house",), "hause=X", "hause is none of the meters: did you mean house?"),
        (("a-b", "a_b"), None, "would both be called SmartMeter_a_b_…: give one of them another name"),
        (("a", "b"), "a=X,b=X", "the meters a and b would both be called X_"),
    ],
)
def test_names_that_cannot_be(ids: tuple[str, ...], names: str | None, message: str) -> None:
    options = (("names", names),) if names else ()
    with pytest.raises(UsageError, match=re.escape(message)):
        text("items", Selection(ids=ids, options=options))


@pytest.mark.parametrize("label", ['a "b"', "a [b]", "100 %", "a\\b", "a\nb"])
def test_a_label_openhab_cannot_read_is_refused(label: str) -> None:
    with pytest.raises(TargetError, match="label en of power_import"):
        quotable(label, "label en of power_import")
    quantity = RESOLVED.quantities["power_import"].model_copy(update={"label": {"en": label}})
    changed = RESOLVED.model_copy(update={"quantities": {**RESOLVED.quantities, "power_import": quantity}})
    with pytest.raises(TargetError, match="power_import"):
        text("things", Selection(), changed)


@pytest.mark.parametrize("view", TARGET.views)
@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(meter="lg-e360", lang="it"),
        Selection(operator="ekz", ids=("house", "flat")),
        Selection(everything=True, ids=("house",)),
    ],
    ids=describe,
)
def test_the_header_says_how_to_make_the_file_again(view: str, selection: Selection) -> None:
    source = text(view, selection)
    words = iter(re.search(r"Made with: +ciigen openhab (.*)", source)[1].split())  # type: ignore[index]
    read = {"ids": [], "view": next(words)[2:]}  # type: ignore[var-annotated]
    for word in words:
        if word == "--id":
            read["ids"].append(next(words))  # type: ignore[union-attr]
        else:
            read[word[2:]] = True if word == "--all" else next(words)  # type: ignore[assignment]
    again = Selection(
        ids=tuple(read["ids"]) or Selection().ids,
        meter=read.get("meter"),  # type: ignore[arg-type]
        operator=read.get("operator"),  # type: ignore[arg-type]
        lang=read.get("lang", "en"),  # type: ignore[arg-type]
        everything=bool(read.get("all")),
    )
    assert read["view"] == view
    assert again == selection
    assert re.search("Belongs in: (conf/|Settings)", source)


def test_unknown_selection() -> None:
    with pytest.raises(UsageError, match="lg-e450"):
        text("things", Selection(meter="lg-e451"))


def test_tree_has_each_meter_and_is_stable() -> None:
    tree = TARGET.tree(RESOLVED)
    names = ("smartmeter.things", "smartmeter.items", "smartmeter.sitemap", "smartmeter.yaml")
    names += ("rrd4j.persist", "influxdb.persist", "page.yaml")
    assert set(tree) == {f"{meter}/{name}" for meter in RESOLVED.meters for name in names}
    assert tree == TARGET.tree(RESOLVED)
    for source in tree.values():
        assert source.endswith("\n")
        assert not source.endswith("\n\n")
        assert not re.search(r"[ \t]$", source, re.MULTILINE)
