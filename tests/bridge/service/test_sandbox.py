"""The sandbox of the unit: as tight as systemd says, and the bridge does all its work in it."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from captures import ROOT
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from mqtt_parts import BrokerProcess, Listener, find_mosquitto, free_port, wait_until
from sandboxed import FAMILIES
from service_parts import Gate, PtyMeter, TcpMeter, simulated, write_config

pytest_plugins = ("mqtt_fixtures",)
UNIT = ROOT / "integrations/systemd/ciibridge.service"
ANALYZE = shutil.which("systemd-analyze")
NEEDS_ANALYZE = pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
#: Exposure, 0 to 10, as systemd 252 counts it.
MOST_EXPOSED = 1.6


@NEEDS_ANALYZE
def test_systemd_finds_little_exposed() -> None:
    done = subprocess.run(
        [str(ANALYZE), "security", "--offline=true", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= MOST_EXPOSED, done.stdout


def has_seccomp() -> bool:
    try:
        ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return False
    return True


def settings(key: str) -> list[str]:
    return [
        value
        for name, _, value in (line.partition("=") for line in UNIT.read_text().splitlines())
        if name == key
    ]


def members(group: str) -> set[str]:
    """System calls of a set of systemd, sets in it included."""
    done = subprocess.run([str(ANALYZE), "syscall-filter", group], capture_output=True, text=True, check=True)
    found: set[str] = set()
    for line in done.stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= members(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return found


def allowed() -> set[str]:
    """What ``SystemCallFilter`` of the unit lets through, in the order of its lines."""
    found: set[str] = set()
    for line in settings("SystemCallFilter"):
        for group in line.removeprefix("~").split():
            found = found - members(group) if line.startswith("~") else found | members(group)
    return found | members("@default")


def test_the_families_are_those_of_the_unit() -> None:
    assert [family.name for family in FAMILIES] == settings("RestrictAddressFamilies")[0].split()


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)")
@pytest.mark.skipif(not has_seccomp(), reason="needs libseccomp.so.2")
@pytest.mark.skipif(
    tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2]) < (6, 3), reason="needs Linux 6.3"
)
@NEEDS_ANALYZE
def test_all_the_work_is_done_in_it(tmp_path: Path, broker: BrokerProcess) -> None:
    """Serial port, TCP, keys, state file, a broker that is away and comes back, a new configuration, a clean end."""
    calls = tmp_path / "calls"
    calls.write_text("\n".join(sorted(allowed())))
    heard, gate = Listener(broker.port), Gate(free_port(), broker.port)
    over_tcp = TcpMeter(simulated("lg-e570", key=KEY, auth_key=AUTH_KEY))
    serial = PtyMeter(simulated())
    secret = tmp_path / "house.key"
    secret.write_text(KEY.hex())
    secret.chmod(0o600)
    meters = [
        f'port = "{serial.path}"\nid = "serial"',
        f'port = "{over_tcp.url}"\nid = "house"\nkey_file = "house.key"',
    ]
    url = f'url = "mqtt://localhost:{gate.port}"'
    config = write_config(tmp_path, broker.port, *meters, mqtt=url)
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("sandboxed.py")),
                str(calls),
                "run",
                "-c",
                str(config),
            ],
            stderr=output,
            env=os.environ,
        )
    try:
        wait_until(lambda: config.with_suffix(".db").exists(), 20, f"state file ({log.read_text()})")
        gate.open()
        for meter in ("serial", "house"):
            heard.wait(f"cii/v1/{meter}/state", timeout_s=20)
        assert json.loads(heard.wait("cii/v1/house/meta").payload)["encrypted"] is True
        write_config(tmp_path, broker.port, meters[1], mqtt=url)
        process.send_signal(signal.SIGHUP)
        heard.wait("cii/v1/serial/availability", "offline", timeout_s=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        heard.wait("cii/v1/house/availability", "offline")
    finally:
        process.kill()
        process.wait()
        for one in (heard, over_tcp, serial):
            one.stop()
        gate.shut()
    assert "Traceback" not in log.read_text()
    assert "cannot be written" not in log.read_text()
