"""What a person may set, and what the errors say."""

from __future__ import annotations

from typing import Any

import pytest
from ciibridge.errors import ConfigError
from ciibridge.normalise.settings import MeterSettings
from ciimodel.catalogue import Resolved
from normalise_parts import small_catalogue


@pytest.fixture(scope="session")
def small() -> Resolved:
    return small_catalogue()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"model": "vult"}, ["model = 'vult'", "did you mean volt", "ciibridge meters"]),
        ({"model": "xyz"}, ["write one of decivolt, other, volt"]),
        ({"operator": "citi"}, ["operator = 'citi'", "city"]),
        ({"zone": "Europe/Zurch"}, ["zone = 'Europe/Zurch'", "Europe/Zurich"]),
        ({"zone": "../etc/passwd"}, ["zone = "]),
        ({"clock": "sun"}, ["clock = 'sun'", "check, meter, receiver"]),
        ({"id": "My Meter"}, ["id = 'My Meter'", "'my-meter'"]),
        ({"id": "Ü"}, ["'home'"]),
        ({"scalers": {"voltag": -1}}, ["scalers = 'voltag'", "voltage"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    small: Resolved, wrong: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        MeterSettings(**wrong).check(small)
    for word in words:
        assert word in str(error.value)


def test_good_settings(small: Resolved) -> None:
    settings = MeterSettings(
        model="volt", operator="city", id="cellar_2", zone="Europe/Vienna", scalers={"voltage": 0}
    )
    settings.check(small)
    assert str(settings.find_zone(small.meters["volt"])) == "Europe/Vienna"


def test_zone_of_the_model_where_none_is_set(small: Resolved) -> None:
    model = small.meters["volt"].model_copy(update={"zone": "Europe/Oslo"})
    assert str(MeterSettings().find_zone(model)) == "Europe/Oslo"
    assert str(MeterSettings().find_zone(small.meters["volt"])) == "Europe/Zurich"
    assert str(MeterSettings().find_zone()) == "Europe/Zurich"


def test_keys_are_not_shown() -> None:
    text = repr(MeterSettings(key=b"\x12\x34" * 8, auth_key=b"\x56\x78" * 8))
    assert "key" not in text
    assert "1234" not in text
    assert "x12" not in text
