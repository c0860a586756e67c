"""evcc's meters: fields that evcc has, topics of the schema, units and timeouts; the template says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from ciigen.errors import TargetError, UsageError
from ciigen.pushed import interval_s
from ciigen.resolved import Place, Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.evcc import TARGET
from selections import RESOLVED, every, selections
from yaml_text import load

#: Field → unit of evcc (docs.evcc.io: meters, user-defined devices) and how many readings it has.
FIELDS = {
    "power": ("W", 1),
    "energy": ("kWh", 1),
    "returnenergy": ("kWh", 1),
    "powers": ("W", 3),
    "currents": ("A", 3),
    "voltages": ("V", 3),
}
#: (unit of the profile, unit of evcc) → scale; None: the same.
SCALES = {("W", "W"): None, ("A", "A"): None, ("V", "V"): None, ("Wh", "kWh"): 0.001}
Reading = dict[str, Any]


def electric(selection: Selection) -> bool:
    """Whether evcc can work with it: a power comes; the other meters have their own test."""
    return bool({"power_import", "power_net"} & {q.name for q in quantities(RESOLVED, selection)})


EVERY = every(
    {
        lang: [s for s in selections(RESOLVED, lang, ("house-1", "true", "0815")) if electric(s)]
        for lang in RESOLVED.languages
    }
)


@cache
def text(view: str, selection: Selection) -> str:
    return TARGET.views[view].render(RESOLVED, selection)


def meters(selection: Selection, resolved: Resolved | None = None) -> list[dict[str, Any]]:
    source = TARGET.views["yaml"].render(resolved, selection) if resolved else text("yaml", selection)
    document = load(source)
    assert set(document) == {"meters"}, "pasted into an evcc.yaml that has a broker and a site"
    found: list[dict[str, Any]] = document["meters"]
    return found


def readings(meter: dict[str, Any]) -> Iterator[tuple[str, Reading]]:
    for field in FIELDS:
        value = meter.get(field, [])
        for reading in value if isinstance(value, list) else [value]:
            yield field, reading


@EVERY
def test_only_fields_that_evcc_has(selection: Selection) -> None:
    found = meters(selection)
    assert [meter["name"] for meter in found] == list(selection.ids)
    for meter in found:
        assert set(meter) <= {"name", "type", *FIELDS}
        assert meter["type"] == "custom"
        assert "power" in meter
        for field, (_, number) in FIELDS.items():
            if number == 1:
                assert isinstance(meter.get(field, {}), dict)
            else:
                assert len(meter.get(field, "all")) == 3, f"{field}: all three phases or none"


@EVERY
def test_topics_units_and_timeouts(selection: Selection) -> None:
    patterns = [
        re.sub(r"\\\{(\w+)\\\}", lambda match: f"(?:{RESOLVED.levels[match[1]]})", re.escape(topic.path))
        for topic in RESOLVED.topics.values()
    ]
    names = {q.name for q in quantities(RESOLVED, selection)}
    for meter in meters(selection):
        for field, reading in readings(meter):
            assert set(reading) <= {"source", "topic", "scale", "timeout"}
            assert reading["source"] == "mqtt"
            assert any(re.fullmatch(pattern, reading["topic"]) for pattern in patterns)
            lead, _, name = reading["topic"].rpartition("/")
            assert lead == f"cii/v1/{meter['name']}/value"
            assert name in names, f"the meter does not send {name}"
            quantity = RESOLVED.quantities[name]
            assert reading.get("scale") == SCALES[quantity.unit or "", FIELDS[field][0]]
            seconds = max(60, round(3 * interval_s(RESOLVED, selection, quantity)))
            assert reading["timeout"] == f"{seconds}s"


@EVERY
def test_which_quantity_is_which_field(selection: Selection) -> None:
    sent = {q.name for q in quantities(RESOLVED, selection)}
    lists = {
        "powers": [f"power_net_l{n}" for n in (1, 2, 3)],
        "currents": [f"current_l{n}" for n in (1, 2, 3)],
        "voltages": [f"voltage_l{n}" for n in (1, 2, 3)],
    }
    expected: dict[str, list[str]] = {
        "power": ["power_net"] if "power_net" in sent else ["power_import"],
        "energy": ["energy_import"],
        "returnenergy": ["energy_export"],
        **lists,
    }
    for meter in meters(selection):
        found: dict[str, list[str]] = {}
        for field, reading in readings(meter):
            found.setdefault(field, []).append(reading["topic"].rpartition("/")[2])
        assert found == {field: names for field, names in expected.items() if set(names) <= sent}


@EVERY
def test_the_template_says_the_same(selection: Selection) -> None:
    template = load(text("template", selection))
    assert list(template) == ["template", "products", "requirements", "params", "render"]
    assert re.fullmatch(r"[a-z0-9-]+", template["template"])
    parameters = {parameter["name"]: parameter for parameter in template["params"]}
    assert set(parameters) == {"usage", "topic", "timeout"}
    assert parameters["usage"]["choice"] == ["grid"]
    assert parameters["topic"]["default"] == f"cii/v1/{selection.ids[0]}"
    timeout = parameters["timeout"]["default"]
    assert set(re.findall(r"\{\{(.*?)\}\}", template["render"])) == {" .topic ", " .timeout "}
    rendered = load(
        template["render"]
        .replace("{{ .topic }}", parameters["topic"]["default"])
        .replace("{{ .timeout }}", timeout)
    )
    (meter, *_) = meters(selection)
    longest = max(int(reading["timeout"].removesuffix("s")) for _, reading in readings(meter))
    assert timeout == f"{longest}s"
    for _, reading in readings(meter):
        reading["timeout"] = timeout
    assert rendered == {key: value for key, value in meter.items() if key != "name"}


@EVERY
def test_header_says_how_to_make_it_again(selection: Selection) -> None:
    for view in TARGET.views:
        assert f"# Made with:  ciigen evcc --{view}" in text(view, selection)


def without(*names: str) -> Resolved:
    """The schema with lists that lack these quantities."""
    meter = RESOLVED.meters["lg-e450"]
    lists = tuple(
        pushed.model_copy(
            update={
                "elements": tuple(element for element in pushed.elements if element.quantity not in names)
            }
        )
        for pushed in meter.lists
    )
    changed = meter.model_copy(update={"lists": lists})
    return RESOLVED.model_copy(update={"meters": {**RESOLVED.meters, meter.id: changed}})


def test_a_meter_without_feed_in_has_its_import() -> None:
    fed_in = ("energy_export", "energy_export_t1", "energy_export_t2")
    (meter,) = meters(Selection(meter="lg-e450"), without("power_export", *fed_in))
    assert meter["power"]["topic"].endswith("/power_import")
    assert "returnenergy" not in meter
    source = TARGET.views["yaml"].render(without(*fed_in), Selection(meter="lg-e450"))
    assert "returnenergy" not in source, "nor is it talked of"


def test_two_phases_are_none() -> None:
    (meter,) = meters(Selection(meter="lg-e450"), without("voltage_l2"))
    assert "voltages" not in meter
    assert len(meter["currents"]) == 3


@pytest.mark.parametrize("view", list(TARGET.views))
def test_a_meter_without_power_is_refused(view: str) -> None:
    bare = without("power_import", "power_export")
    with pytest.raises(UsageError, match="lg-e450 sends none"):
        TARGET.views[view].render(bare, Selection(meter="lg-e450"))


def test_a_quantity_without_a_topic_is_refused() -> None:
    moved = RESOLVED.quantities["energy_import"].model_copy(update={"place": Place.META})
    broken = RESOLVED.model_copy(update={"quantities": {**RESOLVED.quantities, "energy_import": moved}})
    with pytest.raises(TargetError, match=r"energy_import has no topic.*schema/consumers/evcc\.yaml"):
        meters(Selection(meter="lg-e450"), broken)


def test_another_prefix() -> None:
    (meter,) = meters(Selection(), RESOLVED.model_copy(update={"prefix": "house/cii"}))
    assert meter["power"]["topic"] == "house/cii/v1/smartmeter/value/power_net"


def test_unknown_selection() -> None:
    with pytest.raises(UsageError, match="ekz"):
        text("yaml", Selection(operator="ekzz"))


def test_tree_has_each_meter_and_is_stable() -> None:
    tree = TARGET.tree(RESOLVED)
    assert set(tree) == {f"{meter}.yaml" for meter in RESOLVED.meters if electric(Selection(meter=meter))}
    assert "kamstrup-382.yaml" in tree
    assert tree == TARGET.tree(RESOLVED)


@pytest.mark.parametrize("view", TARGET.views)
def test_a_meter_of_water_is_none_for_evcc(view: str) -> None:
    assert "gwf-mtkcoder.yaml" not in TARGET.tree(RESOLVED)
    with pytest.raises(UsageError, match="gwf-mtkcoder measures water: choose another meter"):
        text(view, Selection(meter="gwf-mtkcoder"))
    with pytest.raises(UsageError, match="evcc needs a power, and emh-diz sends none"):
        text(view, Selection(meter="emh-diz"))


def test_shape() -> None:
    """One meter, word by word."""
    (meter,) = meters(Selection(ids=("house",), meter="honeywell-as3000"))

    def at(name: str) -> Reading:
        return {"source": "mqtt", "topic": f"cii/v1/house/value/{name}", "timeout": "60s"}

    assert meter == {
        "name": "house",
        "type": "custom",
        "power": at("power_net"),
        "energy": at("energy_import") | {"scale": 0.001},
        "returnenergy": at("energy_export") | {"scale": 0.001},
        "powers": [at("power_net_l1"), at("power_net_l2"), at("power_net_l3")],
        "currents": [at("current_l1"), at("current_l2"), at("current_l3")],
        "voltages": [at("voltage_l1"), at("voltage_l2"), at("voltage_l3")],
    }
