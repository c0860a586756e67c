"""``ciibridge init``: with answers, without questions, and what it says when something is not there yet."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import ciimodel
import pytest
from ciibridge.cli import init as module
from ciibridge.cli import main
from ciibridge.service.setup import load
from mqtt_parts import BrokerProcess, MakeBroker, find_mosquitto, free_port
from service_parts import TcpMeter, simulated
from typer.testing import CliRunner, Result

pytest_plugins = ("mqtt_fixtures",)
CATALOGUE = ciimodel.load()
KEY = bytes(range(16))


def init(*arguments: object, answers: str | None = None, **environment: str) -> Result:
    return CliRunner().invoke(main, ["init", *map(str, arguments)], input=answers, env=environment)


@pytest.fixture
def meter() -> Iterator[TcpMeter]:
    made = TcpMeter(simulated("lg-e450"), every_s=0.6)
    yield made
    made.stop()


@pytest.fixture
def ciphering() -> Iterator[TcpMeter]:
    made = TcpMeter(simulated("lg-e570", key=KEY), every_s=0.6)
    yield made
    made.stop()


def url_of(broker: BrokerProcess) -> str:
    return f"mqtt://127.0.0.1:{broker.port}"


@pytest.mark.broker
def test_without_questions(meter: TcpMeter, broker: BrokerProcess, tmp_path: Path) -> None:
    config = tmp_path / "house.toml"
    result = init(
        "--yes",
        "-c",
        config,
        "--port",
        meter.url,
        "--operator",
        "ekz",
        "--url",
        url_of(broker),
        "--id",
        "house",
    )
    assert result.exit_code == 0, result.output
    setup = load(config, CATALOGUE)
    (table,) = setup.meters
    assert (table.port, table.settings.model, table.settings.operator, table.settings.id) == (
        meter.url,
        "lg-e450",
        "ekz",
        "house",
    )
    assert setup.broker.port == broker.port
    assert f"ciibridge run -c {config}" in result.stdout
    assert "sudo systemctl enable --now ciibridge" in result.stdout
    assert f"{config}: good" in result.stdout


@pytest.mark.broker
def test_with_questions(ciphering: TcpMeter, broker: BrokerProcess, tmp_path: Path) -> None:
    """The key is asked for until it opens; a broker that is not there is asked for again; by number or by name."""
    config = tmp_path / "c.toml"
    operators = list(CATALOGUE.operators)
    answers = [
        "nonsense",  # key: told what is wrong with it
        KEY.hex(),
        str(operators.index("ekz") + 1),
        "house",
        f"mqtt://127.0.0.1:{free_port()}",
        "",
        "n",  # not without a broker
        url_of(broker),
        "anna",
        "hunter2",
    ]
    result = init("-c", config, "--port", ciphering.url, answers="".join(f"{answer}\n" for answer in answers))
    assert result.exit_code == 0, result.output
    assert "character 1 is not a hexadecimal digit" in result.output
    assert "nothing listens on 127.0.0.1" in result.output
    setup = load(config, CATALOGUE)
    assert (setup.meters[0].settings.key, setup.meters[0].settings.operator) == (KEY, "ekz")
    assert (setup.broker.username, setup.broker.password) == ("anna", "hunter2")
    for name in ("c.toml", "c.key", "c.password"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    for secret in (KEY.hex(), KEY.hex().upper(), "hunter2"):
        assert secret not in result.output + config.read_text()


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="amqtt lets everybody in")
def test_a_password_that_the_broker_refuses(meter: TcpMeter, make_broker: MakeBroker, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("")
    broker = make_broker(extra=f"allow_anonymous false\npassword_file {tmp_path / 'users'}").start()
    (tmp_path / "password").write_text("wrong\n")
    arguments = [
        "--yes",
        "-c",
        tmp_path / "c.toml",
        "--port",
        meter.url,
        "--url",
        url_of(broker),
        "--username",
        "anna",
    ]
    result = init(*arguments, "--password-file", tmp_path / "password")
    assert result.exit_code == 1
    assert "the user is not allowed" in result.output or "password is wrong" in result.output
    assert "nothing is written" in result.output
    assert not (tmp_path / "c.toml").exists()
    assert init(*arguments, "--offline", CIIBRIDGE_MQTT_PASSWORD="right").exit_code == 0
    assert load(tmp_path / "c.toml", CATALOGUE).broker.password == "right"


def test_silence_writes_nothing(tmp_path: Path) -> None:
    silent = TcpMeter(lambda: b"", every_s=0.2)
    try:
        result = init(
            "--yes", "-c", tmp_path / "c.toml", "--port", silent.url, "--seconds", 1, "--operator", "ekz"
        )
    finally:
        silent.stop()
    assert result.exit_code == 1
    assert "Nothing arrives." in result.stdout
    assert "Ask EKZ to enable the local interface" in result.stdout
    assert not list(tmp_path.iterdir())


def test_without_listening(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    result = init(
        "--yes",
        "-c",
        config,
        "--port",
        "/dev/ttyUSB0",
        "--no-probe",
        "--meter",
        "lg-e360",
        "--key",
        KEY.hex(),
        "--offline",
    )
    assert result.exit_code == 0, result.output
    assert load(config, CATALOGUE).meters[0].link.baudrate == 9600
    again = init("--yes", "-c", config, "--port", "/dev/ttyUSB0", "--no-probe", "--offline")
    assert again.exit_code == 2
    assert f"{config}: is there already" in again.output


def test_the_port_is_chosen_among_those_plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stable = "/dev/serial/by-id/usb-FTDI_TTL232R-if00-port0"
    monkeypatch.setattr(module, "ports_here", lambda: [stable, "/dev/ttyS0", "/dev/ttyUSB0"])
    config = tmp_path / "c.toml"
    more = ["-c", config, "--no-probe", "--offline", "--meter", "lg-e450"]
    assert init("--yes", *more).exit_code == 0
    assert load(config, CATALOGUE).meters[0].port == stable
    result = init(
        "--force",
        *more,
        "--operator",
        "ekz",
        "--id",
        "x",
        "--url",
        "mqtt://h",
        "--username",
        "u",
        answers="9\n3\n\n",
    )
    assert result.exit_code == 0, result.output
    assert "'9' is none of them" in result.output
    assert load(config, CATALOGUE).meters[0].port == "/dev/ttyUSB0"
    monkeypatch.setattr(module, "ports_here", lambda: ["/dev/ttyUSB0", "/dev/ttyUSB1"])
    assert "--port is needed" in init("--yes", "--force", *more).output
    monkeypatch.setattr(module, "ports_here", list)
    assert "no serial port here" in init("--yes", "--force", *more).output


def test_a_port_of_another_machine_may_be_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "house.toml"
    more = ["-c", config, "--no-probe", "--offline", "--operator", "ekz", "--id", "x", "--url", "mqtt://h"]
    for ports in (["/dev/ttyS0"], []):
        monkeypatch.setattr(module, "ports_here", lambda ports=ports: ports)
        result = init("--force", *more, "--username", "u", answers="http://h\ntcp://h:4001\n\n")
        assert result.exit_code == 0, result.output
        assert "http://h: unknown scheme 'http'" in result.output
        assert load(config, CATALOGUE).meters[0].port == "tcp://h:4001"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--operator", "ek"], "did you mean ekz"),
        (["--url", "http://x"], "is no address of a broker"),
        (["--id", "My House"], "--id My House: write a-z, 0-9, _ and - only, e.g. my-house"),
        (["--key", "12"], "--key: 2 hexadecimal digits"),
        (["--password-file", "/none"], "--password-file /none: cannot be read"),
        (["--lang", "la"], "--lang la"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: list[str], message: str) -> None:
    config = tmp_path / "c.toml"
    result = init("--yes", "-c", config, "--port", "/dev/ttyUSB0", "--no-probe", "--offline", *arguments)
    assert result.exit_code == 2
    assert message in re.sub(r"\s+", " ", result.output)
    assert not config.exists()
