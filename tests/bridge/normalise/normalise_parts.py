"""Small pieces for the tests of normalise: registers, readings, and a catalogue of three made-up meter models."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from ciibridge.types import Apdu, MeterTime, Number, Obis, Reading, Register, Value
from ciigen import resolved
from ciimodel.catalogue import Resolved

NOW = datetime(2026, 5, 4, 9, 39, 22, 402_000, tzinfo=UTC)


def obis(text: str) -> Obis:
    """1-0:1.7.0 → Obis."""
    head, tail = text.split(":")
    e, _, f = tail.split(".", 2)[2].partition("*")
    c, d = tail.split(".")[:2]
    a, b = head.split("-")
    return Obis(int(a), int(b), int(c), int(d), int(e), int(f) if f else 255)


def register(code: str, value: Value | int, **more: Any) -> Register:
    """A register; an int is a Number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = Number(value)
    return Register(obis(code), value, **more)


def reading(*registers: Register, **more: Any) -> Reading:
    """A reading of pairs, from nobody in particular."""
    return Reading(registers, **({"shape": "pairs", "apdu": Apdu(b"", 0)} | more))


def local(text: str, deviation_min: int | None = None, status: int | None = None) -> MeterTime:
    """A meter time from ISO text."""
    return MeterTime(datetime.fromisoformat(text), deviation_min, status)


def _quantity(name: str, obis: str, unit: str | None = "W", **more: Any) -> resolved.Quantity:
    facts: dict[str, Any] = {
        "name": name,
        "family": name,
        "medium": "electricity",
        "obis": (obis,),
        "unit": unit,
        "kind": "instantaneous",
        "place": "value",
        "label": {"en": name},
    }
    return resolved.Quantity(**(facts | more))


_COUNTER: dict[str, Any] = {"unit": "Wh", "kind": "cumulative", "monotonic": True, "minimum": 0}
_TEXT: dict[str, Any] = {"unit": None, "kind": "text", "place": "text"}
_META: dict[str, Any] = _TEXT | {"place": "meta"}
_TARIFF_STATES = {"t1": {"en": "t1"}, "t2": {"en": "t2"}}
QUANTITIES = (
    _quantity("power_import", "1-*:1.7.0", minimum=0, maximum=1_000_000),
    _quantity("power_export", "1-*:2.7.0", minimum=0, maximum=1_000_000),
    _quantity("power_net", "1-*:16.7.0", derive={"plus": ("power_import",), "minus": ("power_export",)}),
    _quantity("voltage_l1", "1-*:32.7.0", "V", family="voltage", phase="l1", minimum=0, maximum=500),
    _quantity("voltage_l2", "1-*:52.7.0", "V", family="voltage", phase="l2", minimum=0, maximum=500),
    _quantity(
        "current_l1", "1-*:31.7.0", "A", family="current", phase="l1", scaler=-2, minimum=-100, maximum=5000
    ),
    _quantity("power_factor", "1-*:13.7.0", "1", scaler=-3, minimum=-1, maximum=1),
    _quantity(
        "energy_import",
        "1-*:1.8.0",
        **_COUNTER,
        derive={"plus": ("energy_import_t1", "energy_import_t2"), "need": "any"},
    ),
    _quantity("energy_import_t1", "1-*:1.8.1", **_COUNTER),
    _quantity("energy_import_t2", "1-*:1.8.2", **_COUNTER),
    _quantity("energy_export", "1-*:2.8.0", **_COUNTER),
    _quantity(
        "energy_net",
        "1-*:16.8.0",
        "Wh",
        kind="balance",
        derive={"plus": ("energy_import",), "minus": ("energy_export",)},
    ),
    _quantity(
        "tariff_active", "0-0:96.14.0", **_TEXT, states=_TARIFF_STATES, raw_states={"0002": "t2", "1": "t1"}
    ),
    _quantity("message_text", "0-0:96.13.0", **_TEXT),
    _quantity("meter_clock", "0-0:1.0.0", unit=None, kind="timestamp", place="time"),
    _quantity("device_name", "0-0:42.0.0", **_META, identity=1),
    _quantity("serial", "0-0:96.1.0", **_META, identity=2),
    _quantity("device_type", "1-*:96.1.1", **_META),
    _quantity("list_version", "1-*:0.2.129", **_META),
    _quantity("channel_type", "0-n:24.1.0", **_META),
    _quantity("channel_id", "0-n:96.1.0", **_META),
    _quantity("volume_gas", "0-n:24.2.1", **(_COUNTER | {"unit": "m³"}), channel_types=(3,)),
    _quantity("volume_water", "0-n:24.2.1", **(_COUNTER | {"unit": "m³"}), channel_types=(6, 7)),
)

