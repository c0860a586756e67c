"""The broker, step by step: name, connection, certificate, login, and whether a message gets through.

The message is empty, not retained, and on a topic of its own below ``_bridge``: nobody takes it for anything.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.publish.broker import BrokerSettings, unreachable
from ciibridge.publish.overhear import Asked, Ear, Overheard
from ciibridge.publish.retry import Reason
from ciibridge.service.address import Place
from ciibridge.service.doctor import Check, Level
from ciibridge.types import Message

_log: Final = logging.getLogger(__name__)
_PATIENCE_S: Final = 5.0
_ECHO_S: Final = 2.0
_DAY_S: Final = 86_400
#: A certificate that ends so soon is told: some are renewed by hand.
_SOON_DAYS: Final = 30


async def look(place: Place, catalogue: Resolved, bridge_id: str) -> AsyncIterator[Check]:
    """Go as far as it goes."""
    settings = place.broker
    url = f"broker {settings.url}"
    try:
        begin_s = time.monotonic()
        certificate = await _connect(settings)
        took_ms = (time.monotonic() - begin_s) * 1000
    except (OSError, UnicodeError) as error:
        yield _refused(url, unreachable(settings, error))
        return
    yield Check(Level.OK, url, f"it listens, {took_ms:.0f} ms")
    if settings.tls is not None:
        yield _dates(url, certificate)
    topic = catalogue.topics["bridge_availability"].path.format(
        prefix=place.prefix, bridge=f"{bridge_id[:57]}-doctor"
    )
    async for check in _log_in(settings, url, topic, bridge_id):
        yield check


async def _connect(settings: BrokerSettings) -> dict[str, object]:
    """Connect and hang up; the certificate of the other side. Raises OSError."""
    async with asyncio.timeout(_PATIENCE_S):
        _, writer = await asyncio.open_connection(settings.host, settings.port, ssl=settings.tls)
    certificate = writer.get_extra_info("peercert")
    writer.transport.abort()
    return certificate or {}


def _dates(url: str, certificate: dict[str, object]) -> Check:
    end = certificate.get("notAfter")
    if not isinstance(end, str):
        return Check(Level.OK, url, "TLS, with a certificate that does not say how long it holds")
    days = int((ssl.cert_time_to_seconds(end) - time.time()) // _DAY_S)
    words = f"TLS, its certificate holds for {days} more days"
    if days < _SOON_DAYS:
        return Check(Level.WARN, url, words, "Renew it on the broker.")
    return Check(Level.OK, url, words)


async def _log_in(settings: BrokerSettings, url: str, topic: str, bridge_id: str) -> AsyncIterator[Check]:
    echo = asyncio.Event()

    def hear(message: Overheard) -> None:
        if message.topic == topic:
            echo.set()

    asked = Asked(settings, _log)
    ear = Ear(settings, [topic], hear, client_id=f"ciibridge-{bridge_id}-doctor", broker=asked)
    try:
        reason = await ear.open()
        if ear.version is None:
            yield _refused(url, reason or Reason("lost", "the connection was lost"))
            return
        yield Check(Level.OK, url, f"it lets us in (MQTT {ear.version})")
        confirmed = await ear.say(Message(topic, b"", qos=1, retain=False), _PATIENCE_S)
        if asked.refusal is not None or not confirmed:
            refusal = asked.refusal or ear.lost() or Reason("no_answer", "it does not confirm a message")
            yield _refused(f"{url}, {topic}", refusal)
            return
        if reason is None:
            try:
                async with asyncio.timeout(_ECHO_S):
                    await echo.wait()
            except TimeoutError:
                words = "a message was confirmed and did not come back: this user may not write, or not read, here"
                remedy = (
                    "Allow it to write to the prefix on the broker; without the right to read, all is well."
                )
                yield Check(Level.WARN, f"{url}, {topic}", words, remedy)
                return
            yield Check(Level.OK, url, f"it passes on what we publish ({topic})")
            return
        yield Check(Level.OK, url, f"it confirms what we publish ({topic}); we may not read it there")
    finally:
        await ear.close()


def _refused(subject: str, reason: Reason) -> Check:
    return Check(Level.FAIL, subject, reason.words, reason.remedy)
