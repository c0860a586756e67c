"""A world to break: meters, the bridge, a network, a broker and a subscriber.

    meters ──tcp or pty──► bridge ──► Network (proxy) ──► mosquitto ──► Subscriber ──► Ledger

The subscriber must not be what loses. It talks to the broker directly, and the network lets the bridge through only after
the broker has confirmed its subscription. mosquitto hands a message to a connected subscriber before it sends PUBACK (with
no limit to the messages in flight), and what it has handed to the kernel outlives it: so nothing that the bridge may
forget can be missing, although this broker keeps nothing on disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mqtt_parts import find_mosquitto, free_port
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from chaos.cable import Cable
from chaos.ledger import Ledger
from chaos.meters import INTERVAL_S, Clock, PortMeter, TcpMeter, utc_now


async def until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for a condition; whether it came."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


class Broker:
    """mosquitto, to be killed."""

    def __init__(self, folder: Path, cable: Cable | None) -> None:
        self.port = free_port()
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text(
            f"{user}listener {self.port} 127.0.0.1\n"
            f"{f'listener {self.port} {cable.broker_host}' if cable else ''}\n"
            "allow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        binary = find_mosquitto()
        if binary is None:
            raise RuntimeError("mosquitto is missing (apt install mosquitto)")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([binary, "-c", str(self._config)], stdout=log, stderr=log)
        if not await until(self._listens, 60):
            raise RuntimeError(f"mosquitto does not start: {self._log.read_text()}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Subscriber:
    """Hears everything, on one connection to one life of the broker.

    With QoS 0, so that it never writes: the PUBACK of a message would fail on the connection that a kill has just reset, and
    paho would close it without reading what else had arrived on it.
    """

    def __init__(self, ledger: Ledger, port: int) -> None:
        self._subscribed = threading.Event()
        self._gone = threading.Event()
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        client.on_connect = lambda client, *_: client.subscribe("cii/v1/+/+", qos=0)
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_disconnect = lambda *_: self._gone.set()
        client.on_message = lambda _client, _data, message: ledger.hear(message.topic, message.payload)
        client.connect("127.0.0.1", port)
        client.loop_start()

    async def ready(self) -> None:
        if not await until(self._subscribed.is_set, 60):
            raise RuntimeError("the broker does not confirm the subscription")

    async def ended(self) -> None:
        """After the death of the broker: read what it had handed to the kernel."""
        await until(self._gone.is_set, 20)
        self._client.loop_stop()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Network:
    """A TCP proxy between bridge and broker. ``open`` lets through; otherwise segments vanish or wait, or nobody listens."""

    def __init__(self, broker_port: int) -> None:
        self.port = free_port()
        self._broker_port = broker_port
        self._flowing = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.admits = False

    async def start(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def hold(self) -> None:
        """Deliver nothing from now on, and say nothing to anybody: a cable that was pulled."""
        self._flowing.clear()

    def heal(self, *, drop: bool) -> None:
        """Go on; what was under way is delivered, or lost with its connections (``drop``)."""
        if drop:
            self.shake()
        self._flowing.set()

    def shake(self) -> None:
        """Reset all connections; what was under way is lost."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.admits:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._broker_port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, back}
        self._writers |= pair
        ways = [asyncio.create_task(self._pass_on(*way)) for way in ((reader, back), (there, writer))]
        with contextlib.suppress(asyncio.CancelledError):  # the world ends
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for one in pair:
            one.transport.abort()
        self._writers -= pair

    async def _pass_on(self, here: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while octets := await here.read(1 << 16):
                await self._flowing.wait()
                if there.transport.is_closing():
                    return
                there.write(octets)
                await there.drain()

    def stop(self) -> None:
        self._server.close()
        self.shake()


class Bridge:
    """The bridge as a process."""

    def __init__(self, config: Path, environ: dict[str, str], command: Sequence[str]) -> None:
        self._config = config
        self._command = command
        self._environ = {**os.environ, **environ}
        self._process: subprocess.Popen[bytes] | None = None
        self.log_path = config.with_suffix(".log")

    def start(self) -> None:
        command = [*self._command, sys.executable, str(Path(__file__).with_name("bridge.py")), "run", "-c"]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self._config)], stdout=log, stderr=log, env=self._environ
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def stop(self) -> int:
        """Stop it as systemd does; exit status."""
        if self._process is None:
            return 0
        self._process.terminate()
        if not await until(lambda: not self.running, 20):
            self.kill()
        return int(self._process.returncode)


