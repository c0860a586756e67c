"""A meter that is read over a port, the bridge stopped for two hours of the meter's time, and the gap filled on ``history`` once."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ciimodel
import pytest
from ciibridge.service.gaps import Row
from ciibridge.service.state import State
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.cosem import Client, Cosem
from ciibridge.simulate.objects import MeterObjects
from ciibridge.simulate.station import LOGICAL_DEVICE, Station
from ciibridge.simulate.stations import STATIONS, Answering
from mqtt_parts import BrokerProcess, Listener, wait_until
from service_parts import METER_ID, service_in_thread, write_config

pytest_plugins = ("mqtt_fixtures",)
METER = f"cii/v1/{METER_ID}"
QUARTER = timedelta(minutes=15)


class ReadMeter:
    """A simulated meter that is read over TCP, an E450 unless told otherwise; ``at`` is what its clock shows."""

    def __init__(self, at: datetime, station: Callable[[], Answering] | None = None) -> None:
        self.at = at
        self._station = station or self._e450
        self.clients = {16: Client()}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port = int(self._listener.getsockname()[1])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _e450(self) -> Answering:
        objects = MeterObjects(SimulatedMeter(ciimodel.load(), "lg-e450"))
        return Station(Cosem(objects, self.clients), LOGICAL_DEVICE)

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                reader, _ = self._listener.accept()
            except TimeoutError:
                continue
            station = self._station()
            with reader:
                while octets := reader.recv(1024):
                    reader.sendall(station.feed(octets, self.at))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        self._listener.close()


def three_hours_ago() -> datetime:
    """Give a time shortly before now, so that the load profile of "now" holds it; not on a quarter of an hour."""
    return datetime.now(UTC).replace(minute=7, second=30, microsecond=0) - timedelta(hours=3)


@pytest.fixture
def meter() -> Iterator[ReadMeter]:
    made = ReadMeter(three_hours_ago())
    yield made
    made.stop()


@pytest.fixture
def text_meter() -> Iterator[ReadMeter]:
    simulated = SimulatedMeter(ciimodel.load(), "siemens-td3511")
    made = ReadMeter(three_hours_ago(), lambda: STATIONS["iec62056-21"]([simulated], []))
    yield made
    made.stop()


def config(folder: Path, broker: BrokerProcess, meter: ReadMeter) -> Path:
    block = (
        f'port = "tcp://127.0.0.1:{meter.port}"\nprotocol = "dlms-hdlc"\nmodel = "lg-e450"\ninterface = "mbus"\n'
        'baudrate = 9600\nevery_s = 1\nclock = "meter"\n'
    )
    return write_config(folder, broker.port, block)


def stamps(heard: Listener, topic: str) -> list[datetime]:
    return [
        datetime.fromisoformat(json.loads(payload)["ts"]) for payload in heard.payloads(f"{METER}/{topic}")
    ]


@pytest.mark.broker
def test_two_hours_without_the_bridge_are_filled_once(
    tmp_path: Path, broker: BrokerProcess, listen: Callable[[int], Listener], meter: ReadMeter
) -> None:
    heard = listen(broker.port)
    path = config(tmp_path, broker, meter)
    begin = meter.at
    with service_in_thread(path):
        heard.wait(f"{METER}/state")
    assert stamps(heard, "history") == []
    end = meter.at = begin + timedelta(hours=2)
    states = len(heard.payloads(f"{METER}/state"))
    with service_in_thread(path):
        wait_until(lambda: len(heard.payloads(f"{METER}/history")) >= 8, what="eight rows")
        wait_until(lambda: len(heard.payloads(f"{METER}/state")) > states + 1, what="another round")
    with service_in_thread(path):
        wait_until(lambda: len(heard.payloads(f"{METER}/state")) > states + 2, what="a third start")
    first = begin - timedelta(minutes=begin.minute % 15, seconds=begin.second) + QUARTER
    assert stamps(heard, "history") == [first + QUARTER * number for number in range(8)]
    assert stamps(heard, "state")[states:] == [end] * (len(heard.payloads(f"{METER}/state")) - states)
    rows = [json.loads(payload) for payload in heard.payloads(f"{METER}/history")]
    counters = [row["values"]["energy_import"] for row in rows]
    assert counters == sorted(counters)
    last = json.loads(heard.payloads(f"{METER}/state")[-1])
    assert counters[-1] <= last["values"]["energy_import"]
    assert {row["list"] for row in rows} == {"1-0:99.1.0"}
    assert heard.payloads(f"{METER}/error") == []
    every = [*rows, *(json.loads(payload) for payload in heard.payloads(f"{METER}/state"))]
    assert len({row["seq"] for row in every}) == len(every)


@pytest.mark.broker
def test_a_gap_that_nothing_fills_is_told_with_its_bounds(
    tmp_path: Path, broker: BrokerProcess, listen: Callable[[int], Listener], meter: ReadMeter
) -> None:
    heard = listen(broker.port)
    path = config(tmp_path, broker, meter)
    with service_in_thread(path):
        heard.wait(f"{METER}/state")
    begin = meter.at
    meter.at += timedelta(hours=2)
    from ciibridge.types import Obis

    seen = {Obis(0, 8, 25, 9, 0), Obis(0, 0, 42, 0, 0), Obis(0, 0, 1, 0, 0), Obis(1, 0, 1, 7, 0)}
    meter.clients[16] = Client(sees=frozenset(seen))
    with service_in_thread(path):
        wait_until(
            lambda: any('"gap_left"' in payload for payload in heard.payloads(f"{METER}/error")),
            what="gap_left",
        )
    (error,) = [json.loads(p) for p in heard.payloads(f"{METER}/error") if '"gap_left"' in p]
    assert (
        f"nothing fills the gap from {begin:%Y-%m-%dT%H:%M:%SZ} to {meter.at:%Y-%m-%dT%H:%M:%SZ}"
        in error["message"]
    )
    assert stamps(heard, "history") == []


@pytest.mark.broker
def test_a_meter_that_speaks_text_fills_the_gap_too(
    tmp_path: Path, broker: BrokerProcess, listen: Callable[[int], Listener], text_meter: ReadMeter
) -> None:
    heard = listen(broker.port)
    block = (
        f'port = "tcp://127.0.0.1:{text_meter.port}"\nmodel = "siemens-td3511"\nid = "{METER_ID}"\n'
        'read = ["F001", "R6:P.01"]\nevery_s = 1\nclock = "meter"\n'
    )
    path = write_config(tmp_path, broker.port, block)
    begin = text_meter.at
    with service_in_thread(path):
        heard.wait(f"{METER}/state")
    text_meter.at = begin + timedelta(hours=2)
    states = len(heard.payloads(f"{METER}/state"))
    with service_in_thread(path):
        wait_until(lambda: len(heard.payloads(f"{METER}/history")) >= 8, what="eight rows")
        wait_until(lambda: len(heard.payloads(f"{METER}/state")) > states + 1, what="another round")
    first = begin - timedelta(minutes=begin.minute % 15, seconds=begin.second) + QUARTER
    assert stamps(heard, "history") == [first + QUARTER * number for number in range(8)]
    rows = [json.loads(payload) for payload in heard.payloads(f"{METER}/history")]
    counters = [row["values"]["energy_import"] for row in rows]
    last = json.loads(heard.payloads(f"{METER}/state")[-1])
    assert counters == sorted(counters)
    assert counters[-1] <= last["values"]["energy_import"]
    assert {row["list"] for row in rows} == {"1-0:99.1.0"}
    assert heard.payloads(f"{METER}/error") == []


# -- what is remembered while a gap is filled --------------------------------------------------------------------------------


class Filler:
    filling = False

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []

    def fill(self, begin: datetime, end: datetime) -> None:
        self.asked.append((begin, end))
        self.filling = True


def test_a_restart_amid_a_gap_goes_on_where_it_was() -> None:
    state, filler = State(), Filler()
    begin = datetime(2026, 5, 4, 7, 39, 21, tzinfo=UTC)
    Row(state, "house").telegram(1, begin, 0.0, 60.0, filler)
    row = Row(state, "house")
    now = begin + timedelta(hours=2)
    assert row.telegram(1, now, 0.0, 60.0, filler) is None
    assert filler.asked == [(begin, now)]
    assert state.last_published("house") == begin
    row.filled(2, begin + timedelta(minutes=6))
    row.telegram(3, now + timedelta(seconds=60), 60.0, 60.0, filler)
    assert state.last_published("house") == begin + timedelta(minutes=6)
    filler.filling = False
    row.telegram(4, now + timedelta(seconds=120), 120.0, 60.0, filler)
    assert state.last_published("house") == now + timedelta(seconds=120)


def test_without_a_filler_a_gap_is_told() -> None:
    state = State()
    begin = datetime(2026, 5, 4, 7, 39, 21, tzinfo=UTC)
    row = Row(state, "house")
    assert row.telegram(1, begin, 0.0, 60.0) is None
    gap = row.telegram(2, begin + timedelta(hours=2), 7200.0, 60.0)
    assert gap is not None
    assert (gap.code, gap.begin, gap.end) == ("gap", begin, begin + timedelta(hours=2))
