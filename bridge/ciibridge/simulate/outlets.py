"""Where simulated octets go: a pseudo-terminal, a TCP port, a file.

    pty            a pseudo-terminal, to be opened like a serial port
    pty:PATH       the same, with a link of constant name
    tcp:PORT       a TCP server on this machine for any number of readers; tcp:HOST:PORT on another address
    PATH           a file (written anew)
    -              standard output

A wire keeps nothing: what nobody reads is gone.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import sys
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from ciibridge.errors import ConfigError, TransportError

_LOCALHOST: Final = "127.0.0.1"
#: A TCP reader with so many octets unread is not reading: it is sent no more until it catches up.
_MOST_UNREAD: Final = 1 << 16
#: How long a pseudo-terminal that is full is given before its content is thrown away.
_PATIENCE_S: Final = 1.0
_LAST_LOOKS: Final = 20
_CHUNK: Final = 1024


#: What somebody at the other end sends → what is answered.
Answer = Callable[[bytes], bytes]


class Outlet(Protocol):
    """A place octets are sent to. ``answer``: what to say to octets that come from there; None: they are nobody's business."""

    answer: Answer | None

    @property
    def name(self) -> str:
        """What a reader has to open, e.g. ``/dev/pts/3`` or ``tcp://127.0.0.1:4001``; known after ``open``."""
        ...

    async def open(self) -> None:
        """Open it. Raises TransportError with what to do about it."""
        ...

    async def send(self, octets: bytes) -> None:
        """Send octets to whoever reads; never waits for a reader that does not."""
        ...

    async def close(self) -> None:
        """Close it and leave nothing behind but a file that was asked for."""
        ...


def outlet(text: str) -> Outlet:
    """Choose the outlet for ``--out``. Raises ConfigError when it is none."""
    kind, _, rest = text.partition(":")
    if kind == "pty":
        return PtyOutlet(Path(rest) if rest else None)
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        if not port.isdigit() or not 0 <= int(port) <= 0xFFFF:
            raise ConfigError(f"--out {text}: write tcp:PORT or tcp:HOST:PORT, e.g. tcp:4001")
        return TcpOutlet(host.strip("[]") or _LOCALHOST, int(port))
    if not text or text.endswith("/"):
        raise ConfigError(f"--out {text!r}: write pty, tcp:PORT or the name of a file")
    if text == "-":
        return StdoutOutlet()
    return FileOutlet(Path(text))


class PtyOutlet:
    """A pseudo-terminal; ``link`` is a symbolic link to it, replaced if it is one already."""

    def __init__(self, link: Path | None = None) -> None:
        self.answer: Answer | None = None
        self._link = link
        self._path = ""
        self._meter = self._line = -1

    @property
    def name(self) -> str:
        """Path of the terminal, or of the link."""
        return str(self._link or self._path)

    async def open(self) -> None:
        """Open the pair. Our own handle on the line stays open, so that a reader may come and go."""
        self._meter, self._line = pty.openpty()
        tty.setraw(self._line)
        os.set_blocking(self._meter, False)
        self._path = os.ttyname(self._line)
        if self.answer is not None:
            asyncio.get_running_loop().add_reader(self._meter, self._heard)
        if self._link is None:
            return
        try:
            if self._link.is_symlink():
                self._link.unlink()
            self._link.symlink_to(self._path)
        except OSError as error:
            self._link = None
            await self.close()
            raise TransportError(
                f"the link cannot be made ({error}); choose another name for pty:PATH"
            ) from error

    async def send(self, octets: bytes) -> None:
        """Write; a terminal that stays full has no reader, and its content is thrown away."""
        while octets:
            try:
                octets = octets[os.write(self._meter, octets) :]
            except BlockingIOError:
                if not await self._room():
                    termios.tcflush(self._line, termios.TCIFLUSH)
                    return

    def _heard(self) -> None:
        """Answer what the reader sent."""
        try:
            octets = os.read(self._meter, _CHUNK)
        except OSError:  # nobody holds the other end any more
            return
        said = self.answer(octets) if self.answer is not None else b""
        with suppress(BlockingIOError):  # who asks and does not listen gets a part of it, as on a wire
            while said:
                said = said[os.write(self._meter, said) :]

    async def _room(self) -> bool:
        """Wait until something can be written; False: nobody reads."""
        writable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_writer(self._meter, writable.set)
        try:
            await asyncio.wait_for(writable.wait(), _PATIENCE_S)
        except TimeoutError:
            return False
        finally:
            loop.remove_writer(self._meter)
        return True

    def _unread(self) -> int:
        """Count the octets that wait for a reader."""
        count = bytearray(4)
        fcntl.ioctl(self._line, termios.FIONREAD, count)
        return int.from_bytes(count, sys.byteorder)

    async def close(self) -> None:
        """Hang up and remove the link. What was sent last gets a moment to be read: hanging up destroys it."""
        if self._line >= 0:
            asyncio.get_running_loop().remove_reader(self._meter)
            for _ in range(_LAST_LOOKS):
                await asyncio.sleep(_PATIENCE_S / _LAST_LOOKS)
                if not self._unread():
                    break
        for handle in (self._meter, self._line):
            if handle >= 0:
                os.close(handle)
        self._meter = self._line = -1
        if self._link is not None:
            self._link.unlink(missing_ok=True)


