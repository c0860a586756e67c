"""From blocks to quantities: families unfolded, defaults filled in, rules applied, elements understood."""

from __future__ import annotations

import pytest
from ciigen.derive import with_derived, yields
from ciigen.elements import Element, parse
from ciigen.errors import FindingsError, UsageError
from ciigen.obis import groups, overlap
from ciigen.resolved import Place, Quantity, Resolved
from ciigen.target import Selection, quantities
from ciigen.targets.resolved import TARGET, render
from core_schema import Schema

ELECTRICITY = "quantities/electricity.yaml"


@pytest.fixture
def resolved(schema: Schema) -> Resolved:
    return schema.resolved()


def test_a_block_unfolds_in_the_order_of_the_schema(resolved: Resolved) -> None:
    """Media in the order to show to people, not by file name; phases and tariffs behind their block."""
    assert list(resolved.quantities) == [
        "power_import",
        "power_import_l1",
        "power_import_l2",
        "power_import_l3",
        "power_export",
        "power_net",
        "energy_import",
        "energy_import_t1",
        "energy_import_t2",
        "tariff_active",
        "volume_gas",
        "volume_water",
        "device_name",
        "serial",
        "channel_type",
        "channel_id",
        "meter_clock",
    ]


def test_a_phase_inherits_its_block_and_may_differ(resolved: Resolved) -> None:
    block, l1, l2 = (resolved.quantities[f"power_import{suffix}"] for suffix in ("", "_l1", "_l2"))
    assert (l1.unit, l1.kind, l1.direction, l1.minimum, l1.maximum) == (
        "W",
        "instantaneous",
        "import",
        0,
        1000,
    )
    assert (l1.family, l1.phase, l1.tariff, l1.obis) == ("power_import", "l1", None, ("1-*:21.7.0",))
    assert (l2.maximum, l2.cim) == (500, "0.0.0.12.1.1.37.0.0.0.0.0.0.0.64.0.38.0")
    assert (block.phase, block.maximum) == (None, 1000)


def test_labels_of_a_family_are_put_together(resolved: Resolved) -> None:
    assert resolved.quantities["power_import_l3"].label == {
        "en": "Power import L3",
        "de": "Wirkleistung Bezug L3",
    }
    assert resolved.quantities["energy_import_t2"].label == {
        "en": "Energy import, tariff 2",
        "de": "Wirkenergie Bezug, Tarif 2",
    }


def test_a_member_may_bring_its_own_label(schema: Schema) -> None:
    schema.edit(ELECTRICITY, 't1: "1-*:1.8.1"', 't1: {obis: "1-*:1.8.1", label: {en: High, de: Hoch}}')
    assert schema.resolved().quantities["energy_import_t1"].label == {"en": "High", "de": "Hoch"}


def test_derive_is_not_inherited(resolved: Resolved) -> None:
    assert resolved.quantities["energy_import"].derive is not None
    assert resolved.quantities["energy_import_t1"].derive is None


def test_a_block_without_a_code_is_only_its_family(schema: Schema) -> None:
    schema.edit(ELECTRICITY, '    obis: "1-*:1.8.0"\n', "")
    names = list(schema.resolved().quantities)
    assert "energy_import" not in names
    assert "energy_import_t1" in names


def test_defaults_follow_from_the_kind(resolved: Resolved) -> None:
    q = resolved.quantities
    assert (q["tariff_active"].place, q["meter_clock"].place) == (Place.TEXT, Place.TIME)
    assert (q["power_net"].place, q["device_name"].place) == (Place.VALUE, Place.META)
    assert [name for name in q if q[name].monotonic] == [
        "energy_import",
        "energy_import_t1",
        "energy_import_t2",
        "volume_gas",
        "volume_water",
    ]
    assert (q["power_net"].scaler, q["power_net"].billing, q["energy_import_t1"].billing) == (0, False, True)


