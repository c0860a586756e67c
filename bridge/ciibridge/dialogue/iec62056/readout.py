"""The standard readout, or single data, of one meter: rounds of IEC 62056-21 (6.4 to 6.6)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ciibridge.dialogue import Change, Dialogue, DialogueError, Octets, Part
from ciibridge.dialogue.iec62056.exchange import (
    BLOCK,
    TIMES,
    WORTH_REPEATING,
    again,
    complete,
    fault_of,
    hear,
)
from ciibridge.dialogue.iec62056.programming import sets
from ciibridge.dialogue.iec62056.sign_on import Identification, acknowledge, sign_on
from ciibridge.errors import ConfigError

if TYPE_CHECKING:  # ``asking`` lists this package among the ways
    from ciibridge.dialogue.asking import Asking


def asker(asking: Asking) -> Reader:
    """Make who asks. Raises ConfigError when the settings do not fit each other."""
    if len(asking.addresses) > 1:
        raise ConfigError("address: two addresses are two meters: Write a block [[meter]] for each")
    return Reader(asking)


class Reader:
    """Asks a meter for its readout, or for the data sets that are named."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._has_bcc = False  # whether its readouts end with a BCC: then one that does not was damaged

    def round(self, now: datetime) -> Dialogue:  # noqa: ARG002 - a readout is always of now
        """Call the meter, and take what it has."""
        meter = yield from sign_on(self._asking, "".join(self._asking.addresses))
        if self._asking.read:
            data = yield from sets(self._asking, meter)
        else:
            data = yield from self._readout(meter)
        yield Octets(meter.line + data)

    def _readout(self, meter: Identification) -> Part[bytes]:
        """Take the standard readout: the octets behind the identification line."""
        asking = self._asking
        sent = b""
        if meter.bidirectional:
            sent = yield from acknowledge(asking, meter, "0")
        elif meter.baudrate not in (None, asking.baudrate):
            if not asking.can_change:
                raise DialogueError(
                    "line_fixed",
                    f"the meter goes on at {meter.baudrate} baud (mode B), and the line cannot change",
                )
            yield Change(meter.baudrate or asking.baudrate)
        came = meter.behind
        with_bcc = meter.bidirectional or self._has_bcc
        if not complete(came, with_bcc=with_bcc):
            came += yield from hear(sent, lambda more: complete(meter.behind + more, with_bcc=with_bcc))
        fault = self._fault(came)
        for _ in range(TIMES - 1):
            if fault is None or fault.code not in WORTH_REPEATING or not meter.bidirectional:
                break
            came = yield from again(lambda came: complete(came, with_bcc=True))
            fault = self._fault(came)
        if fault is not None:
            raise fault
        self._has_bcc = self._has_bcc or BLOCK.search(came) is not None
        return came

    def _fault(self, came: bytes) -> DialogueError | None:
        fault = fault_of(self._asking, came)
        if fault is None and self._has_bcc and BLOCK.search(came) is None:
            return DialogueError("bad_checksum", "the readout has no BCC, and those before had one")
        return fault