class World:
    """Everything, started and stopped together: ``async with World(folder, meters=20) as world``."""

    def __init__(
        self,
        folder: Path,
        *,
        meters: int = 20,
        ports: bool = False,
        interval_s: float = INTERVAL_S,
        state: Path | None = None,
        environ: dict[str, str] | None = None,
        clock: Clock = utc_now,
        cable: Cable | None = None,
        command: Sequence[str] = (),
    ) -> None:
        """``cable``: the way to the broker, in place of the proxy; ``command``: what the bridge is started with."""
        self._cable = cable
        self.ledger = Ledger()
        self.meters: list[TcpMeter | PortMeter] = [
            PortMeter(f"m{n:02}", n, self.ledger, interval_s, folder)
            if ports
            else TcpMeter(f"m{n:02}", n, self.ledger, interval_s, clock)
            for n in range(meters)
        ]
        self.broker = Broker(folder, cable)
        self.network = Network(self.broker.port)
        self.config = folder / "ciibridge.toml"
        self._broker_at = (
            f"{cable.broker_host}:{self.broker.port}" if cable else f"127.0.0.1:{self.network.port}"
        )
        # As systemd gives it; in memory or not is all the same for who is killed.
        environ = {"RUNTIME_DIRECTORY": str(folder / "run"), **(environ or {})}
        self.bridge = Bridge(self.config, environ, cable.command if cable else command)
        self.state = state or folder / "ciibridge.db"

    async def __aenter__(self) -> World:
        for meter in self.meters:
            if self._cable is not None and isinstance(meter, TcpMeter):
                meter.host = self._cable.meter_host
            await meter.start()
        blocks = "".join(f"[[meter]]\n{meter.block(meter.url)}\n" for meter in self.meters)
        self.config.write_text(
            f'[bridge]\nid = "chaos"\n[outbox]\npath = "{self.state}"\n'
            f'[mqtt]\nurl = "mqtt://{self._broker_at}"\nvalue_topics = false\n{blocks}'
        )
        self.config.chmod(0o600)
        await self.broker.start()
        self.subscriber = Subscriber(self.ledger, self.broker.port)
        await self.subscriber.ready()
        await self.network.start()
        self.network.admits = True
        self.bridge.start()
        await self.hears("the first telegram", 60)
        return self

    async def __aexit__(self, *_: object) -> None:
        for meter in self.meters:
            meter.stop()
        self.bridge.kill()
        self.subscriber.stop()
        self.network.stop()
        self.broker.kill()

    def cut_off(self) -> None:
        """Take the broker away from the bridge; ``self.network.admits = True`` gives it back."""
        self.network.admits = False
        self.network.shake()

    async def says(self, words: str, seconds: float = 60) -> None:
        """Wait until the bridge has said something in its log."""
        if not await until(lambda: words in self.bridge.log, seconds):
            raise RuntimeError(f"the bridge does not say {words!r}\n{self.bridge.log[-3000:]}")

    async def hears(self, what: str, seconds: float = 30) -> None:
        """Wait until something arrives that had not."""
        before = self.ledger.heard
        if not await until(lambda: self.ledger.heard > before, seconds):
            raise RuntimeError(f"{what}: nothing arrives within {seconds:g} s\n{self.bridge.log[-3000:]}")

    async def settle(self, seconds: float = 90) -> None:
        """Let the meters fall silent, and wait for what is under way: until all is there, or nothing more comes."""
        for meter in self.meters:
            meter.talking = False
        quiet_since, heard = time.monotonic(), -1
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.ledger.missing():
            if self.ledger.heard != heard:
                quiet_since, heard = time.monotonic(), self.ledger.heard
            elif time.monotonic() - quiet_since > 30:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)  # copies that come twice come now
