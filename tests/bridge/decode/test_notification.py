"""The two APDUs a meter pushes, and the date-time in all its forms."""

from __future__ import annotations

from datetime import datetime

import pytest
from ciibridge.decode.dlms.notification import Attribute, parse
from ciibridge.errors import DecodeError
from ciibridge.types import MeterTime, Obis
from hypothesis import given
from hypothesis import strategies as st

DATE_TIME = "07ea0504010b2714ff800000"
TIME = MeterTime(datetime.fromisoformat("2026-05-04T11:39:20"), None, 0)
BODY = "0201060000001c"


@pytest.mark.parametrize(
    ("header", "time", "offset"),
    [
        ("0f00d7dd8200", None, 6),  # Aidon, Kaifa SE
        ("0f00d7dd820c" + DATE_TIME, TIME, 18),
        ("0f00d7dd82090c" + DATE_TIME, TIME, 19),  # Kaifa NO, Kamstrup of 2017
        ("0f00d7dd820c" + "ff" * 12, None, 18),  # there, but not specified
    ],
)
def test_data_notification(header: str, time: MeterTime | None, offset: int) -> None:
    notification = parse(bytes.fromhex(header + BODY))
    assert notification.time == time
    assert notification.attribute is None
    assert notification.body.offset == offset
    assert [element.value for element in notification.body.elements] == [28]


@pytest.mark.parametrize(
    ("header", "time"), [("c200", None), ("c2010c" + DATE_TIME, TIME), ("c201090c" + DATE_TIME, TIME)]
)
def test_event_notification(header: str, time: MeterTime | None) -> None:
    notification = parse(bytes.fromhex(header + "00030100010700ff02060000001c"))
    assert notification.time == time
    assert notification.attribute == Attribute(3, Obis(1, 0, 1, 7, 0), 2)
    assert notification.body.value == 28


@pytest.mark.parametrize(
    ("text", "code", "offset"),
    [
        ("", "unknown_format", 0),
        ("c401", "unknown_format", 0),
        ("0f", "bad_apdu", 5),
        ("0f00d7dd82", "bad_apdu", 5),
        ("0f00d7dd820507ea050401" + BODY, "bad_apdu", 5),  # a date only
        ("0f00d7dd820c07ea", "bad_apdu", 5),
        ("0f00d7dd8200", "bad_apdu", 6),
        ("0f00d7dd8200" + BODY + "00", "bad_apdu", 13),  # something behind the body
        ("0f00d7dd8200020107", "bad_apdu", 8),
        ("c20000030100010700", "bad_apdu", 2),
        ("c20000030100010700ff02", "bad_apdu", 11),
    ],
)
def test_what_breaks_the_standard(text: str, code: str, offset: int) -> None:
    with pytest.raises(DecodeError) as raised:
        parse(bytes.fromhex(text))
    assert (raised.value.code, raised.value.offset) == (code, offset)


@given(
    st.sampled_from(["", "0f", "c2", "0f0000000000", "0f000000000c" + DATE_TIME, "c200"]),
    st.binary(max_size=40),
)
def test_any_octets_raise_nothing_else(begin: str, rest: bytes) -> None:
    octets = bytes.fromhex(begin) + rest
    try:
        code, end = "", parse(octets).body.end
    except DecodeError as error:
        code, end = error.code, len(octets)
    assert code in ("", "bad_apdu", "unknown_format")
    assert end == len(octets)
