"""Serial ports of this machine and, by RFC 2217 or a raw socket, of another one (pyserial).

    /dev/ttyUSB0 · serial:///dev/serial/by-id/usb-FTDI_…-port0 · rfc2217://host:port · socket://host:port

pyserial blocks, so one thread a port waits for octets, and a second one sends; the event loop never waits. A local port is locked (flock), for
two readers on one port each get half of the octets. Octets with a wrong parity are passed on: the frame check finds
them, and reports them where a person can see it.
"""

from __future__ import annotations

import asyncio
import errno
import grp
import logging
import termios
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypedDict, TypeVar, cast

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from ciibridge.errors import TransportError
from ciibridge.events import event
from ciibridge.transport import LinkSettings, host_and_port, url_path
from ciibridge.transport.line_errors import line_errors

_T = TypeVar("_T")
_log: Final = logging.getLogger(__name__)

#: How long the thread waits before it looks whether the port is still there.
_POLL_S: Final = 0.5
#: Most octets handed over at once; at 115200 baud 4096 are a third of a second.
_CHUNK: Final = 4096
#: A question is a few octets; a line that does not take them within so long is dead.
_WRITE_TIMEOUT_S: Final = 3.0
#: Start bit, parity and the like, to know when octets are over the wire.
_BITS_AN_OCTET: Final = 11
#: What pyserial lets out: its own errors (OSError), the terminal layer's, and ValueError for line settings.
_FAILURES: Final = (OSError, termios.error, ValueError)
_PARITY: Final = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
_BY_ID: Final = Path("/dev/serial/by-id")


def create(url: str, link: LinkSettings) -> SerialTransport:
    """Make the transport for ``serial://``, ``rfc2217://`` or ``socket://``. Raises ConfigError when a part is missing."""
    if url.lower().startswith("serial://"):
        return SerialTransport(url_path(url), link, local=True)
    host_and_port(url)
    return SerialTransport(url, link, local=False)


class _Settings(TypedDict):
    """Line settings in the words of pyserial."""

    baudrate: int
    bytesize: int
    parity: str
    stopbits: float


class _Port(Protocol):
    """What we use of pyserial's several classes of port."""

    baudrate: int
    bytesize: int
    parity: str
    stopbits: float

    @property
    def in_waiting(self) -> int: ...
    def read(self, size: int = 1, /) -> bytes: ...
    def write(self, data: bytes, /) -> int | None: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


class _Adapter(NamedTuple):
    """What tells a USB adapter from all others, wherever it is plugged in."""

    vendor: int | None
    product: int | None
    serial_number: str
    interface: str


