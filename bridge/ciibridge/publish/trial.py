"""One connection to the broker that is made once: connect as the service would, and say why not, in the words of ``broker``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from ciibridge.publish.broker import Broker, BrokerSettings, Version
from ciibridge.publish.retry import Reason
from ciibridge.publish.session import Session

S = TypeVar("S", bound=Session)

_log: Final = logging.getLogger(__name__)
_PATIENCE_S: Final = 5.0
#: Answers after which an older protocol may help: it says so, or it just hangs up.
_OLDER_MAY_HELP: Final = frozenset(("protocol", "no_answer"))


async def connect_once(broker: Broker, make: Callable[[Version], S]) -> S | Reason:
    """Connect; the session that stands, else why not. ``make`` makes a session of a protocol version."""
    reason = Reason("protocol", "no version of MQTT is left to try")
    for version in broker.versions():
        session = make(version)
        refused = await session.open(_PATIENCE_S)
        if refused is None:
            return session
        reason = refused
        if reason.code not in _OLDER_MAY_HELP:
            break
    return reason


async def try_broker(settings: BrokerSettings, client_id: str) -> Reason | None:
    """Connect once and hang up; None: it lets us in, else why not."""
    broker = Broker(settings, _log)
    session = await connect_once(broker, lambda version: Session(broker, version, client_id, None))
    if isinstance(session, Reason):
        return session
    await session.disconnect(timeout_s=1.0)
    return None
