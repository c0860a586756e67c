"""OBIS code → quantity."""

from __future__ import annotations

import ciimodel
import pytest
from ciibridge.normalise.positional import obis_of
from ciibridge.normalise.registry import Registry
from ciibridge.types import Obis
from ciimodel.catalogue import Resolved
from normalise_parts import obis, small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


@pytest.fixture
def registry(small: Resolved) -> Registry:
    return Registry(small.quantities.values())


def names(registry: Registry, code: str) -> list[str]:
    return [quantity.name for quantity in registry.find(obis(code)).quantities]


@pytest.mark.parametrize("code", ["1-0:1.7.0", "1-1:1.7.0", "1-5:1.7.0", "1-65:1.7.0"])
def test_any_b_matches_where_a_is_1(registry: Registry, code: str) -> None:
    assert names(registry, code) == ["power_import"]


@pytest.mark.parametrize(
    "code", ["0-0:1.7.0", "3-1:1.7.0", "1-0:1.7.1", "1-0:99.99.0", "1-0:1.8.0*1", "1-0:1.7.0*0"]
)
def test_other_codes_are_unknown(registry: Registry, code: str) -> None:
    assert names(registry, code) == []
    assert registry.find(obis(code)).channel is None


def test_exact_code_wins_over_any_b(small: Resolved) -> None:
    exact = small.quantities["power_export"].model_copy(update={"name": "special", "obis": ["1-3:1.7.0"]})
    registry = Registry([*small.quantities.values(), exact])
    assert names(registry, "1-3:1.7.0") == ["special"]
    assert names(registry, "1-2:1.7.0") == ["power_import"]


def test_channel_number_is_b_and_never_0(registry: Registry) -> None:
    match = registry.find(obis("0-4:24.2.1"))
    assert match.channel == 4
    assert [q.name for q in match.quantities] == ["volume_gas", "volume_water"]
    assert registry.find(obis("0-0:24.2.1")).quantities == ()
    assert names(registry, "0-0:96.1.0") == ["serial"]  # not channel 0


def test_groups_left_open_elsewhere(small: Resolved) -> None:
    base = small.quantities["power_export"]
    open_codes = [
        base.model_copy(update={"name": "any_a", "obis": ["*-0:77.7.0"]}),
        base.model_copy(update={"name": "any_e", "obis": ["1-*:78.7.*"]}),
        base.model_copy(update={"name": "past", "obis": ["1-0:79.7.0*1"]}),
    ]
    registry = Registry(open_codes)
    assert names(registry, "7-0:77.7.0") == ["any_a"]
    assert names(registry, "7-1:77.7.0") == []
    assert names(registry, "1-9:78.7.6") == ["any_e"]
    assert names(registry, "1-0:79.7.0*1") == ["past"]
    assert names(registry, "1-0:79.7.0") == []


def test_invented_codes_do_not_fill_the_memory(registry: Registry) -> None:
    for e in range(256):
        for d in range(12):
            registry.find(Obis(1, 0, 200, d, e))
    assert len(registry._cache) <= registry._CACHE_SIZE
    assert names(registry, "1-0:1.7.0") == ["power_import"]


def test_every_code_of_the_real_catalogue_finds_its_quantity() -> None:
    quantities = ciimodel.load().quantities
    registry = Registry(quantities.values())
    for quantity in quantities.values():
        for pattern in quantity.obis:
            code = obis_of(pattern)
            if "-n:" in pattern:
                code = code._replace(b=2)
            match = registry.find(code)
            assert quantity.name in [q.name for q in match.quantities], pattern
            assert (match.channel == 2) == ("-n:" in pattern)
