"""What systemd wants to hear (sd_notify(3)): ready, still alive, stopping. Silent where there is no systemd.

The protocol is one datagram of ``KEY=value`` lines to the socket that ``NOTIFY_SOCKET`` names; it needs no library.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Final

from ciibridge.events import event

_log: Final = logging.getLogger(__name__)


class Systemd:
    """Talks to the service manager that started this process, if one did."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" is how an abstract socket is written; its name begins with a zero octet.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "") if ours else ""
        self._watchdog_s = int(microseconds) / 1e6 if microseconds.isdigit() else 0.0

    def ready(self, status: str) -> None:
        """Tell that the start is over, with a status for ``systemctl status``."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Tell that a new configuration is taken up; ``ready`` tells the end of it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """Tell that the end has begun."""
        self._send("STOPPING=1")

    async def watch(self) -> None:
        """Send a sign of life twice a watchdog interval, for ever; it stops when the event loop hangs, as it should."""
        while self._watchdog_s > 0:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.connect(self._address)
                out.sendall(text.encode())
        except OSError as error:
            _log.warning(
                "systemd does not listen on NOTIFY_SOCKET (%s)", error.strerror, extra=event("no_systemd")
            )
            self._address = ""
