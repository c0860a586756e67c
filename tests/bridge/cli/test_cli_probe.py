"""``ciibridge probe``, ``record`` and ``replay`` as a person calls them: a pseudo-terminal, TCP, files."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ciimodel
import pytest
from ciibridge.cli import main
from ciibridge.recording.container import Header, Piece, write_piece
from ciibridge.service.setup import load
from ciibridge.simulate import SimulatedMeter
from service_parts import RUN, PtyMeter, Speech, TcpMeter, simulated
from typer.testing import CliRunner, Result

KEY = bytes(range(16))
AUTH_KEY = bytes(range(0xD0, 0xE0))
START = datetime(2026, 5, 4, 9, 39, 20, tzinfo=UTC)
Talk = Callable[[Speech], str]


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.fixture
def tcp() -> Iterator[Talk]:
    """Make meters behind TCP ports; gives their URLs."""
    made: list[TcpMeter] = []

    def make(speech: Speech) -> str:
        made.append(TcpMeter(speech, every_s=0.6))
        return made[-1].url

    yield make
    for meter in made:
        meter.stop()


def ticking(model: str, **options: object) -> Speech:
    """A meter whose clock goes on by its interval with each telegram, however quickly they are asked for."""
    meter = SimulatedMeter(ciimodel.load(), model, **options)  # type: ignore[arg-type]
    moments = iter(range(1_000_000))
    return lambda: meter.telegrams(START + timedelta(seconds=meter.interval_s * next(moments)))


def recorded(path: Path, model: str, telegrams: int, **options: object) -> Path:
    """A recording of a simulated meter."""
    meter = SimulatedMeter(ciimodel.load(), model, **options)  # type: ignore[arg-type]
    pieces = [
        Piece(n * meter.interval_s, meter.telegrams(START + timedelta(seconds=n * meter.interval_s)))
        for n in range(telegrams)
    ]
    path.write_bytes(Header(START).write() + b"".join(write_piece(piece) for piece in pieces))
    return path


@pytest.mark.parametrize("model", ["lg-e450", "iskra-am550", "lg-e360-dsmr"])
def test_probe_over_tcp(tcp: Talk, model: str) -> None:
    result = call("probe", tcp(simulated(model)))
    assert result.exit_code == 0, result.stderr
    assert f"({model})" in result.stdout.splitlines()[0]
    assert re.search(r"list +.*every 0\.[67] s", result.stdout)
    assert "set at the other end" in result.stdout
    assert "Compare with the display of the meter:" in result.stdout


def test_probe_over_a_pseudo_terminal() -> None:
    meter = PtyMeter(simulated("lg-e450"), every_s=0.6)
    try:
        for arguments in ([], ["--line", "2400-8E1"]):
            result = call("probe", meter.path, *arguments, "--json")
            assert result.exit_code == 0, result.stderr
            report = json.loads(result.stdout)
            assert (report["meter"], report["protocol"], report["key"]) == (
                "lg-e450",
                "dlms-hdlc",
                "not needed",
            )
            assert [operator["id"] for operator in report["operators"] if operator["fits"]] == ["aew", "ekz"]
            assert report["meter_id"] == "LGZ…001"
    finally:
        meter.stop()


def test_probe_of_a_recording_knows_its_intervals(tmp_path: Path) -> None:
    file = recorded(tmp_path / "r.jsonl", "lg-e450", 30, operator="regionalwerke-baden")
    report = json.loads(call("probe", file, "--json").stdout)
    assert {one["lists"][0]: one["interval_s"] for one in report["lists"]} == {
        "rwb": 5,
        "rwb-tariffs": 60,
    }


def test_what_is_written_runs(tcp: Talk, tmp_path: Path) -> None:
    """A key that was swapped with the other one stands in the right file, for its owner only."""
    config = tmp_path / "house.toml"
    url = tcp(ticking("lg-e570", key=KEY, auth_key=AUTH_KEY))
    result = call("probe", url, "--key", AUTH_KEY.hex(), "--auth-key", KEY.hex(), "--write", config)
    assert result.exit_code == 0, result.stderr
    assert "swapped" in result.stdout
    for key in (KEY, AUTH_KEY):
        assert key.hex().upper() not in (result.stdout + result.stderr + config.read_text()).upper()
    for file, key in ((tmp_path / "house.key", KEY), (tmp_path / "house.auth", AUTH_KEY)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert bytes.fromhex(file.read_text()) == key
    (meter,) = load(config, ciimodel.load()).meters
    assert (meter.port, meter.settings.model, meter.protocol) == (url, "lg-e570", "dlms-hdlc")
    assert (meter.settings.key, meter.settings.auth_key) == (KEY, AUTH_KEY)
    shown = tomllib.loads(result.stdout[result.stdout.index("[[meter]]") :])
    assert shown["meter"] == tomllib.loads(config.read_text())["meter"]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    file = recorded(tmp_path / "r.jsonl", "lg-e570", 3, key=KEY)
    (tmp_path / "c.key").write_text("mine")
    again = ["probe", file, "--key", KEY.hex(), "--write", tmp_path / "c.toml"]
    result = call(*again)
    assert result.exit_code == 2
    assert f"{tmp_path / 'c.key'}: is there already" in result.stderr
    assert not (tmp_path / "c.toml").exists()
    assert (tmp_path / "c.key").read_text() == "mine"
    assert call(*again, "--force").exit_code == 0
    assert bytes.fromhex((tmp_path / "c.key").read_text()) == KEY


def test_without_the_key_the_place_for_it_is_shown(tmp_path: Path) -> None:
    file = recorded(tmp_path / "r.jsonl", "kamstrup-omnipower", 3, key=KEY, lists=("consumer",))
    result = call("probe", file, "--meter", "kamstrup-omnipower", "--operator", "ckw", "--lang", "de")
    assert result.exit_code == 1
    assert "the key is missing" in result.stdout
    assert "CKW: CKW gibt zwei Schlüssel ab" in result.stdout
    assert '# key_file = "ciibridge.key"' in result.stdout
    assert 'model = "kamstrup-omnipower"' in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--key", "00010203040506070809"], "--key: 20 hexadecimal digits, 12 too few"),
        (["--key", KEY.hex() + "123"], "--key: 35 hexadecimal digits, 3 too many"),
        (["--key", KEY.hex()[:-1] + "O"], "perhaps it is the digit 0"),
        (["--key", "0001", "0203", "0405"], "a key in groups must stand in quotation marks"),
        (["--key-file", "/none/house.key"], "--key-file /none/house.key: cannot be read (No such file"),
        (["--line", "fast"], "--line fast: write speed, bits, parity and stop bits"),
        (["--meter", "lg-e45"], "did you mean lg-e450"),
        (["--protocol", "smoke"], "--protocol smoke: write one of"),
        (["--lang", "la"], "--lang la: write one of en, de, fr, it"),
        (["more"], "'more' is one argument too many"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: list[str], message: str) -> None:
    file = recorded(tmp_path / "r.jsonl", "lg-e570", 1, key=KEY)
    result = call("probe", file, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    for word in arguments:
        assert not re.fullmatch(r"[0-9A-Fa-f]{6,}", word) or word not in result.stderr


def test_a_key_as_operators_write_it(tmp_path: Path) -> None:
    file = recorded(tmp_path / "r.jsonl", "lg-e570", 2, key=KEY)
    (tmp_path / "k").write_text(f"  0x{KEY.hex()}\n")
    for option, text in (
        ("--key", "0x00 01 02 03:04:05:06:07-08090a0b 0C0D0E0F"),
        ("--key-file", tmp_path / "k"),
    ):
        assert json.loads(call("probe", file, option, text, "--json").stdout)["key"] == "right"


def test_a_port_that_is_silent_says_what_to_check() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with closing(listener):
        url = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        result = call("probe", url, "--seconds", 1, "--operator", "ekz", "--meter", "lg-e450")
    assert result.exit_code == 1
    first, *_ = result.stdout.splitlines()
    assert first == "Nothing arrives."
    steps = [line for line in result.stdout.splitlines() if line.startswith("  - ")]
    assert "right port" in steps[0]
    assert "EKZ switched the interface on? Ask EKZ to enable the local interface" in steps[1]
    assert any("RJ12 socket, pins 3 and 4: M-Bus converter of the slave kind" in step for step in steps)
    assert any("SX401" in step for step in steps)


def test_a_meter_that_only_answers_is_asked() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "simulate", "siemens-td3511", "--out", "tcp:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        result = call("probe", process.stdout.readline().strip(), "--meter", "siemens-td3511", "--json")
        assert result.exit_code == 0, result.stderr
        report = json.loads(result.stdout)
        assert (report["meter"], report["protocol"]) == ("siemens-td3511", "iec62056-21")
        assert report["interfaces"] == [{"meter": "siemens-td3511", "interface": "optical"}]
        assert report["values"]["power_import"]["unit"] == "W"
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextmanager
def answering(*arguments: str) -> Iterator[str]:
    """A simulated meter that is asked; its URL."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "simulate", *arguments, "--out", "tcp:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_bus_that_nobody_knows_is_asked_and_its_configuration_is_good(tmp_path: Path) -> None:
    with answering("kamstrup-382", "--address", "44") as url:
        file = tmp_path / "c.toml"
        result = call("probe", url, "--ask", "--write", file)
    assert result.exit_code == 0, result.stdout
    assert "mbus, 1 telegrams" in result.stderr
    (meter,) = load(file, ciimodel.load()).meters
    assert meter.asking is not None
    assert (meter.protocol, meter.asking.every_s, meter.asking.addresses) == ("mbus", 60, ())


