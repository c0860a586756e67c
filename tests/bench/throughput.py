"""How many telegrams one process reads from TCP and publishes as ``state``, in a second of its own processor time.

Processor time and not the clock: the broker and the sender run on the same machine and would be measured too.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from captures import capture
from mqtt_parts import BrokerProcess, Listener, find_mosquitto, free_port

TELEGRAMS = 20_000
_TICKS = os.sysconf("SC_CLK_TCK")


def per_second() -> tuple[float, str]:
    """Telegrams a second of processor time, and the broker that took them."""
    kind = "mosquitto" if find_mosquitto() else "amqtt"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = BrokerProcess(folder, free_port(), kind, "max_queued_messages 0\n").start()
        try:
            return _measure(folder, broker.port), kind
        finally:
            broker.stop()


def _measure(folder: Path, broker: int) -> float:
    data = capture("dlms-hdlc/lg-e450-ch-vse2026.bin").data
    server = socket.create_server(("127.0.0.1", 0))
    config = folder / "bench.toml"
    config.write_text(
        f'[bridge]\nid = "bench"\n[mqtt]\nurl = "mqtt://127.0.0.1:{broker}"\nvalue_topics = false\n'
        f'[[meter]]\nport = "tcp://127.0.0.1:{server.getsockname()[1]}"\nid = "bench"\nclock = "meter"\n'
        f'[outbox]\npath = "{folder}/state.db"\n',
        encoding="utf-8",
    )
    heard = Listener(broker)
    bridge = subprocess.Popen(
        [sys.executable, "-c", "from ciibridge.cli import main; main()", "run", "-c", str(config)],
        stderr=subprocess.DEVNULL,
    )
    try:
        meter, _ = server.accept()
        threading.Thread(target=_send, args=(meter, data), daemon=True).start()
        heard.wait("cii/v1/bench/state", timeout_s=20)
        begin, begun = _cpu_s(bridge.pid), len(heard.of("cii/v1/bench/state"))
        end = time.monotonic() + 60
        while (count := len(heard.of("cii/v1/bench/state"))) < TELEGRAMS and time.monotonic() < end:
            time.sleep(0.2)
        return (count - begun) / (_cpu_s(bridge.pid) - begin)
    finally:
        bridge.kill()
        bridge.wait()
        heard.stop()
        server.close()


def _send(meter: socket.socket, data: bytes) -> None:
    block = data * 100
    for _ in range(TELEGRAMS // 100):
        meter.sendall(block)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
