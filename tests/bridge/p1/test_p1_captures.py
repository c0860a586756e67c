"""The recordings of real P1 ports through the whole line: what is published, sub-meters, keys, models.

That each decodes and agrees with its source and with dsmr-parser is proved in tests/bridge/proof.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import ciimodel
import hypothesis
import pytest
from captures import Capture, capture
from ciibridge.framing.p1 import split_ciphered
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.types import PROBLEMS, Problem, Snapshot
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from p1_parts import CAPTURES, LINES, NOW, codes, frame, frames, run, settings, snapshots, telegram
from walk import outcome_of

#: Where the source compared rounded values, so do we (captures/README.md).
TOLERANCE: Final = Decimal("0.02")
#: The zone dsmr-parser reads every time in.
AMSTERDAM: Final = ZoneInfo("Europe/Amsterdam")
DECODED: Final = [c for c in CAPTURES if outcome_of(c) == "decoded"]
BELGIAN: Final = "dsmr-p1/fluvius-v171.txt"


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("recording", captures, ids=lambda c: c.name.split("/")[1])


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


@pytest.mark.parametrize(
    ("lines", "texts"),
    [
        (("0-1:24.4.0(1)",), {1: {"valve_state": "connected"}}),
        (
            ("0-1:24.4.0(0)", "0-2:24.4.0(2)"),
            {1: {"valve_state": "disconnected"}, 2: {"valve_state": "ready"}},
        ),
        (("0-1:24.4.0(7)",), {}),  # no state that is known
        (("0-1:24.4.0()",), {}),
        (("0-1:96.1.0()", "0-1:24.4.0(1)"), {}),  # nobody sits on this channel
    ],
)
def test_the_valve_of_a_sub_meter(lines: tuple[str, ...], texts: dict[int, dict[str, str]]) -> None:
    (snapshot,) = snapshots(run(telegram(*LINES, *lines)))
    assert snapshot.channel_texts == texts
    assert ("0-1:24.4.0" in snapshot.unknown) == ("(7)" in lines[0])
    messages = Messages(ciimodel.load(), protocol="dsmr-p1").snapshot(snapshot)
    states = {m.topic.split("/")[4]: json.loads(m.payload) for m in messages if "/channel/" in m.topic}
    assert {int(n): state["texts"] for n, state in states.items()} == texts
    assert all(state["values"] == {} for state in states.values())


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