_SEEN = {"status": "seen", "source": "made up"}


def _meter(
    id_: str, wire: dict[str, Any], registers: dict[str, Any], lists: tuple[Any, ...] = ()
) -> resolved.Meter:
    return resolved.Meter(
        id=id_,
        manufacturer="Maker",
        model=id_.upper(),
        medium="electricity",
        phases=3,
        description={"en": id_},
        interfaces=(),
        wire=resolved.Wire(fact=_SEEN, **wire),
        registers=registers,
        lists=lists,
        quantities=(),
    )


def positional(id_: str, types: str, *codes: str | None) -> dict[str, Any]:
    """A positional list: u is double-long-unsigned, o octet-string, w long-unsigned."""
    names = {"u": "double-long-unsigned", "o": "octet-string", "w": "long-unsigned"}
    return {
        "id": id_,
        "title": {"en": id_},
        "shape": "positional",
        "elements": tuple({"obis": code, "quantity": None} for code in codes),
        "types": tuple(names[letter] for letter in types),
        "interval_s": 5,
        "fact": _SEEN,
    }


METERS = (
    # volts and deci-volts: the pair that must not be mixed up
    _meter(
        "volt",
        {
            "flag": ("AAA",),
            "hdlc": ({"destination": "ceff", "source": "03"},),
            "transfer": "blocks",
            "deviation": "unspecified",
            "device_name": "^AAA10",
        },
        {"voltage": {"type": "long-unsigned", "scaler": 0}, "power_import": {"type": "double-long-unsigned"}},
        (positional("short", "uuo", "1-0:1.7.0", None, "0-0:96.1.0"),),
    ),
    _meter(
        "decivolt",
        {
            "flag": ("AAA",),
            "hdlc": ({"destination": "cf", "source": "03", "information_octets": 2000},),
            "transfer": "single",
            "deviation": "given",
            "device_name": "^AAA20",
        },
        {
            "voltage": {"type": "long-unsigned", "scaler": -1},
            "voltage_l2": {"type": "long-unsigned", "scaler": -2},
            "power_import": {"type": "double-long-unsigned"},
        },
    ),
    _meter(
        "other",
        {"flag": ("BBB",), "deviation": "unspecified", "list_name": ("B_V1",)},
        {"power_import": {"type": "double-long-unsigned"}, "voltage": {"type": "long-unsigned"}},
        (positional("short", "uuo", "1-0:2.7.0", "1-0:1.7.0", "0-0:96.1.0"),),
    ),
)


@cache
def small_catalogue() -> Resolved:
    """The made-up catalogue, as the bridge reads it."""
    units = {
        symbol: resolved.Unit(symbol=symbol, name={"en": symbol}, dlms=dlms, spellings={})
        for symbol, dlms in {"W": 27, "V": 35, "A": 33, "Wh": 30, "m³": 13, "1": 255}.items()
    }
    whole = resolved.Resolved(
        version="1.0",
        languages=("en",),
        levels={},
        topics={},
        payloads={},
        units=units,
        quantities={q.name: q for q in QUANTITIES},
        meters={m.id: m for m in METERS},
        makers={},
        operators={
            "city": resolved.Operator(
                id="city",
                name="City",
                full_name="City",
                country="CH",
                meters=(
                    resolved.OperatorMeter(
                        meter="decivolt",
                        interface="p1",
                        lists=(),
                        encryption="none",
                        activation={},
                        fact=_SEEN,
                    ),
                ),
            )
        },
        dialects={},
        consumers={},
    )
    return Resolved.model_validate(whole.model_dump(mode="json"))
