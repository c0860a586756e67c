"""Home Assistant finds the meter by itself: discovery messages beside ``meta``, and away with what is no longer true. Pure.

    meta ──► ciimodel.homeassistant ──► config messages, retained: those that changed
    Home Assistant has started (its birth message) ──► all of them again
    what an earlier run left on the broker ──► the other form: handed over, then removed
                                               a quantity that comes no more: removed after a day
                                               everything, where discovery is switched off

A removed entity loses what its user set, so nothing is removed because it has not come *yet*: some lists come once a day.
What an earlier run told of such an entity is carried on, also into the other form.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import orjson
from ciimodel.homeassistant import Discovery, Messages, meter_of

from ciibridge.types import Message

#: No list comes less often than once a day; an hour for the clock change.
_RETIRED_S: Final = 25 * 3600.0
#: Between two steps: to hear first what an earlier run left, and because Home Assistant unloads the entities of a topic in
#: the background, and takes what comes too early for a mistake.
_PATIENCE_S: Final = 1.0
_QOS: Final = 1
_JSON: Final = "application/json"
#: Home Assistant from 2024.11 on unloads the entities of a topic and keeps what it knows of them for the next one.
_HAND_OVER: Final = orjson.dumps({"migrate_discovery": True})


class _Step(IntEnum):
    """Going over from one form of messages to the other."""

    NONE = 0
    TOLD = 1  # that the old topics hand over
    SENT = 2  # the new messages; what is left is to clear the old topics


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
        self._left: set[str] = set()  # topics that an earlier run left, in the form that is in use
        self._old: set[str] = set()  # … in the other form
        self._carried: dict[
            str, dict[str, Any]
        ] = {}  # key → what an earlier run told of an entity, in the other form
        self._step = _Step.NONE
        self._step_s = 0.0
        self._since_s: float | None = None  # first tick after the first telegram
        self._dirty = False

    def filters(self, meter: str) -> tuple[str, ...]:
        """Name the topics to hear: what an earlier run left, and whether Home Assistant starts."""
        own = self._discovery.filters(meter)
        return (*own, self._birth_topic) if self._enabled else own

    def update(self, meta: bytes) -> None:
        """Take a new ``meta``; what follows from it is sent with the next tick."""
        if self._enabled:
            self._made = self._discovery.messages(meter_of(orjson.loads(meta), alone=self._alone))
            self._left -= self._made.keys()
            self._dirty = True

    def heard(self, topic: str, payload: bytes, *, retained: bool) -> list[Message]:
        """Take a message that was subscribed to; what has to be sent at once, the rest with the next tick."""
        if topic == self._birth_topic:
            known = self._sent.items() if payload == self._birth else ()
            return [_config(topic, message) for topic, message in known]
        if not retained or not payload:
            return []  # our own, coming back
        if not self._enabled:
            return [_config(topic, b"")]
        if self._is_device(topic) is not self._discovery.per_device:
            self._old.add(topic)
            self._carry(topic, payload)
        elif self._discovery.per_device:
            self._carry(topic, payload)
        elif topic not in self._made:
            self._left.add(topic)
        return []

    def tick(self, steady_s: float) -> list[Message]:
        """Say what is due.

        ``steady_s``: any steady clock. Neither the meter's clock nor this machine's is one: both may jump by years.
        """
        if not self._made:  # nothing to say, and nothing to hand over to, before the first telegram
            return []
        if self._since_s is None:
            self._since_s = self._step_s = steady_s
        if steady_s - self._step_s < _PATIENCE_S:
            return []
        gone: list[Message] = []
        if steady_s - self._since_s >= _RETIRED_S:
            self._since_s = steady_s
            gone = self._retire()
        if self._old:
            return gone + self._go_over(steady_s)
        return gone + self._changes() if self._dirty else gone

    def _retire(self) -> list[Message]:
        """Take away what nothing has come for since the first telegram, a day ago."""
        gone = [_config(topic, b"") for topic in sorted(self._left)]
        self._left.clear()
        # in the message of a device, a component that says nothing but its platform is removed
        self._carried = {
            key: {"platform": config["platform"]}
            for key, config in self._carried.items()
            if self._discovery.per_device
        }
        self._dirty = True
        return gone

    def _go_over(self, steady_s: float) -> list[Message]:
        """Go over to the form in use, step by step."""
        self._step_s = steady_s
        old = sorted(self._old)
        match self._step:
            case _Step.NONE:
                self._step = _Step.TOLD
                return [Message(topic, _HAND_OVER, _QOS, retain=False, content_type=_JSON) for topic in old]
            case _Step.TOLD:
                self._step = _Step.SENT
                self._sent.clear()
                return self._changes()
            case _Step.SENT:
                self._step = _Step.NONE
                self._old.clear()
                return [_config(topic, b"") for topic in old]

    def _changes(self) -> list[Message]:
        """List what is not yet so on the broker."""
        self._dirty = False
        payloads = {topic: orjson.dumps(message) for topic, message in self._whole().items()}
        gone = [topic for topic in self._sent if topic not in payloads]
        new = {topic: payload for topic, payload in payloads.items() if self._sent.get(topic) != payload}
        self._sent = payloads
        return [
            *(_config(topic, payload) for topic, payload in new.items()),
            *(_config(topic, b"") for topic in gone),
        ]

    def _whole(self) -> Messages:
        """Add what has not come yet in this run to what has."""
        if not self._carried:
            return self._made
        if self._discovery.per_device:
            ((topic, message),) = self._made.items()
            ours: dict[str, Any] = message["components"]  # type: ignore[assignment]  # JSON
            self._carried = {key: config for key, config in self._carried.items() if key not in ours}
            return {topic: {**message, "components": {**ours, **self._carried}}}
        example = next(iter(self._made))
        node = example.split("/")[-3]
        shared = {key: self._made[example][key] for key in ("device", "origin")}
        more = {
            f"{self._discovery.root}/{config['platform']}/{node}/{key}/config": {
                **_but(config, "platform"),
                **shared,
            }
            for key, config in self._carried.items()
        }
        return {**more, **self._made}

    def _carry(self, topic: str, payload: bytes) -> None:
        """Remember what an earlier run told of its entities."""
        self._carried = {**_components(topic, payload), **self._carried}
        self._dirty = True

    def _is_device(self, topic: str) -> bool:
        return topic.startswith(f"{self._discovery.root}/device/")


def _config(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, _QOS, retain=True, content_type=_JSON if payload else None)


def _components(topic: str, payload: bytes) -> dict[str, dict[str, Any]]:
    """Read the entities of a message of either form, key → config with its platform; none if it is no such message."""
    try:
        message = orjson.loads(payload)
        if "components" in message:
            found = message["components"].items()
            return {
                key: dict(config) for key, config in found if "platform" in config and "unique_id" in config
            }
        if "unique_id" in message:
            platform, _, key = topic.split("/")[-4:-1]
            return {key: {"platform": platform, **_but(message, "device", "origin")}}
    except (orjson.JSONDecodeError, TypeError, ValueError, AttributeError):
        return {}
    return {}


def _but(config: dict[str, Any], *left_out: str) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in left_out}
