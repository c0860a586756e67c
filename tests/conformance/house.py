"""A house with several meters: simulators, the bridge and a broker, each a process of its own, and somebody who listens.

ciibridge simulate … ──tcp──► ciibridge run ──► mosquitto ──► the software that is proven
                                                   └────────► Listener, which writes everything down
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from check_table import NotRun
from ciibridge.simulate.identity import SYNTHETIC_KEY
from mqtt_parts import BrokerProcess, Heard, Listener, find_mosquitto, free_port, wait_until
from service_parts import RUN, write_config


@dataclass(frozen=True)
class SimMeter:
    """A meter of the house. ``options`` go to ``ciibridge simulate``, ``lines`` to its block in the configuration."""

    id: str
    model: str
    options: tuple[str, ...]
    lines: str
    #: Arguments with which ``ciigen`` makes the consumers' files for it.
    chosen: tuple[str, ...]
    #: Published last of all by a house that has started.
    last: str


METERS: Final = (
    # one phase, encrypted
    SimMeter(
        "flat",
        "iskra-am550",
        ("--list", "si-1phase", "--interval", "1", "--key", SYNTHETIC_KEY.hex()),
        f'key = "{SYNTHETIC_KEY.hex()}"',
        ("--meter", "iskra-am550"),
        "value/power_net",
    ),
    # three phases
    SimMeter(
        "house", "lg-e360", ("--interval", "1", "--seed", "1"), "", ("--meter", "lg-e360"), "value/power_net"
    ),
    # sub-meters and tariffs; the quarter of an hour begins seventeen seconds after the start
    SimMeter(
        "farm-1",
        "lg-e450",
        ("--operator", "regionalwerke-baden", "--at", "2026-05-04T09:58:52+02:00", "--speed", "4"),
        'operator = "regionalwerke-baden"\nclock = "meter"',
        ("--meter", "lg-e450", "--operator", "regionalwerke-baden"),
        "channel/1/value/volume_gas",
    ),
    # DSMR-P1, with texts
    SimMeter(
        "shop",
        "ensor-ers801",
        ("--interval", "1", "--seed", "3"),
        "",
        ("--meter", "ensor-ers801"),
        "text/tariff_active",
    ),
)


class Process:
    """A process of ours and everything it starts, in a group of its own, so that Ctrl-C reaches only us."""

    def __init__(
        self,
        command: list[str | Path],
        log: Path,
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.log = log
        self._ended = False
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it as a power cut does."""
        self._kill_group()
        self._process.wait()

    def stop(self, grace_s: float = 10.0) -> None:
        """Ask it to end; what is left of its group is killed."""
        if self.running:
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self._kill_group()
        self._process.wait()

    def _kill_group(self) -> None:
        if not self._ended:
            self._ended = True
            with suppress(ProcessLookupError):
                os.killpg(
                    self._process.pid, signal.SIGKILL
                )  # the group has the number of the process that leads it


class House:
    """The running house. ``logs``: what to look at when something is wrong."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self.broker = BrokerProcess(folder, free_port(), "mosquitto").start()
        stack.callback(self.broker.stop)
        self.listener = Listener(self.broker.port)
        stack.callback(self.listener.stop)
        self.logs: list[Path] = []
        self._ports = {meter.id: free_port() for meter in METERS}
        self.simulators = [self._simulate(meter) for meter in METERS]
        self._blocks = [
            f'port = "tcp://127.0.0.1:{port}"\nmodel = "{meter.model}"\nid = "{meter.id}"\n{meter.lines}\n'
            for meter in METERS
            for port in (self._ports[meter.id],)
        ]
        for simulator in self.simulators:
            wait_until(
                lambda log=simulator.log: "tcp://" in log.read_text(),
                30,
                f"start of a meter ({simulator.log})",
            )
        self.bridge: Process | None = None

    def _simulate(self, meter: SimMeter, *more: str) -> Process:
        out = f"tcp:{self._ports[meter.id]}"
        command = [sys.executable, "-c", RUN, "simulate", meter.model, "--out", out, *meter.options, *more]
        return self.keep(Process(command, self.folder / f"simulate-{meter.id}.log"))

    def live_through(self, meter_id: str, at: str | None) -> None:
        """A meter goes on at another time (ISO 8601), later than before since its registers rise; None: it falls silent."""
        (place,) = (i for i, meter in enumerate(METERS) if meter.id == meter_id)
        self.simulators[place].kill()
        if at is not None:
            self.simulators[place] = self._simulate(METERS[place], "--at", at)

    def keep(self, process: Process) -> Process:
        """Stop it at the end, whatever happens."""
        self._stack.callback(process.stop)
        self.logs.append(process.log)
        return process

    def run_bridge(self, more: str = "") -> None:
        """Start the bridge; ``more`` is added to its configuration."""
        config = write_config(self.folder, self.broker.port, *self._blocks)
        config.write_text(f"{config.read_text()}\n{more}\n")
        self.bridge = self.keep(
            Process([sys.executable, "-c", RUN, "run", "-c", config], self.folder / "bridge.log")
        )

    def wait_for_readings(self, timeout_s: float = 40.0) -> None:
        """Wait until every meter has sent everything."""
        for meter in METERS:
            self.listener.wait(f"cii/v1/{meter.id}/availability", "online", timeout_s)
            self.listener.wait(f"cii/v1/{meter.id}/{meter.last}", timeout_s=timeout_s)

    def silence(self) -> None:
        """No telegram any more; returns when the last one has been published."""
        for simulator in self.simulators:
            simulator.kill()
        count = -1
        while count != (count := len(self.listener.messages)):
            time.sleep(1.5)

    @property
    def heard(self) -> list[Heard]:
        return list(self.listener.messages)

    def last(self, meter: str, place: str) -> str | None:
        """The last payload on a topic of a meter."""
        payloads = self.listener.payloads(f"cii/v1/{meter}/{place}")
        return payloads[-1] if payloads else None

    @property
    def url(self) -> str:
        """The broker, as ``ciigen --from`` wants it."""
        return f"mqtt://127.0.0.1:{self.broker.port}"

    def last_json(self, meter: str, place: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.last(meter, place) or "{}")
        return found


_CIIGEN: Final = "from ciigen.cli import main; main()"


def ciigen(*words: str) -> str:
    """What ``ciigen`` prints, as a user would have it in a file."""
    command = [sys.executable, "-c", _CIIGEN, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, (words, done.stdout[-1500:], done.stderr[-1500:])
    return done.stdout


@contextmanager
def house(folder: Path, more: str = "") -> Iterator[House]:
    """Start everything but what is to be proven; all of it has ended afterwards."""
    if find_mosquitto() is None:
        raise NotRun("mosquitto is not installed (apt install mosquitto)")
    with ExitStack() as stack:
        made = House(folder, stack)
        made.run_bridge(more)
        yield made


__all__ = ["METERS", "House", "Process", "SimMeter", "ciigen", "house", "wait_until"]
