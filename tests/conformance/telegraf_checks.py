"""Telegraf and InfluxDB: every telegram becomes a point of a real database, and the queries of the dashboard are asked there.

broker ──► telegraf (what `ciigen telegraf` made) ──► points.json
                                                 └──► influxd ◄── the queries of `ciigen grafana`, as Grafana fills them in
"""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import requests
from check_table import Say, check, software
from house import METERS, House, Process, ciigen, house, wait_until
from installs import installed
from installs_consumers import INFLUXDB, INFLUXDB_INSTALL, TELEGRAF, TELEGRAF_INSTALL, needs
from mqtt_parts import free_port

_ENOUGH: Final = 80
_TOKEN: Final = "token-of-the-proof"
_BUCKET: Final = "smartmeter"
_AGENT: Final = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[outputs.file]]
  files = ["{points}"]
  data_format = "json"
  json_timestamp_units = "1ms"
"""


class Telegraf:
    """A running Telegraf with what ``ciigen telegraf`` makes of the live meters; its points also go into a file."""

    def __init__(self, folder: Path, made: House, database: str | None = None) -> None:
        self.house = made
        self._points = made.folder / "points.json"
        config = made.folder / "telegraf.conf"
        text = ciigen("telegraf", "--from", made.url)
        if database is not None:
            # the stanza that the head of the file shows
            stanza = re.search(r"(?:^#   .*\n)+", text, re.MULTILINE)
            assert stanza is not None, text[:800]
            text += stanza[0].replace("#   ", "").replace("http://localhost:8086", database)
        text = text.replace("tcp://localhost:1883", f"tcp://127.0.0.1:{made.broker.port}")
        config.write_text(text + _AGENT.format(points=self._points), encoding="utf-8")
        made.keep(
            Process(
                [folder / "telegraf", "--strict-env-handling", "--config", config],
                made.folder / "telegraf.log",
                env={"INFLUX_TOKEN": _TOKEN},
            )
        )
        wait_until(lambda: len(self.points) > 3 * len(METERS), 40, "first points")

    @property
    def points(self) -> list[dict[str, Any]]:
        """All points so far, numbers exact."""
        if not self._points.exists():
            return []
        whole = self._points.read_text(encoding="utf-8").rpartition("\n")[0]
        return [
            json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in whole.splitlines() if line
        ]

    def settle(self) -> list[dict[str, Any]]:
        """No telegram any more; the points when the last one is there."""
        self.house.silence()
        count = -1
        while count != (count := len(self.points)):
            time.sleep(2.5)
        return self.points


@software("telegraf", "Telegraf", TELEGRAF)
@contextmanager
def _open(folder: Path, say: Say) -> Iterator[Telegraf]:
    needs("go")
    with installed(TELEGRAF_INSTALL, say) as tree, house(folder) as made:
        made.wait_for_readings()
        yield Telegraf(tree, made)


@check("telegraf", "a telegram of the past on `history` is a point at its own time")
def _history(telegraf: Telegraf) -> None:
    state = json.loads(telegraf.house.listener.payloads("cii/v1/house/state")[-1])
    old = {**state, "ts": "2026-01-02T03:04:05Z", "values": {"energy_import": 1234567}}
    telegraf.house.listener.publish("cii/v1/house/history", json.dumps(old))
    at = _milliseconds(old["ts"])
    wait_until(lambda: [p for p in telegraf.points if p["timestamp"] == at], 20, "point of the past")
    (point,) = [p for p in telegraf.points if p["timestamp"] == at]
    assert point["fields"] == {"energy_import": 1234567} | state.get("texts", {})
    assert point["tags"]["meter"] == "house"


@check(
    "telegraf",
    "every telegram of every meter is one point, at the time of the meter, with all its values and texts",
)
def _every(telegraf: Telegraf) -> None:
    wait_until(lambda: len(telegraf.points) > _ENOUGH, 60, "some more telegrams")
    points = [p for p in telegraf.settle() if p["timestamp"] > _milliseconds("2026-01-03T00:00:00Z")]
    compared = 0
    for meter in METERS:
        own = [p for p in points if p["tags"]["meter"] == meter.id]
        first = min(p["timestamp"] for p in own)
        for topic, channel in ((f"cii/v1/{meter.id}/state", None), *_channels(meter.id)):
            for payload in telegraf.house.listener.payloads(topic):
                state = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
                at = _milliseconds(state["ts"])
                if at < first:
                    continue
                wanted = {**state["values"], **({} if channel else state.get("texts", {}))}
                # two lists of one moment are two points there, which a database takes for one
                found = [
                    p["fields"]
                    for p in own
                    if p["timestamp"] == at
                    and p["tags"].get("channel") == channel
                    and wanted.items() <= p["fields"].items()
                ]
                assert found, (topic, state)
                compared += 1
    assert compared > _ENOUGH / 2, compared


def _channels(level: str) -> Iterator[tuple[str, str]]:
    return ((f"cii/v1/{level}/channel/{n}/state", str(n)) for n in range(1, 5))


@check("telegraf", "it has nothing to complain of in its log")
def _log(telegraf: Telegraf) -> None:
    lines = (telegraf.house.folder / "telegraf.log").read_text(encoding="utf-8").splitlines()
    assert lines
    assert not [line for line in lines if re.search(r" [EW]! ", line)]


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


# -- InfluxDB ------------------------------------------------------------------------------------------------------------


class InfluxDB:
    """A running InfluxDB 2 into which Telegraf writes."""

    def __init__(self, folder: Path, telegraf: Path, made: House) -> None:
        self.house = made
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        store = made.folder / "influxdb"
        store.mkdir()
        command = [
            folder / "influxd",
            "run",
            f"--http-bind-address=127.0.0.1:{port}",
            f"--engine-path={store / 'engine'}",
            f"--bolt-path={store / 'influxd.bolt'}",
            f"--sqlite-path={store / 'influxd.sqlite'}",
            "--reporting-disabled",
        ]
        made.keep(Process(command, made.folder / "influxd.log", cwd=store))
        wait_until(self._answers, 60, "start of InfluxDB")
        first = {
            "username": "home",
            "password": "only-on-loopback",
            "org": "home",
            "bucket": _BUCKET,
            "token": _TOKEN,
        }
        done = requests.post(f"{self.url}/api/v2/setup", json=first, timeout=30)
        assert done.ok, done.text
        self.telegraf = Telegraf(telegraf, made, self.url)

    def _answers(self) -> bool:
        time.sleep(0.25)
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    def query(self, flux: str) -> list[dict[str, str]]:
        """The rows of an answer: column → text."""
        answer = requests.post(
            f"{self.url}/api/v2/query",
            params={"org": "home"},
            headers={"Authorization": f"Token {_TOKEN}", "Accept": "application/csv"},
            json={"query": flux, "type": "flux"},
            timeout=60,
        )
        assert answer.ok, (flux, answer.text)
        answer.encoding = "utf-8"
        rows: list[dict[str, str]] = []
        for table in re.split(r"\n\s*\n", answer.text.replace("\r", "")):
            rows += csv.DictReader(io.StringIO(table.strip()))
        return rows


def _filled(flux: str, meter: str, since: str = "-1h") -> str:
    """A query as Grafana's data source sends it, its variables and ``v.`` replaced by text."""
    for variable, text in (
        ("${bucket}", _BUCKET),
        ("${meter}", meter),
        ("${zone}", "Europe/Zurich"),
        ("v.timeRangeStart", since),
        ("v.timeRangeStop", "now()"),
        ("v.windowPeriod", "10s"),
    ):
        flux = flux.replace(variable, text)
    return flux