def test_rules_apply_in_order_and_the_quantity_last(schema: Schema) -> None:
    schema.edit(
        ELECTRICITY,
        "    billing: true\n",
        "    billing: true\n    consumers: {iobroker: {role: mine, unit: MWh}}\n",
    )
    told = {name: q.consumers["iobroker"] for name, q in schema.resolved().quantities.items()}
    assert told["power_net"] == {"role": "value.power"}
    assert told["power_import"] == {"role": "value.power.consumed"}
    assert told["power_import_l1"] == {"role": "value.power.consumed", "channel": "phases"}
    assert told["volume_gas"] == {"role": "value"}
    assert told["tariff_active"] == {"role": "text"}
    assert told["energy_import"] == {"role": "mine", "unit": "MWh"}


def test_units_carry_what_consumers_say_of_them(resolved: Resolved) -> None:
    assert resolved.units["W"].consumers == {"iobroker": {"unit": "W", "decimals": "0"}}
    assert resolved.units["Wh"].consumers == {}
    assert resolved.units["m³"].dlms is None


def test_elements_are_understood(resolved: Resolved) -> None:
    elements = resolved.meters["lg-e450"].lists[0].elements
    assert [(e.obis, e.class_id, e.attribute, e.quantity) for e in elements] == [
        ("0-8:25.9.0", 40, 1, None),
        ("0-0:42.0.0", 1, 2, "device_name"),
        (None, None, 2, None),
        ("1-1:1.7.0", 3, 2, "power_import"),
        ("1-0:2.7.0", 3, 2, "power_export"),
        ("0-0:96.99.0", None, 2, None),
    ]


def test_elements_of_a_channel(resolved: Resolved) -> None:
    """Attributes 6 and 9 of an M-Bus client are the number and the type; the register may be any medium."""
    elements = resolved.meters["lg-e450"].lists[2].elements
    assert [e.quantity for e in elements] == ["channel_id", None, "channel_type", None]


def test_a_model_yields_its_lists_and_what_follows_from_them(resolved: Resolved) -> None:
    assert resolved.meters["lg-e450"].quantities == (
        "power_import",
        "power_export",
        "power_net",
        "energy_import",
        "energy_import_t1",
        "energy_import_t2",
        "volume_gas",
        "volume_water",
        "device_name",
        "channel_type",
        "channel_id",
    )
    assert resolved.meters["old"].quantities == ("power_import",)


def test_what_needs_all_operands_waits_for_all(resolved: Resolved) -> None:
    assert "power_net" not in with_derived({"power_import"}, resolved.quantities)
    assert "power_net" in with_derived({"power_import", "power_export"}, resolved.quantities)
    assert "energy_import" in with_derived({"energy_import_t2"}, resolved.quantities)


def test_a_derived_quantity_may_be_an_operand(schema: Schema) -> None:
    text = schema.read(ELECTRICITY)
    more = '  energy_all:\n    obis: "1-*:15.8.0"\n    unit: Wh\n    kind: cumulative\n'
    more += "    derive: {plus: [energy_import]}\n    label: {en: All, de: Alle}\n"
    schema.write(ELECTRICITY, text + more)
    assert "energy_all" in with_derived({"energy_import_t1"}, schema.resolved().quantities)


def test_two_telegrams_are_not_added_up(schema: Schema) -> None:
    """Import in one list and export in another give no net power: it is computed within a telegram."""
    schema.edit("meters/lg-e450.yaml", '      - "1-0:2.7.0;3;2"\n', "")
    schema.edit("meters/lg-e450.yaml", '      - "1-1:1.8.2"\n', '      - "1-1:1.8.2"\n      - "1-0:2.7.0"\n')
    meter = schema.resolved().meters["lg-e450"]
    assert {"power_import", "power_export"} <= set(meter.quantities)
    assert "power_net" not in meter.quantities


def names(found: list[Quantity]) -> list[str]:
    return [quantity.name for quantity in found]


