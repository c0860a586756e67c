"""SML telegrams made by hand through the whole line: identity, clock, layouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import ciimodel
import pytest
from ciibridge.framing.crc import kermit
from ciibridge.normalise.server import identification, server_text
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.types import Problem, Snapshot
from sml_parts import (
    ENERGY,
    POWER,
    SERVER,
    SERVER_ID,
    entry,
    file,
    listed,
    octets,
    signed,
    telegram,
    unsigned,
    values,
)

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)


def line() -> Pipeline:
    return Pipeline(ciimodel.load(), MeterSettings(), "sml")


def one(found: list[Snapshot | Problem]) -> Snapshot:
    (snapshot,) = found
    assert isinstance(snapshot, Snapshot)
    return snapshot


@pytest.mark.parametrize(
    ("server", "text", "number"),
    [
        ("0a01454d480000bc614e", "0a01454d480000bc614e", "1 EMH 00 12345678"),
        ("0901454d48ff00000007", "0901454d48ff00000007", "1 EMH FF 00000007"),
        ("06454d480102bc614e00", "06454d480102bc614e00", None),  # EMH's own form
        ("0a01454d4800bc614e", "0a01454d4800bc614e", None),  # an octet is missing
        ("0a0161626300000000ff", "0a0161626300000000ff", None),  # no FLAG id
        ("0afe454d480000bc614e", "0afe454d480000bc614e", None),  # no medium
        ("3132333435363738", "12345678", None),
        ("00000000000000000000", "00000000000000000000", None),
    ],
)
def test_server_ids(server: str, text: str, number: str | None) -> None:
    assert server_text(bytes.fromhex(server)) == text
    assert identification(bytes.fromhex(server)) == number


@pytest.mark.parametrize("register", [(), (entry(SERVER_ID, octets(SERVER)),)])
def test_the_server_id_names_the_meter_whether_a_register_has_it_or_not(register: tuple[bytes, ...]) -> None:
    snapshot = one(line().feed(telegram((*register, entry(POWER, signed(-5, 1), unit=27))), NOW))
    assert snapshot.meter == SERVER.hex()
    assert snapshot.identity == {"server_id": SERVER.hex(), "identification": "1 EMH 00 12345678"}
    assert str(snapshot.values["power_net"].number) == "-5"


def test_a_telegram_with_kermit_is_as_good() -> None:
    snapshot = one(line().feed(telegram(check=kermit), NOW))
    assert str(snapshot.values["energy_import"].number) == "12345.6"


def test_a_timestamp_is_the_time_of_the_message_and_a_seconds_index_is_not() -> None:
    def at(choice: int, seconds: float) -> Snapshot:
        time = listed(unsigned(choice, 1), unsigned(int(seconds), 4))
        found = line().feed(file(values(entry(POWER, signed(5, 1), unit=27), time=time)), NOW)
        return one(found)

    sent = NOW - timedelta(seconds=2)
    assert (at(2, sent.timestamp()).ts, at(2, sent.timestamp()).ts_source) == (sent, "message")
    assert (at(1, sent.timestamp()).ts, at(1, sent.timestamp()).ts_source) == (NOW, "receiver")


def test_units_and_scalers_are_those_of_the_telegram() -> None:
    kilo = one(line().feed(telegram([entry(ENERGY, unsigned(5, 1), unit=30, scaler=3)]), NOW))
    assert str(kilo.values["energy_import"].number) == "5000"
    problem, snapshot = line().feed(telegram([entry(ENERGY, unsigned(5, 1), unit=33)]), NOW)
    assert isinstance(problem, Problem)
    assert problem.code == "unit_unknown"
    assert isinstance(snapshot, Snapshot)
    assert snapshot.values == {}


def test_numbers_of_other_widths_are_the_same_layout() -> None:
    """A meter leaves out leading octets, so the width changes with the value; the plan must not."""
    pipeline = line()
    for width in range(1, 9):
        one(pipeline.feed(telegram([entry(ENERGY, unsigned(width, width), unit=30)]), NOW))
    assert len(pipeline._normaliser._layouts._known) == 1


def test_the_counters_of_the_line() -> None:
    pipeline = line()
    pipeline.feed(telegram() + telegram()[:-1] + b"\0" + telegram()[:60], NOW)
    pipeline.finish()
    told = pipeline.diagnostics(NOW)
    assert (told.frames_ok, told.frames_bad, told.telegrams_ok) == (1, 2, 1)
    assert told.problems == {"bad_checksum": 1, "incomplete": 1}
