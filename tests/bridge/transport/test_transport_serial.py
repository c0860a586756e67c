"""Serial ports, played by pseudo-terminals: the other end is the meter, and closing it is pulling the adapter."""

from __future__ import annotations

import asyncio
import errno
import os
import pty
import socket
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import serial
from ciibridge.errors import TransportError
from ciibridge.transport import LinkSettings, open_transport
from ciibridge.transport import serial as module
from ciibridge.transport.serial import SerialTransport
from serial import rfc2217
from serial.tools.list_ports_common import ListPortInfo

LINK = LinkSettings(baudrate=2400, parity="even")


class Adapter:
    """A pseudo-terminal behind a link of constant name, as /dev/serial/by-id is."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.meter: int | None = None

    def plug_in(self) -> None:
        self.meter, line = pty.openpty()
        tty.setraw(line)
        self.link.symlink_to(os.ttyname(line))
        os.close(line)

    def send(self, octets: bytes) -> None:
        assert self.meter is not None
        os.write(self.meter, octets)

    def pull_out(self) -> None:
        if self.meter is not None:
            os.close(self.meter)
            self.link.unlink()
            self.meter = None


@pytest.fixture
def adapter(tmp_path: Path) -> Iterator[Adapter]:
    plugged = Adapter(tmp_path / "usb-adapter-port0")
    plugged.plug_in()
    yield plugged
    plugged.pull_out()


async def read_exactly(transport: SerialTransport, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        octets += await transport.read()
    return octets


def serial_transport(url: str | Path) -> SerialTransport:
    transport = open_transport(str(url), LINK)
    assert isinstance(transport, SerialTransport)
    return transport


def test_octets_as_they_come(adapter: Adapter) -> None:
    async def story() -> None:
        transport = serial_transport(adapter.link)
        await transport.open()
        for octets in (b"~\xa0\x11\x13~", bytes(range(256)), b"\x00\x7e" * 1000):
            adapter.send(octets)
            assert await read_exactly(transport, len(octets)) == octets
        await transport.close()
        await transport.close()

    asyncio.run(story())


def test_it_vanishes_and_comes_back(adapter: Adapter) -> None:
    async def story() -> None:
        transport = serial_transport(f"serial://{adapter.link}")
        await transport.open()
        adapter.send(b"~before~")
        assert await read_exactly(transport, 8) == b"~before~"
        waiting = asyncio.create_task(transport.read())
        await asyncio.sleep(0.05)
        pulled = time.monotonic()
        adapter.pull_out()
        with pytest.raises(TransportError, match="the port vanished"):
            await waiting
        assert time.monotonic() - pulled < 1
        with pytest.raises(TransportError, match="there is no such port"):
            await transport.open()
        adapter.plug_in()
        await transport.open()
        adapter.send(b"~after~")
        assert await read_exactly(transport, 7) == b"~after~"
        await transport.close()

    asyncio.run(story())


def test_a_name_that_disappears_is_noticed_without_an_error_of_the_driver(
    adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.02)

    async def story() -> None:
        transport = serial_transport(adapter.link)
        await transport.open()
        adapter.link.unlink()
        with pytest.raises(TransportError, match="plug the adapter in again"):
            await transport.read()
        await transport.close()
        adapter.link.symlink_to("/dev/null")  # for the fixture

    asyncio.run(story())


def test_the_event_loop_is_never_blocked(adapter: Adapter) -> None:
    async def story() -> None:
        transport = serial_transport(adapter.link)
        await transport.open()
        waiting = asyncio.create_task(transport.read())
        longest, last = 0.0, time.monotonic()
        for _ in range(60):
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert longest < module._POLL_S / 2
        assert not waiting.done()
        waiting.cancel()
        started = time.monotonic()
        await transport.close()
        assert time.monotonic() - started < module._POLL_S  # a waiting read is woken up

    asyncio.run(story())


def test_a_reader_that_gives_up_waiting_loses_nothing(adapter: Adapter) -> None:
    async def story() -> None:
        transport = serial_transport(adapter.link)
        await transport.open()
        for number in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(transport.read(), 0.02)
            adapter.send(b"~%d~" % number)
            assert await read_exactly(transport, 3) == b"~%d~" % number
        await transport.close()

    asyncio.run(story())


def test_one_reader_a_port(adapter: Adapter) -> None:
    async def story() -> None:
        first, second = serial_transport(adapter.link), serial_transport(adapter.link)
        await first.open()
        with pytest.raises(TransportError, match="another program reads this port"):
            await second.open()
        await first.close()
        await second.open()
        await second.close()

    asyncio.run(story())


def test_no_such_port_lists_those_that_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Port:
        device = "/dev/ttyUSB7"

    (tmp_path / "usb-FTDI-port0").touch()
    monkeypatch.setattr(module, "_BY_ID", tmp_path)
    monkeypatch.setattr(module.list_ports, "comports", lambda: [Port()])
    with pytest.raises(TransportError) as raised:
        asyncio.run(serial_transport("/dev/ttyUSB9").open())
    assert str(raised.value) == (
        f"/dev/ttyUSB9: there is no such port. Ports here: {tmp_path}/usb-FTDI-port0, /dev/ttyUSB7"
    )


def test_no_port_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BY_ID", Path("/no/such/folder"))
    monkeypatch.setattr(module.list_ports, "comports", list)
    with pytest.raises(TransportError, match="is the adapter plugged in"):
        asyncio.run(serial_transport("/dev/ttyUSB9").open())


def test_permission_denied_names_the_group(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, for whom nothing is forbidden, so the refusal is the system call's as pyserial tells it."""

    def refused(*args: object, **kwargs: object) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port: [Errno 13] Permission denied")

    monkeypatch.setattr(module.serial, "serial_for_url", refused)
    with pytest.raises(TransportError, match=r"permission denied. Join the group \w+ \(sudo usermod -aG"):
        asyncio.run(serial_transport(adapter.link).open())


