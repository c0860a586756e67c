"""Telegrams of real meters → readings, against what captures.json says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from captures import Capture, capture, load_captures
from ciibridge.decode.dlms import LayoutBook, decode
from ciibridge.decode.dlms.notification import parse
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.reassembly import Reassembler
from ciibridge.security.glo import Keys, Opener
from ciibridge.types import Apdu, Frame, MeterTime, Number, Reading

#: Captures in whose frames or blocks something is damaged: no telegram to decode.
DAMAGED = {
    "dlms-hdlc/aidon-se-missampled.bin",
    "dlms-hdlc/iskra-ie5-hr-first-segment-only.bin",
    "dlms-hdlc/kamstrup-omnipower-no-bad-fcs.bin",
    "dlms-hdlc/lg-e450-ch-2021-blocks-out-of-order.bin",
    "dlms-hdlc/lg-e450-ch-romande-energie-gbt-incomplete.bin",
    "dlms-hdlc/lg-zmf100-embriq-no-swapped-tag.bin",
}
ALL = [*load_captures("dlms-hdlc"), *load_captures("dlms-apdu"), *load_captures("dlms-mbus")]
#: What can be decoded: complete, and plain or with a published key.
READABLE = [
    one
    for one in ALL
    if one.name not in DAMAGED
    and not (one.facts["damaged"] and one.facts["family"] == "dlms-mbus")
    and (one.key or not one.facts["structure"].get("ciphered"))
]
WITH_CODES = [one for one in READABLE if one.facts["structure"]["obis_in_telegram"]]
POSITIONAL = [one for one in READABLE if not one.facts["structure"]["obis_in_telegram"]]
#: DLMS unit of a scaler_unit structure → unit in captures.json and its power of ten.
UNITS = {27: "W", 29: "var", 30: "Wh", 32: "varh", 33: "A", 35: "V", 255: None}
#: Values from the "golden master" of one source are float32, rounded to two or three decimals (README of the captures).
TOLERANCE = Decimal("0.02")


def apdus(one: Capture) -> Iterator[Apdu]:
    """The plain APDUs of a capture, whatever framing it has."""
    opener = Opener(Keys(one.key, one.auth_key))
    if one.facts["family"] == "dlms-apdu":
        yield Apdu(one.data, 0)
    elif one.facts["family"] == "dlms-mbus":
        yield opener.open(Apdu(mbus_user_data(one.data), 0))
    else:
        reassembler = Reassembler()
        for frame in HdlcFramer().feed(one.data):
            if isinstance(frame, Frame):
                yield from (opener.open(item) for item in reassembler.feed(frame) if isinstance(item, Apdu))


def mbus_user_data(octets: bytes) -> bytes:
    """The joined segments of M-Bus long frames: 68 L L 68 | C A CI STSAP DTSAP … | checksum 16."""
    joined = b""
    position = 0
    while position < len(octets):
        length = octets[position + 1]
        joined += octets[position + 9 : position + 4 + length]
        position += length + 6
    return joined


def reading_of(one: Capture) -> Reading:
    return decode(next(apdus(one)), LayoutBook())


def texts(reading: Reading) -> dict[str, Decimal]:
    """Numbers of a reading with the scaler the telegram itself has, by OBIS code; the first of each."""
    numbers: dict[str, Decimal] = {}
    for register in reading.registers:
        if isinstance(register.value, Number):
            exact = Decimal(register.value.mantissa).scaleb(register.value.exponent + (register.scaler or 0))
            numbers.setdefault(str(register.obis), exact)
    return numbers


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_structure(one: Capture) -> None:
    structure = one.facts["structure"]
    apdu = next(apdus(one))
    reading = decode(apdu, LayoutBook())
    body = parse(apdu.data).body
    assert len(body.elements) == structure["elements"]
    assert body.type == structure["body"]
    assert reading.apdu is apdu
    layout = set(structure.get("layout", ()))
    if structure["push_object_list"]:
        expected = "push-list"
    elif not structure["obis_in_telegram"]:
        expected = "positional"
    elif structure["scaler_unit_in_telegram"] or any("nested" in item for item in layout):
        expected = "triplets"
    else:
        expected = "pairs"
    assert reading.shape == expected
    scaled = [register for register in reading.registers if register.scaler is not None]
    assert bool(scaled) == structure["scaler_unit_in_telegram"]


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_time_of_the_notification(one: Capture) -> None:
    expected = one.facts["structure"]["datetime_in_apdu"]
    time = reading_of(one).time
    if expected is None:
        assert time is None
        return
    assert time is not None
    assert time.local.replace(microsecond=0) == datetime.fromisoformat(expected["local"])
    west = expected["deviation_minutes"]
    assert time.deviation_min == (None if west is None else -west)
    assert time.status == expected["clock_status"]


@pytest.mark.parametrize(
    "one", [one for one in READABLE if one.facts["structure"]["push_object_list"]], ids=lambda one: one.name
)
def test_push_objects(one: Capture) -> None:
    reading = reading_of(one)
    objects = [entry.split(";") for entry in one.facts["structure"]["push_objects"]]
    setup = [code for code, class_id, _ in objects if class_id == "40"]
    assert reading.list_object == setup[0]
    assert [[str(r.obis), str(r.class_id), str(r.attribute)] for r in reading.registers] == [
        entry for entry in objects if entry[1] != "40"
    ]
    assert all(register.type for register in reading.registers)


@pytest.mark.parametrize("one", [one for one in WITH_CODES if one.facts["expect"]], ids=lambda one: one.name)
def test_values(one: Capture) -> None:
    reading = reading_of(one)
    numbers = texts(reading)
    words = {str(r.obis): r.value for r in reading.registers if isinstance(r.value, str)}
    clocks = {str(r.obis): r.value for r in reading.registers if isinstance(r.value, MeterTime)}
    expected = one.facts["expect"]["values"] or {}
    seen = Counter()
    for code, what in expected.items():
        value = what["value"]
        if code in clocks:
            wall_clock = datetime.fromisoformat(str(value)).replace(tzinfo=None)
            assert clocks[code].local.replace(microsecond=0) == wall_clock
        elif isinstance(value, str):
            assert words[code] == value
        else:
            assert agrees(numbers[code], what, scaled=code in scaled_codes(reading)), (
                code,
                numbers[code],
                what,
            )
        seen["checked"] += 1
    assert seen["checked"] == len(expected)
    if "objects" in one.facts["expect"]:
        count = one.facts["expect"]["objects"]
        # The source counts the entries of a push list, and of pairs only those with a code.
        listed = one.facts["structure"].get("push_objects")
        assert count == (len(listed) if listed else len(numbers))


def scaled_codes(reading: Reading) -> set[str]:
    return {str(r.obis) for r in reading.registers if r.scaler is not None}


def agrees(number: Decimal, what: dict[str, Any], *, scaled: bool) -> bool:
    """Compare a register with an expectation; without a scaler in the telegram up to a power of ten of the model."""
    expected = Decimal(str(what["value"]))
    unit = what["unit"] or ""
    kilo = 1000 if unit.startswith("k") else 1
    if scaled:
        return abs(number / kilo - expected) <= (
            TOLERANCE if number != number.to_integral() or kilo > 1 else 0
        )
    if not unit:
        return number == expected
    return any(abs(number.scaleb(-power) - expected) <= (TOLERANCE if kilo > 1 else 0) for power in range(4))


@pytest.mark.parametrize(
    "one",
    [one for one in READABLE if one.facts["structure"]["scaler_unit_in_telegram"]],
    ids=lambda one: one.name,
)
def test_units_in_the_telegram(one: Capture) -> None:
    reading = reading_of(one)
    expected = (one.facts["expect"] or {}).get("values") or {}
    for register in reading.registers:
        if register.unit is None:
            continue
        unit = UNITS[register.unit]
        if (what := expected.get(str(register.obis))) is not None:
            assert unit == (what["unit"] and what["unit"].removeprefix("k"))


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
def test_meter_id(one: Capture) -> None:
    meter_id = (one.facts["expect"] or {}).get("meter_id")
    reading = reading_of(one)
    words = [r.value for r in reading.registers] + list(reading.values)
    assert meter_id is None or meter_id in words


@pytest.mark.parametrize("one", POSITIONAL, ids=lambda one: one.name)
def test_positional(one: Capture) -> None:
    reading = reading_of(one)
    assert reading.registers == ()
    expected = [
        bytes.fromhex(value["hex"])
        if isinstance(value, dict)
        else Number(value)
        if type(value) is int
        else value
        for value in one.facts["structure"]["bare_values"]
    ]
    assert list(reading.values) == expected
    assert len(reading.types) == len(expected)
    assert "" not in reading.types


def test_every_push_of_a_stream() -> None:
    one = capture("dlms-hdlc/kaifa-ma304-no-stream-16-frames.bin")
    book = LayoutBook()
    readings = [decode(apdu, book) for apdu in apdus(one)]
    powers = [next(value for value in reading.values if isinstance(value, Number)) for reading in readings]
    assert len(readings) == 16
    assert [str(power) for power in powers[:6]] == ["3631", "626", "624", "626", "625", "625"]
    seconds = [reading.time.local.second for reading in readings if reading.time]
    assert seconds == list(range(22, 54, 2))
    assert len(book.layouts) == 2  # list 1 and list 2


def test_absent_phases_are_left_out() -> None:
    one = capture("dlms-hdlc/kamstrup-omnipower-no-1phase-null-fields.bin")
    book = LayoutBook()
    for reading, extra in zip([decode(apdu, book) for apdu in apdus(one)], (0, 0, 5), strict=True):
        assert len(reading.registers) == 8 + extra
        assert reading.list_name == "Kamstrup_V0001"
        assert reading.values == ()
        assert not {"1-1:51.7.0", "1-1:71.7.0"} & {str(register.obis) for register in reading.registers}


@pytest.mark.parametrize(
    ("name", "list_name"),
    [
        ("dlms-hdlc/aidon-no-list2-1phase.bin", "AIDON_V0001"),
        ("dlms-hdlc/lg-e350-no-embriq-list2.bin", "EMBRIQ_V1_1"),
        ("dlms-hdlc/kaifa-ma304-se-obis-list.bin", "KFM_001"),
        ("dlms-hdlc/kamstrup-no-2017-tagged-datetime.bin", "Kamstrup_V0001"),
        ("dlms-hdlc/lg-e450-ch-vse2026.bin", None),
    ],
)
def test_list_name(name: str, list_name: str | None) -> None:
    assert reading_of(capture(name)).list_name == list_name


def test_a_clock_without_a_code() -> None:
    first, second, *_ = reading_of(
        capture("dlms-hdlc/lg-e450-encrypted-authenticated-flat-pairs.bin")
    ).registers
    assert (str(first.obis), first.class_id) == ("0-0:1.0.0", 8)
    assert first.value == MeterTime(datetime.fromisoformat("2023-11-10T10:58:50"), None, 0)
    assert str(second.obis) == "1-0:1.8.0"


def test_digits_that_look_like_a_code() -> None:
    reading = reading_of(capture("dlms-hdlc/iskra-550-registers-scaler-unit-segmented.bin"))
    assert [r.value for r in reading.registers if str(r.obis) == "0-0:96.1.1"] == ["160456"]


def test_a_meter_number_without_a_code_gets_its_code() -> None:
    reading = reading_of(capture("dlms-mbus/kaifa-at-netz-noe-example.bin"))
    assert reading.values == ()
    assert (str(reading.registers[-1].obis), reading.registers[-1].value) == ("0-0:96.1.0", "181220000009")
    assert str(reading.registers[0].obis) == "0-0:1.0.0"


def test_values_of_all_captures_are_tested() -> None:
    """No capture of these families is left out by accident."""
    secret = {one.name for one in ALL if one.facts["structure"].get("ciphered") and not one.key}
    damaged = {one.name for one in ALL if one.facts["damaged"]} - {"dlms-hdlc/lg-e450-ch-2021-two-pushes.bin"}
    assert {one.name for one in READABLE} == {one.name for one in ALL} - secret - damaged
    assert len(READABLE) >= 40