def test_a_meter_that_answers_dlms_is_knocked_at_and_no_more(tmp_path: Path) -> None:
    with answering("lg-e450", "--wrapper", "--interface", "optical") as url:
        nothing = call("probe", url, "--ask", "--seconds", "3", "--json")
    assert (nothing.exit_code, json.loads(nothing.stdout)["outcome"]) == (1, "nothing")
    with answering("lg-e450", "--interface", "optical") as url:
        file = tmp_path / "c.toml"
        result = call("probe", url, "--ask", "--json", "--write", file)
    report = json.loads(result.stdout)
    assert (report["outcome"], report["asked"], report["addresses"]) == ("not understood", True, ["16/1"])
    assert any("your operator says" in note for note in report["notes"])
    (meter,) = load(file, ciimodel.load()).meters
    assert meter.asking is not None
    assert (meter.protocol, meter.asking.addresses) == ("dlms-hdlc", ("16/1",))


def test_ctrl_c_shows_what_is_known(tcp: Talk) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "probe", tcp(simulated("lg-e450")), "--watch", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()  # it listens
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out.startswith("Found: Landis+Gyr E450 (lg-e450)")


def test_record_and_replay(tcp: Talk, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    result = call("record", tcp(ticking("lg-e450")), file, "--telegrams", 2)
    assert result.exit_code == 0, result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert set(lines[0]) == {"ciibridge_recording", "started", "software"}
    assert lines[-1]["t"] > 0.4
    decoded = call("decode", file)
    assert (decoded.exit_code, len(decoded.stdout.splitlines())) == (0, 2)
    played = call("replay", file, "--out", "-", "--speed", 0)
    assert played.stdout_bytes == b"".join(bytes.fromhex(line["hex"]) for line in lines[1:])
    assert call("record", tcp(simulated()), file).exit_code == 2, "it is there already"


def test_record_redacted(tcp: Talk, tmp_path: Path) -> None:
    """Neither the file nor what is printed holds the number of the meter; it decodes without being told the test key."""
    serial, key = "LGZ1030798765432", bytes(range(0x40, 0x50))
    url = tcp(ticking("lg-e570", key=key, serial=serial))
    file = tmp_path / "public.jsonl"
    result = call("record", url, file, "--telegrams", 2, "--redact", "--key", key.hex())
    assert result.exit_code == 0, result.stderr
    assert "names replaced" in result.stderr
    decoded = [json.loads(line) for line in call("decode", file).stdout.splitlines()]
    assert [state["meter"] for state in decoded] == ["lgz1030700000001"] * 2
    assert "98765432" not in file.read_text() + result.output + str(decoded)
    assert json.loads(call("probe", file, "--json").stdout)["key"] == "right"
    refused = call("record", url, tmp_path / "x", "--telegrams", 2, "--redact")
    assert refused.exit_code == 2
    assert "is the --key missing" in refused.stderr
    assert not (tmp_path / "x").exists()


def test_a_recording_is_redacted_later(tmp_path: Path) -> None:
    file = recorded(tmp_path / "r.jsonl", "lg-e450", 3, serial="LGZ1030698765432")
    assert call("record", file, tmp_path / "public.jsonl", "--redact").exit_code == 0
    old, new = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("r.jsonl", "public.jsonl")
    )
    assert [line["t"] for line in new[1:]] == [line["t"] for line in old[1:]]
    assert new[0]["started"] == old[0]["started"]
    assert new[0]["redacted"]["values"] == "as the meter sent them"
    octets = tmp_path / "octets.bin"
    octets.write_bytes(b"".join(bytes.fromhex(line["hex"]) for line in old[1:]))
    assert call("record", octets, tmp_path / "again.jsonl", "--redact").exit_code == 0
    assert call("decode", tmp_path / "again.jsonl").stdout == call("decode", tmp_path / "public.jsonl").stdout


