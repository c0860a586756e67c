"""Simulated meters that number their telegrams, behind TCP or on pseudo-terminals that can be torn away."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import struct
import termios
import time
import tty
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import ciimodel
from ciibridge.simulate import SimulatedMeter, p1
from ciibridge.simulate.household import Household, State

from chaos.ledger import Ledger, volts

#: A pusher of every 5 s, at 10 × speed.
INTERVAL_S = 0.5
#: What was written to a pseudo-terminal so shortly before it was torn away may not have reached the other end.
_ON_THE_WAY_S = 0.1


class _Numbering(Household):
    """A household whose power and voltage say which telegram it is."""

    number = 0

    def at(self, moment: datetime) -> State:
        volt = 10 * volts(self.number)
        return replace(
            super().at(moment),
            active_w=(self.number, 0, 0),
            reactive_var=(0, 0, 0),
            voltage_dv=(volt, volt, volt),
        )


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def dlms(seed: int, clock: Clock) -> Callable[[int], bytes]:
    """An E450: DLMS push lists in several HDLC frames."""
    household = _Numbering(seed)
    meter = SimulatedMeter(ciimodel.load(), "lg-e450", seed=seed)
    meter.__dict__["household"] = household

    def speak(number: int) -> bytes:
        household.number = number
        return meter.telegrams(clock())

    return speak


def dsmr(_: int, __: Clock) -> Callable[[int], bytes]:
    """A P1 meter: text with a CRC."""

    def speak(number: int) -> bytes:
        return p1.telegram(
            "SIM5CHAOS",
            [
                f"1-0:1.7.0({number // 1000:02}.{number % 1000:03}*kW)",
                f"1-0:32.7.0({volts(number)}.0*V)",
            ],
        )

    return speak


class Meter:
    """Numbers its telegrams and writes down what it has sent."""

    def __init__(
        self, name: str, place: int, ledger: Ledger, interval_s: float, clock: Clock = utc_now
    ) -> None:
        self.name = name
        self.ledger = ledger
        self.talking = True
        self.model = "lg-e450" if place % 2 else ""
        self.protocol = "dlms-hdlc" if place % 2 else "dsmr-p1"
        self._interval_s = interval_s
        self._speak = (dlms if place % 2 else dsmr)(place, clock)
        self.number = 0
        self._speak(0)  # the first one takes a second: a household adds up the years

    def block(self, port: str) -> str:
        model = f'\nmodel = "{self.model}"' if self.model else ""
        return f'port = "{port}"\nid = "{self.name}"\nprotocol = "{self.protocol}"{model}'

    def next(self) -> bytes:
        """Octets of the next telegram, which counts as sent from now on."""
        self.number += 1
        octets = self._speak(self.number)
        self.ledger.sent[self.name, self.number] = time.monotonic()
        return octets

    async def pause(self) -> None:
        await asyncio.sleep(self._interval_s)


class TcpMeter(Meter):
    """Talks to who connects, as a serial server does."""

    url = ""
    host = "127.0.0.1"
    connections = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._talk, self.host, 0)
        self.url = f"tcp://{self.host}:{self._server.sockets[0].getsockname()[1]}"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        gone = asyncio.ensure_future(reader.read())
        with contextlib.suppress(OSError, asyncio.CancelledError):  # cancelled: the world ends
            while not gone.done():
                if self.talking:
                    writer.write(self.next())
                    await writer.drain()
                await asyncio.wait({gone}, timeout=self._interval_s)
        gone.cancel()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await gone
        writer.close()

    def stop(self) -> None:
        self._server.close()


class PortMeter(Meter):
    """Talks into a pseudo-terminal under a name that vanishes with it and comes back with another one."""

    def __init__(self, name: str, place: int, ledger: Ledger, interval_s: float, folder: Path) -> None:
        super().__init__(name, place, ledger, interval_s)
        self.path = folder / name
        self._master = -1
        self._opened = asyncio.Event()

    async def start(self) -> None:
        self.give()
        self._task = asyncio.create_task(self._talk())

    @property
    def url(self) -> str:
        return str(self.path)

    def give(self) -> None:
        """Plug the port in."""
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self._device = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self.path.symlink_to(self._device)

    def tear(self) -> None:
        """Pull the port out, in the middle of whatever is going on."""
        if self._left():
            self._excuse(1.0)
        self._excuse(_ON_THE_WAY_S)
        self.path.unlink()
        os.close(self._master)
        self._master = -1

    def _left(self) -> int:
        """Count octets that the bridge has not read."""
        slave = os.open(self._device, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            return int(struct.unpack("i", fcntl.ioctl(slave, termios.FIONREAD, b"\0\0\0\0"))[0])
        finally:
            os.close(slave)

    def _excuse(self, seconds: float) -> None:
        since = time.monotonic() - seconds
        number = self.number
        while (when := self.ledger.sent.get((self.name, number))) is not None and when >= since:
            self.ledger.unread.add((self.name, number))
            number -= 1

    def _read_by_somebody(self) -> bool:
        if self._master < 0:
            return False
        poll = select.poll()
        poll.register(self._master, select.POLLOUT)
        return not any(event & select.POLLHUP for _, event in poll.poll(0))

    async def _talk(self) -> None:
        while True:
            if not self._read_by_somebody():
                await asyncio.sleep(0.05)
                self._fresh = True
                continue
            if self._fresh:  # pyserial drops what came before it had set the line
                self._fresh = False
                await asyncio.sleep(0.4)
                continue
            if self.talking:
                octets = self.next()
                with contextlib.suppress(BlockingIOError):
                    if os.write(self._master, octets) == len(octets):
                        await self.pause()
                        continue
                self.ledger.unread.add((self.name, self.number))
            await self.pause()

    _fresh = True

    def stop(self) -> None:
        self._task.cancel()
        if self._master >= 0:
            self.tear()
