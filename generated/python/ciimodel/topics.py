# generated from schema/ by ciigen, do not edit
"""The topics of the profile: build one, subscribe to one, and tell what a received one is.

Example:

    client.subscribe(STATE.filter())
    match("cii/v1/lgz1030600000001/value/power_import")
    → Match(name="value_live", levels={"meter": "lgz1030600000001", "quantity": "power_import"})
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

#: Version of the topic contract, major.minor; the major version stands in each topic.
PROFILE: Final = "1.0"
#: First level unless configured otherwise.
PREFIX: Final = "cii"

TopicName = Literal[
    "availability",
    "meta",
    "state",
    "history",
    "value_live",
    "value_counter",
    "text",
    "channel_state",
    "channel_history",
    "channel_value_live",
    "channel_value_counter",
    "diag",
    "error",
    "raw",
    "bridge_availability",
]
PayloadName = Literal[
    "availability",
    "number",
    "text",
    "state",
    "meta",
    "diag",
    "error",
    "raw",
]

#: Placeholder of a path → regular expression of the level.
LEVELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "prefix": "[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*",
        "meter": "[a-z0-9][a-z0-9_-]{0,63}",
        "quantity": "[a-z][a-z0-9_]*",
        "item": "[a-z][a-z0-9_]*",
        "channel": "[1-9][0-9]?",
        "bridge": "[a-z0-9_-]{1,64}",
    }
)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the profile; ``path`` has placeholders in braces."""

    name: TopicName
    path: str
    qos: Literal[0, 1, 2]
    retain: bool
    expiry_s: int | None  # MQTT 5 message expiry interval; None: never
    payload: PayloadName
    content_type: str
    kinds: tuple[str, ...]  # kinds of quantity it carries; empty: not a quantity

    def filter(self, prefix: str = PREFIX) -> str:
        """Topic filter for a subscription: ``+`` for each placeholder."""
        return re.sub(r"\{\w+\}", "+", self.path.replace("{prefix}", prefix))

    def at(self, prefix: str = PREFIX, **levels: str) -> str:
        """The topic with ``levels`` filled in (raises ValueError if a level does not match its pattern)."""
        for level, value in {"prefix": prefix, **levels}.items():
            if not re.fullmatch(LEVELS[level], value):
                raise ValueError(f"{level} {value!r} is no topic level: it must match {LEVELS[level]}")
        return self.path.format(prefix=prefix, **levels)


class Match(NamedTuple):
    """What a received topic is, and its levels by placeholder."""

    name: TopicName
    levels: dict[str, str]


AVAILABILITY: Final = Topic(
    name="availability",
    path="{prefix}/v1/{meter}/availability",
    qos=1,
    retain=True,
    expiry_s=None,
    payload="availability",
    content_type="text/plain",
    kinds=(),
)

META: Final = Topic(
    name="meta",
    path="{prefix}/v1/{meter}/meta",
    qos=1,
    retain=True,
    expiry_s=None,
    payload="meta",
    content_type="application/json",
    kinds=(),
)

STATE: Final = Topic(
    name="state",
    path="{prefix}/v1/{meter}/state",
    qos=1,
    retain=False,
    expiry_s=None,
    payload="state",
    content_type="application/json",
    kinds=(),
)

HISTORY: Final = Topic(
    name="history",
    path="{prefix}/v1/{meter}/history",
    qos=1,
    retain=False,
    expiry_s=None,
    payload="state",
    content_type="application/json",
    kinds=(),
)

VALUE_LIVE: Final = Topic(
    name="value_live",
    path="{prefix}/v1/{meter}/value/{quantity}",
    qos=0,
    retain=False,
    expiry_s=60,
    payload="number",
    content_type="text/plain",
    kinds=(
        "instantaneous",
        "demand",
    ),
)

VALUE_COUNTER: Final = Topic(
    name="value_counter",
    path="{prefix}/v1/{meter}/value/{quantity}",
    qos=1,
    retain=True,
    expiry_s=None,
    payload="number",
    content_type="text/plain",
    kinds=(
        "cumulative",
        "balance",
        "max_demand",
        "counter",
    ),
)

TEXT: Final = Topic(
    name="text",
    path="{prefix}/v1/{meter}/text/{item}",
    qos=1,
    retain=True,
    expiry_s=None,
    payload="text",
    content_type="text/plain",
    kinds=("text",),
)

