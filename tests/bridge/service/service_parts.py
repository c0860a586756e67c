"""What the tests of the service have in common: a meter that talks, and the service in a thread or a process."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals
from typing import Any

import ciimodel
from ciibridge.publish.database import Database
from ciibridge.service.service import Service
from ciibridge.service.setup import Setup, load
from ciibridge.service.state import State
from ciibridge.simulate import SimulatedMeter
from mqtt_parts import find_mosquitto

#: Level of the topics of the simulated E450.
METER_ID = "lgz1030600000001"
RUN = "from ciibridge.cli import main; main()"


#: Makes the next octets a meter sends.
Speech = Callable[[], bytes]


def simulated(model: str = "lg-e450", **options: Any) -> Speech:
    """A simulated meter that says what time it is; ``options`` are those of ``SimulatedMeter``."""
    meter = SimulatedMeter(ciimodel.load(), model, **options)
    return lambda: meter.telegrams(datetime.now(UTC))


class TcpMeter:
    """Talks to whoever connects, as a serial server does."""

    def __init__(self, speech: Speech, *, every_s: float = 0.2, port: int = 0) -> None:
        self._speech = speech
        self._every_s = every_s
        self._listener = socket.create_server(("127.0.0.1", port))
        self._stop = threading.Event()
        self.connections = 0
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def say(self, speech: Speech) -> None:
        """Send something else from now on."""
        self._speech = speech

    def _serve(self) -> None:
        self._listener.settimeout(0.05)
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            with client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                client.sendall(self._speech())
                if select.select([client], [], [], 0)[0] and not client.recv(4096):
                    return  # the listener has gone, which silence would not tell
            except OSError:
                return
            self._stop.wait(self._every_s)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()


class PtyMeter:
    """Talks into a pseudo-terminal, whose other end is read like a serial port."""

    def __init__(self, speech: Speech, *, every_s: float = 0.2) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._talk, args=(speech, every_s), daemon=True)
        self._thread.start()

    def _talk(self, speech: Speech, every_s: float) -> None:
        while not self._stop.is_set():
            os.write(self._master, speech())
            self._stop.wait(every_s)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


class Gate:
    """A TCP port that leads to the broker while it is open; shut, nothing listens on it, as if the broker were away.

    It lets a test subscribe to a broker before the service gets there: what nobody hears is gone.
    """

    def __init__(self, port: int, broker_port: int) -> None:
        self.port = port
        self._broker_port = broker_port
        self._sockets: list[socket.socket] = []

    def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self._sockets.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Break all connections at once."""
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()
        self._sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
                self._sockets += [client, broker]
                for here, there in ((client, broker), (broker, client)):
                    threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while octets := here.recv(1 << 16):
                there.sendall(octets)
            there.shutdown(socket.SHUT_WR)


def write_config(
    folder: Path,
    broker_port: int,
    *meters: str,
    mqtt: str = "",
    outbox: str | None = None,
    name: str = "ciibridge.toml",
) -> Path:
    """Write a configuration; ``meters`` are the bodies of [[meter]], ``mqtt`` more of [mqtt]; ``outbox`` the state file."""
    if find_mosquitto() is None and "protocol" not in mqtt:
        mqtt = f'protocol = "3.1.1"\n{mqtt}'  # amqtt is silent on MQTT 5, and asking first takes 3 s
    url = "" if "url" in mqtt else f'url = "mqtt://127.0.0.1:{broker_port}"\n'
    blocks = "".join(f"[[meter]]\n{meter}\n" for meter in meters)
    path = folder / name
    state = outbox or path.with_suffix(".db").name
    path.write_text(f'[bridge]\nid = "test"\n[outbox]\npath = "{state}"\n[mqtt]\n{url}{mqtt}\n{blocks}')
    path.chmod(0o600)
    return path


def remember(config: Path, meter: str = METER_ID, **memory: Any) -> None:
    """Write what a bridge with this configuration remembers of a meter; numbers of telegrams begin at 1 then."""

    async def write() -> None:
        database = Database(config.with_suffix(".db"))
        state = State(database)
        await database.open()
        state.note(meter, memory.get("ts", datetime.now(UTC)), seq=memory.get("seq", 0), usual_s=30.0)
        state.close()
        await database.close()

    asyncio.run(write())


def setup_of(path: Path) -> Setup:
    return load(path, ciimodel.load())


@contextmanager
def service_in_thread(config: Path) -> Iterator[Callable[[], object]]:
    """Run the service in this process, with short waits; stopped, and any error of its raised, at the end.

    Gives what makes it read its configuration again.
    """
    started = threading.Event()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, Service]] = []
    errors: list[BaseException] = []

    async def serve() -> None:
        event = asyncio.Event()
        service = Service(
            setup_of(config), ciimodel.load(), first_wait_s=0.05, reread=lambda: setup_of(config)
        )
        stop.append((asyncio.get_running_loop(), event, service))
        started.set()
        await service.run(event)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - raised again by the test's own thread
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    started.wait(5)
    loop, event, service = stop[0]
    try:
        yield lambda: loop.call_soon_threadsafe(service.reload)
    finally:
        loop.call_soon_threadsafe(event.set)
        thread.join(5)
    if errors:
        raise errors[0]


class ServiceProcess:
    """The service as a user starts it."""

    def __init__(
        self, config: Path, log: str | None = None, *, arguments: Sequence[str] = (), **environ: str
    ) -> None:
        self._log = config.with_name(log) if log else config.with_suffix(".log")
        with self._log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-c", RUN, "run", "-c", str(config), *arguments],
                stderr=errors,
                env={**os.environ, **environ},
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def reload(self) -> None:
        self._process.send_signal(Signals.SIGHUP)

    def terminate(self, number: Signals = Signals.SIGTERM) -> tuple[int, float, str]:
        """Send a signal; exit status, seconds until the end, and the log."""
        begin = time.monotonic()
        self._process.send_signal(number)
        status = self._process.wait(timeout=10)
        return status, time.monotonic() - begin, self.log

    def wait(self) -> int:
        """Wait until it ends by itself; exit status."""
        return self._process.wait(timeout=10)

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def running(self) -> bool:
        return self._process.poll() is None
