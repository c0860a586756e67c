"""How the meters on a broker do, judged from what is kept there; and `ciibridge status` on a real broker."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ciimodel
import pytest
from ciibridge.cli import main
from ciibridge.service.status import MeterStatus, Status, spell
from mqtt_parts import BrokerProcess, Listener, MakeBroker, free_port
from service_parts import METER_ID, TcpMeter, service_in_thread, simulated, write_config
from typer.testing import CliRunner, Result

pytest_plugins = ("mqtt_fixtures",)
NOW = datetime(2026, 5, 4, 9, 40, tzinfo=UTC)
CATALOGUE = ciimodel.load()


def told(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def judged(availability: str | None = "online", **diag: Any) -> MeterStatus:
    seen = Status(CATALOGUE, "cii")
    if availability is not None:
        seen.hear("cii/v1/house/availability", availability.encode())
    document = {"ts": told(NOW - timedelta(seconds=20)), "link": "ok"} | diag
    seen.hear("cii/v1/house/diag", json.dumps(document).encode())
    (meter,) = seen.meters(NOW)
    return meter


def words(meter: MeterStatus) -> str:
    return "; ".join(trouble.words for trouble in meter.troubles)


def test_all_is_well() -> None:
    meter = judged(frames_ok=1000, frames_bad=3, last_rx=told(NOW - timedelta(seconds=25)), age_s=5)
    assert meter.ok
    assert meter.troubles == ()
    assert meter.age_s == 25.0


@pytest.mark.parametrize(
    ("availability", "diag", "said"),
    [
        ("offline", {}, "whoever publishes it has ended"),
        ("offline", {"link": "key_missing", "hint": "Ask the operator."}, "Ask the operator."),
        (None, {}, "no availability"),
        ("yes", {}, "neither online nor offline"),
        ("online", {"ts": told(NOW - timedelta(minutes=9))}, "no report for 9 min"),
        ("online", {"ts": told(NOW + timedelta(minutes=9))}, "9 min in the future"),
        ("online", {"frames_ok": 50, "frames_bad": 50}, "50 % of its frames are damaged"),
        ("online", {"link": "great"}, "diag is not as the profile says (link"),
        ("online", {"ts": "today"}, "diag is not as the profile says (ts"),
    ],
)
def test_what_is_wrong_is_said(availability: str | None, diag: dict[str, Any], said: str) -> None:
    meter = judged(availability, **diag)
    assert not meter.ok
    assert said in words(meter)
    assert len(meter.troubles) == 1


@pytest.mark.parametrize(
    ("diag", "said"),
    [
        ({"queued": 7}, "7 messages wait"),
        ({"dropped": 7}, "7 messages were lost"),
        ({"clock_offset_s": -3600.0}, "60 min behind"),
        ({"ts": told(NOW + timedelta(seconds=30))}, "30 s in the future"),
    ],
)
def test_a_remark_is_no_alarm(diag: dict[str, Any], said: str) -> None:
    meter = judged(**diag)
    assert meter.ok
    assert said in words(meter)


def test_a_few_damaged_frames_at_the_start_are_normal() -> None:
    assert judged(frames_ok=3, frames_bad=2).ok


def test_a_report_from_the_future_does_not_make_the_telegram_younger_than_counted() -> None:
    meter = judged(ts=told(NOW + timedelta(hours=1)), last_rx=told(NOW + timedelta(minutes=59)), age_s=60)
    assert meter.age_s == 60.0


def test_octets_that_are_no_json_cost_one_line() -> None:
    seen = Status(CATALOGUE, "cii")
    seen.hear("cii/v1/house/availability", b"online")
    seen.hear("cii/v1/house/meta", b"\xff{")
    seen.hear("cii/v1/house/diag", b"[]")
    (meter,) = seen.meters(NOW)
    assert len(meter.troubles) == 2
    assert not meter.ok


def test_a_meter_that_was_taken_away_and_one_that_is_missed() -> None:
    seen = Status(CATALOGUE, "home/cii", expected=["flat-1"])
    seen.hear("home/cii/v1/_bridge/pi/availability", b"online")
    (meter,) = seen.meters(NOW)
    assert not meter.ok
    assert "nothing of it is on the broker" in words(meter)
    assert [(bridge.bridge, bridge.online) for bridge in seen.bridges()] == [("pi", True)]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (900_000, "10 d")],
)
def test_spans(seconds: float, text: str) -> None:
    assert spell(seconds) == text


# -- the command ---------------------------------------------------------------------------------------------------------


def status(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, ["status", *map(str, arguments)], env=environment)


def test_wrong_use() -> None:
    for arguments, said in (
        (["http://nas"], "BROKER: 'http://nas' is no address"),
        (["-c", "/none.toml"], "there is no such file"),
        (["mqtt://nas", "-c", "x.toml"], "name one of them"),
        (["-c", "x.toml", "--prefix", "y"], "name the broker, too"),
        (["mqtt://nas", "--prefix", "#"], "cannot begin a topic"),
    ):
        result = status(*arguments)
        assert result.exit_code == 2, result.output
        assert said in result.stderr


def test_a_broker_that_is_not_there() -> None:
    url = f"mqtt://127.0.0.1:{free_port()}"
    result = status(url)
    assert result.exit_code == 1
    assert f"broker {url}: nothing listens" in result.stderr
    result = status(url, "--json")
    assert json.loads(result.stdout)["ok"] is False


@pytest.mark.broker
def test_from_a_meter_that_is_read_to_one_that_is_not(
    tmp_path: Path, broker: BrokerProcess, listen: Any
) -> None:
    url = f"mqtt://127.0.0.1:{broker.port}"
    assert "no meter is there" in status(url).stdout
    meter = TcpMeter(simulated())
    config = write_config(tmp_path, broker.port, f'port = "{meter.url}"\noperator = "ekz"')
    heard: Listener = listen(broker.port)
    try:
        with service_in_thread(config):
            heard.wait(f"cii/v1/{METER_ID}/availability", "online")
            result = status(url)
            assert result.exit_code == 0, result.output
            row = next(line for line in result.stdout.splitlines() if line.startswith(METER_ID))
            assert row.split()[1:4] == ["Landis+Gyr", "E450", "ok"]
            assert "bridge test: runs" in result.stdout
            assert "\x1b" not in result.stdout
    finally:
        meter.stop()
    result = status("-c", config, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["bridges"] == [{"id": "test", "online": False}]
    (told_of,) = document["meters"]
    assert (told_of["meter"], told_of["ok"], told_of["online"]) == (METER_ID, False, False)


@pytest.mark.broker
def test_a_user_who_may_not_read(tmp_path: Path, make_broker: MakeBroker) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    broker = make_broker(extra=f"allow_anonymous false\npassword_file {passwords}").start()
    result = status(f"mqtt://127.0.0.1:{broker.port}")
    assert result.exit_code == 1
    assert "not allowed" in result.stderr or "wrong" in result.stderr
