"""What single devices send against the standard: corrected for them, and for nobody else."""

from __future__ import annotations

from typing import Final

import ciimodel
import pytest
from ciibridge.normalise.corrections import Corrections
from ciibridge.normalise.registry import Registry
from ciibridge.types import Apdu, Number, Obis, Reading, Register

CATALOGUE: Final = ciimodel.load()
CORRECTIONS: Final = Corrections(CATALOGUE.meters.values(), Registry(CATALOGUE.quantities.values()))
DZG: Final = bytes.fromhex("0a01445a4700")
NET: Final = Obis(1, 0, 16, 7, 0)


def sent(number: int, octets: int, server: bytes, obis: Obis = NET) -> Register:
    register = Register(obis, Number(number), type="integer", unit=27, scaler=-2, octets=octets)
    reading = Reading((register,), "sml", Apdu(b"", 0), server_id=server)
    (corrected,) = CORRECTIONS.apply(reading).registers
    return corrected


@pytest.mark.parametrize(
    ("serial", "number", "octets", "meant"),
    [
        (42_082_910, -29912, 2, 35624),  # the DVS74 of capture dzg_dvs-7412.2_jmberg: 356.24 W
        (42_000_000, -1, 1, 255),
        (58_999_999, -1, 3, 0xFFFFFF),
        (42_082_910, -126061, 4, -126061),  # what it feeds in has four octets
        (42_082_910, 3000, 2, 3000),
        (40_051_478, -31064, 2, -31064),  # another model of DZG means what it says
        (49_000_000, -31064, 2, -31064),
        (60_694_611, -10550, 2, -10550),  # and so does the DVS74 since 60000000
    ],
)
def test_the_sign_of_the_dvs74(serial: int, number: int, octets: int, meant: int) -> None:
    server = DZG + serial.to_bytes(4, "big")
    corrected = sent(number, octets, server)
    assert corrected.value == Number(meant)
    assert (corrected.scaler, corrected.unit) == (-2, 27)
    assert sent(number, octets, server, Obis(1, 0, 36, 7, 0)).value == Number(number), "net power only"


def test_nobody_else() -> None:
    for server in (
        b"02280816",
        bytes.fromhex("0a0149534b0002822000"),
        DZG[:-1] + b"\1" + (42_082_910).to_bytes(4, "big"),
    ):
        assert sent(-29912, 2, server).value == Number(-29912)
    plain = Reading((Register(NET, Number(-5)),), "pairs", Apdu(b"", 0))
    assert CORRECTIONS.apply(plain) is plain
