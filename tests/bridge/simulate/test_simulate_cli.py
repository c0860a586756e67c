"""``ciibridge simulate`` as a person calls it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import ciimodel
import pytest
from ciibridge.cli import main
from ciibridge.pipeline import ClockPolicy, MeterSettings, Pipeline
from ciibridge.types import Snapshot
from typer.testing import CliRunner

KEY = "000102030405060708090A0B0C0D0E0F"


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["simulate", *arguments])
    return result.exit_code, result.stdout, result.stderr


def snapshots(octets: bytes, key: bytes | None = None) -> list[Snapshot]:
    pipeline = Pipeline(ciimodel.load(), MeterSettings(key=key, clock=ClockPolicy.METER))
    found = pipeline.feed(octets, datetime.now(UTC)) + pipeline.finish()
    assert all(isinstance(item, Snapshot) for item in found), found
    return [item for item in found if isinstance(item, Snapshot)]


def test_a_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "hour.bin"
    code, out, err = call(
        "iskra-am550", "--at", "2026-05-04T06:00", "--count", "720", "--out", str(path), "--key", KEY
    )
    assert (code, out) == (0, f"{path}\n")
    assert err == "Iskraemeco AM550, encrypted: vse2026 every 5 s\n"
    found = snapshots(path.read_bytes(), bytes.fromhex(KEY))
    assert len(found) == 720
    assert (str(found[0].ts), str(found[-1].ts)) == ("2026-05-04 04:00:00+00:00", "2026-05-04 04:59:55+00:00")


def test_an_operators_lists(tmp_path: Path) -> None:
    path = tmp_path / "minute.bin"
    code, _, err = call(
        "lg-e450",
        "--operator",
        "romande-energie",
        "--at",
        "2026-05-04T06:00Z",
        "--count",
        "12",
        "--out",
        str(path),
    )
    assert code == 0
    assert "romande every 5 s, romande-tariffs every 60 s" in err
    pipeline = Pipeline(ciimodel.load(), MeterSettings(id="x"))
    found = pipeline.feed(path.read_bytes(), datetime.now(UTC))
    assert [item.list for item in found if isinstance(item, Snapshot)].count("0-9:25.9.0") == 1


def test_help_has_an_example() -> None:
    code, out, _ = call("--help")
    assert code == 0
    assert "Example: ciibridge simulate lg-e450 --out tcp:4001" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lg-e45"], "did you mean lg-e450"),
        (["lg-e450", "--operator", "romande"], "did you mean romande-energie"),
        (["lg-e450", "--list", "vse"], "did you mean vse2026"),
        (["lg-e450", "--key", "0011"], "--key: 4 hexadecimal digits, 28 too few"),
        (["lg-e450", "--auth-key", KEY], "auth_key without key"),
        (["lg-e450", "--out", "tcp:high"], "write tcp:PORT"),
        (["lg-e450", "--out", "day.bin"], "add --count"),
        (["lg-e450", "--speed", "0"], "add --count"),
        (["lg-e450", "--at", "yesterday"], "--at yesterday: write a time as 2026-05-04T06:00"),
        (["lg-e450", "--at", "2019-05-04T06:00"], "starts on 2020-01-01"),
        (["lg-e450", "--interval", "0"], "interval"),
        ([], "METER"),
    ],
)
def test_wrong_use_is_2_and_says_what_to_write(arguments: list[str], said: str) -> None:
    code, _, err = call(*arguments)
    assert code == 2
    assert said.lower() in err.lower()


def test_a_wrong_key_is_not_repeated() -> None:
    _, out, err = call("lg-e450", "--key", "00112233445566778899AABBCCDDEEF")
    assert "445566" not in out + err


def test_an_outlet_that_fails_is_1(tmp_path: Path) -> None:
    code, _, err = call("lg-e450", "--count", "1", "--out", str(tmp_path))
    assert (code, "cannot be written" in err) == (1, True)


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from ciibridge.cli import main; main()", "simulate", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_is_no_error_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    link = tmp_path / "meter"
    with running("lg-e450", "--interval", "0.2", "--out", f"pty:{link}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{link}\n"
        line = os.open(link, os.O_RDONLY | os.O_NOCTTY)
        octets = b""
        while len(octets) < 1200:
            octets += os.read(line, 4096)
        os.close(line)
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == "Landis+Gyr E450, plain: vse2026 every 0.2 s\n"
    assert not link.is_symlink()
    assert len(snapshots(octets[: 2 * 505])) == 2


@pytest.mark.parametrize("out", ["pty:{}", "tcp:0"])
def test_a_meter_that_is_read_answers_and_says_nothing_else(tmp_path: Path, out: str) -> None:
    hello, welcome = bytes.fromhex("7ea0070321930f017e"), 0x73  # SNRM, UA
    with running("lg-e450", "--interface", "optical", "--out", out.format(tmp_path / "meter")) as process:
        assert process.stdout is not None
        where = process.stdout.readline().strip()
        if where.startswith("tcp"):
            host, _, port = where.removeprefix("tcp://").partition(":")
            with socket.create_connection((host, int(port)), timeout=5) as client:
                client.sendall(hello)
                said = client.recv(1024)
        else:
            line = os.open(where, os.O_RDWR | os.O_NOCTTY)
            os.write(line, hello)
            said = os.read(line, 1024)
            os.close(line)
        assert said[5] == welcome
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lg-e450", "--interface", "p2"), "lg-e450 has no interface 'p2': it has mbus"),
        (("lg-e450", "--interface", "optical", "--out", "x.bin"), "a file asks nothing"),
        (("honeywell-as3000", "--interface", "optical"), "does not speak DLMS, only dsmr-p1"),
        (("lg-e450", "--address", "1"), "only devices on an M-Bus have one"),
        (("kamstrup-382", "--address", "1", "--address", "1"), "two devices with one address"),
    ],
)
def test_a_reader_that_cannot_be_answered(arguments: tuple[str, ...], said: str) -> None:
    code, _, err = call(*arguments)
    assert code == 2
    assert said in err


def test_a_meter_that_must_be_asked_answers_and_into_a_file_it_writes_its_readout(tmp_path: Path) -> None:
    path = tmp_path / "readout.txt"
    code, _, err = call("iskra-mt174", "--at", "2026-05-04T06:00", "--count", "1", "--out", str(path))
    assert (code, err) == (0, "Iskraemeco MT174, plain: readout every 60 s\n")
    assert path.read_bytes().startswith(
        b"/ISK5MT174\r\n\x020.9.1(06:00:00)\r\n0.9.2(26-05-04)\r\n0.0.0(10000001)"
    )
    with running("siemens-td3511", "--out", "tcp:0") as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            line.sendall(b"/?!\r\n")
            assert line.recv(100).startswith(b"/SI")
            line.sendall(b"\x06000\r\n")
            assert line.recv(4096).startswith(b"\x020.0.0(10000001)\r\n1.8.0(")


def test_in_a_protocol_without_questions_nobody_is_answered() -> None:
    code, _, err = call("sagemcom-xt211", "--interface", "optical", "--count", "1")
    assert code == 2
    assert "sagemcom-xt211 does not speak DLMS, only dsmr-p1" in err