class SerialTransport:
    """A serial port; ``port`` is a path or a URL that ``serial.serial_for_url`` knows."""

    def __init__(self, port: str, link: LinkSettings, *, local: bool) -> None:
        self._name = port
        self._link = link
        self._local = local
        self._adapter: _Adapter | None = None  # known once the port was opened
        self._device = port  # what is open
        self._port: _Port | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._writer: ThreadPoolExecutor | None = None
        self._sent_s = 0.0  # when the last octets are over the wire, by the steady clock
        self._reading: asyncio.Future[bytes] | None = None

    @property
    def name(self) -> str:
        """Path or URL of the port."""
        return self._name

    async def open(self) -> None:
        """Open and lock the port. Raises TransportError: missing, not permitted, busy, not reachable."""
        await self.close()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="serial")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="serial-out")
        try:
            self._port = await self._in_thread(self._thread, self._open_port)
        except _FAILURES as error:
            await self.close()
            raise self._explained(error) from error

    async def read(self) -> bytes:
        """Octets as they come. Raises TransportError when the port vanished."""
        while self._port is not None:
            if self._reading is None:
                self._reading = self._in_thread(self._thread, self._read_some)
            try:
                # Shielded: a reader that gave up waiting must not take the octets of this read with it.
                octets = await asyncio.shield(self._reading)
            except _FAILURES as error:
                self._reading = None
                raise TransportError(
                    f"{self._name}: the port vanished or failed ({error}); it is opened again when it is back"
                ) from error
            self._reading = None
            if octets:
                return octets
            if self._local and not Path(self._device).exists():
                raise TransportError(f"{self._name}: the port vanished; plug the adapter in again")
        raise TransportError(f"{self._name}: the port is not open")

    @property
    def can_change(self) -> bool:
        """All but raw sockets, which carry octets only."""
        return not self._name.lower().startswith("socket://")

    async def write(self, data: bytes) -> None:
        """Send octets; returns when they are over the wire. Raises TransportError when the port vanished."""
        await self._in_writer(lambda port: self._write_all(port, data))
        await asyncio.sleep(max(0.0, self._sent_s - time.monotonic()))

    async def change(self, link: LinkSettings) -> None:
        """Set the line. Raises TransportError when the port vanished, or the adapter does not know these settings."""
        if not self.can_change:
            raise TransportError(
                f"{self._name}: a raw socket cannot set the far end to {link.baudrate} baud. Set it there, or use "
                "rfc2217:// if the serial server knows it"
            )
        await self._in_writer(lambda port: self._set(port, link))

    async def _in_writer(self, call: Callable[[_Port], None]) -> None:
        port, writer = self._port, self._writer
        if port is None or writer is None:
            raise TransportError(f"{self._name}: the port is not open")
        try:
            await self._in_thread(writer, lambda: call(port))
        except _FAILURES as error:
            raise TransportError(
                f"{self._name}: the port vanished or failed ({error}); it is opened again when it is back"
            ) from error

    def _write_all(self, port: _Port, data: bytes) -> None:
        """In the thread for writing."""
        # A far end cannot be asked whether all has left, and some USB adapters say so too early.
        wire_s = 0.0 if self._pseudo else len(data) * _BITS_AN_OCTET / port.baudrate
        sent_s = time.monotonic() + wire_s
        port.write(data)
        if self._local:
            port.flush()
        self._sent_s = sent_s

    def _set(self, port: _Port, link: LinkSettings) -> None:
        """In the thread for writing: only what differs, since each of them costs a rfc2217 port an answer."""
        for name, value in self._settings(link).items():
            if getattr(port, name) != value:
                setattr(port, name, value)

    def _settings(self, link: LinkSettings) -> _Settings:
        """Say them as pyserial does."""
        return {
            "baudrate": link.baudrate,
            "bytesize": 8 if self._pseudo else link.bytesize,
            "parity": _PARITY["none" if self._pseudo else link.parity],
            "stopbits": link.stopbits,
        }

    @property
    def _pseudo(self) -> bool:
        """A pseudo-terminal (simulator, socat): it has 8 bits and no parity, and Linux refuses others (EINVAL)."""
        return self._local and Path(self._device).resolve().is_relative_to("/dev/pts")

    def line_errors(self) -> int:
        """Tell how many framing and parity errors and breaks the driver has counted, ever; 0 where nobody counts."""
        return line_errors(self._port.fileno()) if isinstance(self._port, serial.Serial) else 0

    async def close(self) -> None:
        """Release the port and end its threads."""
        port, thread, writer, reading = self._port, self._thread, self._writer, self._reading
        self._port = self._thread = self._writer = self._reading = None
        if writer is not None:
            if isinstance(port, serial.Serial):
                port.cancel_write()
            writer.shutdown(wait=False)
        if thread is None:
            return
        if reading is not None:
            if isinstance(port, serial.Serial):
                port.cancel_read()
            await asyncio.gather(reading, return_exceptions=True)
        if port is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(thread, port.close)
            except _FAILURES as error:  # the adapter is gone: there is nothing left to close
                _log.debug("%s: closing failed: %s", self._name, error)
        thread.shutdown(wait=False)

    @staticmethod
    def _in_thread(thread: ThreadPoolExecutor | None, call: Callable[[], _T]) -> asyncio.Future[_T]:
        return asyncio.get_running_loop().run_in_executor(thread, call)

    def _open_port(self) -> _Port:
        """In the thread. Octets that wait in the driver from before are dropped by pyserial."""
        if self._local:
            self._device = self._find()
        port = serial.serial_for_url(
            self._device,
            **self._settings(self._link),
            timeout=_POLL_S,
            write_timeout=_WRITE_TIMEOUT_S if self._local else None,  # rfc2217 knows none
            exclusive=True if self._local else None,
        )
        if self._local:
            self._adapter = _adapter_at(self._device) or self._adapter
        return cast("_Port", port)

    def _find(self) -> str:
        """Tell where the port is now: an adapter that is plugged in again may come back as another ttyUSB."""
        devices = _devices_of(self._adapter) if self._adapter is not None else []
        own = str(Path(self._name).resolve())
        if len(devices) != 1 or devices == [own]:
            return self._name
        if devices != [self._device]:
            _log.warning(
                "%s: its adapter is %s now, and is read there. A name in %s would not change.",
                self._name,
                devices[0],
                _BY_ID,
                extra=event("port_moved", port=self._name, device=devices[0]),
            )
        return devices[0]

    def _read_some(self) -> bytes:
        """In the thread: wait for the first octet, then take all that are there; b"" after _POLL_S of silence."""
        port = self._port
        if port is None:
            return b""
        octets = port.read(1)
        while octets and len(octets) < _CHUNK and (waiting := port.in_waiting):
            octets += port.read(min(waiting, _CHUNK))
        return octets

    def _explained(self, error: Exception) -> TransportError:
        """Say what went wrong when opening, and what to do about it."""
        number = getattr(error, "errno", None)
        if not self._local:
            return TransportError(
                f"{self._name}: not reachable ({error}); check host, port and that its service runs"
            )
        if number == errno.ENOENT:
            return TransportError(f"{self._name}: there is no such port. {_ports_here()}")
        if number in (errno.EACCES, errno.EPERM):
            group = _group(self._name)
            return TransportError(
                f"{self._name}: permission denied. Join the group {group} (sudo usermod -aG {group} $USER) and log in "
                f"again; a systemd service needs SupplementaryGroups={group}"
            )
        if number in (errno.EAGAIN, errno.EBUSY):
            return TransportError(
                f"{self._name}: another program reads this port. Stop it; `fuser -v {self._name}` shows which it is"
            )
        return TransportError(f"{self._name}: cannot be opened as a serial port ({error}). {_ports_here()}")