def _board(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ciigen("grafana", *words))
    return found


@software(
    "influxdb",
    "InfluxDB",
    f"{INFLUXDB}, Telegraf {TELEGRAF}",
    on_request="it is built from source, which takes some ten minutes and Rust",
)
@contextmanager
def _open_influxdb(folder: Path, say: Say) -> Iterator[InfluxDB]:
    needs("go", "cargo", "gcc", "pkg-config")
    with (
        installed(INFLUXDB_INSTALL, say) as tree,
        installed(TELEGRAF_INSTALL, say) as telegraf,
        house(folder) as made,
    ):
        made.wait_for_readings()
        yield InfluxDB(tree, telegraf, made)


@check(
    "influxdb", "the variables of the dashboard are filled with the bucket and with the meters of the house"
)
def _variables(influxdb: InfluxDB) -> None:
    asked = {
        one["name"]: {
            row.get("name") or row.get("_value") for row in influxdb.query(_filled(one["query"], ""))
        }
        for one in _board()["templating"]["list"]
        if one["type"] == "query"
    }
    assert asked["bucket"] == {_BUCKET}
    # farm-1 lives in the past: the variable has the meters of the last 30 days
    assert asked["meter"] == {meter.id for meter in METERS} - {"farm-1"}


@check(
    "influxdb", "every query of the dashboard has an answer, and the power now is one that the meter has sent"
)
def _panels(influxdb: InfluxDB) -> None:
    meter = "house"
    asked = 0
    for panel in _board("--from", influxdb.house.url, "--id", meter)["panels"]:
        for target in panel["targets"]:
            rows = influxdb.query(_filled(target["query"], meter))
            field = re.search(r'_field == "(\w+)"', target["query"])
            assert field is not None
            if "difference" in target["query"]:
                continue  # has no day before; see below
            assert rows, target["query"]
            asked += 1
            if panel["type"] == "stat" and "map" not in target["query"]:
                said = set(influxdb.house.listener.payloads(f"cii/v1/{meter}/value/{field[1]}"))
                assert Decimal(rows[-1]["_value"]) in {Decimal(text) for text in said}
    assert asked > 5, asked


