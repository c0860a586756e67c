"""What is said on a silent line to find out who answers: a table, protocol → call. Everything here only asks for what any reader may.

    iec62056-21   the readout, as it is asked for in service
    mbus          254; where nobody or several answer: 0 and 1, then numbers with wildcards (``mbus_search``)
    dlms-hdlc     SNRM as the public client, and DISC: that a meter is there. No password is tried, for some meters lock themselves

The octets that come go the way of what others push; ``found`` is told the addresses that are needed to ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from ciibridge.dialogue import Dialogue, DialogueError, Part
from ciibridge.dialogue.asking import WAYS, Asking
from ciibridge.dialogue.dlms.access import Access
from ciibridge.dialogue.dlms.link import HdlcLink
from ciibridge.dialogue.mbus import Line
from ciibridge.dialogue.mbus_search import SELECTED_BY_NUMBER, Found, anybody, primary, secondary, selected

#: Told each address that answers, as it is written in the configuration.
Tell = Callable[[str], None]
_FACTORY_ADDRESSES: Final = (0, 1)
#: Physical addresses that a lone meter has: none, or the one of many Landis+Gyr and Iskraemeco meters.
_PHYSICAL: Final = (None, 17)
_ANSWER_S: Final = 1.5


def call(protocol: str, asking: Asking, now: datetime, found: Tell) -> Dialogue:
    """Call whoever is there. Raises ``DialogueError`` where nobody answers as the protocol says."""
    yield from CALLS[protocol](asking, now, found)


def _readout(asking: Asking, now: datetime, _found: Tell) -> Dialogue:
    yield from WAYS["iec62056-21"].asker(asking).round(now)


def _bus(asking: Asking, _now: datetime, found: Tell) -> Dialogue:
    line = Line(asking)
    one = yield from anybody(line)
    if one is not None and not one.collision:
        return
    several = one is not None
    devices: tuple[Found, ...] = ()
    if not several:
        devices = yield from primary(line, _FACTORY_ADDRESSES)
    if several or any(device.collision for device in devices):
        devices = yield from secondary(line)
    elif not devices:
        lone = yield from selected(line, SELECTED_BY_NUMBER)
        devices = (
            (yield from secondary(line)) if lone is not None and lone.collision else (lone,) if lone else ()
        )
    known = [device for device in devices if not device.collision]
    if not known:
        raise DialogueError("no_answer", "no device answers on this bus, or only several at once")
    numbers = [str(device.address) for device in known]
    unique = len(set(numbers)) == len(numbers) and all(0 < d.address <= 250 for d in known)
    for number, device in zip(numbers, known, strict=True):
        found(number if unique or not device.secondary else device.secondary)


def _connection(_asking: Asking, _now: datetime, found: Tell) -> Dialogue:
    for physical in _PHYSICAL:
        access = Access(physical=physical, timeout_s=_ANSWER_S)
        try:
            yield from _knock(access)
        except DialogueError as error:
            if error.code != "no_answer":  # it is there, and lets nobody in
                return
        else:
            found(
                "/".join(str(part) for part in (access.client, access.server, physical) if part is not None)
            )
            return
    raise DialogueError("no_answer", "nobody answers to SNRM")


def _knock(access: Access) -> Part[None]:
    link = HdlcLink(access)
    yield from link.open()
    yield from link.close()


#: Protocol → how whoever is there is called.
CALLS: Final[Mapping[str, Callable[[Asking, datetime, Tell], Dialogue]]] = {
    "iec62056-21": _readout,
    "mbus": _bus,
    "dlms-hdlc": _connection,
}
