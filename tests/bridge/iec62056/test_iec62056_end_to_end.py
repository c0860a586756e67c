"""From a simulated meter on a pseudo-terminal or a TCP port, through driver and line, to what is published."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import ciimodel
import pytest
from ciibridge.link import LinkState
from ciibridge.publish.messages import Messages
from ciibridge.publish.retry import Backoff
from ciibridge.service.meter import MeterTask
from ciibridge.service.setup import load
from ciibridge.simulate import SimulatedMeter, iec62056
from ciibridge.simulate.outlets import TcpOutlet
from ciibridge.simulate.stations import STATIONS
from ciibridge.types import Message

CATALOGUE = ciimodel.load()
ASKED = sorted(
    meter.id
    for meter in CATALOGUE.meters.values()
    if meter.medium == "electricity"
    and any(i.protocol == "iec62056-21" and i.mode == "poll" for i in meter.interfaces)
)
PUSHING = sorted(
    meter.id
    for meter in CATALOGUE.meters.values()
    if any(i.protocol == "iec62056-21" and i.mode == "push" for i in meter.interfaces)
)
_SPEEDS = {getattr(termios, f"B{speed}"): speed for speed in iec62056.SPEEDS}


class OpticalHead:
    """A meter behind a pseudo-terminal that understands and is understood only at its own speed."""

    def __init__(self, station: iec62056.Station, *, echo: bool = False) -> None:
        self._station = station
        self._echo = echo
        self._meter, self._line = pty.openpty()
        tty.setraw(self._line)
        self.path = os.ttyname(self._line)
        self.speeds: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _speed(self) -> int:
        speed = _SPEEDS.get(termios.tcgetattr(self._meter)[5], 0)
        if not self.speeds or self.speeds[-1] != speed:
            self.speeds.append(speed)
        return speed

    def _serve(self) -> None:
        with suppress(OSError):
            while not self._stop.is_set():
                octets = os.read(self._meter, 512)
                if self._echo:
                    os.write(self._meter, octets)
                station = self._station
                wanted = station.called_at if b"/?" in octets else station.baudrate
                if self._speed() != wanted:
                    continue
                said = station.feed(octets, datetime.now(UTC))
                patience = time.monotonic() + 1.5
                while self._speed() != station.baudrate and time.monotonic() < patience:
                    time.sleep(0.005)
                if self._speed() == station.baudrate:
                    os.write(self._meter, said)

    def stop(self) -> None:
        self._stop.set()
        os.close(self._line)
        os.close(self._meter)


def simulated(meter: str) -> iec62056.Station:
    station = STATIONS["iec62056-21"]([SimulatedMeter(CATALOGUE, meter)], [])
    assert isinstance(station, iec62056.Station)
    return station


@contextmanager
def head(meter: str, *, echo: bool = False) -> Iterator[OpticalHead]:
    made = OpticalHead(simulated(meter), echo=echo)
    try:
        yield made
    finally:
        made.stop()


class Wire:
    """A connection that keeps what is published."""

    queued = 0
    dropped = 0

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.meter = ""

    def publish(self, message: Message) -> None:
        self.messages.append(message)

    def topics(self) -> set[str]:
        return {message.topic for message in self.messages}

    def errors(self) -> list[bytes]:
        return [message.payload for message in self.messages if message.topic.endswith("/error")]


async def watch(config: Path, seconds: float = 8.0) -> tuple[Wire, MeterTask]:
    """Run the first meter of a configuration until a telegram is published."""
    (setup,) = load(config, CATALOGUE).meters
    wire = Wire()

    def connect(meter: str, _will: Message) -> Wire:
        wire.meter = meter
        return wire

    task = MeterTask(
        setup,
        CATALOGUE,
        Messages(CATALOGUE, setup.settings, protocol=setup.protocol),
        connect,
        backoff=Backoff(first_s=0.01),
    )
    running = asyncio.create_task(task.run())
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not any(topic.endswith("/state") for topic in wire.topics()):
                await asyncio.sleep(0.02)
                assert not running.done() or running.result()
    await asyncio.sleep(0.1)
    task.tick()
    began = asyncio.get_running_loop().time()
    running.cancel()
    await asyncio.wait({running})
    assert asyncio.get_running_loop().time() - began < 2
    return wire, task


def config(folder: Path, body: str) -> Path:
    path = folder / "ciibridge.toml"
    path.write_text(f"[[meter]]\n{body}\n")
    path.chmod(0o600)
    return path


def promised(meter: str) -> set[str]:
    """The quantities with a topic of their own."""
    known = CATALOGUE.quantities
    return {
        f"{known[name].place}/{name}"
        for name in CATALOGUE.meters[meter].quantities
        if known[name].place in {"value", "text"}
    }


def published(wire: Wire) -> set[str]:
    begin = f"cii/v1/{wire.meter}/"
    return {topic.removeprefix(begin) for topic in wire.topics() if topic.startswith(begin)}


@pytest.mark.parametrize("meter", ASKED)
def test_every_quantity_that_is_promised_is_published(tmp_path: Path, meter: str) -> None:
    with head(meter) as optical:
        wire, task = asyncio.run(watch(config(tmp_path, f'port = "{optical.path}"\nmodel = "{meter}"')))
    assert wire.errors() == []
    assert wire.meter == "10000001"
    assert promised(meter) <= published(wire)
    assert promised(meter)
    assert task.link is LinkState.OK
    assert optical.speeds[0] == 300
    assert optical.speeds[1] > 300


def test_a_heat_meter_is_a_sub_meter(tmp_path: Path) -> None:
    with head("siemens-2wr5") as optical:
        body = f'port = "{optical.path}"\nmodel = "siemens-2wr5"\nid = "heating"\nevery_s = 5'
        wire, _ = asyncio.run(watch(config(tmp_path, body)))
    assert wire.errors() == []
    assert wire.meter == "heating"
    assert "channel/1/value/energy_heat" in published(wire)


def test_a_head_that_gives_back_what_it_sends(tmp_path: Path) -> None:
    with head("siemens-td3511", echo=True) as optical:
        wire, _ = asyncio.run(watch(config(tmp_path, f'port = "{optical.path}"\nmodel = "siemens-td3511"')))
    assert wire.errors() == []
    assert promised("siemens-td3511") <= published(wire)


def test_without_a_model_the_protocol_and_how_often_are_enough(tmp_path: Path) -> None:
    with head("lg-zmf100") as optical:
        body = f'port = "{optical.path}"\nprotocol = "iec62056-21"\nevery_s = 5\naddress = "10000001"'
        wire, _ = asyncio.run(watch(config(tmp_path, body)))
    assert wire.errors() == []
    assert promised("lg-zmf100") <= published(wire)


def test_over_tcp_the_meter_stays_at_its_first_speed(tmp_path: Path) -> None:
    station = simulated("iskra-mt174")
    heard: list[bytes] = []

    async def story() -> Wire:
        outlet = TcpOutlet("127.0.0.1", 0)

        def answer(octets: bytes) -> bytes:
            heard.append(octets)
            return station.feed(octets, datetime.now(UTC))

        outlet.answer = answer
        await outlet.open()
        wire, _ = await watch(config(tmp_path, f'port = "{outlet.name}"\nmodel = "iskra-mt174"'))
        await outlet.close()
        return wire

    wire = asyncio.run(story())
    assert wire.errors() == []
    assert heard == [b"/?!\r\n", b"\x06000\r\n"]
    assert promised("iskra-mt174") <= published(wire)


@pytest.mark.parametrize("meter", PUSHING)
def test_a_meter_that_pushes_is_listened_to(tmp_path: Path, meter: str) -> None:
    recording = tmp_path / "push.txt"
    recording.write_bytes(SimulatedMeter(CATALOGUE, meter).telegrams(datetime.now(UTC)))
    (setup,) = load(config(tmp_path, f'port = "{recording}"\nmodel = "{meter}"'), CATALOGUE).meters
    assert setup.asking is None
    from iec62056_parts import run, snapshots

    (snapshot,) = snapshots(run(recording.read_bytes()))
    assert snapshot.model == meter
    first = {element.quantity for element in CATALOGUE.meters[meter].lists[0].elements}
    wanted = first & {name.partition("/")[2] for name in promised(meter)}
    assert wanted
    assert wanted <= set(snapshot.values) | set(snapshot.texts)


def test_a_recording_of_a_readout_is_played_although_its_model_must_be_asked(tmp_path: Path) -> None:
    recording = tmp_path / "readout.txt"
    recording.write_bytes(SimulatedMeter(CATALOGUE, "lg-zmf100").telegrams(datetime.now(UTC)))
    (setup,) = load(config(tmp_path, f'port = "{recording}"\nmodel = "lg-zmf100"'), CATALOGUE).meters
    assert setup.asking is None
    assert setup.protocol == "iec62056-21"