@check(
    "influxdb",
    "the bars of a day are what the register grew by, from midnight to midnight of the zone, across the change of the clock",
)
def _days(influxdb: InfluxDB) -> None:
    meter, zone = "house", ZoneInfo("Europe/Zurich")
    change = datetime(2026, 3, 29, tzinfo=zone)  # a day of 23 hours
    readings = {  # moment → register
        change - timedelta(days=1) + timedelta(hours=23, minutes=45): 1000,
        change + timedelta(minutes=15): 1100,
        change + timedelta(hours=23, minutes=45): 5000,
        change + timedelta(days=1, minutes=15): 5200,
        change + timedelta(days=1, hours=23, minutes=45): 12000,
    }
    state = json.loads(influxdb.house.listener.payloads(f"cii/v1/{meter}/state")[-1])
    for at, register in readings.items():
        moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        past = {**state, "ts": moment, "values": {"energy_import": register}}
        influxdb.house.listener.publish(f"cii/v1/{meter}/history", json.dumps(past))
    (query,) = [
        target["query"]
        for panel in _board("--from", influxdb.house.url, "--id", meter)["panels"]
        for target in panel["targets"]
        if '"energy_import"' in target["query"]
    ]
    bars: dict[str, int] = {}

    def shown() -> bool:
        flux = _filled(query, meter, "2026-03-01T00:00:00Z").replace("now()", "2026-04-01T00:00:00Z")
        found = {row["_time"]: round(float(row["_value"])) for row in influxdb.query(flux)}
        bars.clear()
        bars.update(
            {datetime.fromisoformat(at).astimezone(zone).isoformat(): grown for at, grown in found.items()}
        )
        return len(bars) >= 2

    wait_until(shown, 20, "bars")
    assert bars == {"2026-03-29T00:00:00+01:00": 4000, "2026-03-30T00:00:00+02:00": 7000}
