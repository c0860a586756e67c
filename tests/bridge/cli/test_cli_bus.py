"""``ciibridge bus`` as a person calls it, with simulated devices at the other end of a TCP port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ciibridge.cli import main
from typer.testing import CliRunner


@contextmanager
def devices(*addresses: int) -> Iterator[str]:
    arguments = [part for address in addresses for part in ("--address", str(address))]
    command = [
        sys.executable,
        "-c",
        "from ciibridge.cli import main; main()",
        "simulate",
        "kamstrup-382",
        *arguments,
        "--out",
        "tcp:0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def bus(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["bus", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_who_is_there() -> None:
    with devices(3, 4) as port:
        code, out, err = bus(port, "--from", "3", "--to", "5")
        assert code == 0
        assert out.splitlines() == [
            "ADDRESS  DEVICE       WHAT         SECONDARY",
            "3        KAM10000001  electricity  100000012D2C0102",
            "4        KAM10000002  electricity  100000022D2C0102",
            "",
            'address = ["3","4"]',
        ]
        assert "100%  2 found" in err
        code, out, _ = bus(port, "--from", "4", "--to", "4", "--json")
        assert (code, json.loads(out)[0]["id"]) == (0, "KAM10000002")


def test_nobody_and_no_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        code, out, _ = bus(port, "--secondary")
    assert (code, "no device answers" in out) == (1, True)
    code, _, err = bus(port)
    assert (code, "nothing listens" in err) == (1, True)


@pytest.mark.parametrize(
    ("port", "exit_code", "said"),
    [
        ("x.bin", 1, "there is no such port"),
        ("carrier://pigeon", 2, "carrier"),
        ("file:///x.bin", 2, "a recording cannot be asked"),
    ],
)
def test_wrong_use(port: str, exit_code: int, said: str) -> None:
    code, _, err = bus(port)
    assert (code, said in err) == (exit_code, True)
