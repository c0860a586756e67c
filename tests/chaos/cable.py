"""A cable to pull: the bridge in a network namespace of its own, joined to this one by two pairs of virtual Ethernet.

    meters  10.x.y.1 ──────────── 10.x.y.2  ┐
                                            ├ bridge        x, y: drawn, for several at a time
    broker  10.x.y.5 ──── cut ─── 10.x.y.6  ┘

Either end of the second pair is set down: at the bridge's end its own plug is out, and its kernel knows; at the other end it is a
plug further away. The kernels retransmit, back off and give up as they do with any cable. Needs root and `ip` of iproute2.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


class Cable:
    """Made by ``laid``. ``command`` runs something in the namespace of the bridge."""

    def __init__(self, name: str, net: str) -> None:
        self.meter_host = f"{net}.1"
        self.broker_host = f"{net}.5"
        self.command = ["ip", "netns", "exec", name]
        self._name = name
        self._net = net

    def lay(self) -> None:
        name, net = self._name, self._net
        _ip("netns", "add", name)
        for letter, here, there in (("m", 1, 2), ("b", 5, 6)):
            _ip("link", "add", f"{name}{letter}", "type", "veth", "peer", "name", f"{letter}0", "netns", name)
            _ip("addr", "add", f"{net}.{here}/30", "dev", f"{name}{letter}")
            _ip("link", "set", f"{name}{letter}", "up")
            _ip("-n", name, "addr", "add", f"{net}.{there}/30", "dev", f"{letter}0")
            _ip("-n", name, "link", "set", f"{letter}0", "up")
        _ip("-n", name, "link", "set", "lo", "up")

    def set(self, state: str, *, near: bool) -> None:
        """Set an end of the cable to the broker ``up`` or ``down``; ``near``: that of the bridge."""
        where = ("-n", self._name, "link", "set", "b0") if near else ("link", "set", f"{self._name}b")
        _ip(*where, state)

    def take_up(self) -> None:
        subprocess.run(["ip", "netns", "del", self._name], check=True)


@contextmanager
def laid() -> Iterator[Cable | None]:
    """A cable; None where this machine or this user does not have what it takes."""
    if os.geteuid() or shutil.which("ip") is None:
        yield None
        return
    x, y = random.SystemRandom().sample(range(1, 255), 2)
    cable = Cable(f"cii{os.getpid() % 100_000}", f"10.{x}.{y}")
    try:
        cable.lay()
    except subprocess.CalledProcessError as error:
        print(f"no network namespace: {error.stderr.strip()}")
        subprocess.run(["ip", "netns", "del", cable.command[-1]], check=False, capture_output=True)
        yield None
        return
    try:
        yield cable
    finally:
        cable.take_up()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
