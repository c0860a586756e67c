"""Values that are texts: identities, enumerations, messages; and any value as a text for people."""

from __future__ import annotations

from ciimodel.catalogue import Quantity

from ciibridge.types import MeterTime, Number, Value


def text_of(value: Value) -> str | None:
    """Write ``value`` as a text; octets that are no text in hex; None for an absent value."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip("\0 ")
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, MeterTime):
        return time_text(value)
    return value.hex()


def time_text(time: MeterTime) -> str:
    """Write RFC 3339 with the deviation the meter gave, or local time without one: ``2021-07-06T14:58:18``."""
    text = time.local.replace(microsecond=0).isoformat()
    if time.deviation_min is None:
        return text
    hours, minutes = divmod(abs(time.deviation_min), 60)
    return f"{text}{'-' if time.deviation_min < 0 else '+'}{hours:02}:{minutes:02}"


def state_of(quantity: Quantity, text: str) -> str | None:
    """Write the text of an enumeration as the profile does (``0002`` → ``t2``); None: not a known state.

    A quantity without ``states`` takes any text.
    """
    state = quantity.raw_states.get(text, text)
    return state if not quantity.states or state in quantity.states else None
