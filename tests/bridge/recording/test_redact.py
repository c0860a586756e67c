"""Redacted recordings: of every capture that decodes, no form of a name is left, and the values are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import ciimodel
import pytest
from captures import Capture
from ciibridge.decode.mbus import header
from ciibridge.errors import ProtocolError
from ciibridge.framing.mbus import long_frames
from ciibridge.framing.sniff import sniff
from ciibridge.pipeline import ClockPolicy, MeterSettings, Pipeline
from ciibridge.recording.container import Header, Piece
from ciibridge.recording.forms import Recording
from ciibridge.recording.redact import Redacted, RedactionError, redact
from ciibridge.security.glo import Keys
from ciibridge.simulate import SimulatedMeter
from ciibridge.types import Snapshot
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from walk import CAPTURES, DECODED, outcome_of

CATALOGUE: Final = ciimodel.load()
TEST_KEYS: Final = Keys(bytes(range(0x10)), bytes(range(0xD0, 0xE0)))
START: Final = datetime(2026, 5, 4, 9, 39, 20, tzinfo=UTC)
#: Kinds of meters, lists, versions: they name nobody.
KINDS: Final = {
    "device_type",
    "push_list_version",
    "protocol_version",
    "manufacturer",
    "firmware_version",
    "channel_type",
}
READ: Final = [capture for capture in CAPTURES if outcome_of(capture) == DECODED]
#: Nothing decodes, so nobody knows what is a name in it.
REFUSED: Final = [capture for capture in CAPTURES if capture not in READ]


def decode(octets: bytes, keys: Keys) -> list[Snapshot]:
    for auth_key in (keys.auth_key, None):
        settings = MeterSettings(id="m", key=keys.key, auth_key=auth_key, clock=ClockPolicy.METER)
        pipeline = Pipeline(CATALOGUE, settings, sniff(octets) or "dlms-hdlc")
        found = [i for i in pipeline.feed(octets, START) + pipeline.finish() if isinstance(i, Snapshot)]
        if found:
            return found
    return []


def keys_of(capture: Capture) -> Keys:
    return Keys(capture.key, capture.auth_key)


def recording(octets: bytes, size: int = 97) -> Recording:
    pieces = [Piece(n * 0.1, octets[n * size : (n + 1) * size]) for n in range(-(-len(octets) // size))]
    return Recording(tuple(pieces), Header(START))


def names(snapshots: list[Snapshot], octets: bytes) -> set[str]:
    """All that names a meter or its owner: identities, sub-meters, messages, addresses of M-Bus, server ids, titles."""
    found: set[str] = set()
    for snapshot in snapshots:
        found |= {text for name, text in snapshot.identity.items() if name not in KINDS}
        found |= {who.id for who in snapshot.submeters.values() if who.id}
        found |= {text for name, text in snapshot.texts.items() if name.startswith("message")}
        reading = snapshot.reading
        if reading is not None:
            found |= {reading.server_id.hex()} if reading.server_id else set()
            found |= {reading.apdu.system_title.hex()} if reading.apdu.system_title else set()
            for record in reading.records:
                if record.quantity in {"fabrication number", "identification", "customer location"}:
                    found.add(str(record.value))
    for frame in long_frames(octets) if sniff(octets) == "mbus" else ():
        try:
            found.add(header.read(frame).device.id)
        except ProtocolError:  # an error answer or a command: no address in it
            continue
    return {name for name in found if re.search(r"[1-9A-Za-z].*[1-9].*[0-9]", name) and len(name) >= 5}


def forms(name: str) -> Iterator[bytes]:
    """A name in every form a telegram may hold it in."""
    text = name.encode("latin-1", "replace")
    yield text
    yield text.hex().encode()
    yield text.hex().upper().encode()
    digits = re.sub(r"\D", "", name)
    if re.fullmatch(r"(?:[0-9a-f]{2}){8,}", name):  # octets, written in hex
        yield bytes.fromhex(name)
        yield bytes.fromhex(name)[::-1]
    if len(digits) >= 6:
        even = digits[-(len(digits) // 2 * 2) :]
        for written in {even, digits[-8:].rjust(8, "0")}:
            yield bytes.fromhex(written)  # BCD
            yield bytes.fromhex(written)[::-1]
        if 1 << 16 < int(digits) < 1 << 64:
            size = 4 if int(digits) < 1 << 32 else 8
            yield int(digits).to_bytes(size, "big")
            yield int(digits).to_bytes(size, "little")


def opened(octets: bytes, keys: Keys) -> bytes:
    """The octets, and what is inside the ciphered telegrams."""
    inside = [s.reading.apdu.data for s in decode(octets, keys) if s.reading is not None]
    return octets + b"".join(inside)


def measured(snapshots: list[Snapshot]) -> list[object]:
    return [
        (
            s.values,
            s.channels,
            {name: text for name, text in s.texts.items() if not name.startswith("message")},
            s.ts,
            s.model,
            s.candidates,
            s.list,
            s.derived,
        )
        for s in snapshots
    ]


def octets_of(redacted: Redacted) -> bytes:
    return b"".join(piece.octets for piece in redacted.pieces)


@pytest.mark.parametrize("capture", READ, ids=lambda capture: capture.name)
def test_no_name_is_left_and_the_values_are_the_same(capture: Capture) -> None:
    before = decode(capture.data, keys_of(capture))
    assert before
    redacted = redact(recording(capture.data), CATALOGUE, keys_of(capture), TEST_KEYS)
    octets = octets_of(redacted)
    ciphered = before[0].reading is not None and before[0].reading.apdu.encrypted
    keys = TEST_KEYS if ciphered else Keys()
    after = decode(octets, keys)
    assert measured(after) == measured(before)
    visible = opened(octets, keys)
    synthetic = names(after, octets)
    for name in names(before, capture.data) - synthetic:
        for form in forms(name):
            assert form not in visible, f"{name[:3]}… is still there, as {form[:4]!r}…"
    kept = names(before, capture.data) & synthetic
    assert not kept, f"not replaced: {sorted(name[:3] for name in kept)}"


@pytest.mark.parametrize("capture", REFUSED, ids=lambda capture: capture.name)
def test_what_cannot_be_redacted_is_refused(capture: Capture) -> None:
    with pytest.raises(RedactionError, match="nothing is given out"):
        redact(recording(capture.data), CATALOGUE, keys_of(capture), TEST_KEYS)


def simulated(model: str, telegrams: int = 2, **options: object) -> bytes:
    meter = SimulatedMeter(CATALOGUE, model, **options)  # type: ignore[arg-type]
    return b"".join(
        meter.telegrams(START + timedelta(seconds=meter.interval_s * n)) for n in range(telegrams)
    )


def test_timing_and_length_stay() -> None:
    original = recording(simulated("lg-e450", serial="LGZ1030698765432"))
    redacted = redact(original, CATALOGUE, Keys(), TEST_KEYS)
    assert [(p.at_s, len(p.octets)) for p in redacted.pieces] == [
        (p.at_s, len(p.octets)) for p in original.pieces
    ]
    (name,) = {s.identity["device_name"] for s in decode(octets_of(redacted), Keys())}
    assert re.fullmatch(r"LGZ1030600000\d{3}", name)
    assert redacted.protocol == "dlms-hdlc"
    assert redacted.zeroed == 0


def test_a_telegram_is_sealed_with_the_test_keys() -> None:
    key = bytes.fromhex("8f1c3d5e7a9b0c2d4e6f8091a2b3c4d5")
    octets = simulated("lg-e570", key=key, auth_key=key[::-1], serial="LGZ1030798765432")
    redacted = octets_of(redact(recording(octets), CATALOGUE, Keys(key), TEST_KEYS))
    assert not decode(redacted, Keys(key))
    after = decode(redacted, TEST_KEYS)
    assert after[0].reading is not None
    assert after[0].reading.apdu.authenticated, "the tag is made anew, too"
    assert after[0].reading.apdu.system_title is not None
    assert b"98765432" not in after[0].reading.apdu.data
    title = after[0].reading.apdu.system_title
    assert title[:3] == b"LGZ"
    assert title not in octets


def test_without_the_key_it_is_refused() -> None:
    octets = simulated("lg-e570", key=TEST_KEYS.key)
    for keys in (Keys(), Keys(bytes(16))):
        with pytest.raises(RedactionError, match="is the --key missing"):
            redact(recording(octets), CATALOGUE, keys, TEST_KEYS)


def test_one_telegram_that_does_not_open_stops_it_all() -> None:
    octets = simulated("lg-e570", key=TEST_KEYS.key) + simulated("lg-e570", key=bytes(16))
    with pytest.raises(RedactionError, match="octet 994: the key does not open"):
        redact(recording(octets), CATALOGUE, Keys(TEST_KEYS.key), TEST_KEYS)


def test_half_a_telegram_becomes_zeros() -> None:
    serial = "LGZ1030698765432"
    octets = simulated("lg-e450", 1, serial=serial)
    half = octets[octets.index(serial.encode()[8:]) - 8 :]
    redacted = redact(recording(half + octets + octets[:200]), CATALOGUE, Keys(), TEST_KEYS)
    assert redacted.zeroed > 100
    assert b"98765432" not in octets_of(redacted)
    assert len(decode(octets_of(redacted), Keys())) == 1


def test_a_message_to_the_customer_is_blanked() -> None:
    text = b"/SIM5AS3000\r\n\r\n0-0:96.1.1(4530303938373635343332)\r\n1-0:1.7.0(00.193*kW)\r\n0-0:96.13.0(48657272204D7573746572)\r\n!\r\n"
    redacted = octets_of(redact(recording(text), CATALOGUE, Keys(), TEST_KEYS))
    assert b"0-0:96.13.0(2020202020202020202020)" in redacted
    assert b"0-0:96.1.1(4130303030303030303031)" in redacted, "a letter for a letter, a digit for a digit"
    assert b"1-0:1.7.0(00.193*kW)" in redacted


def test_one_name_has_one_replacement_wherever_it_stands() -> None:
    serial = "98765432"
    text = (
        f"/SIM5AS3000\r\n\r\n0-0:42.0.0({('SIM00000' + serial).encode().hex()})\r\n0-0:96.1.0({serial})\r\n"
        "0-1:24.1.0(003)\r\n0-1:96.1.0(12345678)\r\n0-1:24.2.1(260504093920S)(00001.000*m3)\r\n!\r\n"
    ).encode()
    (snapshot,) = decode(octets_of(redact(recording(text), CATALOGUE, Keys(), TEST_KEYS)), Keys())
    assert snapshot.identity["serial_manufacturer"][-3:] == snapshot.identity["device_name"][-3:]
    assert snapshot.submeters[1].id not in {serial, "12345678", snapshot.identity["serial_manufacturer"]}


def test_a_text_that_nobody_knows_is_a_name() -> None:
    text = b"/SIM5AS3000\r\n\r\n1-0:1.7.0(00.193*kW)\r\n0-0:97.97.7(Elm Street 12)\r\n0-0:97.97.8(8765432109)\r\n!\r\n"
    redacted = octets_of(redact(recording(text), CATALOGUE, Keys(), TEST_KEYS))
    assert b"(Aaa Aaaaaa 01)" in redacted
    assert b"8765432109" not in redacted


def test_numbers_that_name() -> None:
    """Kamstrup sends the number of the meter as a number."""
    octets = simulated("kamstrup-omnipower", lists=("consumer",), seed=7)
    before = decode(octets, Keys())
    after = decode(octets_of(redact(recording(octets), CATALOGUE, Keys(), TEST_KEYS)), Keys())
    assert before[0].identity["meter_number"] != after[0].identity["meter_number"]
    assert before[0].values == after[0].values


SERIAL: Final = "LGZ1030698765432"
WHOLE: Final = {
    model: simulated(model, 2, serial=SERIAL) for model in ("lg-e450", "iskra-am550", "lg-e360-dsmr")
}


@examples(max_examples=40)
@given(
    st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4)
)
def test_damage_hides_no_name(model: str, faults: list[tuple[int, int]]) -> None:
    octets = bytearray(WHOLE[model])
    for place, octet in faults:
        octets[place % len(octets)] = octet
    try:
        redacted = redact(recording(bytes(octets)), CATALOGUE, Keys(), TEST_KEYS)
    except RedactionError:
        return
    assert SERIAL[8:].encode() not in octets_of(redacted)
    assert SERIAL[8:].encode().hex().upper().encode() not in octets_of(redacted)


@given(st.binary(max_size=400))
def test_no_octets_upset_it(octets: bytes) -> None:
    with pytest.raises(RedactionError):
        redact(recording(octets), CATALOGUE, Keys(), TEST_KEYS)