def test_a_selection_chooses_lists(resolved: Resolved) -> None:
    common = ["power_import", "power_export", "power_net", "device_name"]
    assert names(quantities(resolved, Selection())) == common
    assert names(quantities(resolved, Selection(meter="lg-e450"))) == list(
        resolved.meters["lg-e450"].quantities
    )
    assert names(quantities(resolved, Selection(meter="old"))) == ["power_import"]
    both = [*common[:3], "energy_import", "energy_import_t1", "energy_import_t2", "device_name"]
    assert names(quantities(resolved, Selection(operator="ekz"))) == both
    assert names(quantities(resolved, Selection(operator="ekz", meter="old"))) == ["power_import"]
    assert names(quantities(resolved, Selection(everything=True, meter="old"))) == list(resolved.quantities)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(meter="lg-e540"), "--meter lg-e540 is not in the schema: did you mean lg-e450?"),
        (Selection(operator="EKZ"), "--operator EKZ is not in the schema: did you mean ekz?"),
        (Selection(lang="rm"), "--lang rm is not in the schema: known are de, en"),
        (Selection(lang="rm", everything=True), "--lang rm is not in the schema: known are de, en"),
    ],
)
def test_an_unknown_selection_says_what_is_known(
    resolved: Resolved, selection: Selection, words: str
) -> None:
    with pytest.raises(UsageError) as error:
        quantities(resolved, selection)
    assert str(error.value) == words


def test_a_meter_the_operator_does_not_have(schema: Schema) -> None:
    schema.edit(
        "operators/ekz.yaml",
        "  - meter: old\n    interface: optical\n    lists: [bare]\n    encryption: none\n"
        "    activation: {en: Ask., de: Fragen.}\n    fact: {status: assumed, source: guess}\n",
        "",
    )
    with pytest.raises(UsageError, match="--meter old is not known at operator ekz: it has lg-e450"):
        quantities(schema.resolved(), Selection(operator="ekz", meter="old"))


def test_the_resolved_file_reads_back_as_it_was(resolved: Resolved) -> None:
    text = render(resolved)
    again = Resolved.model_validate_json(text)
    assert again == resolved
    assert render(again) == text
    assert list(again.quantities) == list(resolved.quantities)
    assert TARGET.tree(resolved) == {"ciimodel/resolved.json": text}


def test_what_pydantic_refuses_is_a_finding_too(schema: Schema) -> None:
    """Should a description in schema/meta let something pass, there still is no traceback."""
    path = schema.root / "meta" / "meter.schema.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"enum": [7, 8]', '"enum": [7, 8, 9]'), encoding="utf-8"
    )
    schema.edit("meters/lg-e450.yaml", "parity: even}", "parity: even, bytesize: 9}")
    with pytest.raises(FindingsError) as error:
        schema.resolved()
    line = schema.line("meters/lg-e450.yaml", "bytesize: 9")
    place = f"schema/meters/lg-e450.yaml:{line}: interfaces[0].link.bytesize: "
    assert str(error.value).startswith(place)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1-*:1.7.0", "1-0:1.7.0", True),
        ("1-*:1.7.0", "1-5:1.7.0", True),
        ("1-*:1.7.0", "2-0:1.7.0", False),
        ("1-*:1.7.0", "1-0:1.7.1", False),
        ("0-n:96.1.0", "0-1:96.1.0", True),
        ("0-n:96.1.0", "0-0:96.1.0", False),
        ("0-n:96.1.0", "0-n:96.1.0", True),
        ("0-n:96.1.0", "0-*:96.1.0", True),
        ("1-0:1.8.0", "1-0:1.8.0*255", True),
        ("1-0:1.8.0", "1-0:1.8.0*1", False),
    ],
)
def test_patterns_overlap(one: str, other: str, same: bool) -> None:
    assert overlap(one, other) is same
    assert overlap(other, one) is same


def test_a_code_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"'1\.7\.0' is not an OBIS code"):
        groups("1.7.0")


def test_elements_as_written() -> None:
    assert parse("1-0:1.7.0") == Element("1-0:1.7.0", None, 2)
    assert parse("1-0:1.7.0;3") == Element("1-0:1.7.0", 3, 2)
    assert parse("0-n:24.1.0;72;9") == Element("0-n:24.1.0", 72, 9)


def test_a_list_yields_what_a_channel_may_be(resolved: Resolved) -> None:
    pushed = resolved.meters["lg-e450"].lists[2]
    assert yields(pushed, resolved.quantities) == {"channel_id", "channel_type", "volume_gas", "volume_water"}
