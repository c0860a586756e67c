"""The rule of docs/how-to/use-your-own-solar-power.md in the real software: a roof with sun, without, and a meter that is gone.

The minutes of the rule are made seconds; the times of day are those of the simulated household, whose roof gives some 5 kW on
a June noon.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from house import House, wait_until

#: The meter that stands at the connection point of the house with a roof.
METER: Final = "house"
ON_AFTER_S: Final = 3
MIN_RUN_S: Final = 20
MIN_PAUSE_S: Final = 12
#: Setting of the rule → minutes.
QUICK: Final = {
    "on_after_min": ON_AFTER_S / 60,
    "off_after_min": ON_AFTER_S / 60,
    "min_run_min": MIN_RUN_S / 60,
    "min_pause_min": MIN_PAUSE_S / 60,
}
#: The software may look at the rule once a minute, and asks its clock a little later than we do.
_LOOKS_S: Final = 75
_LATE_S: Final = 2.5


def see_it_switch(house: House, is_on: Callable[[], bool]) -> None:
    """Live through two days and a meter that is lost. The device is off and the rule runs when this begins, at night."""

    def becomes(on: bool, what: str, at_least_s: float = 0.0) -> float:
        """Wait until the device is on or off; when that was."""
        wait_until(lambda: is_on() is on, _LOOKS_S, what)
        now = time.monotonic()
        assert now - switched >= at_least_s - _LATE_S, (what, now - switched)
        return now

    switched = time.monotonic()
    time.sleep(2 * ON_AFTER_S)
    assert not is_on(), "it is night"
    house.live_through(METER, "2027-06-21T12:00+02:00")
    switched = becomes(True, "noon: on")
    house.live_through(METER, "2027-06-21T22:00+02:00")
    switched = becomes(False, "night: off, and not before the shortest run", MIN_RUN_S)
    house.live_through(METER, "2027-06-22T12:00+02:00")
    switched = becomes(True, "noon again: on, and not before the shortest pause", MIN_PAUSE_S)
    house.live_through(METER, None)
    becomes(False, "no data: off", MIN_RUN_S)
    time.sleep(2 * ON_AFTER_S)
    assert not is_on(), "without data it stays off"


def night(house: House) -> None:
    """Begin: the house draws from the grid, and says so."""
    count = len(house.listener.payloads(f"cii/v1/{METER}/value/power_net"))
    house.live_through(METER, "2027-06-20T22:00+02:00")

    def drawn() -> bool:
        said = house.listener.payloads(f"cii/v1/{METER}/value/power_net")
        return len(said) > count + 2 and float(said[-1]) > 200

    wait_until(drawn, 40, "night")
