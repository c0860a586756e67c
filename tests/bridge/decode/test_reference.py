"""gurux-dlms as second opinion: it agrees on every telegram, and its limits are known."""

from __future__ import annotations

import random
import struct

import pytest
from captures import capture
from ciibridge.decode.dlms import reference
from ciibridge.decode.dlms.axdr import Data, read
from ciibridge.decode.dlms.notification import parse
from ciibridge.decode.dlms.reference import judge
from ciibridge.errors import DecodeError
from gurux_dlms import GXByteBuffer, GXDLMSClient, GXReplyData
from gurux_dlms.enums import InterfaceType
from test_telegrams import READABLE, Capture, apdus

#: Captures gurux' own client cannot read as they are, and why; with a header of the standard's form it can.
TAGGED = "octet-string tag before the date-time of the notification (09 0C)"
GURUX_CANNOT = {
    "dlms-hdlc/kaifa-ma304-no-list1.bin": TAGGED,
    "dlms-hdlc/kaifa-ma304-no-list2.bin": TAGGED,
    "dlms-hdlc/kaifa-ma304-no-stream-16-frames.bin": TAGGED,
    "dlms-hdlc/kaifa-no-list1-7e-in-body.bin": TAGGED,
    "dlms-hdlc/kamstrup-no-2017-tagged-datetime.bin": TAGGED,
}


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_agrees_on_every_body(one: Capture) -> None:
    for apdu in apdus(one):
        opinion = judge(apdu.data, parse(apdu.data).body)
        assert opinion == reference.Opinion(agrees=True)


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_which_captures_it_cannot_read_as_they_are(one: Capture) -> None:
    client = GXDLMSClient()
    client.interfaceType = InterfaceType.PDU
    apdu = next(apdus(one))
    notification = GXReplyData()
    if one.name in GURUX_CANNOT:
        with pytest.raises(ValueError, match="Invalid data type"):
            client.getData(GXByteBuffer(apdu.data), GXReplyData(), notification)
    else:
        client.getData(GXByteBuffer(apdu.data), GXReplyData(), notification)
        ours = parse(apdu.data).time
        theirs = notification.time
        assert (theirs is None) == (ours is None)
        if ours is not None:
            assert theirs.value.replace(tzinfo=None).replace(microsecond=0) == ours.local.replace(
                microsecond=0
            )
            west = theirs.value.utcoffset()
            assert ours.deviation_min == (None if west is None else west.total_seconds() / 60)


VALUES = [
    "00", "0301", "0300", "040cab40", "0400", "05fffffffe", "06fffffffe", "09060100010700ff", "0900", "0a034c475a",
    "0a084c475a0000000000", "0a00", "0c024c47", "0d42", "0ffe", "10fffe", "11fe", "12fffe", "14fffffffffffffffe",
    "15fffffffffffffffe", "161b", "1743668000", "18406cd00000000000", "177fc00000", "1907ea0504010b2714ff800000",
    "1907ea0504010b2714ffff8880", "19ffffffffffffffffff8000ff", "1a07ea050401", "1b0b2714ff", "0100", "0200",
    "0202110102011102", "0101020111ff", "1312060001000200 03", "1302021211060001ff0002fe",
    "0a02e4f6", "0c02c3bc",
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_agrees_on_each_type(value: str) -> None:
    octets = bytes.fromhex("0202" + value.replace(" ", "") + "1101")
    assert judge(octets, read(octets)) == reference.Opinion(agrees=True)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("1cfe", "Invalid data type"),  # delta types are newer than its table
        ("ff", "Invalid data type"),
        ("1301000311 03010203", "Invalid compact array data"),
        ("130201010002110 2 0102", "array inside a compact-array"),
        ("1907ea05040118000 0ff800000", "hour must be in"),
    ],
)
def test_what_it_cannot_read_is_said(value: str, reason: str) -> None:
    octets = bytes.fromhex("0202" + value.replace(" ", "") + "1101")
    opinion = judge(octets, read(octets))
    assert not opinion.agrees
    assert not opinion.differs
    assert reason in opinion.unable


def changed(data: Data, path: tuple[int, ...], value: object) -> Data:
    """The same tree with another value somewhere, as a walk with a mistake would give it."""
    if not path:
        return data._replace(value=value)  # type: ignore[arg-type]
    elements = list(data.elements)
    elements[path[0]] = changed(elements[path[0]], path[1:], value)
    return data._replace(value=tuple(elements))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ((9,), 29, "body.10: double-long-unsigned 29 at offset"),
        ((0, 1, 0), 41, "body.1.2.1: long-unsigned 41 at offset"),
        ((2,), b"LGZ1030600000001", "body.3: the octet-string at offset"),
        ((0,), (), "body.1: array of 0 elements, the reference has 17 elements"),
        ((9,), (), "body.10: double-long-unsigned of 0 elements, the reference has no list"),
        ((), (), "body: structure of 0 elements, the reference has 17 elements"),
    ],
)
def test_a_difference_is_found_and_named(path: tuple[int, ...], value: object, said: str) -> None:
    apdu = next(apdus(capture("dlms-hdlc/lg-e450-ch-vse2026.bin")))
    body = changed(parse(apdu.data).body, path, value)
    opinion = judge(apdu.data, body)
    assert opinion.differs.startswith(said)
    assert not opinion.agrees
    serial = capture("dlms-hdlc/lg-e450-ch-vse2026.bin").facts["expect"]["meter_id"]
    assert serial[:-1] not in opinion.differs  # strings are not shown: they may be serial numbers


def test_damaged_bodies_are_read_alike() -> None:
    """Telegrams with octets changed at random: where our walk accepts one, gurux reads the same or cannot."""
    dice = random.Random(2026)
    good = [apdu.data for one in READABLE for apdu in apdus(one)]
    agreed = 0
    for _ in range(1500):
        octets = bytearray(dice.choice(good))
        for _ in range(dice.choice((1, 1, 2))):
            position = dice.randrange(len(octets))
            octets[position] = dice.choice((dice.randrange(256), dice.randrange(34), octets[position] ^ 1))
        try:
            body = parse(bytes(octets)).body
        except DecodeError:
            continue
        opinion = judge(bytes(octets), body)
        assert not opinion.differs
        agreed += opinion.agrees
    assert agreed > 300


def test_nan_is_nan() -> None:
    octets = b"\x02\x01\x18" + struct.pack(">d", float("nan"))
    assert judge(octets, read(octets)).agrees
