"""``ciibridge run`` and ``ciibridge demo`` as a user calls them."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections import defaultdict
from pathlib import Path

from service_parts import RUN, write_config


def call(*arguments: str, code: str = RUN) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


# -- run -----------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there() -> None:
    done = call("run", "-c", "/none/ciibridge.toml")
    assert done.returncode == 2
    assert (
        "/none/ciibridge.toml: there is no such file. Copy integrations/systemd/ciibridge.toml" in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_a_wrong_file_is_refused_with_all_that_is_wrong(tmp_path: Path) -> None:
    config = write_config(tmp_path, 1883, 'prot = "/dev/ttyUSB0"\nmodel = "lg-450"', mqtt='protocol = "4"')
    for arguments in (["run", "-c", str(config)], ["run", "--check", "-c", str(config)]):
        done = call(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert [line.split(": ")[1] for line in done.stderr.splitlines()[1:]] == [
            "mqtt.protocol",
            "meter[1].port",
            "meter[1].prot",
        ]


def test_check_says_what_would_run_and_no_secret(tmp_path: Path) -> None:
    key = "00112233445566778899AABBCCDDEEFF"
    config = write_config(
        tmp_path,
        1883,
        f'port = "/dev/ttyUSB0"\nmodel = "iskra-am550"\nid = "lgz1030600000001"\nkey = "{key}"',
        mqtt='protocol = "auto"\nusername = "u"\npassword = "hunter2"',
    )
    done = call("run", "-c", str(config), "--check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{config}: good",
        "broker mqtt://127.0.0.1:1883 (MQTT auto, one connection a meter), topics cii/v1/…",
        "meter on /dev/ttyUSB0: dlms-hdlc, 115200 baud 8N1 if serial; model iskra-am550; topics lgz…001; with a key",
    ]


def test_wrong_use() -> None:
    assert call("run", "--confg", "x").returncode == 2


# -- demo ----------------------------------------------------------------------------------------------------------------


def test_demo_in_lines_shows_four_meters_and_ends() -> None:
    done = call("demo", "--seconds", "2.5")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    heading, subscribe, *lines, ended = done.stdout.splitlines()
    assert re.search(r"4 simulated meters → bridge → broker mqtt://127\.0\.0\.1:\d+", heading)
    assert subscribe.startswith("Subscribe: mosquitto_sub -p ")
    heard = defaultdict(list)
    for line in lines:
        topic, _, payload = line.partition(" ")
        heard[topic].append(payload)
    states = {topic: json.loads(payloads[0]) for topic, payloads in heard.items() if topic.endswith("/state")}
    assert len(states) == 4
    assert all("power_net" in state["values"] for state in states.values())
    metas = [json.loads(payloads[-1]) for topic, payloads in heard.items() if topic.endswith("/meta")]
    assert {meta["operator"] for meta in metas} == {"ekz", "aew", "ewb", "romande-energie"}
    assert sorted(meta["encrypted"] for meta in metas) == [False, False, False, True]
    ends = {topic: payloads[-1] for topic, payloads in heard.items() if topic.endswith("/availability")}
    assert len(ends) == 5
    assert set(ends.values()) == {"offline"}
    assert ended == f"Ended after {len(lines)} messages."


FOUR_VALUES = re.compile(r"value/power_import +W +\d+ +\d+ +\d+ +\d+")


def _text(screen: bytearray) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.decode(errors="replace"))


def test_demo_on_a_terminal_is_a_table_and_ends_with_ctrl_c() -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "demo"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
        | {"TERM": "xterm"},
    )
    os.close(slave)
    screen = bytearray()
    interrupted = False
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    screen += os.read(master, 1 << 16)
                except OSError:  # the other side has closed the terminal
                    break
            if not interrupted and FOUR_VALUES.search(_text(screen)):
                process.send_signal(signal.SIGINT)
                interrupted = True
        status = process.wait(5)
    finally:
        process.kill()
        os.close(master)
    assert status == 0
    text = _text(screen)
    assert interrupted, text
    assert "Traceback" not in text
    last = text[text.rindex("ciibridge demo:") :]
    for words in (
        "EKZ · E450",
        "AEW · E450",
        "ewb · AS3000, P1",
        "Romande · AM550",
        "value/power_net",
        "mosquitto_sub -p",
    ):
        assert words in last
    assert FOUR_VALUES.search(last), last


def test_demo_without_its_broker_says_how_to_get_it() -> None:
    done = call("demo", code=f"import sys; sys.modules['amqtt'] = None\n{RUN}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'ciigen[demo]'" in done.stderr


def test_demo_on_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = call("demo", "--seconds", "1", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "choose another --port" in done.stderr
    assert "Traceback" not in done.stderr
