"""Whatever a meter answers: a round ends, and nothing but the declared error comes out of it.

Answers of the simulated meter are changed, dropped, repeated and cut; frames are closed again with a good check, so that the
changed octets get as far as they can.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from ciibridge.dialogue import DialogueError, Listen
from ciibridge.dialogue.dlms import Access, Authentication
from ciibridge.dialogue.dlms.answers import aare, action_response, get_response, initiate
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.simulate.cosem import Client
from ciibridge.simulate.frames import frame
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from ciibridge.types import PROBLEMS, Frame
from hypothesis import example, given, settings
from hypothesis import strategies as st
from read_parts import AT, PASSWORD, SECURITY, asker, do, station, with_password

WAYS = {
    "public": (Access(), {16: Client()}),
    "sha256": (with_password(Authentication.SHA256), {1: Client("sha256", PASSWORD)}),
    "md5": (with_password(Authentication.MD5), {1: Client("md5", PASSWORD)}),
    "gmac": (
        Access(client=1, authentication=Authentication.GMAC, key=KEY, auth_key=AUTH_KEY),
        {1: Client("gmac", ciphered=True), 16: Client()},
    ),
}
CHANGES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4
)


def check(error: DialogueError, codes: Iterable[str] = PROBLEMS) -> None:
    """Check that the error is a declared one, with words for people."""
    assert error.code in codes
    assert str(error)


def closed_again(octets: bytes, place: int, value: int) -> bytes:
    """Change an octet of the information of a frame, and close the frame again with a good check."""
    said = b""
    for item in HdlcFramer().feed(octets):
        assert isinstance(item, Frame)
        information = bytearray(item.information)
        if information:
            information[place % len(information)] = value
        addresses = bytes.fromhex(item.destination + item.source)
        said += frame(addresses, item.control, bytes(information), more=item.segmented)
    return said


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60)
@given(changes=CHANGES)
@example(changes=[(10, 120, 1)])  # sha256: a load profile that keeps rows for longer than there is a calendar
def test_changed_answers_in_good_frames(way: str, changes: list[tuple[int, int, int]]) -> None:
    access, clients = WAYS[way]
    security = None if way in ("public", "md5") else SECURITY

    def spoil(number: int, said: bytes) -> bytes:
        for which, place, value in changes:
            if which == number:
                said = closed_again(said, place, value)
        return said

    ask = asker(access)
    ask.fill(AT - timedelta(hours=1), AT)
    try:
        do(ask.round(AT), station(clients, security=security, pdu_octets=256), spoil=spoil)
    except DialogueError as error:
        check(error)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 25),
            st.sampled_from(["drop", "twice", "cut", "noise", "old"]),
            st.binary(max_size=40),
        ),
        max_size=5,
    )
)
def test_lost_repeated_and_cut_answers(faults: list[tuple[int, str, bytes]]) -> None:
    before = b""

    def spoil(number: int, said: bytes) -> bytes:
        nonlocal before
        original = said
        for which, fault, noise in faults:
            if which == number:
                said = {
                    "drop": b"",
                    "twice": said + said,
                    "cut": said[: len(noise)],
                    "noise": noise + said,
                    "old": before,
                }[fault]
        before = original
        return said

    ask = asker()
    ask.fill(AT - timedelta(hours=1), AT)
    whole = do(asker().round(AT), station()).live
    try:
        heard = do(ask.round(AT), station(), spoil=spoil)
    except DialogueError as error:
        check(error, {"no_answer", "not_associated", "bad_apdu", "hung_up"})
    else:
        assert heard.live == whole


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_octets_as_an_answer(octets: bytes) -> None:
    """A meter that says the same to everything."""
    dialogue = asker().round(AT)
    step = next(dialogue)
    try:
        for _ in range(2000):
            step = dialogue.send(octets if isinstance(step, Listen) else b"")
    except DialogueError as error:
        check(error)
    else:
        pytest.fail("the round does not end")


@settings(max_examples=300)
@given(
    st.sampled_from([get_response, action_response, aare, initiate]),
    st.sampled_from(
        [
            b"",
            b"\xc4\x01\xc1",
            b"\xc4\x02\xc1",
            b"\xc4\x03\xc1",
            b"\xc7\x01\xc1",
            b"\x61",
            b"\x08\x00\x06\x5f\x1f\x04\x00",
        ]
    ),
    st.binary(max_size=80),
)
def test_any_octets_as_an_apdu(read: object, begin: bytes, rest: bytes) -> None:
    try:
        read(begin + rest)  # type: ignore[operator]
    except DialogueError as error:
        check(error)
