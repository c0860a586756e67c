"""A recording: all its octets, in order, then the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from captures import capture
from ciibridge.errors import TransportError
from ciibridge.recording.container import Header, Piece, write_piece
from ciibridge.transport import LinkSettings, Transport, is_recording, open_transport

LINK = LinkSettings()


async def read_all(url: str) -> list[bytes]:
    transport = open_transport(url, LINK)
    await transport.open()
    chunks = []
    try:
        while chunk := await transport.read():
            chunks.append(chunk)
        assert await transport.read() == b""  # the end stays the end
    finally:
        await transport.close()
        await transport.close()
    return chunks


def test_whole_file_in_chunks(tmp_path: Path) -> None:
    octets = bytes(range(256)) * 40
    (tmp_path / "recording.bin").write_bytes(octets)
    chunks = asyncio.run(read_all(f"file://{tmp_path}/recording.bin"))
    assert b"".join(chunks) == octets
    assert len(chunks) == 3


def test_a_real_capture_by_its_path() -> None:
    wanted = capture("dlms-hdlc/lg-e450-ch-vse2026.bin")
    from captures import CAPTURES

    assert b"".join(asyncio.run(read_all(str(CAPTURES / wanted.name)))) == wanted.data


def test_opened_again_it_starts_again(tmp_path: Path) -> None:
    path = tmp_path / "recording.bin"
    path.write_bytes(b"~telegram~")

    async def twice() -> None:
        transport = open_transport(str(path), LINK)
        for _ in range(2):
            await transport.open()
            assert await transport.read() == b"~telegram~"
        await transport.close()

    asyncio.run(twice())


async def give_up_reading(transport: Transport) -> None:
    """Begin a read and cancel it while the thread is at work."""
    reading = asyncio.create_task(transport.read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


def test_a_reader_that_gives_up_waiting_loses_nothing(tmp_path: Path) -> None:
    octets = bytes(range(256)) * 200
    path = tmp_path / "recording.bin"
    path.write_bytes(octets)

    async def story() -> bytes:
        transport = open_transport(str(path), LINK)
        await transport.open()
        read = b""
        while True:
            await give_up_reading(transport)
            if not (chunk := await transport.read()):
                break
            read += chunk
        await transport.close()
        return read

    assert asyncio.run(story()) == octets


def test_closing_while_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "recording.bin"
    path.write_bytes(bytes(10_000))

    async def story() -> None:
        transport = open_transport(str(path), LINK)
        await transport.open()
        await give_up_reading(transport)
        await transport.close()
        with pytest.raises(TransportError, match="not open"):
            await transport.read()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///no/such/recording.bin", "there is no such file; check the path"),
        ("file:///dev/null", "for a serial port write serial:///dev/null"),
        ("file:///tmp", "not a regular file"),
    ],
)
def test_what_is_no_recording(url: str, said: str) -> None:
    async def attempt() -> None:
        await open_transport(url, LINK).open()

    with pytest.raises(TransportError) as raised:
        asyncio.run(attempt())
    assert said in str(raised.value)


def test_reading_before_opening_is_an_error() -> None:
    with pytest.raises(TransportError, match="not open"):
        asyncio.run(open_transport("file:///tmp/x.bin", LINK).read())


def test_a_recording_cannot_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "recording.bin"
    path.write_bytes(b"~")

    async def story() -> None:
        transport = open_transport(str(path), LINK)
        await transport.open()
        assert not transport.can_change
        with pytest.raises(TransportError, match="leave out every_s to play it"):
            await transport.write(b"/?!\r\n")
        with pytest.raises(TransportError, match="no line settings"):
            await transport.change(LINK)
        await transport.close()

    asyncio.run(story())
    assert is_recording(str(path))
    assert is_recording("file://x.bin")
    assert not any(is_recording(url) for url in ("", "/dev/ttyUSB0", "tcp://host:1"))


def test_a_recording_with_timing_gives_its_octets(tmp_path: Path) -> None:
    file = tmp_path / "port.jsonl"
    octets = [bytes((n & 0xFF,)) * 40 for n in range(300)]
    pieces = [write_piece(Piece(float(n), piece)) for n, piece in enumerate(octets)]
    file.write_bytes(Header(datetime(2026, 5, 4, tzinfo=UTC)).write() + b"".join(pieces))
    assert b"".join(asyncio.run(read_all(str(file)))) == b"".join(octets)
    file.write_bytes(file.read_bytes() + b"nonsense\n")
    with pytest.raises(TransportError, match=r"port\.jsonl:302: the recording is damaged"):
        asyncio.run(read_all(str(file)))
