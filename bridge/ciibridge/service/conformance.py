"""Judges whether what anyone publishes below the prefix keeps to the profile. Pure; knows the rules from the schema alone.

    Overheard ──► topic ──► QoS, retain, expiry ──► payload: JSON Schema ──► meter: seq, ts, units, what must be there
                  grammar   type of content

Each breach is found once a topic and counted. What the listener cannot see is not judged: with MQTT 3.1.1 neither expiry nor
whether a message that arrives now was published as retained.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import jsonschema
from ciimodel.catalogue import Resolved, Topic

from ciibridge.publish.overhear import Overheard

#: Topics that are told one by one; somebody may publish without end.
_MOST_TOPICS: Final = 20_000
_MOST_WORDS: Final = 160
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_PLAIN_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
#: What every meter has, whoever reads it.
_NEEDED: Final = ("availability", "meta", "diag")


@dataclass(slots=True)
class Breach:
    """A rule that was broken: its name, in words what was seen, and what mends it."""

    rule: str
    words: str
    remedy: str
    count: int = 1


@dataclass(slots=True)
class Heard:
    """One topic: which one of the schema it is ("" for none), how many messages came, and what is wrong with them."""

    topic: str
    name: str
    messages: int = 0
    breaches: dict[str, Breach] = field(default_factory=dict)

    def breach(self, rule: str, words: str, remedy: str) -> None:
        """Note a breach, or count it again."""
        if (known := self.breaches.get(rule)) is not None:
            known.count += 1
        else:
            self.breaches[rule] = Breach(rule, words[:_MOST_WORDS], remedy)


@dataclass(slots=True)
class _Meter:
    """What must fit together on the topics of one meter."""

    topics: set[str] = field(default_factory=set)  # names of the schema
    meta: Mapping[str, Any] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)  # quantity → topic on which it came
    online: bool | None = None
    last: dict[str, tuple[int, str]] = field(default_factory=dict)  # topic → seq and ts
    registers: dict[str, Decimal] = field(default_factory=dict)  # topic → value of a counter that only rises


class Conformance:
    """Judges messages. ``sees_retain``: their retain flag is the publisher's, and expiry is seen (MQTT 5)."""

    def __init__(self, catalogue: Resolved, prefix: str, *, sees_retain: bool = True) -> None:
        self._catalogue = catalogue
        self._sees_retain = sees_retain
        self._begin = f"{prefix}/v{catalogue.version.partition('.')[0]}/"
        self._patterns = [
            (re.compile(self._pattern(topic, prefix)), topic) for topic in catalogue.topics.values()
        ]
        self._validators = {
            name: jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
            for name, schema in catalogue.payloads.items()
        }
        self._topics: dict[str, Heard] = {}
        self._meters: dict[str, _Meter] = {}
        self.left_out = 0  # messages on topics beyond the bound

    @property
    def meters(self) -> list[str]:
        """Names of the meters that were heard."""
        return sorted(self._meters)

    def hear(self, message: Overheard) -> None:
        """Judge a message; an empty retained one takes a topic away and is no breach."""
        heard = self._topics.get(message.topic)
        if heard is None:
            if len(self._topics) >= _MOST_TOPICS:
                self.left_out += 1
                return
            heard = self._topics[message.topic] = Heard(message.topic, "")
        heard.messages += 1
        if not message.payload and message.retain:
            return
        topic, parts = self._find(message.topic)
        if topic is None:
            self._unknown(heard)
            return
        heard.name = topic.name
        self._delivery(heard, message, topic)
        meter = self._meters.setdefault(parts["meter"], _Meter()) if "meter" in parts else None
        if meter is not None:
            meter.topics.add(topic.name)
        value = self._payload(heard, message, topic)
        if meter is not None and value is not None:
            self._fits(heard, meter, topic, parts, value)

    def report(self) -> list[Heard]:
        """Give all topics with what is wrong, by name; what is missing of a meter stands under the topic that is missing."""
        told = {
            name: Heard(h.topic, h.name, h.messages, dict(h.breaches)) for name, h in self._topics.items()
        }
        for name, meter in self._meters.items():
            for needed in _NEEDED:
                if needed not in meter.topics:
                    path = self._begin + f"{name}/{needed}"
                    missing = told.setdefault(path, Heard(path, needed))
                    missing.breach("missing", "it is not there", "Publish it, retained: every meter has it.")
            for quantity, path in meter.seen.items():
                if "meta" in meter.topics and quantity not in meter.meta:
                    told[path].breach(
                        "not_in_meta",
                        f"{quantity} is not in meta.quantities",
                        "Publish meta again when it changes.",
                    )
        return sorted(told.values(), key=lambda one: one.topic)

    # -- one message -------------------------------------------------------------------------------------------------

    def _pattern(self, topic: Topic, prefix: str) -> str:
        levels = {**self._catalogue.levels, "prefix": re.escape(prefix)}
        parts = _PLACEHOLDER.split(topic.path)
        text = (
            re.escape(part) if i % 2 == 0 else f"(?P<{part}>{levels[part]})" for i, part in enumerate(parts)
        )
        return "".join(text)

    def _find(self, path: str) -> tuple[Topic | None, dict[str, str]]:
        for pattern, topic in self._patterns:
            if (match := pattern.fullmatch(path)) is None:
                continue
            parts = match.groupdict()
            quantity = self._catalogue.quantities.get(parts.get("quantity") or parts.get("item") or "")
            if quantity is None or not topic.kinds or quantity.kind in topic.kinds:
                return topic, parts
        return None, {}

    def _unknown(self, heard: Heard) -> None:
        rest = heard.topic.removeprefix(self._begin)
        if rest == heard.topic:
            heard.breach(
                "version",
                f"it is not below {self._begin}",
                "Another version of the profile, or something else.",
            )
            return
        level = rest.partition("/")[0]
        if not re.fullmatch(self._catalogue.levels["meter"], level) and level != "_bridge":
            heard.breach(
                "level",
                "the level of the meter is not possible",
                "Use a-z, 0-9, _ and -, at most 64, not beginning with _ or -.",
            )
            return
        heard.breach(
            "topic",
            "the profile has no such topic",
            "Move it out of the prefix, or see the page of the profile (generated/docs/profile.md).",
        )

    def _delivery(self, heard: Heard, message: Overheard, topic: Topic) -> None:
        if message.qos != topic.qos:
            heard.breach("qos", f"QoS {message.qos}", f"Publish it with QoS {topic.qos}.")
        if message.retain and not topic.retain:
            heard.breach(
                "retain", "it is retained", "Publish it without retain: it is over when it has happened."
            )
        if not self._sees_retain:
            return
        if topic.retain and not message.retain:
            heard.breach("retain", "it is not retained", "Publish it with retain: who comes later needs it.")
        if topic.expiry_s is not None and not 0 < (message.expiry_s or 0) <= topic.expiry_s:
            heard.breach(
                "expiry",
                f"expiry {'none' if message.expiry_s is None else f'{message.expiry_s} s'}",
                f"Set Message Expiry Interval to {topic.expiry_s} s, so that a value that is old is not taken for one of now.",
            )
        if message.content_type is not None and message.content_type != topic.content_type:
            heard.breach(
                "content_type", f"content type {message.content_type!r}", f"Set it to {topic.content_type}."
            )

    def _payload(self, heard: Heard, message: Overheard, topic: Topic) -> Any:
        """Read and check a payload; None if there is nothing to go on with."""
        if topic.payload == "raw":
            return None
        try:
            text = message.payload.decode()
            value = self._read(text, topic)
        except (UnicodeDecodeError, ValueError, RecursionError, InvalidOperation) as error:
            heard.breach(
                "payload",
                f"it cannot be read: {error}",
                f"Publish {topic.content_type}, UTF-8, as {topic.payload} in the schema.",
            )
            return None
        for fault in self._validators[topic.payload].iter_errors(value):
            where = ".".join(map(str, fault.absolute_path))
            heard.breach(
                f"schema {where}".strip(),
                f"{where or 'payload'}: {fault.message}",
                f"See the JSON Schema of {topic.payload}.",
            )
        return value

    @staticmethod
    def _read(text: str, topic: Topic) -> Any:
        if topic.content_type == "application/json":
            return json.loads(text, parse_float=Decimal)
        if topic.payload == "number":
            if not _PLAIN_NUMBER.fullmatch(text):
                raise ValueError(f"{text[:20]!r} is no plain decimal number")
            return Decimal(text)
        return text

    # -- what must fit together ----------------------------------------------------------------------------------------

    def _fits(self, heard: Heard, meter: _Meter, topic: Topic, parts: Mapping[str, str], value: Any) -> None:
        match topic.payload:
            case "availability":
                meter.online = value == "online"
            case "meta" if isinstance(value, dict):
                quantities = value.get("quantities")
                meter.meta = quantities if isinstance(quantities, dict) else {}
                self._units(heard, meter.meta)
            case "number":
                self._number(heard, meter, parts["quantity"], value, channel="channel" in parts)
            case "text":
                self._known(heard, meter, parts["item"])
            case "state" if isinstance(value, dict):
                self._state(heard, meter, topic, value)
        if isinstance(value, dict) and value.get("meter", parts["meter"]) != parts["meter"]:
            heard.breach("meter", "`meter` is not the level of the topic", "Make them the same.")

    def _known(self, heard: Heard, meter: _Meter, name: str, *, channel: bool = False) -> bool:
        if name not in self._catalogue.quantities:
            heard.breach(
                f"quantity {name}",
                f"the profile has no quantity {name!r}",
                "Unknown objects go into `obis` of state.",
            )
            return False
        if not channel:
            meter.seen.setdefault(name, heard.topic)
        return True

    def _number(self, heard: Heard, meter: _Meter, name: str, value: Decimal, *, channel: bool) -> None:
        if not self._known(heard, meter, name, channel=channel):
            return
        self._bounds(heard, name, value)
        if self._catalogue.quantities[name].monotonic:
            if value < meter.registers.get(heard.topic, value):
                heard.breach(
                    "fell",
                    f"the register fell to {value}",
                    "Withhold a lower value until it is confirmed three times.",
                )
            meter.registers[heard.topic] = value

    def _bounds(self, heard: Heard, name: str, value: Decimal) -> None:
        quantity = self._catalogue.quantities[name]
        low, high = quantity.minimum, quantity.maximum
        if (low is not None and value < Decimal(str(low))) or (
            high is not None and value > Decimal(str(high))
        ):
            heard.breach(
                f"implausible {name}",
                f"{name} = {value} {quantity.unit or ''} cannot be",
                f"Publish it in {quantity.unit or 'its unit'}, import and export each as a positive number.",
            )

    def _state(self, heard: Heard, meter: _Meter, topic: Topic, value: Mapping[str, Any]) -> None:
        channel = topic.name.startswith("channel")
        values = value.get("values")
        for quantity, number in values.items() if isinstance(values, dict) else ():
            if self._known(heard, meter, quantity, channel=channel) and isinstance(number, int | Decimal):
                self._bounds(heard, quantity, Decimal(number))
        texts = value.get("texts")
        for quantity in texts if isinstance(texts, dict) else ():
            self._known(heard, meter, quantity, channel=channel)
        seq, ts = value.get("seq"), value.get("ts")
        if not isinstance(seq, int) or not isinstance(ts, str):
            return  # the JSON Schema has said it
        before = meter.last.get(heard.topic)
        meter.last[heard.topic] = (seq, ts)
        if before is not None and topic.payload == "state":
            if seq < before[0]:
                heard.breach(
                    "seq", f"seq {seq} after {before[0]}", "Number telegrams upwards, over restarts, too."
                )
            if ts < before[1] and seq > before[0]:
                heard.breach(
                    "ts", f"ts {ts} after {before[1]}", "Publish telegrams in their order, times in UTC."
                )
        if meter.online is False and topic.name == "state":
            heard.breach(
                "offline",
                "telegrams come while availability is offline",
                "Publish availability = online first.",
            )

    def _units(self, heard: Heard, quantities: Mapping[str, Any]) -> None:
        for name, facts in quantities.items():
            known = self._catalogue.quantities.get(name)
            if known is None:
                heard.breach(f"quantity {name}", f"the profile has no quantity {name!r}", "Leave it out.")
            elif isinstance(facts, dict) and facts.get("unit", known.unit) != known.unit:
                heard.breach(
                    f"unit {name}",
                    f"{name} in {facts.get('unit')}",
                    f"Publish it in {known.unit}: units are the same for every meter.",
                )


def breaches(report: list[Heard]) -> Iterator[Breach]:
    """List all breaches of a report."""
    for heard in report:
        yield from heard.breaches.values()
