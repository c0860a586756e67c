"""Expressions that turn what an MQTT adapter stored into the value of an alias state.

js-controller evaluates ``return <expression>`` with the stored value as ``val``. An expression must stay silent whatever
came (no exception, no NaN): js-controller would write a line into the log for every message. ``null`` says that there is
no value. The adapter mqtt stores a plain number as number, mqtt-client as text, so both are taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

#: Empty text is 0 for JavaScript, hence the test before Number().
_NUMBER = (
    "(function(){{var n=typeof val==='number'?val:typeof val==='string'&&val.trim()!==''?Number(val):NaN;"
    "return isFinite(n)?{value}:null}})()"
)
_JSON = "(function(){{try{{var v=JSON.parse(val){path};return {value}}}catch(e){{return null}}}})()"


def number(factor: str | None = None) -> str:
    """Read a plain number, times ``factor`` ("0.001").

    A power of ten below 1 becomes a division, which JavaScript rounds once: 482939 / 1000 is 482.939, while
    482939 * 0.001 need not be.
    """
    if factor is None:
        return _NUMBER.format(value="n")
    sign, digits, exponent = Decimal(factor).as_tuple()
    if (sign, digits) == (0, (1,)) and isinstance(exponent, int) and exponent < 0:
        return _NUMBER.format(value=f"n/{10**-exponent}")
    return _NUMBER.format(value=f"n*{factor}")


def text() -> str:
    """Read a text; one of digits only was stored as a number."""
    return "val===null||val===undefined?null:String(val)"


def tariff() -> str:
    """``t1`` … ``t4`` as a number."""
    return "(function(){var m=/^t([1-4])$/.exec(val);return m?Number(m[1]):null})()"


def equals(payload: str) -> str:
    """Whether the payload is exactly this text."""
    return f"val==='{payload}'"


def json_text(keys: Iterable[str]) -> str:
    """Read a text or number in a JSON payload, as text; ``keys`` lead to it."""
    return _JSON.format(path=_path(keys), value="v===undefined||v===null?null:String(v)")


def json_time(keys: Iterable[str]) -> str:
    """Read an RFC 3339 time in a JSON payload, as milliseconds since 1970."""
    path = _path(keys)
    return _JSON.format(path=path, value="isFinite(Date.parse(v))?Date.parse(v):null")


def _path(keys: Iterable[str]) -> str:
    return "".join(f"['{key}']" if key.isdecimal() else f".{key}" for key in keys)
