"""Who answers on a line that nobody knows: M-Bus in each of its states, SNRM, and nobody."""

from __future__ import annotations

import pytest
from ciibridge.dialogue.asking import Asking
from ciibridge.dialogue.calling import CALLS, call
from test_mbus_master import NOON, WATER, Answer, Conversation, bus, device, talk


def calls(protocol: str, answer: Answer) -> tuple[Conversation, list[str]]:
    found: list[str] = []
    done = talk(call(protocol, Asking(baudrate=2400), NOON, found.append), answer)
    return done, found


@pytest.mark.parametrize(
    ("answer", "addresses"),
    [
        (bus(device(address=44)), []),  # it needs none
        (bus(device(address=3), device(WATER, 17, 10_000_002)), ["17", "3"]),
        (bus(device(address=0), device(WATER, 0, 10_000_002)), ["10000001", "10000002"]),
    ],
)
def test_a_bus(answer: Answer, addresses: list[str]) -> None:
    done, found = calls("mbus", answer)
    assert done.error is None
    assert [one[:8] for one in sorted(found)] == addresses


def test_a_level_converter_that_does_not_know_254() -> None:
    line = bus(device(address=1))
    done, found = calls("mbus", lambda octets: b"" if octets[2] == 254 else line(octets))
    assert (done.error, found) == (None, ["1"])
    line = bus(device(address=77))
    done, found = calls("mbus", lambda octets: b"" if octets[2] == 254 else line(octets))
    assert (done.error, found) == (None, ["77"])


@pytest.mark.parametrize("protocol", CALLS)
def test_nobody(protocol: str) -> None:
    done, found = calls(protocol, lambda _: b"")
    assert done.error is not None
    assert (done.error.code, found) == ("no_answer", [])
    assert len(done.said) < 20
