"""Product descriptions: they fit the XSD of the association, and each data point is one of its functional profiles."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import sgr_schema
from ciigen.errors import TargetError, UsageError
from ciigen.live.meters import LiveMeter
from ciigen.target import Selection
from ciigen.targets.smartgridready import TARGET
from ciigen.targets.smartgridready.functional import profiles
from lxml import etree
from selections import RESOLVED, every, selections

SGR: Final = "{http://www.smartgridready.com/ns/V0/}"
THREE: Final = ("L1", "L2", "L3")


def of_phases(name: str) -> set[str]:
    return {f"{name}tot", *(f"{name}{phase}" for phase in THREE)}


#: Type → version, data points, unit: SmartGridready/SGrSpecifications, XMLInstances/FuncProfiles/FP_SGr_Metering_<type>_m_<version>.xml.
#: ApparentPowerAC has KILOVOLT_AMPERES_REACTIVE there, which we do not follow: see schema/consumers/smartgridready.yaml.
PROFILES: Final = {
    "ActivePowerAC": ("1.1.0", of_phases("ActivePowerAC"), "KILOWATTS"),
    "ActiveEnergyAC": ("1.1.0", of_phases("ActiveEnergyAC"), "KILOWATT_HOURS"),
    "ReactivePowerAC": ("1.1.0", of_phases("ReactivePowerAC"), "KILOVOLT_AMPERES_REACTIVE"),
    "ReactiveEnergyAC": ("1.1.0", of_phases("ReactiveEnergyAC"), "KILOVOLT_AMPERES_REACTIVE_HOURS"),
    "ApparentPowerAC": ("1.1.0", of_phases("ApparentPowerAC"), "KILOVOLT_AMPERES"),
    "ApparentEnergyAC": ("1.1.0", of_phases("ApparentEnergyAC"), "KILOVOLT_AMPERE_HOURS"),
    "PowerFactor": ("1.0.0", of_phases("PowerFactorAC"), "PERCENT"),
    "VoltageAC": ("1.0.0", {f"VoltageAC{phase}_N" for phase in THREE}, "VOLTS"),
    "CurrentAC": ("1.0.0", {f"CurrentAC{phase}" for phase in (*THREE, "N")}, "AMPERES"),
    "Frequency": ("1.0.0", {"Frequency"}, "HERTZ"),
}
#: Unit of the profile → unit there → JSONata.
QUERIES: Final = {
    **dict.fromkeys(
        (
            ("W", "KILOWATTS"),
            ("Wh", "KILOWATT_HOURS"),
            ("var", "KILOVOLT_AMPERES_REACTIVE"),
            ("varh", "KILOVOLT_AMPERES_REACTIVE_HOURS"),
            ("VA", "KILOVOLT_AMPERES"),
            ("VAh", "KILOVOLT_AMPERE_HOURS"),
        ),
        "$ / 1000",
    ),
    **dict.fromkeys((("V", "VOLTS"), ("A", "AMPERES"), ("Hz", "HERTZ")), "$"),
    ("1", "PERCENT"): "$round($ * 100, 4)",
}
#: All languages are in each file. A meter of gas, water or heat alone has nothing that a profile is published for.
ONE_METER: Final = every(
    {
        "all": [
            selection
            for selection in selections(RESOLVED, "en", ("house-1",))
            if profiles(RESOLVED, selection, required=False)
        ]
    }
)


@cache
def eid(selection: Selection) -> Any:
    return etree.fromstring(TARGET.views["eid"].render(RESOLVED, selection).encode())


@pytest.fixture(scope="module")
def xsd() -> etree.XMLSchema:
    (folder,) = sgr_schema.__path__
    return etree.XMLSchema(etree.parse(Path(folder) / "Product/Product.xsd"))


def functional(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Name and type of each profile, and its element."""
    for element in document.iter(f"{SGR}functionalProfileListElement"):
        yield (
            element.findtext(f".//{SGR}functionalProfileName"),
            element.findtext(f".//{SGR}functionalProfileType"),
            element,
        )


@ONE_METER
def test_each_fits_the_xsd(xsd: etree.XMLSchema, selection: Selection) -> None:
    xsd.assertValid(eid(selection))


def test_the_xsd_is_strict(xsd: etree.XMLSchema) -> None:
    document = etree.fromstring(etree.tostring(eid(Selection())))
    document.find(f".//{SGR}unit").text = "KILOPONDS"
    assert not xsd.validate(document)


@ONE_METER
def test_each_data_point_is_one_of_the_published_profile(selection: Selection) -> None:
    names = Counter(name for name, *_ in functional(eid(selection)))
    assert set(names.values()) == {1}
    for _, kind, element in list(functional(eid(selection)))[1:]:
        version, points, unit = PROFILES[kind]
        assert [int(number.text) for number in element.find(f".//{SGR}versionNumber")] == [
            int(part) for part in version.split(".")
        ]
        found = [point.text for point in element.iter(f"{SGR}dataPointName")]
        assert len(set(found)) == len(found)
        assert set(found) <= points
        assert {u.text for u in element.findall(f".//{SGR}dataPoint/{SGR}unit")} == {unit}
        attributes = [
            name.text for name in element.iterfind(f".//{SGR}genericAttributeListElement/{SGR}name")
        ]
        assert attributes == (["MeteringDirection", "MeteringTariffNr"] if version == "1.1.0" else [])


