"""APDUs to a meter and back over TCP (IEC 62056-47): a header around each, and no connection but that of TCP.

    00 01 │ client │ logical device │ length │ APDU  ►  ◄  00 01 │ logical device │ client │ length │ APDU

Nothing is sent again: TCP does that. An answer for somebody else is passed over, and so is a notification that comes in
between; a meter that pushes and is asked on one connection does that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ciibridge.dialogue import DialogueError, Listen, Part, Send
from ciibridge.dialogue.dlms.access import Access
from ciibridge.framing.wrapper import HEADER_OCTETS, LONGEST_FRAME, WrapperFramer, wrapped
from ciibridge.types import Frame

#: Silence within an answer that means it is over.
_GAP_S: Final = 1.5
#: data-notification and event-notification, plain: what a meter says by itself.
_UNASKED: Final = (b"\x0f", b"\xc2")


class WrapperLink:
    """The client's end of a connection with one meter."""

    def __init__(self, access: Access) -> None:
        self._client = access.client
        self._server = access.server
        self._timeout_s = access.timeout_s
        #: Where an answer comes from and goes to, as in its header.
        self._back = wrapped(access.server, access.client, b"")[2 : HEADER_OCTETS - 2]

    def open(self) -> Part[None]:
        """Do nothing: the connection is that of TCP."""
        yield from ()

    def exchange(self, apdu: bytes) -> Part[bytes]:
        """Send an APDU; give the answer. Raises DialogueError (no_answer, too_long)."""
        try:
            yield Send(wrapped(self._client, self._server, apdu))
        except ValueError as error:
            raise DialogueError("too_long", str(error)) from error
        heard = yield Listen(self._timeout_s, _GAP_S, self._enough, 2 * LONGEST_FRAME)
        for frame in self._ours(heard):
            return frame.information
        what = "answers, but not to this client" if heard else "does not answer"
        raise DialogueError("no_answer", f"the meter {what}")

    def close(self) -> Part[None]:
        """Do nothing: the service closes the connection, or keeps it."""
        yield from ()

    def _ours(self, octets: bytes) -> Iterator[Frame]:
        for item in WrapperFramer().feed(octets):
            if (
                isinstance(item, Frame)
                and item.raw[2 : HEADER_OCTETS - 2] == self._back
                and not item.information.startswith(_UNASKED)
            ):
                yield item

    def _enough(self, octets: bytes) -> bool:
        return next(self._ours(octets), None) is not None