class TcpOutlet:
    """A TCP server; every reader gets every telegram from the moment it connects."""

    def __init__(self, host: str, port: int) -> None:
        self.answer: Answer | None = None
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._readers: set[asyncio.StreamWriter] = set()

    @property
    def name(self) -> str:
        """URL to open; port 0 becomes the one that was free."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"tcp://{host}:{self._port}"

    async def open(self) -> None:
        """Listen. Raises TransportError when the port is taken or not permitted."""
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self._port)
        except OSError as error:
            raise TransportError(
                f"cannot listen on {self.name}: {error.strerror}; choose another port"
            ) from error
        self._port = self._server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._readers.add(writer)
        try:
            while octets := await reader.read(_CHUNK):
                if self.answer is not None:
                    writer.write(self.answer(octets))
        except OSError:
            pass  # it went without a goodbye
        finally:
            self._readers.discard(writer)
            writer.close()

    async def send(self, octets: bytes) -> None:
        """Hand the octets to all readers that keep up."""
        for writer in self._readers:
            if writer.transport.get_write_buffer_size() < _MOST_UNREAD:
                writer.write(octets)
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Send what is on its way, then close all connections."""
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._readers):
            writer.close()
        for writer in list(self._readers):
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), _PATIENCE_S)
        await self._server.wait_closed()


class FileOutlet:
    """A file, written anew."""

    def __init__(self, path: Path) -> None:
        self.answer: Answer | None = None  # nothing comes from a file
        self._path = path
        self._file: BinaryIO | None = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    async def open(self) -> None:
        """Open the file. Raises TransportError when it cannot be written."""
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise TransportError(
                f"{self._path}: cannot be written ({error.strerror}); choose another file"
            ) from error

    async def send(self, octets: bytes) -> None:
        """Append the octets. Raises TransportError when the disk is full."""
        if self._file is not None:
            try:
                self._file.write(octets)
                self._file.flush()
            except OSError as error:
                raise TransportError(f"{self._path}: writing failed ({error.strerror})") from error

    async def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class StdoutOutlet:
    """Standard output."""

    name = "-"

    def __init__(self) -> None:
        self.answer: Answer | None = None  # nobody asks there

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def send(self, octets: bytes) -> None:
        """Write the octets. Raises TransportError when nobody takes them any more."""
        try:
            sys.stdout.buffer.write(octets)
            sys.stdout.buffer.flush()
        except OSError as error:
            raise TransportError(f"standard output: writing failed ({error.strerror})") from error

    async def close(self) -> None:
        """Leave it open: it is not ours."""
