"""COSEM date-times: what is specified, what is not, and which way round the deviation counts."""

from __future__ import annotations

from datetime import datetime

import pytest
from ciibridge.decode.dlms.clock import meter_time
from ciibridge.types import MeterTime
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "local", "deviation_min", "status", "dst"),
    [
        # lg-e450-ch-vse2026: no deviation; clock object: daylight saving and invalid
        ("07ea0504010b2714ff800000", "2026-05-04T11:39:20", None, 0x00, False),
        ("07ea0504010b2715ff800081", "2026-05-04T11:39:21", None, 0x81, True),
        ("07e40 80f0606132d00ff8880", "2020-08-15T06:19:45", 120, 0x80, True),  # iskra-am550-ch-2020
        ("07e60b03ff0f2619ffff4cff", "2022-11-03T15:38:25", 180, 0xFF, None),  # energomera
        ("07e7060602111f1412ff8880", "2023-06-06T17:31:20.180000", 120, 0x80, True),  # lg-e360: 1/100 s
        ("07e304010 00d0006ff000000", "2019-04-01T13:00:06", 0, 0x00, False),  # lg-zmf100: weekday 0
        ("07ea050401 0b27 ff ff 8000 00", "2026-05-04T11:39:00", None, 0x00, False),  # no seconds
        ("07ea050401 0b27 14 64 8000 00", "2026-05-04T11:39:20", None, 0x00, False),  # 100/100 s
        ("07ea050401 0b27 14 00 02d0 00", "2026-05-04T11:39:20", -720, 0x00, False),
        ("07ea050401 0b27 14 00 fcb8 00", "2026-05-04T11:39:20", 840, 0x00, False),
        ("07ea050401 0b27 14 00 02d1 00", "2026-05-04T11:39:20", None, 0x00, False),  # no such place
    ],
)
def test_specified(text: str, local: str, deviation_min: int | None, status: int, dst: bool | None) -> None:
    time = meter_time(bytes.fromhex(text.replace(" ", "")))
    assert time == MeterTime(datetime.fromisoformat(local), deviation_min, status)
    assert time.dst is dst


@pytest.mark.parametrize(
    "text",
    [
        "ffff0504010b2714ff800000",  # year
        "07eaff04010b2714ff800000",  # month
        "07eafe04010b2714ff800000",  # begin of daylight saving
        "07ea05ff010b2714ff800000",  # day
        "07ea05fe010b2714ff800000",  # last day of the month
        "07ea050401ff2714ff800000",  # hour
        "07ea0504010bff14ff800000",  # minute
        "ffffffffffffffffff8000ff",
        "000000000000000000000000",
        "07ea021e010b2714ff800000",  # 30 February
        "07ea050401182714ff800000",  # 24 h
        "07ea0504010b3c14ff800000",  # 60 min
        "07ea0504010b273cff800000",  # 60 s
        "07ea0504010b2714ff8000",
        "07ea0504010b2714ff80000000",
        "",
    ],
)
def test_not_a_time(text: str) -> None:
    assert meter_time(bytes.fromhex(text)) is None


@given(st.binary(min_size=12, max_size=12))
def test_any_octets(octets: bytes) -> None:
    time = meter_time(octets)
    assert time is None or time.local.year == int.from_bytes(octets[:2], "big")
