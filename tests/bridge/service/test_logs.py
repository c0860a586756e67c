"""The log: JSON for programs, priorities for the journal, codes that are known, and few lines whatever happens."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import random
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from captures import ROOT
from ciibridge.errors import TransportError
from ciibridge.events import EVENTS, event
from ciibridge.publish.retry import Outage, Reason
from ciibridge.service.logs import JournalFormatter, JsonFormatter, start_logging, to_journal
from ciibridge.simulate import SimulatedMeter
from mqtt_parts import free_port, wait_until
from service_parts import METER_ID, ServiceProcess, TcpMeter, simulated, write_config
from test_meter_task import CATALOGUE, METER, Bench, Port


def record(message: str, *values: object, level: int = logging.WARNING, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("ciibridge.meter", level, __file__, 1, message, values, None)
    made.__dict__.update(more)
    return made


def test_json_holds_what_the_text_says_and_its_fields() -> None:
    line = JsonFormatter().format(
        record("meter %s: two\nlines", "x", **event("problem", meter="x", code="noise", message="not this"))
    )
    assert "\n" not in line
    document = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document.pop("time"))
    assert document == {
        "level": "warning",
        "logger": "ciibridge.meter",
        "event": "problem",
        "meter": "x",
        "code": "noise",
        "message": "meter x: two\nlines",
    }


def test_json_of_a_library_and_of_a_bug() -> None:
    assert json.loads(JsonFormatter().format(record("plain")))["event"] == "other"
    error = TransportError("gone")
    made = record("bug", exc_info=(type(error), error, None))
    assert "TransportError: gone" in json.loads(JsonFormatter().format(made))["exception"]


@pytest.mark.parametrize(
    ("level", "mark"),
    [(logging.DEBUG, "<7>"), (logging.INFO, "<6>"), (logging.WARNING, "<4>"), (logging.ERROR, "<3>")],
)
def test_each_line_for_the_journal_has_its_priority(level: int, mark: str) -> None:
    text = JournalFormatter(logging.Formatter("%(message)s")).format(record("a\nb", level=level))
    assert text == f"{mark}a\n{mark}b"


def test_the_journal_is_recognised_by_its_own_socket(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, stream)
        assert not to_journal({"JOURNAL_STREAM": "8:1"}, stream)  # inherited, and redirected since
        assert not to_journal({}, stream)
    assert not to_journal({"JOURNAL_STREAM": "8:1"}, io.StringIO())


def test_every_code_that_is_logged_is_known_and_the_other_way_round() -> None:
    used = set()
    for path in (ROOT / "bridge" / "ciibridge").rglob("*.py"):
        if path.name != "events.py":
            used |= set(re.findall(r'event\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert used == set(EVENTS)


def test_every_line_of_the_service_has_a_code() -> None:
    without = []
    for folder in ("service", "publish", "transport"):
        for path in (ROOT / "bridge" / "ciibridge" / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            for call in re.finditer(r"_?log\.(?:info|warning|error)[(,]", text):
                if "extra=" not in text[call.start() : call.start() + 500]:
                    without.append(f"{path.name}: {text[call.start() : call.start() + 60]}")
    assert without == []


def test_an_outage_names_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("x"), "state file /var/lib/x.db")
    outage.failed(Reason("full", "is full"))
    (made,) = caplog.records
    assert (made.event, made.fields) == ("failing", {"state_file": "/var/lib/x.db", "reason": "full"})  # type: ignore[attr-defined]


def test_a_level_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    stream = io.StringIO()
    start_logging("warning", as_json=True, stream=stream, environ={})
    logging.getLogger("ciibridge").info("not this")
    logging.getLogger("ciibridge").warning("this")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["this"]


def test_run_logs_json_and_no_whole_serial_number(tmp_path: Path) -> None:
    meter = TcpMeter(simulated())
    config = write_config(tmp_path, free_port(), f'port = "{meter.url}"')
    service = ServiceProcess(config, arguments=["--log-json"])
    try:
        wait_until(lambda: '"event":"link"' in service.log, what="a telegram")
    finally:
        status, _, log = service.terminate()
        meter.stop()
    assert status == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"started", "failing", "link", "ended"} <= {line["event"] for line in lines}
    assert next(line for line in lines if line["event"] == "link")["link"] == "ok"
    assert METER_ID not in log


def test_a_cable_that_damages_half_of_the_frames_for_hours_is_a_few_lines(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Three hours of a telegram every five seconds, every other one with octets that are wrong, missing or too many."""
    caplog.set_level(logging.DEBUG)
    hours, every_s = 3, 5
    dice = random.Random(7)
    meter = SimulatedMeter(CATALOGUE, "lg-e450")

    async def three_hours() -> Bench:
        bench = Bench(Port(), monkeypatch, name=METER_ID)
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: bench.now.timestamp())  # noqa: PLW0108 - now moves
        telegram = meter.telegrams(bench.now)
        for number in range(hours * 3600 // every_s):
            damaged = bytearray(telegram)
            if number % 2:
                at = dice.randrange(len(damaged))
                match dice.randrange(3):
                    case 0:
                        damaged[at] ^= 1 << dice.randrange(8)
                    case 1:
                        del damaged[at:]
                    case _:
                        damaged[at:at] = dice.randbytes(20)
            bench.task._feed(bytes(damaged))
            bench.now += timedelta(seconds=every_s)
            bench.task.tick()
        monkeypatch.undo()
        return bench

    bench = asyncio.run(three_hours())
    problems = bench.diag()["problems"]
    assert isinstance(problems, dict)
    assert sum(problems.values()) > 500
    lines = Counter(record.levelname for record in caplog.records)
    # each kind once an hour, and its first
    assert sum(lines.values()) <= len(problems) * (hours + 1) + 10, caplog.text
    events = bench.wire.payloads(f"{METER}/error")
    assert len(events) <= len(problems) * (hours * 60 + 1)
