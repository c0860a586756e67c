"""DLMS/COSEM notifications: Apdu → Reading.

notification   the APDU: header, date-time, body              axdr     COSEM data, a tree of values
shapes         body → registers, whatever shape it has        values   octets → numbers, text, times
layout         which telegrams are known and trusted          clock    COSEM date-time
lift           known telegrams read without a walk
reference      the second opinion, gurux-dlms
"""

from __future__ import annotations

from ciibridge.decode.dlms.layout import LayoutBook
from ciibridge.decode.dlms.notification import parse
from ciibridge.decode.dlms.shapes import interpret
from ciibridge.types import Apdu, Reading

__all__ = ["LayoutBook", "decode"]


def decode(apdu: Apdu, book: LayoutBook) -> Reading:
    """Read a plain APDU; ``book`` holds the layouts of the meter it comes from.

    Raises ``DecodeError``: unknown_format (no push), bad_apdu (against the standard), decoders_disagree (two
    readings of it differ: ours and the reference's, or the walked and the lifted one).
    """
    lifted = book.lift(apdu)
    if lifted is not None:
        return lifted
    notification = parse(apdu.data)
    layout = book.admit(apdu.data, notification)
    reading = interpret(notification, apdu)
    book.settle(layout, notification, reading)
    return reading
