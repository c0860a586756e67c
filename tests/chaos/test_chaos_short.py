"""The short form of `make soak`: a few of each fault, and that the ledger sees what it is there for."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest
from mqtt_parts import find_mosquitto

from chaos.faults import Options
from chaos.ledger import Ledger, volts
from chaos.parts import FAULTS


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)")
@pytest.mark.parametrize("part", FAULTS)
def test_nothing_is_lost_altered_or_out_of_order(part: str, tmp_path: Path) -> None:
    options = Options(count=2, meters=3, longest_s=1.5, proxy=True)
    outcome = asyncio.run(FAULTS[part](tmp_path, options, lambda _: None))
    assert outcome.faults == 2
    assert outcome.verdict.received > 0
    assert outcome.good, outcome


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)")
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and ip (iproute2)")
def test_nothing_is_lost_when_a_cable_is_pulled(tmp_path: Path) -> None:
    outcome = asyncio.run(FAULTS["cuts"](tmp_path, Options(count=2, meters=3, longest_s=1.5), lambda _: None))
    assert outcome.faults == 2
    assert outcome.verdict.received > 0
    assert outcome.good, outcome
    if "cable" not in outcome.remark:
        pytest.skip(f"this kernel gives no network namespace: {outcome.remark}")


def hear(ledger: Ledger, number: int, *, topic: str = "state", seq: int | None = None, volt: int = 0) -> None:
    values = {"power_import": number, "voltage_l1": volt or volts(number)}
    payload = json.dumps(
        {"ts": "2026-05-04T06:00:00Z", "seq": number if seq is None else seq, "values": values}
    )
    ledger.hear(f"cii/v1/m01/{topic}", payload.encode())


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(sent={("m01", number): float(number) for number in range(1, 5)})


def test_the_ledger_accepts_late_and_double_arrivals(ledger: Ledger) -> None:
    for number in (1, 4, 4):
        hear(ledger, number)
    for number in (2, 3):
        hear(ledger, number, topic="history")
    verdict = ledger.judge()
    assert (verdict.sent, verdict.received, verdict.duplicates) == (4, 4, 1)
    assert verdict.good


def test_the_ledger_sees_what_is_lost(ledger: Ledger) -> None:
    ledger.unread.add(("m01", 4))
    for number in (1, 3):
        hear(ledger, number)
    verdict = ledger.judge()
    assert verdict.lost == [("m01", 2)]
    assert (verdict.unread, verdict.good) == (1, False)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"number": 1}, "1 arrived after 2"),
        ({"number": 3, "volt": 7}, "altered"),
        ({"number": 9}, "altered"),
        ({"number": 3, "seq": 2}, "seq 2 is used for 2 and 3"),
        ({"number": 2, "seq": 3}, "copies of 2 differ"),
    ],
)
def test_the_ledger_sees_what_is_wrong(ledger: Ledger, wrong: dict[str, int], words: str) -> None:
    hear(ledger, 2)
    hear(ledger, **wrong)
    assert any(words in problem for problem in ledger.judge().problems)