def test_replay_keeps_the_time(tmp_path: Path) -> None:
    file, copy = recorded(tmp_path / "r.jsonl", "lg-e450", 3), tmp_path / "copy.bin"
    begin = time.monotonic()
    assert call("replay", file, "--out", copy, "--speed", 20).exit_code == 0
    assert time.monotonic() - begin > 0.45
    assert call("decode", copy).stdout == call("decode", file).stdout


def test_replay_into_a_pseudo_terminal_is_probed(tmp_path: Path) -> None:
    file = recorded(tmp_path / "r.jsonl", "lg-e450", 100)
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "replay", str(file), "--speed", "7"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        report = json.loads(call("probe", process.stdout.readline().strip(), "--json").stdout)
        assert report["meter"] == "lg-e450"
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay", "/none/r.jsonl"], "/none/r.jsonl: No such file"),
        (["replay", "{empty}"], "there is not one octet in it"),
        (["replay", "{octets}", "--repeat"], "--repeat without timing"),
        (["replay", "{octets}", "--out", "tcp:x"], "--out tcp:x: write tcp:PORT"),
        (["record", "smoke://x", "{new}"], "unknown scheme 'smoke'"),
        (["record", "tcp://127.0.0.1:1", "{new}", "--line", "1"], "--line 1: write speed"),
    ],
)
def test_wrong_use_of_record_and_replay(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "octets").write_bytes(b"\x7e")
    names = {name: tmp_path / name for name in ("empty", "octets", "new")}
    result = call(*[argument.format(**names) for argument in arguments])
    assert result.exit_code == 2
    assert message in result.stderr


def test_record_of_a_port_that_fails() -> None:
    result = call("record", "tcp://127.0.0.1:1", "/none/x.jsonl")
    assert result.exit_code == 1
    assert "nothing listens on this port" in result.stderr


def test_a_terminal_that_is_nobody_is_a_finding(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    try:
        result = call("record", path, tmp_path / "x.jsonl", "--seconds", 0.3)
        assert (result.exit_code, result.stdout.split(": ")[1]) == (1, "0 octets in 0 pieces\n")
    finally:
        os.close(master)
        os.close(slave)
