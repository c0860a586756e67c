"""Transports: where the octets come from, and where questions go. First station of the straight line.

    **transport** → framing → security → decode → normalise → publish

A transport is one module; the scheme of a URL chooses it (``_MODULES``). All the I/O of reading a meter is here, none
of the meaning: a transport knows nothing of frames.

    /dev/ttyUSB0 · serial:///dev/serial/by-id/…   serial port of this machine         serial.py
    rfc2217://host:port · socket://host:port      serial port of another machine      serial.py
    tcp://host:port                               octets over TCP (ser2net, Wi-Fi)    tcp.py
    capture.bin · file:///path                    a recording                         file.py

Most meters send by themselves and are only read. Those that must be asked (``ciibridge.dialogue``) need ``write``, and
some of them a line whose speed can be changed.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import quote, unquote, urlsplit

from ciibridge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Line settings of a serial port, as in ``Interface.link`` of the schema; other transports ignore them."""

    baudrate: int = 2400
    bytesize: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "even"
    stopbits: Literal[1, 2] = 1


class Transport(Protocol):
    """A source of octets, opened and read by one task. After ``close`` or an error it may be opened again."""

    @property
    def name(self) -> str:
        """What people call it, for logs and ``diag``: the port, host:port or the file."""
        ...

    async def open(self) -> None:
        """Open it. Raises TransportError with what to do about it."""
        ...

    async def read(self) -> bytes:
        """Wait for octets and return those that are there, at least one; b"" is the end of a recording, for good.

        Raises TransportError when the port vanished or the other side closed the connection: open it again later.
        May be cancelled (``asyncio.wait_for``) without losing octets.
        """
        ...

    @property
    def can_change(self) -> bool:
        """Whether ``change`` reaches the line. TCP carries octets and no line settings: there it does not."""
        ...

    async def write(self, data: bytes) -> None:
        """Send octets; returns when they have left, as far as that can be known. May be called while ``read`` waits.

        Raises TransportError when the port vanished, or when nothing can be asked here (a recording).
        """
        ...

    async def change(self, link: LinkSettings) -> None:
        """Set the line to other settings; octets that wait to be read stay. Opening it anew sets it back.

        Raises TransportError when the port vanished or cannot do it.
        """
        ...

    async def close(self) -> None:
        """Close it; safe to call at any time, also twice. Never raises."""
        ...


class _Module(Protocol):
    def create(self, url: str, link: LinkSettings) -> Transport: ...


#: Scheme → module of this package. A new transport is a module with ``create`` and a line here.
_MODULES: Final[dict[str, str]] = {
    "serial": "serial",
    "rfc2217": "serial",
    "socket": "serial",
    "tcp": "tcp",
    "file": "file",
}


def open_transport(url: str, link: LinkSettings) -> Transport:
    """Choose the transport for ``url``; it is not yet opened. Modules are imported here, so that nobody pays for what they do not use.

    Raises ConfigError when the scheme is unknown or the URL lacks a part.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        scheme, url = _path_as_url(url)
    module = _MODULES.get(scheme.lower())
    if module is None:
        known = ", ".join(f"{name}://" for name in _MODULES)
        raise ConfigError(
            f"{url}: unknown scheme {scheme!r}. Known: {known}, or a plain path such as /dev/ttyUSB0"
        )
    implementation: _Module = import_module(f"{__name__}.{module}")
    return implementation.create(url, link)


def is_recording(url: str) -> bool:
    """Whether this is a recording, which can be read but not asked."""
    scheme, separator, _ = url.partition("://")
    if not separator and url:
        scheme, _ = _path_as_url(url)
    return scheme.lower() == "file"


def owns_line(url: str) -> bool:
    """Tell whether the line settings are ours to choose: of a serial port, not of TCP, a recording or a pseudo-terminal."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        scheme, url = _path_as_url(url)
    if scheme.lower() == "rfc2217":
        return True
    return scheme.lower() == "serial" and not Path(url_path(url)).resolve().is_relative_to("/dev/pts")


def url_path(url: str) -> str:
    """Take the path out of a ``serial://`` or ``file://`` URL. Raises ConfigError when there is none."""
    parts = urlsplit(url)
    path = parts.netloc + parts.path  # serial://COM3 and file://relative.bin are what people write
    if not path:
        raise ConfigError(f"{url}: a path is missing, e.g. {parts.scheme}:///dev/ttyUSB0")
    return unquote(path)


def host_and_port(url: str) -> tuple[str, int]:
    """Host and port of a URL. Raises ConfigError when one is missing or the port is no port."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(
            f"{url}: {error}; write {parts.scheme}://host:port with a port of 1 to 65535"
        ) from error
    if not host or not port:
        raise ConfigError(f"{url}: write {parts.scheme}://host:port, e.g. {parts.scheme}://192.168.1.20:4001")
    return host, port


def _path_as_url(path: str) -> tuple[str, str]:
    """Take a plain path for a recording if it is a regular file, else for a serial port."""
    if not path:
        raise ConfigError(
            "no port given: write e.g. /dev/ttyUSB0, tcp://host:port or the name of a recording"
        )
    scheme = "serial"
    try:
        if stat.S_ISREG(Path(path).stat().st_mode):
            scheme = "file"
    except OSError:
        pass
    return scheme, f"{scheme}://{quote(path)}"
