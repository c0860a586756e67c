"""`ciibridge doctor`: each fault is found and named with its remedy, and a bridge that runs is not disturbed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ciibridge.cli import main
from ciibridge.service.doctor import Check, Level, machine
from ciibridge.service.doctor.holders import holder, named
from ciibridge.service.setup import Store
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from mqtt_parts import BrokerProcess, Listener, MakeBroker, free_port, wait_until
from service_parts import METER_ID, ServiceProcess, TcpMeter, remember, simulated, write_config
from typer.testing import CliRunner, Result

pytest_plugins = ("mqtt_fixtures",)
NOW = datetime(2026, 5, 4, 9, 40, tzinfo=UTC)


@pytest.fixture
def meter() -> Iterator[TcpMeter]:
    made = TcpMeter(simulated())
    yield made
    made.stop()


def doctor(config: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["doctor", "-c", str(config), "--listen", "2", *map(str, arguments)])


def checks(config: Path, *arguments: object) -> list[Check]:
    result = doctor(config, "--json", *arguments)
    document = json.loads(result.stdout)
    assert document["ok"] is (result.exit_code == 0)
    return [
        Check(Level(c["level"]), c["subject"], c["text"], c["remedy"])
        for c in document["checks"]
        if c["subject"] not in {"clock", "unit", "disk"}  # of the machine that runs the tests
    ]


def only(found: list[Check], level: Level) -> Check:
    (check,) = [check for check in found if check.level is level]
    return check


# -- the machine ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "kept", "level"),
    [
        (NOW, True, Level.OK),
        (NOW, None, Level.OK),
        (NOW, False, Level.WARN),
        (datetime(1970, 1, 1, tzinfo=UTC), True, Level.FAIL),
    ],
)
def test_the_clock(now: datetime, kept: bool | None, level: Level) -> None:
    check = machine.clock(now, kept=kept)
    assert check.level is level
    assert bool(check.remedy) is (level is not Level.OK)


@pytest.mark.parametrize(
    ("shown", "level", "said"),
    [
        ({"LoadState": "not-found"}, Level.WARN, "no unit"),
        ({"LoadState": "loaded", "ActiveState": "failed", "SubState": "failed"}, Level.FAIL, "is failed"),
        (
            {"LoadState": "loaded", "ActiveState": "active", "NRestarts": "12"},
            Level.WARN,
            "restarted 12 times",
        ),
        (
            {"LoadState": "loaded", "ActiveState": "active", "SubState": "running"},
            Level.OK,
            "active (running)",
        ),
    ],
)
def test_the_unit(shown: dict[str, str], level: Level, said: str) -> None:
    (check,) = machine.unit(shown)
    assert check.level is level
    assert said in check.words


def test_without_systemd_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert list(machine.unit(None)) == []
    assert machine.service_environment({"A": "b"}, None) == {"A": "b"}
    shown = {"StateDirectory": "ciibridge"}
    assert machine.service_environment({}, shown) == {"STATE_DIRECTORY": "/var/lib/ciibridge"}
    shown["RuntimeDirectory"] = "ciibridge"
    folder = tmp_path / "run/credentials/ciibridge.service"
    folder.mkdir(parents=True)
    assert machine.service_environment({}, shown, tmp_path) == {
        "STATE_DIRECTORY": "/var/lib/ciibridge",
        "RUNTIME_DIRECTORY": "/run/ciibridge",
        "CREDENTIALS_DIRECTORY": str(folder),
    }


def test_a_full_disk_and_no_place_at_all(tmp_path: Path) -> None:
    found, running = machine.state(Store(tmp_path / "x" / "state.db", octets=10**18))
    assert only(found, Level.WARN).subject == "disk"
    assert not running
    found, _ = machine.state(Store(None))
    assert "nothing outlasts" in only(found, Level.WARN).words


def test_what_waits_in_the_file_is_counted_and_nothing_is_made_beside_it(tmp_path: Path) -> None:
    config = tmp_path / "ciibridge.toml"
    remember(config)
    before = sorted(tmp_path.iterdir())
    found, _ = machine.state(Store(config.with_suffix(".db")))
    assert any("0 messages wait" in check.words for check in found)
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "ciibridge.db").write_bytes(b"no database" * 100)
    found, _ = machine.state(Store(config.with_suffix(".db")))
    assert "cannot be read" in only(found, Level.WARN).words


def test_who_has_locked_a_file(tmp_path: Path) -> None:
    path = tmp_path / "port"
    path.touch()
    assert holder(path) is None
    code = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = holder(path)
        process.kill()
    assert found is not None
    assert found.pid == process.pid
    assert "python" in found.command
    assert not found.is_bridge


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/usr/bin/python3.11 -IS /usr/bin/ciibridge run -c x.toml", "python3.11 ciibridge"),
        ("/opt/ciibridge/bin/python3 /opt/ciibridge/bin/ciibridge run", "python3 ciibridge"),
        ("/usr/bin/ser2net -c secret", "ser2net"),
        ("python3 -I -c secret", "python3"),
        ("", ""),
    ],
)
def test_programs_are_named_without_what_may_be_secret(line: str, name: str) -> None:
    assert named(line.split(" ")) == name


def test_damaged_or_missing_lists_of_locks_are_no_finding(tmp_path: Path) -> None:
    locks = tmp_path / "locks"
    locks.write_text("1: FLOCK  ADVISORY\n\n2: -> what is this\n")
    assert holder(tmp_path, locks) is None
    assert holder(tmp_path, tmp_path / "none") is None
    assert holder(tmp_path / "none") is None


# -- the command ---------------------------------------------------------------------------------------------------------


@pytest.mark.broker
def test_all_is_well(tmp_path: Path, broker: BrokerProcess, meter: TcpMeter, listen: object) -> None:
    config = write_config(tmp_path, broker.port, f'port = "{meter.url}"\nid = "{METER_ID}"')
    result = doctor(config)
    for said in (
        f"{config}: good, 1 meter",
        "it lets us in (MQTT 5)",
        "it passes on what we publish (cii/v1/_bridge/test-doctor/availability)",
        "telegrams come, of lg-e450",
    ):
        assert said in result.stdout, result.stdout
    assert METER_ID not in result.stdout
    assert not any(check.level is Level.FAIL for check in checks(config))


@pytest.mark.broker
def test_nothing_of_it_stays_on_the_broker(
    tmp_path: Path, broker: BrokerProcess, meter: TcpMeter, listen: object
) -> None:
    doctor(write_config(tmp_path, broker.port, f'port = "{meter.url}"'))
    listener: Listener = listen(broker.port)  # type: ignore[operator]
    listener.publish("end", "1")
    listener.wait("end")
    assert [heard.topic for heard in listener.messages] == ["end"]


@pytest.mark.broker
def test_beside_a_bridge_that_runs(tmp_path: Path, broker: BrokerProcess, meter: TcpMeter) -> None:
    config = write_config(tmp_path, broker.port, f'port = "{meter.url}"')
    service = ServiceProcess(config)
    try:
        wait_until(lambda: "reading 1 meter" in service.log, what="start")
        wait_until((tmp_path / "ciibridge.db").exists, what="state file")
        found = checks(config)
        assert any(c.subject == "state" and "in use by pid" in c.words for c in found), found
        assert any("the bridge has it" in check.words for check in found), found
        assert not any(check.level is Level.FAIL for check in found)
    finally:
        status, _, log = service.terminate()
    assert status == 0
    assert "WARNING" not in log


@pytest.mark.broker
def test_ports_that_do_not_serve(tmp_path: Path, broker: BrokerProcess) -> None:
    garbage = TcpMeter(lambda: bytes(range(256)) * 4)
    silent = TcpMeter(lambda: b"")
    encrypted = TcpMeter(simulated("lg-e570", key=KEY))
    config = write_config(
        tmp_path,
        broker.port,
        f'port = "{garbage.url}"',
        f'port = "{silent.url}"',
        f'port = "{encrypted.url}"',
        f'port = "tcp://127.0.0.1:{free_port()}"',
        f'port = "{tmp_path}/ttyUSB7"\nbaudrate = 2400',
    )
    try:
        found = checks(config)
    finally:
        for meter in (garbage, silent, encrypted):
            meter.stop()
    by_port = {check.subject.rpartition(" ")[2]: check for check in found}
    assert by_port[garbage.url].level is Level.FAIL
    assert "bad_frames" in by_port[garbage.url].words
    assert by_port[silent.url].level is Level.WARN
    assert "not one octet in 2 s" in by_port[silent.url].words
    assert "key_missing" in by_port[encrypted.url].words
    fails = [check for check in found if check.level is Level.FAIL]
    assert len(fails) == 4
    assert all(check.remedy or "check" in check.words or "no such" in check.words for check in fails), fails


def test_a_broker_that_is_not_there_and_a_configuration_that_is_wrong(tmp_path: Path) -> None:
    port = free_port()
    config = write_config(tmp_path, port, 'port = "/dev/ttyUSB0"\nmodel = "lg-450"\nkey = "1234"')
    found = checks(config)
    fails = [check for check in found if check.level is Level.FAIL]
    assert [check.subject.split()[0] for check in fails] == ["config", "config", "broker"]
    assert f"nothing listens on 127.0.0.1 port {port}" in fails[-1].words
    assert "1234" not in doctor(config).stdout
    found = checks(tmp_path / "none.toml")
    assert "there is no such file" in only(found, Level.FAIL).words


@pytest.mark.broker
def test_a_user_who_may_not_publish(tmp_path: Path, make_broker: MakeBroker) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read cii/#\n")
    acl.chmod(0o600)
    broker = make_broker(extra=f"acl_file {acl}").start()
    config = write_config(tmp_path, broker.port, 'port = "/dev/null.bin"')
    found = checks(config)
    (refused,) = [check for check in found if "_bridge/test-doctor" in check.subject]
    assert refused.level is Level.FAIL
    assert "not allowed" in refused.words


def test_a_meter_whose_operator_encrypts_and_no_key(tmp_path: Path) -> None:
    config = write_config(
        tmp_path,
        free_port(),
        f'port = "tcp://127.0.0.1:{free_port()}"\nmodel = "{MODEL}"\noperator = "{OPERATOR}"',
    )
    assert any("no key is configured" in check.words for check in checks(config))


def _encrypting() -> tuple[str, str]:
    """A model and an operator of the schema where every telegram is encrypted."""
    import ciimodel

    catalogue = ciimodel.load()
    return next(
        (entry.meter, operator.id)
        for operator in catalogue.operators.values()
        for entry in operator.meters
        if entry.encryption == "always"
    )


MODEL, OPERATOR = _encrypting()
