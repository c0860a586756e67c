"""What one meter says on MQTT, once it has a name: before that, nothing.

open(name) ──► availability offline ──► snapshots, diag, error, raw, discovery ──► connection
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Protocol

from ciibridge.pipeline import Diagnostics
from ciibridge.publish.messages import Messages
from ciibridge.types import Message, Problem, Snapshot

#: Octets kept for ``raw`` while no telegram comes out of them.
_RAW_OCTETS: Final = 65_536


class Publisher(Protocol):
    """What a meter needs of its MQTT connection."""

    @property
    def queued(self) -> int:
        """Messages that wait for the broker."""
        ...

    @property
    def dropped(self) -> int:
        """Messages that were lost because too many waited, since the start."""
        ...

    def publish(self, message: Message) -> None:
        """Send or keep a message; never waits, never raises."""
        ...

    def subscribe(self, filters: Iterable[str], heard: Callable[[str, bytes, bool], None]) -> None:
        """Hear what comes on these topics: topic, payload, and whether the broker had kept it."""
        ...


Connect = Callable[[str, Message], Publisher]


class Outlet:
    """Makes the messages of one meter and hands them to its connection, which ``connect`` gives. ``raw``: with its octets."""

    def __init__(self, messages: Messages, connect: Connect, *, raw: bool = False) -> None:
        self._messages = messages
        self._connect = connect
        self._meter = ""
        self._publisher: Publisher | None = None
        self._online = False
        self._raw: bytearray | None = bytearray() if raw else None

    @property
    def opened(self) -> bool:
        """The meter has a name, and its connection is there."""
        return self._publisher is not None

    @property
    def queued(self) -> int:
        """Messages that wait for the broker."""
        return 0 if self._publisher is None else self._publisher.queued

    @property
    def dropped(self) -> int:
        """Messages that were lost because too many waited, since the start."""
        return 0 if self._publisher is None else self._publisher.dropped

    def open(self, meter: str) -> bool:
        """Take up the connection of the meter; False if that was done before."""
        if self._publisher is not None:
            return False
        self._meter = meter
        self._publisher = self._connect(meter, self._messages.will(meter))
        if self._messages.discovery is not None:
            self._publisher.subscribe(self._messages.discovery.filters(meter), self._heard)
        self._publisher.publish(self._messages.availability(meter, online=False))
        return True

    def number_from(self, before: int) -> None:
        """Give the next telegram the number after ``before``."""
        self._messages.seq_base = before

    def snapshot(self, snapshot: Snapshot, of: Callable[[list[Message]], list[Message]] = list) -> None:
        """Publish a telegram, or what ``of`` takes of its messages."""
        self._publish(of(self._messages.snapshot(snapshot)))

    def set_online(self, *, online: bool) -> None:
        """Publish ``availability`` when it changes."""
        if online is not self._online and self._publisher is not None:
            self._online = online
            self._publisher.publish(self._messages.availability(self._meter, online=online))

    def report(
        self, diagnostics: Diagnostics, now: datetime, *, port_error: bool
    ) -> tuple[str, dict[str, Any]] | None:
        """Tell what ``diag`` would tell: name of the meter and document; None before it has a name."""
        if self._publisher is None:
            return None
        return self._meter, self._messages.diag_document(
            diagnostics, now, port_error=port_error, queued=self.queued, dropped=self.dropped
        )

    def diag(self, diagnostics: Diagnostics, now: datetime, *, port_error: bool) -> None:
        """Publish ``diag``."""
        if self._publisher is not None:
            self._publisher.publish(
                self._messages.diag(
                    self._meter,
                    diagnostics,
                    now,
                    port_error=port_error,
                    queued=self.queued,
                    dropped=self.dropped,
                )
            )

    def error(self, problem: Problem, now: datetime, count: int) -> None:
        """Publish an event ``error``."""
        if self._publisher is not None:
            self._publisher.publish(self._messages.error(self._meter, problem, now, count=count))

    def keep_raw(self, data: bytes) -> None:
        """Keep octets for ``raw``, if it is published at all."""
        if self._raw is not None:
            self._raw += data[-_RAW_OCTETS:]
            del self._raw[:-_RAW_OCTETS]

    def tell_raw(self) -> None:
        """Publish the octets that were kept: something came out of them."""
        if self._raw and self._publisher is not None:
            self._publisher.publish(self._messages.raw(self._meter, bytes(self._raw)))
            self._raw.clear()

    def tick(self, steady_s: float) -> None:
        """Let discovery look at the clock."""
        if self._messages.discovery is not None and self._publisher is not None:
            self._publish(self._messages.discovery.tick(steady_s))

    def _heard(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - as the connection calls it
        if self._messages.discovery is not None:
            self._publish(self._messages.discovery.heard(topic, payload, retained=retained))

    def _publish(self, messages: Iterable[Message]) -> None:
        if self._publisher is not None:
            for message in messages:
                self._publisher.publish(message)