CHANNEL_STATE: Final = Topic(
    name="channel_state",
    path="{prefix}/v1/{meter}/channel/{channel}/state",
    qos=1,
    retain=False,
    expiry_s=None,
    payload="state",
    content_type="application/json",
    kinds=(),
)

CHANNEL_HISTORY: Final = Topic(
    name="channel_history",
    path="{prefix}/v1/{meter}/channel/{channel}/history",
    qos=1,
    retain=False,
    expiry_s=None,
    payload="state",
    content_type="application/json",
    kinds=(),
)

CHANNEL_VALUE_LIVE: Final = Topic(
    name="channel_value_live",
    path="{prefix}/v1/{meter}/channel/{channel}/value/{quantity}",
    qos=0,
    retain=False,
    expiry_s=60,
    payload="number",
    content_type="text/plain",
    kinds=(
        "instantaneous",
        "demand",
    ),
)

CHANNEL_VALUE_COUNTER: Final = Topic(
    name="channel_value_counter",
    path="{prefix}/v1/{meter}/channel/{channel}/value/{quantity}",
    qos=1,
    retain=True,
    expiry_s=None,
    payload="number",
    content_type="text/plain",
    kinds=(
        "cumulative",
        "balance",
        "max_demand",
        "counter",
    ),
)

DIAG: Final = Topic(
    name="diag",
    path="{prefix}/v1/{meter}/diag",
    qos=0,
    retain=True,
    expiry_s=None,
    payload="diag",
    content_type="application/json",
    kinds=(),
)

ERROR: Final = Topic(
    name="error",
    path="{prefix}/v1/{meter}/error",
    qos=1,
    retain=False,
    expiry_s=None,
    payload="error",
    content_type="application/json",
    kinds=(),
)

RAW: Final = Topic(
    name="raw",
    path="{prefix}/v1/{meter}/raw",
    qos=0,
    retain=False,
    expiry_s=None,
    payload="raw",
    content_type="application/octet-stream",
    kinds=(),
)

BRIDGE_AVAILABILITY: Final = Topic(
    name="bridge_availability",
    path="{prefix}/v1/_bridge/{bridge}/availability",
    qos=1,
    retain=True,
    expiry_s=None,
    payload="availability",
    content_type="text/plain",
    kinds=(),
)

