"""The recordings of real P1 ports through the whole line: the table, what the sources assert, and a second decoder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import ciimodel
import hypothesis
import pytest
from captures import Capture, capture
from ciibridge.framing.p1 import split_ciphered
from ciibridge.normalise.clock import to_utc
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.listing import Listing
from ciibridge.publish.messages import Messages
from ciibridge.types import PROBLEMS, MeterTime, Number, Problem, Register, Snapshot
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from oracle import read
from p1_parts import CAPTURES, NOW, TABLE, codes, frame, frames, run, settings, snapshots, telegram

#: Where the source compared rounded values, so do we (captures/README.md).
TOLERANCE: Final = Decimal("0.02")
#: The zone dsmr-parser reads every time in.
AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
DECODED: Final = [c for c in CAPTURES if TABLE[c.name]["outcome"] == "decoded"]
BELGIAN: Final = "dsmr-p1/fluvius-v171.txt"


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("recording", captures, ids=lambda c: c.name.split("/")[1])


def test_the_table_is_of_all_captures_and_only_damage_or_a_missing_key_is_refused() -> None:
    assert set(TABLE) == {c.name for c in CAPTURES}
    assert len(DECODED) >= 22
    for c in CAPTURES:
        if TABLE[c.name]["outcome"] == "refused":
            assert c.facts["damaged"] or TABLE[c.name]["problems"] == ["key_missing"]
        else:
            assert not c.facts["damaged"]


@names(CAPTURES)
def test_the_table_is_true(recording: Capture) -> None:
    row = TABLE[recording.name]
    found = run(recording.data, settings(recording))
    assert len(snapshots(found)) == (row["outcome"] == "decoded")
    assert codes(found) == row.get("problems", [row["frame"]] if "frame" in row else [])
    for problem in found:
        assert isinstance(problem, Snapshot) or (problem.message and problem.hint and problem.offset == 0)


@names(CAPTURES)
def test_octet_by_octet_is_the_same_as_at_once(recording: Capture) -> None:
    chosen = settings(recording)
    assert run(recording.data, chosen, piece=1) == run(recording.data, chosen)


@names([c for c in CAPTURES if c.facts["damaged"]])
def test_behind_a_damaged_telegram_the_next_good_one_comes_out(recording: Capture) -> None:
    found = run(recording.data + b"\x00\xff" + capture(BELGIAN).data)
    assert codes(found)
    assert snapshots(found)[-1].values["energy_import"].number == Number(15792)


def same(got: dict[str, Any], expected: dict[str, Any], *, rounded: bool) -> bool:
    """A value of the listing against one of captures.json: as printed in the telegram, or in W where it says W."""
    value, wanted, unit = got["value"], expected["value"], expected["unit"]
    if unit is None or isinstance(value, str):
        text = str(value)
        forms = {text, text.encode().hex().upper(), text.encode().hex()}
        return str(wanted) in forms or (not isinstance(wanted, str) and Decimal(text) == Decimal(str(wanted)))
    kilo = unit.startswith("k")
    if got["unit"] != "m³" and got["unit"].casefold() != unit.removeprefix("k").casefold():
        return False
    return abs((value / 1000 if kilo else value) - Decimal(str(wanted))) <= (TOLERANCE if rounded else 0)


@names([c for c in DECODED if c.facts["expect"]])
def test_values_are_those_the_source_asserts(recording: Capture) -> None:
    expect = recording.facts["expect"]
    (snapshot,) = snapshots(run(recording.data, settings(recording)))
    listing = json.loads(Listing(ciimodel.load()).write(snapshot), parse_float=Decimal, parse_int=Decimal)
    rounded = "golden master" in recording.facts["expect_by"]
    for code, expected in (expect.get("values") or {}).items():
        assert same(listing["values"][code], expected, rounded=rounded), (
            code,
            listing["values"][code],
            expected,
        )
    if expect.get("meter_id"):
        assert expect["meter_id"] in snapshot.identity.values()
    if stamp := expect.get("timestamp"):
        local = (
            listing["timestamp"] if not stamp.endswith("Z") else snapshot.ts.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
        assert local == stamp
    if plain := expect.get("plaintext_file"):
        (other,) = snapshots(run(capture(plain).data))
        assert (other.values, other.ts) == (snapshot.values, snapshot.ts)


def agrees(register: Register, value: Decimal | str | datetime, unit: str | None) -> bool:
    """Whether a register is what the other decoder read in its line."""
    ours = register.value
    if isinstance(ours, MeterTime):
        return isinstance(value, datetime) and to_utc(ours, AMSTERDAM) == value.astimezone(UTC)
    if isinstance(ours, Number):
        return Decimal(str(ours)) == value and (register.spelling, unit) in {
            (unit, unit),
            (register.spelling, None),
        }
    text = str(ours)
    coded = text.encode().hex().upper()
    if isinstance(value, datetime):
        return False
    if isinstance(value, str | None):
        sent = value or ""
        return sent in (text, coded) or (
            sent.startswith(coded) and not bytes.fromhex(sent[len(coded) :]).strip()
        )
    return str(value) == coded or Decimal(text or "0") == value


@names(DECODED)
def test_dsmr_parser_reads_the_same(recording: Capture) -> None:
    """Of the ways in which dsmr-parser reads a line, one must be ours."""
    (snapshot,) = snapshots(run(recording.data, settings(recording)))
    assert snapshot.reading is not None
    registers = {str(r.obis): r for r in snapshot.reading.registers}
    text = snapshot.reading.apdu.data.decode("latin-1")
    opinions: dict[str, list[bool]] = {}
    for address, value, unit in read(text):
        if address in registers:
            opinions.setdefault(address, []).append(agrees(registers[address], value, unit))
    differing = [address for address, ours in opinions.items() if not any(ours)]
    assert differing == list(TABLE[recording.name].get("dsmr_parser_differs", {}))
    assert len(opinions) == TABLE[recording.name]["dsmr_parser"], "lines both decoders read"


@names(DECODED)
def test_what_is_published_is_the_telegram_times_a_power_of_ten(recording: Capture) -> None:
    (snapshot,) = snapshots(run(recording.data, settings(recording)))
    state = json.loads(Messages(ciimodel.load()).state(snapshot), parse_float=Decimal, parse_int=Decimal)
    assert snapshot.reading is not None
    sent = {r.obis: r for r in snapshot.reading.registers}
    for name, measured in snapshot.values.items():
        if measured.obis is None:
            continue
        register = sent[measured.obis]
        kilo = (register.spelling or "").startswith("k")
        assert state["values"][name] == Decimal(str(measured.raw)) * (1000 if kilo else 1), name
    values = state["values"]
    assert values["power_net"] == values["power_import"] - values["power_export"]
    if "energy_import" in snapshot.derived:
        assert values["energy_import"] == values["energy_import_t1"] + values["energy_import_t2"]


def test_what_the_profile_does_not_know_is_visible() -> None:
    seen: set[str] = set()
    for recording in DECODED:
        for snapshot in snapshots(run(recording.data, settings(recording))):
            seen.update(snapshot.unknown)
    assert seen == {
        "0-0:17.0.0",  # amperes, or no unit
        "0-0:97.97.0",
        "0-0:98.1.0",  # maxima of the months (Belgium)
        "0-1:24.4.0",  # valve of a sub-meter
        "1-0:3.7.0",  # Luxembourg: no unit
        "1-0:4.7.0",
    }


def test_sub_meters_of_belgium() -> None:
    (snapshot,) = snapshots(run(capture(BELGIAN).data))
    assert {n: {k: (str(v.number), v.unit) for k, v in c.items()} for n, c in snapshot.channels.items()} == {
        1: {"volume_gas": ("112.384", "m³")},
        2: {"volume_water": ("872.234", "m³")},
    }
    assert {n: (bool(who.id), who.type) for n, who in snapshot.submeters.items()} == {
        1: (True, 3),
        2: (True, 7),
    }


def test_a_channel_without_a_number_is_not_in_use() -> None:
    (snapshot,) = snapshots(run(capture("dsmr-p1/example-v5.txt").data))
    assert set(snapshot.submeters) == {1}


# -- security ---------------------------------------------------------------------------------------------------------

LUXEMBOURG: Final = capture("dsmr-p1/sagemcom-lu-smarty-encrypted.bin")
AUSTRIA: Final = capture("dsmr-p1/sagemcom-t210d-r-generated-encrypted.bin")


@pytest.mark.parametrize("recording", [LUXEMBOURG, AUSTRIA], ids=["lu", "at"])
def test_ciphered(recording: Capture) -> None:
    (snapshot,) = snapshots(run(recording.data, settings(recording)))
    assert snapshot.reading is not None
    assert (snapshot.reading.apdu.encrypted, snapshot.reading.apdu.authenticated) == (True, True)
    assert codes(run(recording.data)) == ["key_missing"]
    assert recording.key is not None
    wrong = bytes(octet ^ 1 for octet in recording.key)
    assert codes(run(recording.data, settings(recording, key=wrong))) == ["key_wrong"]
    assert codes(run(recording.data, settings(recording, auth_key=bytes(16)))) == ["not_authentic"]
    assert codes(run(recording.data * 2, settings(recording))).count("replayed") == 1


def test_a_wrong_crc_is_forgiven_only_where_the_tag_was_verified() -> None:
    """The source of the Luxembourg capture changed the text and ciphered it again, without a new CRC."""
    assert snapshots(run(LUXEMBOURG.data, settings(LUXEMBOURG)))
    found = run(LUXEMBOURG.data, settings(LUXEMBOURG, auth_key=None))
    assert (codes(found), snapshots(found)) == (["bad_checksum"], [])
    found = run(AUSTRIA.data, settings(AUSTRIA, auth_key=None))  # here the CRC is right
    assert len(snapshots(found)) == 1


def test_swapped_keys_are_told() -> None:
    swapped = MeterSettings(key=LUXEMBOURG.auth_key, auth_key=LUXEMBOURG.key, clock="meter")
    (problem,) = run(LUXEMBOURG.data, swapped)
    assert isinstance(problem, Problem)
    assert (problem.code, "swapped" in problem.message) == ("key_wrong", True)


def test_a_key_does_not_open_what_has_no_system_title() -> None:
    polish = capture("dsmr-p1/elgama-gama350-pl-encrypted-no-key.bin")
    assert all(split_ciphered(one) for one in frames(frame(polish.data)))
    (problem,) = run(polish.data, MeterSettings(key=bytes(16)))
    assert isinstance(problem, Problem)
    assert (problem.code, "set `system_title`" in problem.message) == ("key_missing", True)
    with_title = MeterSettings(key=bytes(16), system_title=b"EGM\0\0\0\0\1")
    assert codes(run(polish.data, with_title)) == ["key_wrong"]


@pytest.mark.parametrize("auth_key", [None, bytes(range(0xD0, 0xE0))])
@pytest.mark.parametrize("whole", [False, True])
def test_polish_telegrams_open_with_the_system_title(whole: bool, auth_key: bytes | None) -> None:
    """Identification line, ciphered lines without system title, CRC of the plain telegram."""
    key, title, header = bytes(range(16)), b"KFM\0\0\0\0\1", bytes.fromhex("3000000007")
    plain = telegram(identification="KFM5KAIFA-METER")
    begin, end = plain.index(b"\r\n\r\n") + 4, plain.index(b"!")
    text = plain if whole else plain[begin:end]
    sealed = AESGCM(key).encrypt(title + header[1:], text, header[:1] + (auth_key or bytes(16)))[:-4]
    body = header + sealed
    octets = plain[:begin] + b"\x00\x82" + len(body).to_bytes(2, "big") + body + plain[end:]
    settings = MeterSettings(id="home", clock="meter", key=key, auth_key=auth_key, system_title=title)
    for piece in (1, 1 << 20):
        found = run(octets * 2, settings, piece)
        assert codes(found)[:-1] == []  # the second one is a replay
        assert codes(found) == ["replayed"]
        assert str(snapshots(found)[0].values["power_import"].number) == "193"
    damaged = octets[: begin + 40] + bytes([octets[begin + 40] ^ 1]) + octets[begin + 41 :]
    assert codes(run(damaged, settings))[-1:] == ["not_authentic" if auth_key else "bad_checksum"]


def test_plain_although_a_key_is_configured() -> None:
    found = run(telegram() * 2, MeterSettings(id="home", key=bytes(16), clock="meter"))
    assert (codes(found), snapshots(found)) == (["not_encrypted"] * 2, [])  # ADR 9


def test_diagnostics() -> None:
    pipeline = Pipeline(ciimodel.load(), MeterSettings(id="home", clock="meter"), "dsmr-p1")
    damaged = telegram().replace(b"kWh", b"kWH")
    pipeline.feed(telegram() + damaged, NOW)
    told = pipeline.diagnostics(NOW)
    assert (told.link, told.frames_ok, told.frames_bad, told.telegrams_ok) == ("ok", 1, 1, 1)


# -- the meter model --------------------------------------------------------------------------------------------------


@names(DECODED)
def test_the_model_is_recognised_by_its_identification_line(recording: Capture) -> None:
    """A FLAG id alone is not enough: ISK is on three models here, and the one in the catalogue speaks no P1."""
    (snapshot,) = snapshots(run(recording.data, settings(recording)))
    expected = "lg-e360-dsmr" if recording.facts["meter"] == "E360" else None
    assert (snapshot.model, snapshot.candidates) == (expected, ())


def test_the_flag_id_may_end_in_a_small_letter() -> None:
    (snapshot,) = snapshots(run(telegram(identification="LGf5E360")))
    assert snapshot.model == "lg-e360-dsmr"
    (snapshot,) = snapshots(run(telegram(identification="LGF5E450")))
    assert snapshot.model is None


# -- whatever comes ---------------------------------------------------------------------------------------------------

PARTS: Final = st.sampled_from(
    [
        telegram(),
        telegram(crc=False),
        telegram()[:60],
        LUXEMBOURG.data,
        LUXEMBOURG.data[:50],
        AUSTRIA.data,
        b"/XXX5\r\n",
    ]
)


@given(st.lists(st.binary(max_size=60) | PARTS, max_size=8), st.integers(1, 500))
@hypothesis.settings(max_examples=60, deadline=None)
def test_any_octets_raise_nothing(parts: list[bytes], piece: int) -> None:
    chosen = MeterSettings(id="home", key=LUXEMBOURG.key, clock="meter")
    for item in run(b"".join(parts), chosen, piece):
        assert isinstance(item, Snapshot) or item.code in PROBLEMS
