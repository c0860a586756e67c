"""Which meter model: facts that fit, contradict or say nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ciibridge.normalise.detect import Evidence, SeenType, recognise
from ciibridge.normalise.registry import Registry
from ciibridge.types import Apdu
from ciimodel.catalogue import Meter, Resolved
from normalise_parts import local, reading, register, small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


NOTHING = Evidence(None, "single", 100, None, None, None, None, None, ())


def verdict(small: Resolved, **seen: Any) -> tuple[str | None, tuple[str, ...]]:
    return recognise(replace(NOTHING, **seen), small.meters.values())


def types(**kinds: str) -> tuple[SeenType, ...]:
    return tuple(SeenType(name, name, kind) for name, kind in kinds.items())


def test_nothing_seen_proposes_nothing(small: Resolved) -> None:
    assert verdict(small) == (None, ())
    assert verdict(small, deviation="given", transfer="blocks") == (None, ())  # fits, but ties nobody to it


def test_the_flag_alone_leaves_the_makers_models(small: Resolved) -> None:
    assert verdict(small, flag="AAA") == (None, ("decivolt", "volt"))
    assert verdict(small, flag="BBB") == ("other", ())
    assert verdict(small, flag="CCC") == (None, ())


@pytest.mark.parametrize(
    ("seen", "model"),
    [
        ({"device_name": "AAA1012"}, "volt"),
        ({"device_name": "AAA2012"}, "decivolt"),
        ({"address": ("ceff", "03")}, "volt"),
        ({"address": ("cf", "03")}, "decivolt"),
        ({"transfer": "blocks"}, "volt"),
        ({"octets": 400}, "decivolt"),  # more than the others put into one frame
        ({"list_name": "B_V1"}, None),  # says nothing of models that have no list name
    ],
)
def test_one_more_fact_decides(small: Resolved, seen: dict[str, Any], model: str | None) -> None:
    assert verdict(small, flag="AAA", **seen)[0] == model


def test_a_short_telegram_in_one_frame_says_nothing_of_the_transfer(small: Resolved) -> None:
    assert verdict(small, flag="AAA", transfer="single", octets=128)[1] == ("decivolt", "volt")


def test_an_unknown_address_is_only_a_doubt(small: Resolved) -> None:
    assert verdict(small, device_name="AAA1012", flag="AAA", address=("aa", "01")) == ("volt", ())


def test_a_clock_setting_alone_does_not_decide_against_the_maker(small: Resolved) -> None:
    assert verdict(small, device_name="AAA1012", flag="AAA", deviation="given") == ("volt", ())


def test_types_exclude_by_majority(small: Resolved) -> None:
    address = {"address": ("ceff", "03")}
    assert verdict(small, **address, types=types(power_import="long64-unsigned"))[0] is None
    mixed = types(power_import="double-long-unsigned", voltage="long64-unsigned")
    assert verdict(small, **address, types=mixed) == ("volt", ())  # one against one: says nothing


def twins(small: Resolved) -> list[Meter]:
    """Two models that differ in nothing but their meter type; one of them has a list without it."""
    volt = small.meters["volt"]
    element = volt.lists[0].elements[0].model_copy(update={"obis": "1-1:96.1.1", "quantity": "device_type"})
    pushed = volt.lists[0].model_copy(update={"elements": [element]})
    assert volt.wire is not None
    return [
        volt.model_copy(
            update={
                "id": number,
                "wire": volt.wire.model_copy(update={"device_type": f"BN{number}"}),
                "lists": lists,
            }
        )
        for number, lists in (("243", [pushed, *volt.lists]), ("245", [pushed]))
    ]


@pytest.mark.parametrize(
    ("device_type", "model", "candidates"),
    [
        ("6841131BN243101040", "243", ()),
        ("6841131BN245101092", "245", ()),
        ("6841138AN243101090", None, ("243", "245")),  # nobody has seen it: not guessed
        (None, "243", ()),  # has a list without a type, the other has not
    ],
)
def test_the_meter_type_tells_twins_apart(
    small: Resolved, device_type: str | None, model: str | None, candidates: tuple[str, ...]
) -> None:
    seen = replace(NOTHING, flag="AAA", device_type=device_type)
    assert recognise(seen, twins(small)) == (model, candidates)


def test_the_meter_type_alone_ties_a_model_and_another_one_does_not(small: Resolved) -> None:
    meters = twins(small)
    assert recognise(replace(NOTHING, device_type="BN243"), meters) == ("243", ())
    assert recognise(replace(NOTHING, device_type="XY"), meters) == (None, ())


def test_the_meter_type_is_found_by_its_quantity_and_the_list_name_by_its_code(small: Resolved) -> None:
    telegram = reading(
        register("1-1:0.2.129", "B_V1", type="octet-string"),
        register("1-1:96.1.1", "BN243", type="visible-string"),
    )
    seen = Evidence.of(telegram, Registry(small.quantities.values()))
    assert (seen.list_name, seen.device_type) == ("B_V1", "BN243")
    named = Evidence.of(replace(telegram, list_name="A_V1"), Registry(small.quantities.values()))
    assert named.list_name == "A_V1"


def test_evidence_of_a_reading(small: Resolved) -> None:
    apdu = Apdu(b"\0" * 77, 0, "CEFF", "03", "blocks", system_title=b"AAA\1\2\3\4\5")
    telegram = reading(
        register("0-0:42.0.0", "AAA1012", type="octet-string"),
        register("0-0:1.0.0", local("2026-01-01T00:00:00"), type="octet-string"),
        register("1-1:32.7.0", 230, type="long-unsigned"),
        register("1-1:99.9.9", 1, type="long-unsigned"),
        apdu=apdu,
        time=local("2026-01-01T00:00:00"),
        list_object="0-8:25.9.0",
    )
    seen = Evidence.of(telegram, Registry(small.quantities.values()))
    assert seen == Evidence(
        ("ceff", "03"),
        "blocks",
        77,
        "AAA",
        "AAA1012",
        "unspecified",
        "0-8:25.9.0",
        None,
        (SeenType("voltage_l1", "voltage", "long-unsigned"),),
    )


def test_flag_from_the_device_name_and_none_from_digits(small: Resolved) -> None:
    registry = Registry(small.quantities.values())
    named = reading(register("0-0:42.0.0", "BBB77"), time=local("2026-01-01T00:00:00", 60))
    assert (Evidence.of(named, registry).flag, Evidence.of(named, registry).deviation) == ("BBB", "given")
    numbered = reading(register("0-0:42.0.0", "12345"))
    assert Evidence.of(numbered, registry).flag is None
    both = reading(register("0-0:1.0.0", local("2026-01-01T00:00:00")), time=local("2026-01-01T00:00:00", 60))
    assert Evidence.of(both, registry).deviation is None