TOPICS: Final[Mapping[TopicName, Topic]] = MappingProxyType(
    {
        "availability": AVAILABILITY,
        "meta": META,
        "state": STATE,
        "history": HISTORY,
        "value_live": VALUE_LIVE,
        "value_counter": VALUE_COUNTER,
        "text": TEXT,
        "channel_state": CHANNEL_STATE,
        "channel_history": CHANNEL_HISTORY,
        "channel_value_live": CHANNEL_VALUE_LIVE,
        "channel_value_counter": CHANNEL_VALUE_COUNTER,
        "diag": DIAG,
        "error": ERROR,
        "raw": RAW,
        "bridge_availability": BRIDGE_AVAILABILITY,
    }
)
#: Quantity → its kind; two topics that share a path are told apart by it.
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "power_import": "instantaneous",
        "power_import_l1": "instantaneous",
        "power_import_l2": "instantaneous",
        "power_import_l3": "instantaneous",
        "power_export": "instantaneous",
        "power_export_l1": "instantaneous",
        "power_export_l2": "instantaneous",
        "power_export_l3": "instantaneous",
        "power_net": "instantaneous",
        "power_net_l1": "instantaneous",
        "power_net_l2": "instantaneous",
        "power_net_l3": "instantaneous",
        "power_absolute": "instantaneous",
        "reactive_power_import": "instantaneous",
        "reactive_power_import_l1": "instantaneous",
        "reactive_power_import_l2": "instantaneous",
        "reactive_power_import_l3": "instantaneous",
        "reactive_power_export": "instantaneous",
        "reactive_power_export_l1": "instantaneous",
        "reactive_power_export_l2": "instantaneous",
        "reactive_power_export_l3": "instantaneous",
        "reactive_power_q1": "instantaneous",
        "reactive_power_q2": "instantaneous",
        "reactive_power_q3": "instantaneous",
        "reactive_power_q4": "instantaneous",
        "reactive_power_net": "instantaneous",
        "apparent_power_import": "instantaneous",
        "apparent_power_import_l1": "instantaneous",
        "apparent_power_import_l2": "instantaneous",
        "apparent_power_import_l3": "instantaneous",
        "apparent_power_export": "instantaneous",
        "apparent_power_export_l1": "instantaneous",
        "apparent_power_export_l2": "instantaneous",
        "apparent_power_export_l3": "instantaneous",
        "power_factor": "instantaneous",
        "power_factor_l1": "instantaneous",
        "power_factor_l2": "instantaneous",
        "power_factor_l3": "instantaneous",
        "frequency": "instantaneous",
        "current": "instantaneous",
        "current_l1": "instantaneous",
        "current_l2": "instantaneous",
        "current_l3": "instantaneous",
        "current_n": "instantaneous",
        "current_sum": "instantaneous",
        "voltage": "instantaneous",
        "voltage_l1": "instantaneous",
        "voltage_l2": "instantaneous",
        "voltage_l3": "instantaneous",
        "voltage_avg_l1": "instantaneous",
        "voltage_avg_l2": "instantaneous",
        "voltage_avg_l3": "instantaneous",
        "phase_angle_l1": "instantaneous",
        "phase_angle_l2": "instantaneous",
        "phase_angle_l3": "instantaneous",
        "energy_import": "cumulative",
        "energy_import_l1": "cumulative",
        "energy_import_l2": "cumulative",
        "energy_import_l3": "cumulative",
        "energy_import_t1": "cumulative",
        "energy_import_t2": "cumulative",
        "energy_import_t3": "cumulative",
        "energy_import_t4": "cumulative",
        "energy_export": "cumulative",
        "energy_export_l1": "cumulative",
        "energy_export_l2": "cumulative",
        "energy_export_l3": "cumulative",
        "energy_export_t1": "cumulative",
        "energy_export_t2": "cumulative",
        "energy_export_t3": "cumulative",
        "energy_export_t4": "cumulative",
        "energy_net": "balance",
        "energy_absolute": "cumulative",
        "reactive_energy_import": "cumulative",
        "reactive_energy_import_t1": "cumulative",
        "reactive_energy_import_t2": "cumulative",
        "reactive_energy_export": "cumulative",
        "reactive_energy_export_t1": "cumulative",
        "reactive_energy_export_t2": "cumulative",
        "reactive_energy_q1": "cumulative",
        "reactive_energy_q1_t1": "cumulative",
        "reactive_energy_q1_t2": "cumulative",
        "reactive_energy_q2": "cumulative",
        "reactive_energy_q2_t1": "cumulative",
        "reactive_energy_q2_t2": "cumulative",
        "reactive_energy_q3": "cumulative",
        "reactive_energy_q3_t1": "cumulative",
        "reactive_energy_q3_t2": "cumulative",
        "reactive_energy_q4": "cumulative",
        "reactive_energy_q4_t1": "cumulative",
        "reactive_energy_q4_t2": "cumulative",
        "apparent_energy_import": "cumulative",
        "apparent_energy_export": "cumulative",
        "demand_import": "demand",
        "demand_export": "demand",
        "demand_last_import": "demand",
        "demand_last_export": "demand",
        "demand_avg_import": "demand",
        "demand_avg_net": "demand",
        "max_demand_import": "max_demand",
        "max_demand_export": "max_demand",
        "voltage_sags_l1": "counter",
        "voltage_sags_l2": "counter",
        "voltage_sags_l3": "counter",
        "voltage_swells_l1": "counter",
        "voltage_swells_l2": "counter",
        "voltage_swells_l3": "counter",
        "power_failures": "counter",
        "power_failures_long": "counter",
        "power_failure_log": "text",
        "current_limit": "instantaneous",
        "power_limit": "instantaneous",
        "breaker_state": "text",
        "tariff_active": "text",
        "energy_sub": "cumulative",
        "volume_gas": "cumulative",
        "volume_water": "cumulative",
        "energy_heat": "cumulative",
        "energy_cooling": "cumulative",
        "device_name": "text",
        "serial_manufacturer": "text",
        "serial_utility": "text",
        "meter_number": "text",
        "meter_gs1": "text",
        "server_id": "text",
        "identification": "text",
        "manufacturer": "text",
        "firmware_version": "text",
        "public_key": "text",
        "device_id": "text",
        "device_type": "text",
        "push_list_version": "text",
        "protocol_version": "text",
        "meter_clock": "timestamp",
        "message_text": "text",
        "message_code": "text",
        "channel_type": "text",
        "channel_id": "text",
        "valve_state": "text",
    }
)


