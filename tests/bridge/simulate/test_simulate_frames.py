"""Encoding, identity and cutting, where no capture shows it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import ciimodel
import pytest
from ciibridge.errors import ConfigError
from ciibridge.simulate.encode import date_time, encode, encode_obis, encode_scaler_unit
from ciibridge.simulate.frames import frames
from ciibridge.simulate.identity import device_name, device_type, system_title
from ciibridge.simulate.telegram import Element, Piece, body
from ciibridge.types import Obis
from ciimodel.catalogue import Hdlc, Meter, Wire

CATALOGUE = ciimodel.load()
E450 = CATALOGUE.meters["lg-e450"]


def with_wire(**facts: object) -> Meter:
    assert E450.wire is not None
    return E450.model_copy(update={"wire": E450.wire.model_copy(update=facts)})


def wire(transfer: str, information_octets: int = 129) -> Wire:
    link = Hdlc(destination="CEFF", source="03", control="13", information_octets=information_octets)
    found = with_wire(transfer=transfer, hdlc=[link]).wire
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("type_name", "value", "octets"),
    [
        ("null-data", None, "00"),
        ("double-long-unsigned", 482939, "06 00 07 5e 7b"),
        ("double-long", -1, "05 ff ff ff ff"),
        ("long-unsigned", 236, "12 00 ec"),
        ("long", -5, "10 ff fb"),
        ("integer", -2, "0f fe"),
        ("unsigned", 200, "11 c8"),
        ("enum", 27, "16 1b"),
        ("long64-unsigned", 2**63, "15 80 00 00 00 00 00 00 00"),
        ("long64", -2, "14 ff ff ff ff ff ff ff fe"),
        ("boolean", True, "03 01"),
        ("octet-string", "ab", "09 02 61 62"),
        ("octet-string", b"\0\1", "09 02 00 01"),
        ("visible-string", "ab", "0a 02 61 62"),
        ("utf8-string", "é", "0c 02 c3 a9"),
    ],
)
def test_values(type_name: str, value: int | str | bytes | None, octets: str) -> None:
    assert encode(type_name, value).hex(" ") == octets


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("long-unsigned", 65536), ("long-unsigned", -1), ("unsigned", 256), ("integer", 128), ("long", "1")],
)
def test_what_does_not_fit_is_an_error_not_another_number(type_name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"does not fit a {type_name}"):
        encode(type_name, value)


def test_an_unknown_type() -> None:
    with pytest.raises(ValueError, match="'compact-array' is not a type"):
        encode("compact-array", b"")


def test_names_and_scales() -> None:
    assert encode_obis(Obis(1, 0, 1, 7, 0)).hex() == "09060100010700ff"
    assert encode_scaler_unit(-1, 35).hex() == "02020fff1623"


ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("local", "deviation", "octets"),
    [
        (datetime(2026, 5, 4, 11, 39, 20, tzinfo=ZURICH), False, "07ea0504010b2714ff800000"),  # an E450's
        (datetime(2020, 8, 15, 6, 19, 45, tzinfo=ZURICH), True, "07e4080f0606132dffff8880"),  # summer
        (
            datetime(2026, 12, 6, 10, 39, 20, tzinfo=ZURICH),
            True,
            "07ea0c06070a2714ffffc400",
        ),  # a Sunday in winter
        (
            datetime(2026, 10, 25, 2, 30, tzinfo=ZURICH, fold=1),
            True,
            "07ea0a1907021e00ffffc400",
        ),  # the second 2:30
    ],
)
def test_date_time(local: datetime, deviation: bool, octets: str) -> None:
    assert date_time(local, deviation=deviation).hex() == octets


@pytest.mark.parametrize(
    "meter", [m for m in CATALOGUE.meters.values() if m.wire and m.wire.hdlc], ids=lambda m: m.id
)
def test_synthetic_names_fit_the_model_and_look_made_up(meter: Meter) -> None:
    import re

    names = {device_name(meter, number) for number in (1, 2, 9_999)}
    assert len(names) == 3
    assert all(len(name) == 16 and "0000" in name for name in names)
    assert meter.wire is not None
    assert all(re.match(meter.wire.device_name or "", name) for name in names)
    titles = {system_title(meter, name) for name in names}
    assert len(titles) == 3
    assert {title[:3].decode() for title in titles} == {meter.wire.flag[0] if meter.wire.flag else "SIM"}
    assert {len(title) for title in titles} == {8}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^68\d{5}BN245", "6800000BN245"),
        (r"^MA304H3E|^MA105H2E", "MA304H3E"),
        (r"^Z[MF]F1$", "ZFF1"),
        (None, "SIM-E450"),
    ],
)
def test_types_from_patterns(pattern: str | None, text: str) -> None:
    assert device_type(with_wire(device_type=pattern)) == text


def test_a_type_beyond_us_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match=r"no meter type like .* comes .*schema/meters/lg-e450.yaml"):
        device_type(with_wire(device_type="^K.*\\."))


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"^LGZ10306\d{8}$", "LGZ1030600000042"),
        (r"LGZ1030[0-9]{9}", "LGZ1030000000042"),
        (r"ISK10[23]0", "ISK1030000000042"),
        (r"AB\d", "AB00000000000042"),
        (None, "LGZ0000000000042"),
    ],
)
def test_names_from_patterns(pattern: str | None, name: str) -> None:
    assert device_name(with_wire(device_name=pattern), 42) == name


def test_a_pattern_that_is_beyond_us() -> None:
    with pytest.raises(ConfigError, match="give one with --serial"):
        device_name(with_wire(device_name=r"(?:LGZ|ABC)x{3}-\d+"), 1)


def octets(count: int) -> Piece:
    return Piece(bytes(count), whole=False)


def test_what_fits_one_frame_goes_in_one_frame() -> None:
    for transfer in ("single", "segmented", "blocks"):
        sent = frames([octets(126)], wire(transfer))  # 3 octets of LLC
        assert sent.count(b"\xe6\xe7\x00") == 1
        assert sent[1:3].hex() == "a08b"
        assert b"\xe0\x40" not in sent


def test_one_octet_more_is_cut() -> None:
    assert frames([octets(127)], wire("single"))[1:3].hex() == "a08c"
    segmented = frames([octets(127)], wire("segmented"))
    assert segmented[1:3].hex() == "a88b"
    assert segmented[141 + 1 : 141 + 7].hex() == "a00bceff0313"  # 1 octet
    assert segmented[3:7].hex() == "ceff0303"  # all but the last without the final bit
    blocks = frames([octets(127)], wire("blocks"))
    assert blocks[1:3].hex() == "a08b"
    assert b"\xe0\x40\x00\x01\x00\x00\x77" in blocks
    assert b"\xe0\xc0\x00\x02\x00\x00\x08" in blocks


def test_whole_pieces_are_not_cut_unless_they_must() -> None:
    sent = frames([Piece(bytes(100)), Piece(b"\x55" * 30), Piece(b"\xaa" * 200)], wire("blocks"))
    assert b"\x00\x01\x00\x00\x64" in sent  # 19 octets of room were left
    assert b"\x00\x02\x00\x00\x7a" in sent  # the third is longer than any block, so it is cut
    assert b"\x00\x03\x00\x00\x6c" in sent


def test_too_long_for_a_frame() -> None:
    with pytest.raises(ValueError, match="do not fit one HDLC frame"):
        frames([octets(2100)], wire("single"))


def test_without_addresses() -> None:
    facts = with_wire(hdlc=[]).wire
    assert facts is not None
    with pytest.raises(ValueError, match="no HDLC addresses"):
        frames([octets(1)], facts)


def test_an_element_without_code_stands_only_in_positional_lists() -> None:
    nameless = Element(None, 0, 2, "long-unsigned", 400)
    assert b"".join(piece.octets for piece in body("positional", [nameless], None)).hex() == "0201120190"
    for shape in ("pairs", "triplets"):
        with pytest.raises(ValueError, match="without an OBIS code"):
            body(shape, [nameless], None)
