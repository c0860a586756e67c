"""A recording: octets of a file, as fast as they can be read, then the end.

capture.bin · file:///var/tmp/capture.bin

Octets as received, or what ``ciibridge record`` wrote, which shows in the first octets. Its timing is left out: what comes
after decides by the telegrams' own times. ``ciibridge replay`` plays it as it was.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import BinaryIO, Final

from ciibridge.errors import ConfigError, TransportError
from ciibridge.recording.container import MAGIC, Reader
from ciibridge.transport import LinkSettings, url_path

#: Small enough that a telegram is rarely in one chunk, so a recording takes the same path as a port.
_CHUNK: Final = 4096


def create(url: str, link: LinkSettings) -> FileTransport:  # noqa: ARG001 - a file has no line settings
    """Make the transport for ``file://`` and a path. Raises ConfigError when the path is missing."""
    return FileTransport(Path(url_path(url)))


class FileTransport:
    """A regular file, read once from start to end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._reading: asyncio.Future[bytes] | None = None
        self._container: Reader | None = None

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    async def open(self) -> None:
        """Open the file. Raises TransportError: missing, not permitted, not a file."""
        await self.close()
        # A pipe would block the thread that opens it, and a device is not a recording.
        if self._path.exists() and not self._path.is_file():
            raise TransportError(
                f"{self._path}: not a regular file; for a serial port write serial://{self._path}"
            )
        try:
            self._file = await asyncio.to_thread(self._path.open, "rb")
            mark = await asyncio.to_thread(self._file.read, len(MAGIC))
            self._file.seek(0)
        except FileNotFoundError as error:
            raise TransportError(f"{self._path}: there is no such file; check the path") from error
        except OSError as error:
            raise TransportError(
                f"{self._path}: cannot be read ({error.strerror}); check its owner and mode"
            ) from error
        self._container = Reader(str(self._path)) if mark == MAGIC else None

    async def read(self) -> bytes:
        """Read the next chunk; b"" at the end. Raises TransportError when the disk fails, or a recording is damaged."""
        if self._container is None:
            return await self._chunk()
        try:
            while chunk := await self._chunk():
                if octets := b"".join(piece.octets for piece in self._container.feed(chunk)):
                    return octets
            return b"".join(piece.octets for piece in self._container.finish())
        except ConfigError as error:
            raise TransportError(str(error)) from error

    async def _chunk(self) -> bytes:
        """Read the next octets of the file."""
        if self._file is None:
            raise TransportError(f"{self._path}: not open")
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._file.read, _CHUNK))
        try:
            # Shielded: a reader that gave up waiting must not take the octets of this read with it.
            octets = await asyncio.shield(self._reading)
        except OSError as error:
            self._reading = None
            raise TransportError(f"{self._path}: reading failed ({error.strerror})") from error
        self._reading = None
        return octets

    @property
    def can_change(self) -> bool:
        """A recording has no line."""
        return False

    async def write(self, data: bytes) -> None:  # noqa: ARG002 - refused
        """Raise TransportError: a recording answers nothing."""
        raise TransportError(
            f"{self._path}: a recording cannot be asked; name the port of the meter, or leave out every_s to play it"
        )

    async def change(self, link: LinkSettings) -> None:  # noqa: ARG002 - there is no line
        """Raise TransportError: there is no line."""
        raise TransportError(f"{self._path}: a recording has no line settings")

    async def close(self) -> None:
        """Close the file."""
        file, reading = self._file, self._reading
        self._file = self._reading = None
        if reading is not None:
            await asyncio.gather(reading, return_exceptions=True)
        if file is not None:
            file.close()