def _adapter_at(device: str) -> _Adapter | None:
    """Tell which adapter a port belongs to; None where it is not on USB, or without a serial number like many others."""
    real = str(Path(device).resolve())
    return next((_adapter_of(port) for port in list_ports.comports() if port.device == real), None)


def _adapter_of(port: ListPortInfo) -> _Adapter | None:
    if port.serial_number is None:
        return None
    # "1-1.2:1.0": where it is plugged in, and behind the colon which of its several ports it is.
    interface = (port.location or "").partition(":")[2]
    return _Adapter(port.vid, port.pid, port.serial_number, interface)


def _devices_of(adapter: _Adapter) -> list[str]:
    return [port.device for port in list_ports.comports() if _adapter_of(port) == adapter]


def ports_here() -> list[str]:
    """List the serial ports of this machine; names that survive replugging first."""
    stable = sorted(str(path) for path in _BY_ID.iterdir()) if _BY_ID.is_dir() else []
    return stable + sorted(port.device for port in list_ports.comports())


def _ports_here() -> str:
    """List the serial ports of this machine in a sentence."""
    ports = ports_here()
    if not ports:
        return "This machine has no serial port now: is the adapter plugged in? (`dmesg | tail` shows it)"
    return f"Ports here: {', '.join(ports)}"


def _group(port: str) -> str:
    """Name the group that may use the port: dialout on Debian, uucp on Arch."""
    try:
        group = grp.getgrgid(Path(port).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
    return "dialout" if group == "root" else group
