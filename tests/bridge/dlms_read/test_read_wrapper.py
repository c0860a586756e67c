"""A meter read over TCP: the same values as over HDLC, and every way the connection can disappoint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ciibridge.dialogue import DialogueError
from ciibridge.dialogue.dlms import Access, Authentication, DlmsAsker, Wanted
from ciibridge.dialogue.dlms.wrapper import WrapperLink
from ciibridge.framing.wrapper import wrapped
from ciibridge.simulate.cosem import Client, Cosem
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from ciibridge.simulate.objects import MeterObjects
from ciibridge.simulate.wrapper import Station
from read_parts import AT, SECURITY, SETUPS, ZONE, asker, do, simulated, station, zeros

PUBLIC = {16: Client()}


def meter(clients: dict[int, Client] = PUBLIC, **options: object) -> Station:
    return Station(Cosem(MeterObjects(simulated()), clients, **options))  # type: ignore[arg-type]


def over_tcp(access: Access | None = None) -> DlmsAsker:
    return DlmsAsker(access or Access(), Wanted(push_setups=SETUPS), ZONE, zeros, link=WrapperLink)


def test_it_reads_what_is_read_over_hdlc() -> None:
    ask, same = over_tcp(), asker()
    for one in (ask, same):
        one.fill(AT - timedelta(hours=3), AT)
    ours, theirs = do(ask.round(AT), meter()), do(same.round(AT), station())
    assert (ours.live, ours.past) == (theirs.live, theirs.past)
    assert (len(ours.past), ours.problems) == (12, theirs.problems)
    again = do(ask.round(AT), meter())
    assert again.live == ours.live


def test_ciphered_and_with_high_security() -> None:
    access = Access(client=1, authentication=Authentication.GMAC, key=KEY, auth_key=AUTH_KEY)
    clients = {1: Client("gmac", ciphered=True), **PUBLIC}
    heard = do(over_tcp(access).round(AT), meter(clients, security=SECURITY))
    assert heard.live == do(over_tcp().round(AT), meter()).live


def test_answers_for_others_and_pushes_are_passed_over() -> None:
    push = bytes.fromhex("0f00d7dd820c07ea0504010b2714ff800000020209060100010700ff060000001c")

    def spoil(_number: int, said: bytes) -> bytes:
        return wrapped(1, 99, b"\xc4\x01\xc1\x01\x03") + wrapped(1, 16, push) + said

    assert do(over_tcp().round(AT), meter(), spoil=spoil).live == do(over_tcp().round(AT), meter()).live


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (b"", "does not answer"),
        (b"\0\1\0\1", "but not to this client"),
        (wrapped(2, 16, b"\x61\0"), "not to this"),
    ],
)
def test_no_answer(said: bytes, word: str) -> None:
    with pytest.raises(DialogueError, match=word) as raised:
        do(over_tcp().round(AT), meter(), spoil=lambda _number, _said: said)
    assert raised.value.code == "no_answer"
