"""What systemd is told, and the unit file that makes it listen."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest
from ciibridge.service.systemd import Systemd
from mqtt_parts import free_port
from service_parts import ServiceProcess, write_config

UNIT = Path(__file__).resolve().parents[3] / "integrations" / "systemd" / "ciibridge.service"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_messages(manager: socket.socket) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": manager.getsockname()})
    systemd.ready("2 meters")
    systemd.stopping()
    assert [manager.recv(100) for _ in range(2)] == [b"READY=1\nSTATUS=2 meters", b"STOPPING=1"]


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0ciibridge-test-{os.getpid()}")
        Systemd({"NOTIFY_SOCKET": f"@ciibridge-test-{os.getpid()}"}).status("x")
        assert listener.recv(100) == b"STATUS=x"


def test_the_watchdog_is_fed_twice_an_interval(manager: socket.socket) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000"})

    async def watch() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(systemd.watch(), 0.22)

    asyncio.run(watch())
    manager.setblocking(False)
    count = 0
    while True:
        try:
            assert manager.recv(100) == b"WATCHDOG=1"
        except BlockingIOError:
            break
        count += 1
    assert 4 <= count <= 5


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}])
def test_without_a_watchdog_nothing_is_fed(environ: dict[str, str]) -> None:
    asyncio.run(asyncio.wait_for(Systemd(environ).watch(), 1))


def test_a_manager_that_is_gone_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "none")})
    systemd.status("a")
    systemd.status("b")
    assert len(caplog.messages) == 1


def test_the_service_is_ready_without_broker_and_port_and_says_when_it_stops(
    tmp_path: Path, manager: socket.socket
) -> None:
    config = write_config(tmp_path, free_port(), 'port = "/dev/none"\nmodel = "lg-e450"')
    process = ServiceProcess(config, NOTIFY_SOCKET=manager.getsockname())
    assert manager.recv(200) == b"READY=1\nSTATUS=1 meter (1 waiting), broker away"
    assert manager.recv(200) == b"STATUS=1 meter (1 port_error), broker away"
    assert process.terminate()[0] == 0
    assert manager.recv(200) == b"STOPPING=1"


def test_the_unit_waits_for_ready_and_restarts_but_not_on_a_wrong_configuration() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    assert (service["Type"], service["Restart"], service["RestartPreventExitStatus"]) == (
        "notify",
        "always",
        "2",
    )
    assert service["ExecStart"].endswith("ciibridge run -c /etc/ciibridge/ciibridge.toml")
    assert service["LimitCORE"] == "0"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert service["StateDirectory"] == "ciibridge"
    assert float(service["WatchdogSec"]) > 10


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """With systemd's own checker where it is installed; what it says about the missing program is no fault."""
    tool = shutil.which("systemd-analyze")
    keys = {line.split("=")[0] for line in UNIT.read_text().splitlines() if "=" in line and line[0].isalpha()}
    assert {"NoNewPrivileges", "ProtectSystem", "ProtectHome", "DevicePolicy", "SystemCallFilter"} <= keys
    if tool:
        copy = tmp_path / "ciibridge.service"
        copy.write_text(UNIT.read_text().replace("/opt/ciibridge/bin/ciibridge", "/bin/true"))
        done = subprocess.run([tool, "verify", str(copy)], capture_output=True, text=True, check=False)
        assert str(copy.name) not in done.stderr, done.stderr
