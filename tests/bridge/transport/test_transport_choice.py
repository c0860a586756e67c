"""The scheme chooses the module; what is wrong with a URL is said with the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from ciibridge.errors import ConfigError
from ciibridge.transport import LinkSettings, Transport, host_and_port, open_transport

LINK = LinkSettings()


def kind(transport: Transport) -> str:
    return type(transport).__name__


@pytest.mark.parametrize(
    ("url", "expected", "name"),
    [
        ("/dev/ttyUSB0", "SerialTransport", "/dev/ttyUSB0"),
        ("/dev/serial/by-id/usb-FTDI_#1 x-port0", "SerialTransport", "/dev/serial/by-id/usb-FTDI_#1 x-port0"),
        ("serial:///dev/ttyUSB0", "SerialTransport", "/dev/ttyUSB0"),
        ("SERIAL:///dev/ttyUSB0", "SerialTransport", "/dev/ttyUSB0"),
        ("rfc2217://gateway:4001", "SerialTransport", "rfc2217://gateway:4001"),
        ("socket://gateway:4001", "SerialTransport", "socket://gateway:4001"),
        ("tcp://gateway:4001", "TcpTransport", "gateway:4001"),
        ("tcp://[fe80::1]:4001", "TcpTransport", "[fe80::1]:4001"),
        ("file:///tmp/a%20b.bin", "FileTransport", "/tmp/a b.bin"),
        ("/no/such/file.bin", "SerialTransport", "/no/such/file.bin"),
    ],
)
def test_scheme_chooses_the_module(url: str, expected: str, name: str) -> None:
    transport = open_transport(url, LINK)
    assert (kind(transport), transport.name) == (expected, name)


def test_an_existing_file_is_a_recording_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "100% of #1?.bin"
    path.write_bytes(b"~")
    transport = open_transport(str(path), LINK)
    assert (kind(transport), transport.name) == ("FileTransport", str(path))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "no port given"),
        ("mqtt://broker", "unknown scheme 'mqtt'. Known: serial://, rfc2217://, socket://, tcp://, file://"),
        ("tcp://gateway", "write tcp://host:port, e.g. tcp://192.168.1.20:4001"),
        ("tcp://:4001", "write tcp://host:port"),
        ("tcp://gateway:0", "write tcp://host:port"),
        ("tcp://gateway:70000", "with a port of 1 to 65535"),
        ("rfc2217://gateway", "write rfc2217://host:port"),
        ("serial://", "a path is missing, e.g. serial:///dev/ttyUSB0"),
    ],
)
def test_a_wrong_url_is_the_users_to_mend(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_transport(url, LINK)
    assert said in str(raised.value)


def test_host_and_port() -> None:
    assert host_and_port("tcp://[::1]:4001") == ("::1", 4001)
