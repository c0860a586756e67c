"""The wrapper of DLMS over TCP: whole, in pieces, damaged; against gurux-dlms; pushes and readings through it."""

from __future__ import annotations

from datetime import UTC, datetime

import ciimodel
import pytest
from ciibridge.dialogue.asking import WAYS, Asking
from ciibridge.errors import ConfigError
from ciibridge.framing.sniff import sniff
from ciibridge.framing.wrapper import LONGEST_FRAME, WrapperFramer, looks_like, wrapped
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.wrapper import to_port
from ciibridge.types import Frame, Problem, Snapshot
from gurux_dlms import GXByteBuffer, GXDLMSClient, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.objects import GXDLMSRegister
from hypothesis import given
from hypothesis import strategies as st

NOON = datetime(2026, 5, 4, 10, 40, 15, tzinfo=UTC)
PUSH = bytes.fromhex("0f00d7dd820c07ea0504010b2714ff800000020209060100010700ff060000001c")
GOOD = wrapped(1, 1, PUSH)
ASKED = wrapped(1, 0x10, bytes.fromhex("c401c1000600000001"))


def feed(octets: bytes, size: int = 1 << 20) -> tuple[list[Frame | Problem], WrapperFramer]:
    framer = WrapperFramer()
    found: list[Frame | Problem] = []
    for at in range(0, len(octets), size):
        found += framer.feed(octets[at : at + size])
    return found + framer.finish(), framer


def told(found: list[Frame | Problem]) -> list[str | bytes]:
    return [item.information if isinstance(item, Frame) else item.code for item in found]


@pytest.mark.parametrize("size", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (GOOD + ASKED + GOOD, [PUSH, ASKED[8:], PUSH]),
        (b"\0\0\0\1xyz" + GOOD, ["noise", PUSH]),
        (GOOD + b"noise" + GOOD, [PUSH, "noise", PUSH]),
        (b"\0\1\0\1\0\1\0\0" + GOOD, ["noise", PUSH]),  # no APDU
        (b"\0\2\0\2\0\2\0\5" + PUSH[:5] + GOOD, ["noise", PUSH]),  # another version
        (b"\0\1\0\1\0\1\xff\xff" + PUSH + GOOD, ["incomplete", PUSH]),  # a length that covers the next
        (GOOD[:-3], ["incomplete"]),
        (GOOD + b"\0", [PUSH, "noise"]),
    ],
)
def test_frames_and_damage(octets: bytes, expected: list[str | bytes], size: int) -> None:
    found, framer = feed(octets, size)
    assert told(found) == expected
    assert framer.pending_octets == 0
    assert framer.frames == sum(isinstance(item, bytes) for item in expected)


def test_a_frame_is_there_with_its_last_octet() -> None:
    framer = WrapperFramer()
    assert framer.feed(GOOD[:-1]) == []
    (frame,) = framer.feed(GOOD[-1:])
    assert frame == Frame(PUSH, 0, GOOD, check="none")


def test_the_longest_frame() -> None:
    whole = wrapped(1, 1, b"\x0f" + bytes(0xFFFE))
    assert len(whole) == LONGEST_FRAME
    assert told(feed(whole, 1000)[0]) == [whole[8:]]
    with pytest.raises(ValueError, match="65536 octets"):
        wrapped(1, 1, bytes(0x10000))


@given(st.lists(st.binary(max_size=30) | st.sampled_from([GOOD, GOOD[:20], b"\0\1"]), max_size=6))
def test_any_octets_give_the_same_however_they_are_cut(parts: list[bytes]) -> None:
    octets = b"".join(parts)
    whole, framer = feed(octets)
    assert feed(octets, 1)[0] == feed(octets, 5)[0] == whole
    assert framer.pending_octets == 0


def test_it_is_told_from_bare_apdus_and_the_others() -> None:
    assert sniff(GOOD) == sniff(GOOD + GOOD + GOOD[:4]) == "dlms-wrapper"
    assert sniff(PUSH) == "dlms-apdu"
    assert not looks_like(GOOD[:-1])
    assert not looks_like(wrapped(1, 1, PUSH + b"\0"))
    assert not looks_like(b"\0" + GOOD)


@pytest.mark.parametrize("general", [False, True])
def test_a_push_is_read(*, general: bool) -> None:
    key, auth_key = bytes(16), bytes(range(16))
    catalogue = ciimodel.load()
    meter = SimulatedMeter(catalogue, "lg-e450", key=key, auth_key=auth_key, wrapper=True, general=general)
    octets = meter.telegrams(NOON)
    pipeline = Pipeline(catalogue, MeterSettings(model="lg-e450", key=key, auth_key=auth_key), meter.protocol)
    found = [item for octet in octets for item in pipeline.feed(bytes([octet]), NOON)]
    (snapshot,) = (item for item in found if isinstance(item, Snapshot))
    assert {"energy_import", "power_import"} <= set(snapshot.values)


def test_gurux_writes_and_reads_the_same() -> None:
    client = GXDLMSClient(True, 16, 1, Authentication.NONE, None, InterfaceType.WRAPPER)
    for request in (client.aarqRequest()[0], client.read(GXDLMSRegister("1.1.1.8.0.255"), 2)[0]):
        octets = bytes(request)
        (frame,) = WrapperFramer().feed(octets)
        assert isinstance(frame, Frame)
        assert wrapped(16, 1, frame.information) == octets
        assert to_port(frame.information, source=16) == octets
    reply = GXReplyData()
    assert client.getData(GXByteBuffer(ASKED), reply, GXReplyData())
    assert reply.value == 1


def test_what_the_wrapper_does_not_know() -> None:
    with pytest.raises(ConfigError, match="no physical address"):
        WAYS["dlms-wrapper"].asker(Asking(addresses=("1/1/17",)))
    with pytest.raises(ConfigError, match="wrapper of TCP"):
        SimulatedMeter(ciimodel.load(), "kamstrup-382", wrapper=True)