@ONE_METER
def test_no_two_data_points_read_one_topic(selection: Selection) -> None:
    topics = Counter(topic.text for topic in eid(selection).iter(f"{SGR}topic"))
    assert set(topics.values()) == {1}
    for topic in topics:
        path, _, where = topic.partition("/")
        assert path == "{{topic_path}}"
        place, _, name = where.partition("/")
        if place == "value":
            unit = RESOLVED.quantities[name].unit
            message = next(
                m
                for m in eid(selection).iter(f"{SGR}dataPointListElement")
                if m.findtext(f".//{SGR}topic") == topic
            )
            assert (
                message.findtext(f".//{SGR}query") == QUERIES[unit or "", message.findtext(f".//{SGR}unit")]
            )
            assert (
                message.findtext(f".//{SGR}manufName") == RESOLVED.quantities[name].obis[0].partition(":")[2]
            )
        else:
            assert where in ("meta", "state")


@ONE_METER
def test_every_text_is_there_in_each_language(selection: Selection) -> None:
    for parent in eid(selection).iter():
        for element in ("legibleDescription", "configurationDescription"):
            if texts := parent.findall(f"{SGR}{element}"):
                assert [text.findtext(f"{SGR}language") for text in texts] == list(RESOLVED.languages)
                assert all(text.findtext(f"{SGR}textElement") for text in texts)


def test_every_placeholder_is_asked_for_and_has_a_default() -> None:
    document = eid(Selection(ids=("house-1",)))
    asked = {
        element.findtext(f"{SGR}name"): element.findtext(f"{SGR}defaultValue")
        for element in document.iter(f"{SGR}configurationListElement")
    }
    assert asked["topic_path"] == "cii/v1/house-1"
    used = {part.partition("}}")[0] for part in etree.tostring(document, encoding="unicode").split("{{")[1:]}
    assert used == set(asked)
    assert None not in asked.values()


def test_directions_and_tariffs_are_profiles_of_their_own() -> None:
    document = eid(Selection(everything=True))
    values = {
        name: [value.text for value in element.iterfind(f".//{SGR}genericAttributeListElement/{SGR}value")]
        for name, _, element in functional(document)
    }
    assert values["ActivePowerAC_Net"] == ["Net", "0"]
    assert values["ActiveEnergyAC_Export"] == ["Export", "0"]
    assert values["ActiveEnergyAC_Import_T2"] == ["Import", "2"]
    assert values["VoltageAC"] == []


def test_a_meter_with_one_phase_has_that_phase() -> None:
    def points(*names: str) -> dict[str, str]:
        live = LiveMeter(id="flat", quantities=tuple((name, 10.0) for name in names))
        found = profiles(RESOLVED, Selection(ids=("flat",), live=(live,)))
        return {point.name: point.topic for profile in found for point in profile.points}

    assert points("current", "voltage") == {
        "CurrentACL1": "value/current",
        "VoltageACL1_N": "value/voltage",
    }
    assert points("current", "current_l1") == {"CurrentACL1": "value/current_l1"}


def test_one_meter_a_description_and_one_that_sends_something_known() -> None:
    with pytest.raises(UsageError, match="choose one with --id \\(flat, house\\)"):
        eid(Selection(ids=("flat", "house")))
    silent = RESOLVED.meters["lg-e450"].model_copy(update={"lists": (), "quantities": ()})
    without = RESOLVED.model_copy(update={"meters": {**RESOLVED.meters, "lg-e450": silent}})
    with pytest.raises(UsageError, match="nothing that lg-e450 sends has a functional profile"):
        TARGET.views["eid"].render(without, Selection(meter="lg-e450"))
    assert "lg-e450.xml" not in TARGET.tree(without)
    assert "lg-e360.xml" in TARGET.tree(without)


def test_every_meter_of_electricity_has_a_description() -> None:
    without = set(RESOLVED.meters) - {name.removesuffix(".xml") for name in TARGET.tree(RESOLVED)}
    electricity = {
        meter
        for meter, model in RESOLVED.meters.items()
        if {"energy_import", "power_import", "power_net", "energy_export"} & set(model.quantities)
    }
    assert not without & electricity


def test_a_quantity_without_a_topic_has_no_data_point() -> None:
    wrong = RESOLVED.quantities["device_name"].model_copy(
        update={"consumers": {"smartgridready": RESOLVED.quantities["power_net"].consumers["smartgridready"]}}
    )
    resolved = RESOLVED.model_copy(update={"quantities": {**RESOLVED.quantities, "device_name": wrong}})
    with pytest.raises(TargetError, match="device_name has no topic of its own"):
        TARGET.views["eid"].render(resolved, Selection(everything=True))


def test_two_meters_of_a_model_have_names_of_their_own() -> None:
    names = {
        eid(dataclasses.replace(Selection(meter="lg-e360"), ids=(level,))).findtext(f"{SGR}deviceName")
        for level in ("flat", "house")
    }
    assert names == {"Landis+Gyr E360 flat", "Landis+Gyr E360 house"}
