"""Errors that a serial driver counts: framing, parity, breaks."""

from __future__ import annotations

import fcntl
import os
import pty
import struct

import pytest
from ciibridge.transport import owns_line
from ciibridge.transport.line_errors import line_errors


def test_what_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def ioctl(_handle: int, request: int, counters: bytearray) -> int:
        assert request == 0x545D
        counters[:] = struct.pack("20i", 1, 2, 3, 4, 5, 6, 70, 8, 900, 1000, 11, *range(9))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert line_errors(0) == 70 + 900 + 1000


def test_a_pseudo_terminal_counts_nothing_and_has_no_line_settings() -> None:
    master, slave = pty.openpty()
    try:
        assert line_errors(slave) == 0
        assert not owns_line(os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(
    ("port", "ours"),
    [
        ("/dev/ttyUSB0", True),
        ("serial:///dev/ttyUSB0", True),
        ("rfc2217://host:4001", True),
        ("tcp://host:4001", False),
        ("socket://host:4001", False),
        ("file:///x", False),
    ],
)
def test_whose_line_settings_they_are(port: str, ours: bool) -> None:
    assert owns_line(port) is ours