def availability(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/availability``: Whether readings of this meter arrive; also the last will of the meter's connection."""
    return AVAILABILITY.at(prefix, meter=meter)


def meta(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/meta``: Who the meter is and the catalogue of what it sends; published again when it changes."""
    return META.at(prefix, meter=meter)


def state(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/state``: Everything of one telegram in one message."""
    return STATE.at(prefix, meter=meter)


def history(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/history``: Telegrams that were received while the broker was away, in order, in the form of state."""
    return HISTORY.at(prefix, meter=meter)


def value_live(meter: str, quantity: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/value/<quantity>``: One live value as a plain number in the unit of the profile."""
    return VALUE_LIVE.at(prefix, meter=meter, quantity=quantity)


def value_counter(meter: str, quantity: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/value/<quantity>``: One register or counter as a plain number in the unit of the profile."""
    return VALUE_COUNTER.at(prefix, meter=meter, quantity=quantity)


def text(meter: str, item: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/text/<item>``: One text, such as the active tariff."""
    return TEXT.at(prefix, meter=meter, item=item)


def channel_state(meter: str, channel: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/channel/<channel>/state``: Reading of a sub-meter (gas, water, heat) behind the meter."""
    return CHANNEL_STATE.at(prefix, meter=meter, channel=channel)


def channel_history(meter: str, channel: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/channel/<channel>/history``: Readings of a sub-meter that were received while the broker was away, in order."""
    return CHANNEL_HISTORY.at(prefix, meter=meter, channel=channel)


def channel_value_live(meter: str, channel: str, quantity: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/channel/<channel>/value/<quantity>``: One live value of a sub-meter."""
    return CHANNEL_VALUE_LIVE.at(prefix, meter=meter, channel=channel, quantity=quantity)


def channel_value_counter(meter: str, channel: str, quantity: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/channel/<channel>/value/<quantity>``: One register of a sub-meter."""
    return CHANNEL_VALUE_COUNTER.at(prefix, meter=meter, channel=channel, quantity=quantity)


def diag(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/diag``: State of the link to the meter, with counters and rates."""
    return DIAG.at(prefix, meter=meter)


def error(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/error``: Something went wrong; with a stable code and what to do about it."""
    return ERROR.at(prefix, meter=meter)


def raw(meter: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/<meter>/raw``: The telegram as received; off unless asked for, as it tells when somebody is at home."""
    return RAW.at(prefix, meter=meter)


def bridge_availability(bridge: str, *, prefix: str = PREFIX) -> str:
    """``…/v1/_bridge/<bridge>/availability``: Whether the bridge process runs; the last will of its own connection."""
    return BRIDGE_AVAILABILITY.at(prefix, bridge=bridge)


def match(topic: str, prefix: str = PREFIX) -> Match | None:
    """What ``topic`` is, or None if it is not of this profile (or of another major version).

    A quantity that this version does not know counts as a live one: nothing then is assumed about the past.
    """
    if not topic.startswith(f"{prefix}/"):
        return None
    for pattern, candidates in _PATTERNS:
        if found := pattern.fullmatch(topic, len(prefix) + 1):
            levels = found.groupdict()
            return Match(_by_kind(candidates, levels.get("quantity", "")), levels)
    return None


def _by_kind(candidates: list[Topic], quantity: str) -> TopicName:
    kind = KINDS.get(quantity)
    return next((topic.name for topic in candidates if kind in topic.kinds), candidates[0].name)


def _patterns() -> tuple[tuple[re.Pattern[str], list[Topic]], ...]:
    by_path: dict[str, list[Topic]] = {}
    for topic in TOPICS.values():
        by_path.setdefault(topic.path.removeprefix("{prefix}/"), []).append(topic)
    return tuple((re.compile(_expression(path)), topics) for path, topics in by_path.items())


def _expression(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{LEVELS[found[1]]})", path)


#: Expression of a path without its prefix → the topics that have it.
_PATTERNS: Final = _patterns()