@pytest.mark.parametrize("path", ["/dev/null", "/tmp"])
def test_what_is_no_serial_port(path: str) -> None:
    with pytest.raises(TransportError, match=f"{path}: cannot be opened as a serial port"):
        asyncio.run(serial_transport(path).open())


def test_a_raw_socket_of_pyserial() -> None:
    async def handler(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)  # pyserial drops what waits when it opens
        writer.write(b"~telegram~" * 50)
        await writer.drain()
        await asyncio.sleep(0.3)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = serial_transport(f"socket://127.0.0.1:{port}")
        await transport.open()
        assert await read_exactly(transport, 500) == b"~telegram~" * 50
        with pytest.raises(TransportError, match="vanished or failed"):
            await transport.read()
        await transport.close()
        server.close()
        with pytest.raises(TransportError, match="not reachable"):
            await transport.open()

    asyncio.run(story())


def test_not_open() -> None:
    with pytest.raises(TransportError, match="not open"):
        asyncio.run(serial_transport("/dev/ttyUSB0").read())


@contextmanager
def rfc2217_gateway(line: serial.SerialBase) -> Iterator[int]:
    """Serve ``line`` by RFC 2217 with the server side of pyserial; yields the TCP port."""
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(0.02)
        with connection, connection.makefile("wb", buffering=0) as out:
            manager = rfc2217.PortManager(line, out)
            while not done.is_set():
                with suppress(TimeoutError):
                    line.write(b"".join(manager.filter(connection.recv(1024))))
                if octets := line.read(line.in_waiting):
                    connection.sendall(b"".join(manager.escape(octets)))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.filterwarnings("ignore:set(Daemon|Name)\\(\\) is deprecated:DeprecationWarning")
def test_a_port_of_another_machine_by_rfc2217() -> None:
    line = serial.serial_for_url("loop://", timeout=0)  # what is written to it can be read from it

    async def story() -> None:
        with rfc2217_gateway(line) as port:
            transport = serial_transport(f"rfc2217://127.0.0.1:{port}")
            await transport.open()
            assert (line.baudrate, line.parity) == (2400, serial.PARITY_EVEN)  # set from here
            line.write(bytes(range(256)))  # FF has to be escaped in Telnet
            assert await read_exactly(transport, 256) == bytes(range(256))
            waiting = asyncio.create_task(
                transport.read()
            )  # what is asked while something waits for the answer
            await transport.write(b"/?!\r\n")
            answer = await waiting
            while len(answer) < 5:
                answer += await transport.read()
            assert answer == b"/?!\r\n"
            await transport.change(LinkSettings(baudrate=19200, bytesize=7, parity="odd", stopbits=2))
            assert (line.baudrate, line.bytesize, line.parity, line.stopbits) == (19200, 7, "O", 2)
            gone = asyncio.create_task(transport.read())
            await asyncio.sleep(0.05)
        with pytest.raises(TransportError, match="vanished or failed"):
            await gone
        await transport.close()

    asyncio.run(story())


def test_a_question_and_another_speed(adapter: Adapter) -> None:
    """Linux knows the speed of a pseudo-terminal; form and parity it has not, and they are left out."""

    async def story() -> None:
        transport = serial_transport(adapter.link)
        with pytest.raises(TransportError, match="not open"):
            await transport.write(b"?")
        assert transport.can_change
        await transport.open()
        assert adapter.meter is not None
        waiting = asyncio.create_task(transport.read())
        await asyncio.sleep(0.02)
        began = time.monotonic()
        await transport.write(b"/?!\r\n")
        assert time.monotonic() - began < 0.4  # it does not wait for the reading thread
        assert os.read(adapter.meter, 100) == b"/?!\r\n"
        adapter.send(b"/XXX6\r\n")
        assert (await waiting)[:1] == b"/"
        await transport.change(LinkSettings(baudrate=19200, bytesize=7, parity="even"))
        assert termios.tcgetattr(adapter.meter)[5] == termios.B19200
        await transport.change(LINK)
        assert termios.tcgetattr(adapter.meter)[5] == termios.B2400
        await transport.close()

    asyncio.run(story())


