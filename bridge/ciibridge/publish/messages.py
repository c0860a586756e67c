"""Snapshot → messages: what is published, to the octet. Pure; compiled once for each meter.

    Snapshot ──► meta (when it changed) · state · value/<quantity> … · text/<item> … · channel/<n>/… · other tongues (``dialect``)
    Problem ──► error        Diagnostics ──► diag        availability, its last will, and raw

Paths, QoS, retain and expiry come from the catalogue. ``ciibridge decode`` prints the octets that ``state`` makes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from ciimodel.catalogue import Resolved, Topic

from ciibridge.link import HINTS, LinkState
from ciibridge.normalise.compiled import Form, FormedSnapshot
from ciibridge.normalise.settings import MeterSettings
from ciibridge.pipeline import Diagnostics
from ciibridge.publish.dialect import Spoken, Tongue
from ciibridge.publish.form import StateTemplate
from ciibridge.publish.homeassistant import MeterDiscovery
from ciibridge.publish.meta import Meta
from ciibridge.publish.text import exact_values, json_value, utc_text, utc_text_ms
from ciibridge.types import PROBLEMS, Measured, Message, Problem, Snapshot

#: Topic of the catalogue that carries a quantity of the meter itself → the one for a sub-meter.
_VALUE_TOPICS: Final = {
    False: ("value_live", "value_counter"),
    True: ("channel_value_live", "channel_value_counter"),
}


_PLACEHOLDER: Final = re.compile(r"\{\w+\}")
#: Topics remembered for each route: more than there are quantities and channels of one meter.
_MOST: Final = 4096
#: Forms whose templates are kept: more than a meter has.
_MOST_FORMS: Final = 32


class _Route:
    """A topic of the catalogue with everything but the payload and the levels of its path, which are remembered."""

    def __init__(self, topic: Topic, later: Topic | None, prefix: str) -> None:
        self._topic = topic
        self._prefix = prefix
        self._later = later
        self._known: dict[tuple[str, ...], tuple[str, str | None]] = {}

    def message(self, payload: bytes, *levels: str) -> Message:
        """Make the message; ``levels``: values for the placeholders of the path, in its order, without the prefix."""
        names = self._known.get(levels)
        if names is None:
            if len(self._known) >= _MOST:
                self._known.clear()
            names = self._known[levels] = (
                self._fill(self._topic, levels),
                self._fill(self._later, levels) if self._later else None,
            )
        topic = self._topic
        return Message(
            names[0], payload, topic.qos, topic.retain, topic.expiry_s, topic.content_type, names[1]
        )

    def _fill(self, topic: Topic, levels: tuple[str, ...]) -> str:
        values = iter((self._prefix, *levels))
        return _PLACEHOLDER.sub(lambda _: next(values), topic.path)


class Messages:
    """Makes the messages of one meter. The catalogue decides where they go; only the payloads are made here."""

    def __init__(
        self,
        catalogue: Resolved,
        settings: MeterSettings | None = None,
        *,
        prefix: str | None = None,
        protocol: str = "dlms-hdlc",
        interface: str | None = None,
        software: str | None = None,
        value_topics: bool = True,
        discovery: MeterDiscovery | None = None,
        dialects: tuple[Spoken, ...] = (),
    ) -> None:
        """``value_topics``: publish each value on a topic of its own, beside ``state``. ``discovery`` is told of each ``meta``.

        ``dialects``: other tongues in which each telegram is said, too.
        """
        self.discovery = discovery
        self.seq_base = 0  # number of the last telegram before the first snapshot, where that is remembered
        self._profile = catalogue.version
        self._templates: dict[Form, StateTemplate] = {}
        self._value_topics = value_topics
        self._meta = Meta(
            catalogue, settings or MeterSettings(), protocol=protocol, interface=interface, software=software
        )
        self._software = software
        self._tongues = [Tongue(spoken) for spoken in dialects]
        prefix = catalogue.prefix if prefix is None else prefix
        topics = catalogue.topics
        later = {"state": topics.get("history"), "channel_state": topics.get("channel_history")}
        self._routes = {name: _Route(topic, later.get(name), prefix) for name, topic in topics.items()}
        # An event or a row of the past that could not be sent at once is still worth sending, in its place.
        for name in ("error", "history", "channel_history"):
            self._routes[name] = _Route(topics[name], topics[name], prefix)
        self._value_routes = {
            channel: {
                name: self._routes[topic]
                for name, quantity in catalogue.quantities.items()
                for topic in names
                if quantity.kind in topics[topic].kinds
            }
            for channel, names in _VALUE_TOPICS.items()
        }

    def snapshot(self, snapshot: Snapshot) -> list[Message]:
        """Everything a telegram gives: meta if it changed, state, values, texts, sub-meters; of the past only history."""
        if snapshot.past:
            return self._history(snapshot)
        meter = snapshot.meter
        messages: list[Message] = []
        meta = self._meta.update(snapshot)
        if meta is not None:
            messages.append(self._routes["meta"].message(meta, meter))
            if self.discovery is not None:
                self.discovery.update(meta)
        messages.append(self._routes["state"].message(self.state(snapshot), meter))
        if self._value_topics:
            messages += self._values(snapshot.values, meter)
            for name, text in snapshot.texts.items():
                messages.append(self._routes["text"].message(text.encode(), meter, name))
        for channel in _channels(snapshot):
            number = str(channel)
            state = self._channel(snapshot, channel)
            messages.append(self._routes["channel_state"].message(state, meter, number))
            if self._value_topics:
                messages += self._values(snapshot.channels.get(channel, {}), meter, number)
        for tongue in self._tongues:
            messages += tongue.messages(snapshot)
        return messages

    def state(self, snapshot: Snapshot) -> bytes:
        """Make the JSON of ``state``: exact numbers, nothing that the telegram did not hold."""
        head = self._head(snapshot)
        if isinstance(snapshot, FormedSnapshot) and snapshot.mantissas is not None:
            template = self._templates.get(snapshot.form)
            if template is None:
                if len(self._templates) >= _MOST_FORMS:
                    self._templates.clear()
                template = self._templates[snapshot.form] = StateTemplate(snapshot.form, _tail(snapshot))
            return template.render(head, snapshot.mantissas)
        return orjson.dumps(head | {"values": exact_values(snapshot.values)} | _tail(snapshot))

    def _history(self, snapshot: Snapshot) -> list[Message]:
        meter = snapshot.meter
        messages = [self._routes["history"].message(self.state(snapshot), meter)]
        for channel in _channels(snapshot):
            state = self._channel(snapshot, channel)
            messages.append(self._routes["channel_history"].message(state, meter, str(channel)))
        return messages

    def _channel(self, snapshot: Snapshot, channel: int) -> bytes:
        document = self._head(snapshot) | {"values": exact_values(snapshot.channels.get(channel, {}))}
        if texts := snapshot.channel_texts.get(channel):
            document["texts"] = texts
        return orjson.dumps(document)

    def availability(self, meter: str, *, online: bool) -> Message:
        """Say whether readings arrive."""
        return self._routes["availability"].message(b"online" if online else b"offline", meter)

    def will(self, meter: str) -> Message:
        """Make the last will of the meter's connection."""
        return self.availability(meter, online=False)

    def diag(
        self,
        meter: str,
        diagnostics: Diagnostics,
        now: datetime,
        *,
        port_error: bool = False,
        queued: int | None = None,
        dropped: int | None = None,
    ) -> Message:
        """Report the state of the link, as ``diag_document`` tells it."""
        document = self.diag_document(diagnostics, now, port_error=port_error, queued=queued, dropped=dropped)
        return self._routes["diag"].message(orjson.dumps(document), meter)

    def diag_document(
        self,
        diagnostics: Diagnostics,
        now: datetime,
        *,
        port_error: bool = False,
        queued: int | None = None,
        dropped: int | None = None,
    ) -> dict[str, Any]:
        """Tell the state of the link at ``now`` (UTC). ``port_error``: the port cannot be read, whatever came before."""
        link = LinkState.PORT_ERROR if port_error else diagnostics.link
        last = diagnostics.last_rx
        document: dict[str, Any] = {
            "ts": utc_text(now),
            "link": link,
            "hint": HINTS.get(link),
            "frames_ok": diagnostics.frames_ok,
            "frames_bad": diagnostics.frames_bad,
            "telegrams": diagnostics.telegrams_ok,
            "bytes": diagnostics.octets,
            "withheld": diagnostics.withheld,
            "problems": dict(diagnostics.problems),
            "last_rx": None if last is None else utc_text_ms(last),
            "age_s": None if last is None else round(max(0.0, (now - last).total_seconds()), 1),
            "interval_s": max(diagnostics.intervals.values(), default=None),
            "telegrams_per_minute": diagnostics.telegrams_per_minute,
            "clock_offset_s": _rounded(diagnostics.clock_offset_s),
            "queued": queued,
            "dropped": dropped,
            "software": self._software,
        }
        return {key: value for key, value in document.items() if value is not None}

    def error(self, meter: str, problem: Problem, now: datetime, *, count: int = 1) -> Message:
        """Report a problem as an event. ``count``: how often it came since the last report."""
        document: dict[str, Any] = {
            "ts": utc_text(now),
            "code": problem.code,
            "message": problem.message,
            "hint": problem.hint or PROBLEMS.get(problem.code, PROBLEMS["unknown_format"]),
        }
        if problem.quantity:
            document["quantity"] = problem.quantity
        if problem.offset:
            document["offset"] = problem.offset
        if count > 1:
            document["count"] = count
        for key, bound in (("from", problem.begin), ("to", problem.end)):
            if bound is not None:
                document[key] = utc_text(bound)
        return self._routes["error"].message(orjson.dumps(document), meter)

    def raw(self, meter: str, data: bytes) -> Message:
        """Pass on the octets of a telegram; for whoever asked for it in the configuration."""
        return self._routes["raw"].message(data, meter)

    def _head(self, snapshot: Snapshot) -> dict[str, Any]:
        head: dict[str, Any] = {
            "profile": self._profile,
            "meter": snapshot.meter,
            "seq": self.seq_base + snapshot.seq,
            "ts": utc_text(snapshot.ts),
            "ts_source": snapshot.ts_source,
        }
        if snapshot.rx is not None:
            head["rx"] = utc_text_ms(snapshot.rx)
        if snapshot.list is not None:
            head["list"] = snapshot.list
        return head

    def _values(self, values: Mapping[str, Measured], *levels: str) -> list[Message]:
        """Make a message for each value; ``levels``: meter, and channel of a sub-meter."""
        routes = self._value_routes[len(levels) > 1]
        return [
            routes[name].message(str(measured.number).encode(), *levels, name)
            for name, measured in values.items()
        ]


def _channels(snapshot: Snapshot) -> list[int]:
    """Channels of which the telegram said something."""
    if not snapshot.channel_texts:
        return list(snapshot.channels)
    return sorted({*snapshot.channels, *snapshot.channel_texts})


def _tail(snapshot: Snapshot) -> dict[str, Any]:
    """Give what stands behind ``values`` in ``state``."""
    tail: dict[str, Any] = {}
    if snapshot.texts:
        tail["texts"] = snapshot.texts
    if snapshot.derived:
        tail["derived"] = snapshot.derived
    if snapshot.channels:
        tail["channels"] = {str(n): exact_values(v) for n, v in snapshot.channels.items()}
    if snapshot.unknown:
        tail["obis"] = {code: json_value(value) for code, value in snapshot.unknown.items()}
    return tail


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
