"""Home Assistant finds the meter by itself: discovery messages beside ``meta``, and away with what is no longer true. Pure.

    meta ──► ciimodel.homeassistant ──► config messages, retained: those that changed
    Home Assistant has started (its birth message) ──► all of them again
    what an earlier run left on the broker ──► the other form: handed over and removed
                                               a quantity that comes no more: removed after a day
                                               everything, where discovery is switched off

A removed entity loses what its user set, so nothing is removed because it has not come *yet*: some lists come once a day.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from ciimodel.homeassistant import Discovery, Messages, meter_of

from ciibridge.types import Message

#: No list comes less often than once a day; an hour for the clock change.
_RETIRED_S: Final = 25 * 3600.0
_QOS: Final = 1
_JSON: Final = "application/json"
#: Home Assistant from 2024.11 on unloads the entities of a topic and keeps what it knows of them for the next one.
_HAND_OVER: Final = orjson.dumps({"migrate_discovery": True})


class MeterDiscovery:
    """The discovery messages of one meter. ``alone``: the only meter of this bridge; ``enabled``: False takes all away."""

    def __init__(self, discovery: Discovery, *, alone: bool, enabled: bool = True) -> None:
        self._discovery = discovery
        self._alone = alone
        self._enabled = enabled
        self._birth_topic, birth = discovery.birth()
        self._birth = birth.encode()
        self._made: Messages = {}  # as meta has it
        self._sent: dict[str, bytes] = {}
        self._left: set[str] = set()  # topics that an earlier run left
        self._carried: dict[str, Any] = {}  # components that an earlier run left in the message of the device
        self._since_s: float | None = None  # first tick after the first telegram
        self._dirty = False

    def filters(self, meter: str) -> tuple[str, ...]:
        """Name the topics to hear: what an earlier run left, and whether Home Assistant starts."""
        own = self._discovery.filters(meter)
        return (*own, self._birth_topic) if self._enabled else own

    def update(self, meta: bytes) -> list[Message]:
        """Take a new ``meta``; what has to be sent, in this order."""
        if not self._enabled:
            return []
        self._made = self._discovery.messages(meter_of(orjson.loads(meta), alone=self._alone))
        self._left -= self._made.keys()
        return self._changes()

    def heard(self, topic: str, payload: bytes, *, retained: bool) -> list[Message]:
        """Take a message that was subscribed to; what has to be sent at once, the rest with the next tick."""
        if topic == self._birth_topic:
            known = self._sent.items() if payload == self._birth else ()
            return [_config(topic, message) for topic, message in known]
        if not retained or not payload:
            return []  # our own, coming back
        if not self._enabled:
            return [_config(topic, b"")]
        if self._is_old_form(topic) or not self._discovery.per_device:
            if topic not in self._made:
                self._left.add(topic)
                self._dirty = True
        else:
            self._carried = {**_components(payload), **self._carried}
            self._dirty = True
        return []

    def tick(self, steady_s: float) -> list[Message]:
        """Do what was heard; a day after the first telegram, take away what nothing has come for since.

        ``steady_s``: any steady clock. Neither the meter's clock nor this machine's is one: both may jump by years.
        """
        gone: list[Message] = []
        if self._since_s is None and self._made:
            self._since_s = steady_s
        if self._since_s is not None and steady_s - self._since_s >= _RETIRED_S:
            self._since_s = steady_s
            retired = sorted(topic for topic in self._left if not self._is_old_form(topic))
            gone = [_config(topic, b"") for topic in retired]
            self._left.difference_update(retired)
            # a component that says nothing but its platform is removed
            self._carried = {key: {"platform": config["platform"]} for key, config in self._carried.items()}
            self._dirty = True
        return gone + self._changes() if self._dirty else gone

    def _changes(self) -> list[Message]:
        """List what is not yet so on the broker; before it what hands old topics over, after it what clears them."""
        if not self._made:  # nothing to hand over to before the first telegram
            return []
        self._dirty = False
        payloads = {topic: orjson.dumps(self._whole(message)) for topic, message in self._made.items()}
        gone = [topic for topic in self._sent if topic not in payloads]
        old = sorted(filter(self._is_old_form, self._left))
        new = {
            topic: payload for topic, payload in payloads.items() if old or self._sent.get(topic) != payload
        }
        self._left.difference_update(old)
        self._sent = payloads
        return [
            *(Message(topic, _HAND_OVER, _QOS, retain=False, content_type=_JSON) for topic in old),
            *(_config(topic, payload) for topic, payload in new.items()),
            *(_config(topic, b"") for topic in (*gone, *old)),
        ]

    def _whole(self, message: dict[str, Any]) -> dict[str, Any]:
        """Add the components that have not come yet in this run."""
        if not self._carried:
            return message
        ours = message["components"]
        self._carried = {key: config for key, config in self._carried.items() if key not in ours}
        return {**message, "components": {**ours, **self._carried}}

    def _is_old_form(self, topic: str) -> bool:
        return topic.startswith(f"{self._discovery.root}/device/") is not self._discovery.per_device


def _config(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, _QOS, retain=True, content_type=_JSON if payload else None)


def _components(payload: bytes) -> dict[str, Any]:
    """Read the components of a device message; none if it is none."""
    try:
        found = orjson.loads(payload)["components"]
        return {key: config for key, config in found.items() if len(config) > 1 and "platform" in config}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return {}
