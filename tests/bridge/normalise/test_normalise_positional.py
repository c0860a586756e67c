"""Values without OBIS codes."""

from __future__ import annotations

import pytest
from ciibridge.normalise.positional import Placed, obis_of, place
from ciibridge.normalise.registry import Registry
from ciibridge.types import Apdu, Number, Problem, Reading
from ciimodel.catalogue import Resolved
from normalise_parts import obis, reading, small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


TYPES = ("double-long-unsigned", "double-long-unsigned", "octet-string")


def bare(title: bytes | None = None) -> Reading:
    values = (Number(28), Number(5), "12345")
    return reading(
        shape="positional", types=TYPES, values=values, apdu=Apdu(b"\0" * 50, 0, system_title=title)
    )


@pytest.fixture
def registry(small: Resolved) -> Registry:
    return Registry(small.quantities.values())


def test_the_list_of_the_maker_gives_the_codes(small: Resolved, registry: Registry) -> None:
    placed = place(bare(b"AAA12345"), list(small.meters.values()), registry)
    assert isinstance(placed, Placed)
    assert [meter.id for meter in placed.models] == ["volt"]
    assert [(str(r.obis), r.value) for r in placed.reading.registers] == [
        ("1-0:1.7.0", Number(28)),
        ("0-0:96.1.0", "12345"),  # the second element has no meaning for us
    ]
    other = place(bare(b"BBB12345"), list(small.meters.values()), registry)
    assert isinstance(other, Placed)
    assert [str(r.obis) for r in other.reading.registers] == ["1-0:2.7.0", "1-0:1.7.0", "0-0:96.1.0"]


def test_nothing_ties_it_to_a_model(small: Resolved, registry: Registry) -> None:
    problem = place(bare(), list(small.meters.values()), registry)
    assert isinstance(problem, Problem)
    assert problem.code == "unknown_layout"


def test_a_certain_model_needs_no_tie(small: Resolved, registry: Registry) -> None:
    placed = place(bare(), [small.meters["volt"]], registry, certain=True)
    assert isinstance(placed, Placed)


def test_no_list_with_these_types_names_them(small: Resolved, registry: Registry) -> None:
    telegram = reading(shape="positional", types=("long", "boolean"), values=(Number(1), True))
    problem = place(telegram, list(small.meters.values()), registry)
    assert isinstance(problem, Problem)
    assert "2 values" in problem.message
    assert "long, boolean" in problem.message


def test_a_list_that_contradicts_itself_fits_nothing(small: Resolved, registry: Registry) -> None:
    volt = small.meters["volt"]
    (good,) = volt.lists
    short = volt.model_copy(update={"lists": [good.model_copy(update={"elements": good.elements[:2]})]})
    assert isinstance(place(bare(b"AAA12345"), [short], registry), Problem)


def test_lists_of_different_meaning_that_fit_equally_well(small: Resolved, registry: Registry) -> None:
    twin = small.meters["volt"].model_copy(update={"id": "twin", "lists": small.meters["other"].lists})
    problem = place(bare(b"AAA12345"), [small.meters["volt"], twin], registry)
    assert isinstance(problem, Problem)
    assert "twin/short, volt/short" in problem.message


def test_models_with_the_same_list_are_both_kept(small: Resolved, registry: Registry) -> None:
    twin = small.meters["volt"].model_copy(update={"id": "twin"})
    placed = place(bare(b"AAA12345"), [small.meters["volt"], twin], registry)
    assert isinstance(placed, Placed)
    assert [meter.id for meter in placed.models] == ["volt", "twin"]


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("1-*:1.7.0", "1-0:1.7.0"),
        ("0-n:24.2.1", "0-0:24.2.1"),
        ("1-1:1.8.0*1", "1-1:1.8.0*1"),
        ("1-0:1.7.*", "1-0:1.7.0"),
    ],
)
def test_open_groups_are_0(pattern: str, code: str) -> None:
    assert obis_of(pattern) == obis(code)
