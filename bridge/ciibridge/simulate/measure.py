"""What a meter behind a household shows under an OBIS code (IEC 62056-61, groups C, D and E of electricity).

    C   1 P+   2 P−   3 Q+   4 Q−   5…8 QI…QIV   9 S+   10 S−   11 I   12 U   13 cos φ   14 f   15 |P|   16 P+ − P−
        21…36 the same of L1, 41…56 of L2, 61…76 of L3; 81 angles, 90 sum of currents, 91 neutral, 130 Q+ − Q−
    D   7 now   8 counted   4 running average   5 last average   6 largest average (quarters of an hour)
        32 and 36 sags and swells of the voltage
    E   0 all tariffs, 1 high, 2 low; there are no more

Besides: limits and power failures, which a quiet household in a good grid has few of.

Amounts are exact fractions of the profile's unit; a register cuts off what it has not counted fully, an instantaneous
value is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from ciibridge.simulate.day import Flows, flows
from ciibridge.simulate.household import Household, Registers, State
from ciibridge.types import Obis

_QUARTER: Final = timedelta(minutes=15)
_LEVELS: Final = (11, 12)  # current and voltage are not counted: their mean is that of the moment
_UNUSED_TARIFFS: Final = (3, 4)
_ANGLES: Final = 81
_ANGLE_LINES: Final = {4: 0, 15: 1, 26: 2, 40: 0, 51: 1, 62: 2}  # between current and voltage of a line


class Amount(NamedTuple):
    """``numerator / denominator`` in the unit of the profile; ``counted``: a register, which is cut, not rounded."""

    numerator: int
    denominator: int = 1
    counted: bool = False

    def raw(self, scaler: int) -> int:
        """Return the integer a meter sends whose register has this power of ten."""
        numerator = self.numerator * _power_of_ten(-scaler)
        denominator = self.denominator * _power_of_ten(scaler)
        if self.counted:
            return numerator // denominator
        return (2 * numerator + denominator) // (2 * denominator)


def _few(
    phase_codes: tuple[int, int, int], kind: int, counts: tuple[int, int, int]
) -> dict[tuple[int, ...], Amount]:
    return {(code, kind, 0): Amount(count) for code, count in zip(phase_codes, counts, strict=True)}


#: Groups C, D and E → what does not change in a quiet household.
_QUIET: Final[dict[tuple[int, ...], Amount]] = {
    **_few((32, 52, 72), 32, (2, 1, 3)),  # voltage sags
    **_few((32, 52, 72), 36, (0, 0, 1)),  # voltage swells
    (96, 7, 21): Amount(4),  # power failures
    (96, 7, 9): Amount(1),  # long ones
    (17, 0, 0): Amount(43_470),  # limit of the connection: three times 63 A at 230 V
    (31, 4, 0): Amount(63),  # of the fuse
}


def _power_of_ten(exponent: int) -> int:
    return int(10 ** max(exponent, 0))


def measure(household: Household, moment: datetime, obis: Obis) -> Amount:
    """Read the amount under ``obis`` at ``moment``. Raises LookupError when a household has no such thing."""
    if (quiet := _QUIET.get(obis[2:5])) is not None:
        return quiet
    code, phase = _place(obis.c)
    kind = _KINDS.get(obis.d)
    amount = kind(household, moment, _Asked(code, phase, obis.e)) if obis.a == 1 and kind else None
    if amount is None:
        raise LookupError(f"a simulated household has no {obis}")
    return amount


class _Asked(NamedTuple):
    code: int  # group C as for the sum of the phases
    phase: int | None  # 0 to 2; None: the sum
    tariff: int  # group E


def _place(c: int) -> tuple[int, int | None]:
    for phase, first in enumerate((21, 41, 61)):
        if first <= c < first + 20:
            return c - first + 1, phase
    return c, None


def _now(household: Household, moment: datetime, asked: _Asked) -> Amount | None:
    state = household.at(moment)
    if asked.code == _ANGLES:
        between = _ANGLE_LINES.get(asked.tariff)
        return None if between is None else _angle(state.active_w[between], state.reactive_var[between])
    if asked.tariff:
        return None
    if asked.phase is not None:
        line = {
            11: Amount(state.current_ma(asked.phase), 1000),
            12: Amount(state.voltage_dv[asked.phase], 10),
        }
        return line.get(asked.code) or _power(
            state.active_w[asked.phase], state.reactive_var[asked.phase], asked.code
        )
    return _connection(state).get(asked.code) or _power(
        sum(state.active_w), sum(state.reactive_var), asked.code
    )


def _angle(p: int, q: int) -> Amount:
    """Angle from the voltage to the current, in steps of a milliradian."""
    return Amount(round(1000 * math.atan2(q, p)), 1000)


def _connection(state: State) -> dict[int, Amount]:
    """Tell what only the three phases together have."""
    a, b, c = (state.current_ma(phase) for phase in range(3))
    live = [volts for volts in state.voltage_dv if volts]
    return {
        11: Amount(a + b + c, 1000),
        12: Amount(sum(live), 10 * len(live)),
        14: Amount(state.frequency_mhz, 1000),
        90: Amount(a + b + c, 1000),
        91: Amount(math.isqrt(a * a + b * b + c * c - a * b - b * c - c * a), 1000),  # three phasors at 120°
        130: Amount(sum(state.reactive_var)),
    }


def _power(p: int, q: int, code: int) -> Amount | None:
    """One flow under every code of power."""
    flow = flows((p, 0, 0), (q, 0, 0))
    apparent = math.isqrt(p * p + q * q)
    amounts = {
        1: flow.imported,
        2: flow.exported,
        3: flow.q1 + flow.q2,
        4: flow.q3 + flow.q4,
        5: flow.q1,
        6: flow.q2,
        7: flow.q3,
        8: flow.q4,
        9: apparent if p >= 0 else 0,
        10: apparent if p < 0 else 0,
        15: abs(p),
        16: p,
    }
    if code == 13:
        return Amount(abs(p), apparent) if apparent else Amount(1)
    return Amount(amounts[code]) if code in amounts else None


def _counted(household: Household, moment: datetime, asked: _Asked) -> Amount | None:
    registers = household.at(moment).registers
    if asked.phase is not None:
        field = {1: f"imported_l{asked.phase + 1}", 2: f"exported_l{asked.phase + 1}"}.get(asked.code)
        if field is None or asked.tariff:
            return None
        return Amount(getattr(registers.every, field), 3600, counted=True)
    flow = _in_tariff(registers, asked.tariff)
    if asked.code in _APPARENT and flow is not None:  # as if the power factor were 0.95
        return Amount(20 * getattr(flow, _APPARENT[asked.code]), 19 * 3600, counted=True)
    parts = _REGISTERS.get(asked.code)
    if flow is None or parts is None:
        return None
    return Amount(sum(sign * getattr(flow, field) for field, sign in parts.items()), 3600, counted=True)


_APPARENT: Final = {9: "imported", 10: "exported"}
#: Group C → what the register is the sum of.
_REGISTERS: Final[dict[int, dict[str, int]]] = {
    1: {"imported": 1},
    2: {"exported": 1},
    3: {"q1": 1, "q2": 1},
    4: {"q3": 1, "q4": 1},
    5: {"q1": 1},
    6: {"q2": 1},
    7: {"q3": 1},
    8: {"q4": 1},
    15: {"imported": 1, "exported": 1},
    16: {"imported": 1, "exported": -1},
}


def _in_tariff(registers: Registers, tariff: int) -> Flows | None:
    if tariff == 0:
        return registers.every
    if tariff == 1:
        return registers.high
    if tariff == 2:
        return Flows(*(every - high for every, high in zip(registers.every, registers.high, strict=True)))
    return Flows(*(0,) * len(Flows._fields)) if tariff in _UNUSED_TARIFFS else None


def _average(household: Household, start: datetime, end: datetime, asked: _Asked) -> Amount | None:
    """Average power from ``start`` to ``end``."""
    seconds = round((end - start).total_seconds())
    if seconds == 0:
        return _now(household, end, asked)
    if asked.code in _LEVELS:
        return _now(household, end, asked)
    before, after = (_counted(household, moment, asked) for moment in (start, end))
    if before is None or after is None:
        return None
    return Amount(after.numerator - before.numerator, seconds)


def _quarter(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute - moment.minute % 15, second=0, microsecond=0)


def _running_average(household: Household, moment: datetime, asked: _Asked) -> Amount | None:
    return _average(household, _quarter(moment), moment.replace(microsecond=0), asked)


def _last_average(household: Household, moment: datetime, asked: _Asked) -> Amount | None:
    end = _quarter(moment)
    return _average(household, end - _QUARTER, end, asked)


def _largest_average(household: Household, moment: datetime, asked: _Asked) -> Amount | None:
    """Largest quarter of the day so far (a meter keeps the month's; a day is enough to see it grow and reset)."""
    end, largest = _quarter(moment), None
    start = end.replace(hour=0, minute=0)
    while start < end:
        amount = _average(household, start, start + _QUARTER, asked)
        if amount is None:
            return None
        largest = max(largest or amount, amount)
        start += _QUARTER
    return largest or _last_average(household, moment, asked)


_KINDS: Final[dict[int, Callable[[Household, datetime, _Asked], Amount | None]]] = {
    7: _now,
    8: _counted,
    4: _running_average,
    5: _last_average,
    6: _largest_average,
    24: _last_average,
}