def test_an_adapter_pulled_out_is_noticed_by_who_asks(adapter: Adapter) -> None:
    async def story() -> None:
        transport = serial_transport(adapter.link)
        await transport.open()
        adapter.pull_out()
        with pytest.raises(TransportError, match="vanished or failed"):
            await transport.write(b"?")
        with pytest.raises(TransportError, match="vanished or failed"):
            await transport.change(LinkSettings(baudrate=300))
        await transport.close()

    asyncio.run(story())


def test_the_wire_of_a_slow_line_is_waited_for(monkeypatch: pytest.MonkeyPatch, adapter: Adapter) -> None:
    """At 300 baud a question takes its time, whatever the driver says; the speed must not change under it."""
    monkeypatch.setattr(SerialTransport, "_pseudo", False)

    async def story() -> None:
        transport = serial_transport(adapter.link)
        monkeypatch.setattr(transport, "_link", LinkSettings(baudrate=300, parity="none"))
        await transport.open()
        began = time.monotonic()
        await transport.write(b"/?!\r\n")
        assert time.monotonic() - began >= 5 * 10 / 300
        await transport.close()

    asyncio.run(story())


def test_a_raw_socket_cannot_be_set() -> None:
    async def story() -> None:
        transport = serial_transport("socket://127.0.0.1:1")
        assert not transport.can_change
        with pytest.raises(TransportError, match=r"raw socket cannot set the far end to 300 baud.*rfc2217"):
            await transport.change(LinkSettings(baudrate=300))

    asyncio.run(story())


# -- the same adapter under another name ---------------------------------------------------------------------------------


class Usb:
    """The USB ports of a machine: names such as ttyUSB0, and the adapter that has each now."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self.adapters: dict[str, Adapter] = {}
        self._serials: dict[str, str | None] = {}
        monkeypatch.setattr(module.list_ports, "comports", self._ports)

    def plug_in(self, name: str, serial_number: str | None) -> Adapter:
        self.adapters[name] = Adapter(self._folder / name)
        self.adapters[name].plug_in()
        self._serials[name] = serial_number
        return self.adapters[name]

    def pull_out(self, *names: str) -> None:
        for name in names:
            self.adapters.pop(name).pull_out()

    def _ports(self) -> list[ListPortInfo]:
        ports = []
        for name, adapter in self.adapters.items():
            port = ListPortInfo(str(adapter.link.resolve()))
            port.vid, port.pid, port.serial_number, port.location = (
                0x403,
                0x6001,
                self._serials[name],
                "1-1.2:1.0",
            )
            ports.append(port)
        return ports


@pytest.fixture
def usb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Usb]:
    made = Usb(tmp_path, monkeypatch)
    yield made
    made.pull_out(*list(made.adapters))


async def lost(transport: SerialTransport) -> None:
    with pytest.raises(TransportError, match="vanished"):
        await transport.read()


def test_an_adapter_that_comes_back_under_another_name_is_found(
    usb: Usb, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        transport = serial_transport(tmp_path / "ttyUSB0")
        usb.plug_in("ttyUSB0", "A1")
        await transport.open()
        usb.pull_out("ttyUSB0")
        await lost(transport)
        with pytest.raises(TransportError, match="no such port"):
            await transport.open()
        moved = usb.plug_in("ttyUSB1", "A1")
        for octets in (b"meter", b"again"):
            await transport.open()
            moved.send(octets)
            assert await read_exactly(transport, 5) == octets
        await transport.close()

    asyncio.run(story())
    assert len([text for text in caplog.messages if "its adapter is" in text]) == 1


def test_two_adapters_that_change_names_are_not_mixed_up(usb: Usb, tmp_path: Path) -> None:
    async def story() -> None:
        transports = {name: serial_transport(tmp_path / name) for name in ("ttyUSB0", "ttyUSB1")}
        usb.plug_in("ttyUSB0", "A1")
        usb.plug_in("ttyUSB1", "B2")
        for transport in transports.values():
            await transport.open()
        usb.pull_out("ttyUSB0", "ttyUSB1")
        for transport in transports.values():
            await lost(transport)
        usb.plug_in("ttyUSB0", "B2")
        usb.plug_in("ttyUSB1", "A1")
        for name, now in (("ttyUSB0", "ttyUSB1"), ("ttyUSB1", "ttyUSB0")):
            await transports[name].open()
            usb.adapters[now].send(name.encode())
            assert await read_exactly(transports[name], 7) == name.encode()
            await transports[name].close()

    asyncio.run(story())


@pytest.mark.parametrize("serial_number", [None, "C3"])
def test_another_adapter_in_its_place_is_read(usb: Usb, tmp_path: Path, serial_number: str | None) -> None:
    """A broken one was exchanged, or it has no serial number: then the name is all there is."""

    async def story() -> None:
        transport = serial_transport(tmp_path / "ttyUSB0")
        usb.plug_in("ttyUSB0", serial_number and "A1")
        await transport.open()
        usb.pull_out("ttyUSB0")
        await lost(transport)
        usb.plug_in("ttyUSB1", None)
        usb.plug_in("ttyUSB0", serial_number)
        await transport.open()
        usb.adapters["ttyUSB0"].send(b"meter")
        assert await read_exactly(transport, 5) == b"meter"
        await transport.close()

    asyncio.run(story())
