"""Blocks, codings and times of M-Bus records, one by one; what breaks the standard; arbitrary octets."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import ciimodel
import pytest
from ciibridge.decode.mbus import dif, fixed, header, records, vif
from ciibridge.errors import DecodeError
from ciibridge.normalise.records import RecordPlaces
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.security import oms
from ciibridge.types import Apdu, Device, Frame, MeterTime, Number, Problem, Reading, Record, Snapshot
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from test_mbus_frames import long_frame

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


def one(text: str) -> Record:
    (record,) = records.read(bytes.fromhex(text)).records
    return record


def number(text: str) -> str:
    return str(one(text).value)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("01 06 FF", "-1000"),
        ("02 06 FF 7F", "32767000"),
        ("03 03 00 00 80", "-8388608"),
        ("04 13 39 30 00 00", "12.345"),
        ("06 03 FF FF FF FF FF FF", "-1"),
        ("07 00 01 00 00 00 00 00 00 80", "-9223372036854775.807"),
        ("09 03 42", "42"),
        ("0A 5A 34 F2", "-23.4"),
        ("0B 13 56 34 12", "123.456"),
        ("0C 06 78 56 34 12", "12345678000"),
        ("0E 00 12 90 78 56 34 12", "123456789.012"),
        ("0E 00 12 90 78 56 34 F2", "-23456789.012"),
        ("05 5B 00 00 AC 41", "21.5"),
        ("05 5B 9A 99 99 3E", "0.3"),
        ("0C 13 0A 00 00 00", "None"),  # A … E show on a display, they are no digits
        ("05 5B 00 00 C0 7F", "None"),  # not a number
        ("00 13", "None"),
        ("08 13", "None"),
        ("0D 13 C2 34 12", "1.234"),
        ("0D 13 D2 34 12", "-1.234"),
        ("0D 13 E2 FF FF", "-0.001"),
        ("02 70 05 00", "5"),
        ("02 23 05 00", "432000"),
    ],
)
def test_codings(octets: str, value: str) -> None:
    assert number(octets) == value


@pytest.mark.parametrize(
    ("octets", "quantity", "unit", "value"),
    [
        ("01 FB 01 02", "energy", "Wh", "2000000"),
        ("01 FB 09 02", "energy", "J", "2000000000"),
        ("01 FB 2E 05", "frequency", "Hz", "0.5"),
        ("01 FB 82 73 05", "reactive energy", "varh", "5"),
        ("01 FB 34 05", "apparent power", "VA", "5"),
        ("01 FB 82 75 05", "reactive energy", "varh", "500"),
        ("01 FB 97 72 05", "reactive power", "var", "0.5"),
        ("01 FB 04 05", "apparent energy", "VAh", "5000"),
        ("01 FB 0D 05", "energy", "cal", "5000000"),
        ("01 FB 1A 05", "relative humidity", "%", "0.5"),
        ("01 FB 22 05", "volume", "US gal", "0.5"),
        ("01 FB 2A 05", "phase of voltage", "°", "0.5"),
        ("01 FB 5B 05", "flow temperature", "°F", "5"),
        ("01 FD 31 05", "duration of tariff", "s", "300"),
        ("01 FD 74 05", "remaining battery time", "d", "5"),
        ("01 FD 48 05", "voltage", "V", "0.5"),
        ("01 FD 5B 05", "current", "A", "0.5"),
        ("01 FD 6D 05", "battery time", "s", "432000"),
        ("01 FD 6E 05", "battery time", "month", "5"),
        ("01 93 7D 05", "volume", "m³", "5"),
        ("01 93 70 05", "volume", "m³", "0.000000005"),
        ("01 7C 03 68 57 6B 05", "", "kWh", "5"),
        ("01 FC 03 68 57 6B 74 05", "", "kWh", "0.05"),
        ("01 6F 05", "vif 6f", None, "5"),
        ("01 FB 7F 05", "cumulated maximum of power", "W", "50000"),
        ("01 FD 7F 05", "vif fd7f", None, "5"),
        ("01 EF 01 05", "vif ef01", None, "5"),
    ],
)
def test_value_information(octets: str, quantity: str, unit: str | None, value: str) -> None:
    record = one(octets)
    assert (record.quantity, record.unit, str(record.value)) == (quantity, unit, value)


@pytest.mark.parametrize(
    ("octets", "qualifiers", "value"),
    [
        ("01 83 3C 05", ("negative",), "5"),
        ("01 83 BB 3A 05", ("positive", "uncorrected"), "5"),
        ("01 AB FC 02 05", ("l2",), "5"),
        ("01 AB FC 09 05", ("vife fc09",), "5"),
        ("01 FD C8 FC 05 05", ("l1-l2",), "0.5"),
        ("01 83 FF 04 05", ("manufacturer 04",), "5"),
        ("01 83 FF 84 05 05", ("manufacturer 0405",), "5"),
        ("01 83 7F 05", ("manufacturer",), "5"),
        ("01 83 15 05", ("no value",), "None"),
        ("01 83 55 05", ("vife 55",), "5"),
        ("01 FF 07 05", ("manufacturer 07",), "5"),
        ("01 7F 05", (), "5"),
    ],
)
def test_qualifiers(octets: str, qualifiers: tuple[str, ...], value: str) -> None:
    record = one(octets)
    assert (record.qualifiers, str(record.value)) == (qualifiers, value)


def moment(text: str) -> str | None:
    value = one(text).value
    return f"{value.local.isoformat()} {value.dst}" if isinstance(value, MeterTime) else value  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("02 6C 5F 2C", "2018-12-31"),
        ("02 6C 61 C1", "1999-01-01"),
        ("02 6C FF FF", None),
        ("04 6D 0F 0B 77 2B", "2019-11-23T11:15:00 False"),
        ("04 6D 0F 8B 77 27", "2019-07-23T11:15:00 True"),
        ("04 6D 8F 0B 77 2B", None),  # invalid, says the meter
        ("04 6D 0F 2B 77 2B", "2019-11-23T11:15:00 False"),
        ("04 6D 0F 4B 77 2B", "2119-11-23T11:15:00 False"),
        ("04 6D 0F 2B 1D 02", "2000-02-29T11:15:00 False"),
        ("04 6D 0F 4B 1D 02", None),  # 2100 had no such day
        ("04 6D 3F 0B 77 2B", None),
        ("06 6D 5F 0C 48 C1 17 1B", "2014-07-01T08:12:31 True"),
        ("06 6D 5F 8C 48 C1 17 1B", None),
        ("03 6D 1F 0C 08", "08:12:31"),
        ("03 6D 3F 0C 08", None),
        ("01 6D 3F", None),
        ("0D 6C 03 33 32 31", "123"),
    ],
)
def test_times(octets: str, value: str | None) -> None:
    assert moment(octets) == value


def test_text_and_octets() -> None:
    assert one("0D FD 11 05 72 65 74 65 4D").value == "Meter"
    assert one("0D FD 11 F0" + "00" * 15 + "01").value == b"\x01" + bytes(15)
    assert one("0D FD 11 F5" + "00" * 48).value == bytes(48)
    assert one("0F 01 02").value == b"\x01\x02"
    assert records.read(b"\x2f\x2f\x1f").more
    assert records.read(b"\x2f\x0f") == records.Records(())


def test_storage_tariff_and_subunit() -> None:
    record = one("C4 FF 35 13 01 00 00 00")
    # S = 1, then SSSS F and 5; TT 3 and 3; U 1 and 0
    assert (record.storage, record.tariff, record.subunit) == (1 | 0xF << 1 | 5 << 5, 15, 1)
    assert one("74 13 01 00 00 00").function == dif.Function.ERROR
    ten = one("81" + "81" * 9 + "01 13 05")
    assert ten.storage == sum(2 << 4 * n for n in range(10))


@pytest.mark.parametrize(
    ("octets", "message", "offset"),
    [
        ("01", "ends before its value information", 1),
        ("81", "data information block does not end", 0),
        ("81" * 12, "data information block does not end", 0),
        ("01 83", "value information block does not end", 1),
        ("01 FB", "value information block does not end", 1),
        ("01" + "93" * 13, "value information block does not end", 1),
        ("01 13 05 04 13 00", "ends inside a record", 3),
        ("01 7C 09 68", "ends inside its unit", 2),
        ("01 7C", "ends inside its unit", 2),
        ("0D 13", "variable data has no length", 2),
        ("0D 13 FF", "variable data has no length", 2),
        ("0D 13 05 31", "ends inside a record", 0),
        ("3F", "DIF 3F is reserved", 0),
    ],
)
def test_what_breaks_the_standard(octets: str, message: str, offset: int) -> None:
    with pytest.raises(DecodeError, match=message) as caught:
        records.read(bytes.fromhex(octets))
    assert (caught.value.code, caught.value.offset) == ("bad_apdu", offset)


def frame(octets: str, control: int = 0x08, address: str = "05") -> Frame:
    return Frame(bytes.fromhex(octets), 0, b"", destination=address, control=control)


def test_headers() -> None:
    long = "78563412 2D2C 01 07 2A 10 0000"
    head = header.read(frame(f"72 {long}"))
    assert head.device == Device("KAM12345678", 7, 1, 5, 0x10, 0x2A)
    assert head.address == bytes.fromhex("785634122d2c0107")[4:6] + bytes.fromhex("785634120107")
    turned = header.read(frame("76 12345678 2C2D 01 07 2A 10 0000"))
    assert (turned.device, turned.address, turned.turned) == (head.device, head.address, True)
    assert header.read(frame("7A 2A 10 0000")).device == Device("", 0, 0, 5, 0x10, 0x2A)
    assert header.read(frame("78")).body == 1
    assert header.read(frame(f"5B {long}", control=0x73)).device.master
    assert header.flag_id(0x0421) == "AAA"
    assert header.flag_id(0) == "???"


@pytest.mark.parametrize(
    ("octets", "code", "message"),
    [
        ("70", "device_error", "unspecified"),
        ("7010", "device_error", "access denied"),
        ("7055", "device_error", "error 55"),
        ("99", "unknown_format", "CI 99"),
        ("10", "unknown_format", 'CI 10 .*"dlms-mbus"'),
        ("72 78 56", "bad_apdu", "cut off"),
    ],
)
def test_frames_that_are_no_reading(octets: str, code: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message) as caught:
        header.read(frame(octets))
    assert caught.value.code == code


def test_what_a_master_says_is_nothing_to_a_listener() -> None:
    assert header.is_command(frame("", control=0x5B))
    assert header.is_command(frame("52 78563412 FFFF FF FF", control=0x73))
    assert not header.is_command(frame("5B 00", control=0x53))
    assert not header.is_command(frame("72 00"))


@pytest.mark.parametrize(
    ("status", "counters", "values"),
    [
        ("00", "78563412 01000000", ["123456780", "0.001"]),
        ("01", "FEFFFFFF 01000000", ["-20", "0.001"]),
        ("1C", "78563412 01000000", ["123456780", "0.001"]),  # errors say nothing of the coding
        ("E0", "78563412 01000000", ["123456780", "0.001"]),
    ],
)
def test_fixed_data(status: str, counters: str, values: list[str]) -> None:
    # 10 Wh (03) with half of type 7 (3 in the upper bits), litres (29) with the other half (1)
    octets = f"73 78563412 0A {status} C3 69 {counters}"
    head = header.read(frame(octets))
    found, device = fixed.read(bytes.fromhex(octets), head)
    assert device == Device("12345678", 7, 0, 5, int(status, 16), 0x0A)
    assert [(r.quantity, r.unit, str(r.value), r.storage) for r in found] == [
        ("energy", "Wh", values[0], 0),
        ("volume", "m³", values[1], 0),
    ]
    with pytest.raises(DecodeError, match="cut off"):
        fixed.read(bytes.fromhex(octets)[:-1], head)


def test_fixed_data_of_a_fixed_date_and_the_other_way_round() -> None:
    octets = bytes.fromhex("77 12345678 0A 00 05 3E 00000012 00000011")
    head = header.read(frame(octets.hex()))
    found, device = fixed.read(octets, head)
    assert device.id == "12345678"
    assert [(r.quantity, str(r.value), r.storage) for r in found] == [
        ("energy", "12000", 0),
        ("energy", "11000", 1),
    ]


def test_fixed_data_stored_and_of_mode_2() -> None:
    stored = bytes.fromhex("73 78563412 0A 02 05 69 01000000 02000000")
    assert [r.storage for r in fixed.read(stored, header.read(frame(stored.hex())))[0]] == [1, 1]
    # D is water in mode 2: the counters come most significant octet first although CI is 73
    octets = bytes.fromhex("73 78563412 0A 00 69 E9 00000012 00000034")
    found, device = fixed.read(octets, header.read(frame(octets.hex())))
    assert (device.type, [str(r.value) for r in found]) == (7, ["0.012", "0.034"])


ADDRESS = bytes.fromhex("2D2C785634120107")
KEY = bytes(range(16))


def sealed(plain: bytes, access: int = 0x2A) -> bytes:
    cipher = Cipher(algorithms.AES(KEY), modes.CBC(ADDRESS + bytes((access,)) * 8)).encryptor()
    return cipher.update(plain) + cipher.finalize()


def telegram(body: bytes, configuration: int, control: int = 0x08) -> bytes:
    head = bytes.fromhex("78563412 2D2C 01 07 2A 00") + configuration.to_bytes(2, "little")
    return long_frame(bytes((control, 5, 0x72)) + head + body)


WATER = bytes.fromhex("2F2F 0413 39300000 2F2F2F2F2F2F2F2F")


def run(stream: bytes, **settings: Any) -> list[Snapshot | Problem]:
    pipeline = Pipeline(ciimodel.load(), MeterSettings(id="house", clock="meter", **settings), "mbus")
    return pipeline.feed(stream, NOW) + pipeline.finish()


def test_a_part_of_the_telegram_may_be_plain() -> None:
    stream = telegram(sealed(WATER) + bytes.fromhex("01FD1700"), 0x0510)
    (snapshot,) = run(stream, key=KEY)
    assert isinstance(snapshot, Snapshot)
    assert str(snapshot.channels[5]["volume_water"].number) == "12.345"
    assert snapshot.reading is not None
    assert [r.quantity for r in snapshot.reading.records] == ["volume", "error flags"]


def test_configuration_words() -> None:
    body = bytes(32)
    assert oms.encrypted_octets(0x0510, body) == 16
    assert oms.encrypted_octets(0x0520, body) == 32
    assert (
        oms.encrypted_octets(0x0530, body) == 0
    )  # announces more than there is: a signature of an old device
    assert oms.encrypted_octets(0xFFFF, body) == 0
    assert oms.encrypted_octets(0x0520, b"\x2f\x2f" + body) == 0
    (problem,) = run(telegram(body, 0x0720))
    assert isinstance(problem, Problem)
    assert problem.code == "unsupported_security"


def test_a_plain_telegram_where_a_key_is_configured() -> None:
    found = run(telegram(WATER, 0) * 2, key=KEY)
    assert [item.code for item in found if isinstance(item, Problem)] == ["not_encrypted"] * 2
    assert len(found) == 2  # refused (ADR 9)


def place(found: list[Record], device: Device) -> list[tuple[str, str]]:
    catalogue = ciimodel.load()
    places = RecordPlaces(catalogue.quantities.values(), catalogue.units)
    placed = places.place(Reading((), "records", Apdu(b"", 0), records=tuple(found), device=device))
    return [(str(r.obis), str(r.value)) for r in placed.registers if r.unit is not None]


METER = Device("ABC12345678", 2, 1, 0, master=True)
SUB = Device("ABC12345678", 2, 1, 7)


def energy(value: int, unit: str = "Wh", **more: Any) -> Record:
    return Record("energy", Number(value), unit, **more)


def test_which_records_are_quantities() -> None:
    assert place([energy(5), energy(6)], METER) == [("1-0:1.8.0", "5")]
    assert place([energy(5, qualifiers=("positive",))], METER) == [("1-0:1.8.0", "5")]
    assert place([energy(5, tariff=2, qualifiers=("negative",))], METER) == [("1-0:2.8.2", "5")]
    power = Record("power", Number(5), "W", qualifiers=("l2",))
    assert place([power], METER) == [("1-0:41.7.0", "5")]
    for other in ({"storage": 1}, {"subunit": 1}, {"function": "maximum"}, {"qualifiers": ("vife 28",)}):
        assert place([energy(5, **other)], METER) == []  # type: ignore[arg-type]
        assert place([energy(5, **other)], SUB) == []  # type: ignore[arg-type]
    assert place([energy(5), energy(3, tariff=1)], SUB) == [("0-7:24.2.1", "5")]
    assert place([energy(5, tariff=2), energy(3, tariff=1)], SUB) == [("0-7:24.2.1", "8")]
    assert place([energy(5, qualifiers=("negative",))], SUB) == []
    assert place([], SUB) == []


def test_more_devices_than_channels() -> None:
    catalogue = ciimodel.load()
    places = RecordPlaces(catalogue.quantities.values(), catalogue.units)
    seen = []
    for n in range(101):
        device = Device(f"ABC{n:08}", 2, 1, 50)
        reading = Reading((), "records", Apdu(b"", 0), records=(energy(5),), device=device)
        seen.append([r.obis.b for r in places.place(reading).registers])
    assert seen[0] == [50, 50, 50]
    assert seen[1] == [1, 1, 1]
    assert {tuple(s) for s in seen[:99]} == {(n, n, n) for n in range(1, 100)}
    assert seen[99:] == [[], []]


@given(st.binary(max_size=80))
def test_arbitrary_records_end_in_a_value_or_a_decode_error(octets: bytes) -> None:
    for turned in (False, True):
        with suppress(DecodeError):
            found = records.read(octets, turned=turned)
            assert all(record.raw for record in found.records)


@given(st.binary(min_size=1, max_size=60), st.sampled_from([0x08, 0x53, 0x73, 0x40]), st.booleans())
def test_arbitrary_telegrams_raise_nothing(octets: bytes, control: int, sub: bool) -> None:
    stream = long_frame(bytes((control, 5)) + (b"\x72" if sub else b"") + octets)
    for item in run(stream + telegram(WATER, 0), key=KEY if sub else None):
        assert isinstance(item, (Snapshot, Problem))


def test_vif_tables_have_no_code_twice() -> None:
    for rows in (vif._PRIMARY, vif._FB, vif._FD):
        taken = [row.first + n for row in rows for n in range(row.codes)]
        assert len(taken) == len(set(taken))
