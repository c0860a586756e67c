"""A try at the broker: connect as the service would, and hang up. Says why not, in the words of ``broker``."""

from __future__ import annotations

import logging
from typing import Final

from ciibridge.publish.broker import Broker, BrokerSettings
from ciibridge.publish.retry import Reason
from ciibridge.publish.session import Session

_log: Final = logging.getLogger(__name__)
_PATIENCE_S: Final = 5.0
#: Answers after which an older protocol may help: it says so, or it just hangs up.
_OLDER_MAY_HELP: Final = frozenset(("protocol", "no_answer"))


async def try_broker(settings: BrokerSettings, client_id: str) -> Reason | None:
    """Connect once; None: it lets us in, else why not."""
    broker = Broker(settings, _log)
    reason: Reason | None = None
    for version in broker.versions():
        session = Session(broker, version, client_id, None)
        reason = await session.open(_PATIENCE_S)
        if reason is None:
            await session.disconnect(timeout_s=1.0)
            return None
        if reason.code not in _OLDER_MAY_HELP:
            break
    return reason
