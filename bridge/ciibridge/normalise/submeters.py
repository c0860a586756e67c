"""Sub-meters (gas, water, heat) behind the meter: OBIS 0-n:24.x, n being the channel.

    0-n:24.1.0   M-Bus client (COSEM class 72): attribute 6 serial number, attribute 9 device type; DSMR: the type
    0-n:96.1.0   serial number; in Belgium 0-n:96.1.1
    0-n:24.4.0   valve (COSEM class 70, attribute 3)
    0-n:24.2.1   value (0-n:24.2.3 not converted, in Belgium; 0-n:24.3.0 in DSMR 2 and 3); what it is (gas, water, heat …) follows from the device type (EN 13757-3)

Type and number often come in another telegram than the value, so they are remembered. A channel whose number is empty
is not in use: what the meter sends for it is no reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ciimodel.catalogue import Quantity

from ciibridge.normalise.registry import Match
from ciibridge.normalise.texts import state_of, text_of
from ciibridge.types import Measured, Number, Problem, Register, SubMeter, Value

#: C.D.E of the M-Bus client and its attributes.
_CLIENT: Final = (24, 1, 0)
_SERIALS: Final = ((96, 1, 0), (96, 1, 1))  # the second one in Belgium
_IDENTIFICATION_NUMBER: Final = 6
_DISCONNECT_CONTROL: Final = 70  # class; its state is attribute 3
_CONTROL_STATE: Final = 3

#: Reads one register as one quantity; None: withheld, already reported.
Read = Callable[[Register, Quantity, str], "Measured | Problem | None"]


class Told(NamedTuple):
    """What a telegram said of the sub-meters: channel → quantity → value or text."""

    values: dict[int, dict[str, Measured]]
    texts: dict[int, dict[str, str]]
    problems: list[Problem]


class SubMeters:
    """What is known of the channels of one meter."""

    def __init__(self) -> None:
        self._types: dict[int, int] = {}
        self._ids: dict[int, str] = {}
        self._models: Mapping[int, str] = {}
        self._known: dict[int, SubMeter] = {}

    @property
    def known(self) -> dict[int, SubMeter]:
        """Channel → who sits there, for the channels in use; a new object when something changed."""
        return self._known

    def learn(self, register: Register, channel: int) -> bool:
        """Take ``register`` if it tells who sits on ``channel``; False: it is something else."""
        group = register.obis[2:5]
        if group in _SERIALS or (group == _CLIENT and register.attribute == _IDENTIFICATION_NUMBER):
            self._ids[channel] = (text_of(register.value) or "").strip()
        elif group == _CLIENT:
            kind = _integer(register.value)
            if kind is not None:
                self._types[channel] = kind
        else:
            return False
        self._collect()
        return True

    def recognised(self, models: Mapping[int, str]) -> None:
        """Take over which models sit on which channels."""
        if models is not self._models:
            self._models = models
            self._collect()

    def _collect(self) -> None:
        known = {
            n: SubMeter(self._ids.get(n), self._types.get(n), self._models.get(n))
            for n in sorted({*self._ids, *self._types})
            if self.in_use(n)
        }
        if known != self._known:
            self._known = known

    def in_use(self, channel: int) -> bool:
        """Tell whether a sub-meter sits there: not, when the meter gave an empty number for it."""
        return bool(self._ids.get(channel, "?").strip("0"))

    def choose(self, match: Match) -> Quantity | None:
        """Choose the quantity of a value, by the device type of its channel."""
        kind = self._types.get(match.channel or 0)
        return next((q for q in match.quantities if kind is not None and kind in q.channel_types), None)

    def read(self, registers: list[tuple[Register, Match]], read: Read, unknown: dict[str, Value]) -> Told:
        """Read the values and texts of all channels of a telegram; what cannot be told goes to ``unknown``."""
        values: list[tuple[Register, Match]] = []
        for register, match in registers:
            if register.value is not None and not self.learn(register, match.channel or 0):
                values.append((register, match))
        channels: dict[int, dict[str, Measured]] = {}
        texts: dict[int, dict[str, str]] = {}
        problems: list[Problem] = []
        for register, match in values:
            channel = match.channel or 0
            if not self.in_use(channel) or register.value in ("", b""):
                continue
            if (said := _text(register, match)) is not None:
                texts.setdefault(channel, {})[said[0]] = said[1]
                continue
            quantity = self.choose(match)
            result = read(register, quantity, f"channel {channel} {quantity.name}") if quantity else None
            if isinstance(result, Measured) and quantity:
                channels.setdefault(channel, {})[quantity.name] = result
            elif isinstance(result, Problem):
                problems.append(result)
            if quantity is None or (isinstance(result, Problem) and result.code == "unit_unknown"):
                unknown[str(register.obis)] = register.value
        return Told(channels, texts, problems)


def _text(register: Register, match: Match) -> tuple[str, str] | None:
    """Read a text of a sub-meter (its valve) as the profile says it; None: it is none, or no state that is known."""
    quantity = next((q for q in match.quantities if q.place == "text"), None)
    raw = text_of(register.value)
    if quantity is None or not raw:
        return None
    if register.class_id == _DISCONNECT_CONTROL and register.attribute != _CONTROL_STATE:
        return None
    text = state_of(quantity, raw)
    return None if text is None else (quantity.name, text)


def _integer(value: Value) -> int | None:
    if isinstance(value, Number) and value.exponent == 0:
        return value.mantissa
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None
