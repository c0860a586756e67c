"""Which protocol a recording speaks."""

from __future__ import annotations

import pytest
from captures import Capture, load_captures
from ciibridge.framing.sniff import PROOFS, SIGNATURES, sniff
from ciibridge.pipeline import LINES

FAMILIES = sorted({protocol for protocol, _ in (*PROOFS, *SIGNATURES)})


@pytest.mark.parametrize("one", [c for f in FAMILIES for c in load_captures(f)], ids=lambda one: one.name)
def test_captures(one: Capture) -> None:
    assert sniff(one.data) == one.facts["family"]


def test_every_signature_is_of_a_line() -> None:
    assert set(FAMILIES) <= set(LINES)


def test_the_first_beginning_decides() -> None:
    assert sniff(b"\x7e\xa0 /XXX5 \xdb\x08XXX") == "dlms-hdlc"
    assert sniff(b"noise /XXX5 \x7e\xa0") == "dsmr-p1"
    assert sniff(b"\xff\xdb\x08XXX\0\0\0\0\0 \x7e\xa0") == "dsmr-p1"


@pytest.mark.parametrize("octets", [b"", b"\x7e\x7e", b"/12345", b"\xdb\x08\0\0\0", bytes(1000)])
def test_none(octets: bytes) -> None:
    assert sniff(octets) is None
