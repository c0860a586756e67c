"""DLMS in M-Bus frames, and bare APDUs: recordings of real meters through the whole line."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import ciimodel
import pytest
from captures import Capture, capture, load_captures
from ciibridge.decode.dlms import LayoutBook, decode
from ciibridge.normalise import Normaliser
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.types import Apdu, Number, Problem, Reading, Snapshot
from hypothesis import given
from hypothesis import strategies as st
from test_mbus_frames import segment

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
TOLERANCE: Final = Decimal("0.02")  # of what the source rounded (captures/README.md)
UNITS: Final = {27: "W", 29: "var", 30: "Wh", 32: "varh", 33: "A", 35: "V", 255: None}
DLMS: Final = load_captures("dlms-mbus")
LOCKED: Final = [c for c in DLMS if c.facts["structure"].get("ciphered") and not c.key]
DAMAGED: Final = [c for c in DLMS if c.facts["damaged"]]
OPEN: Final = [c for c in DLMS if c not in LOCKED and c not in DAMAGED]
BARE: Final = load_captures("dlms-apdu")


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("one", captures, ids=lambda c: c.name.split("/")[1])


def run(one: Capture, *more: bytes, key: bytes | None = None, piece: int = 1 << 20) -> list[Any]:
    pipeline = Pipeline(ciimodel.load(), MeterSettings(key=key or one.key, clock="meter"), "dlms-mbus")
    data = b"".join((one.data, *more))
    found: list[Any] = []
    for begin in range(0, len(data), piece):
        found += pipeline.feed(data[begin : begin + piece], NOW)
    return found + pipeline.finish()


def codes(found: list[Any]) -> list[str]:
    return [p.code for p in found if isinstance(p, Problem)]


def snapshots(found: list[Any]) -> list[Snapshot]:
    return [s for s in found if isinstance(s, Snapshot)]


def assert_agrees(one: Capture, reading: Reading) -> None:
    """Compare the registers with all that captures.json asserts."""
    expect = one.facts["expect"]
    rounded = "golden master" in one.facts["expect_by"]
    by_code: dict[str, Any] = {}
    for register in reading.registers:
        by_code.setdefault(str(register.obis), register)
    for code, wanted in expect["values"].items():
        register = by_code[code]
        if isinstance(wanted["value"], str):
            value = register.value
            is_time = code == "0-0:1.0.0"
            assert (value.local.isoformat() if is_time else value) == wanted["value"][
                : 19 if is_time else None
            ]
            continue
        assert isinstance(register.value, Number)
        exact = Decimal(str(register.value)).scaleb(register.scaler or 0)
        if register.unit is not None and wanted["unit"]:
            unit = wanted["unit"].removeprefix("k")
            assert UNITS[register.unit] == unit, code
            exact = exact / 1000 if wanted["unit"] != unit else exact
            assert abs(exact - Decimal(str(wanted["value"]))) <= (TOLERANCE if rounded else 0), code
    if expect["meter_id"]:
        assert expect["meter_id"] in [r.value for r in reading.registers]


@names(OPEN)
def test_values_agree(one: Capture) -> None:
    found = run(one)
    assert codes(found) == []
    (snapshot,) = snapshots(found)
    assert snapshot.reading is not None
    assert_agrees(one, snapshot.reading)
    assert not snapshot.unknown
    when = one.facts["structure"]["datetime_in_apdu"]
    assert snapshot.reading.time is not None
    assert snapshot.reading.time.local.isoformat() == when["local"]
    counter = one.facts["structure"]["invocation_counter"]
    assert snapshot.reading.apdu.invocation_counter == counter


def test_suite_1_opens() -> None:
    (snapshot,) = snapshots(run(capture("dlms-mbus/kaifa-at-tirol-suite1-encrypted.bin")))
    assert snapshot.meter == "kfm1100100000035"
    assert str(snapshot.values["energy_import"].number) == "9108"
    assert str(snapshot.values["voltage_l1"].number) == "230.8"


@names(LOCKED)
def test_without_a_key_it_says_so(one: Capture) -> None:
    assert set(codes(run(one))) == {"key_missing"}
    assert set(codes(run(one, key=bytes(16)))) == {"key_wrong"}


GOOD: Final = "dlms-mbus/kaifa-ma309-pl-stoen-encrypted.bin"


def test_truncations_and_noise_cost_no_other_telegram() -> None:
    good = capture(GOOD)
    noise = bytes(range(0x20, 0x60)) * 5
    for size in range(1, len(good.data), 13):
        pipeline = Pipeline(ciimodel.load(), MeterSettings(key=good.key, clock="meter"), "dlms-mbus")
        found = pipeline.feed(noise + good.data[:size] + noise + good.data + noise, NOW) + pipeline.finish()
        assert len(snapshots(found)) == 1
        assert codes(found)


@given(st.binary(min_size=1, max_size=120), st.sampled_from([0x00, 0x10, 0x11, 0x1F, 0x72]))
def test_arbitrary_telegrams_raise_nothing(octets: bytes, ci: int) -> None:
    good = capture(GOOD)
    pipeline = Pipeline(ciimodel.load(), MeterSettings(key=good.key, clock="meter"), "dlms-mbus")
    found = pipeline.feed(segment(ci, octets) + segment(0x11, octets) + good.data, NOW) + pipeline.finish()
    assert len(snapshots(found)) == 1
    assert all(isinstance(item, Snapshot | Problem) for item in found)


def test_blocks_in_segments() -> None:
    """general-block-transfer over the transport layer of M-Bus, with a block lost, repeated and out of order."""
    body = bytes.fromhex(
        "0f000000010c07ea0504010b2714ff80008002020906010001070 0ff060000001c".replace(" ", "")
    )
    parts = [body[:8], body[8:20], body[20:]]
    blocks = [
        bytes((0xE0, 0xC0 if number == 3 else 0x40, 0, number, 0, 0, len(part))) + part
        for number, part in enumerate(parts, start=1)
    ]
    frames = [segment(0x00, block[:9]) + segment(0x11, block[9:]) for block in blocks]

    def given(*order: int) -> tuple[list[str], int]:
        pipeline = Pipeline(ciimodel.load(), MeterSettings(id="home", clock="meter"), "dlms-mbus")
        found = pipeline.feed(b"".join(frames[n - 1] for n in order), NOW) + pipeline.finish()
        return [code for code in codes(found) if code != "model_unknown"], len(snapshots(found))

    assert given(1, 2, 3) == ([], 1)
    assert given(1, 3, 1, 2, 3) == (["block_lost"], 1)
    assert given(1, 2, 2, 3, 1, 2, 3) == (["block_order"], 1)
    assert given(2, 1, 2, 3) == (["block_lost"], 1)
    assert given(1, 2) == (["incomplete"], 0)


@names(BARE)
def test_bare_apdus(one: Capture) -> None:
    reading = decode(Apdu(one.data, 0), LayoutBook())
    if one.facts["expect"]:
        assert_agrees(one, reading)
    normaliser = Normaliser(ciimodel.load(), MeterSettings(id="home", clock="meter"))
    for item in normaliser.take(reading, NOW):
        assert isinstance(item, Snapshot) or item.code in ("unknown_layout", "model_unknown")
