"""What Prometheus is told, read by its own parser; and a port that takes no nonsense."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from pathlib import Path

import pytest
from ciibridge.errors import ConfigError
from ciibridge.publish.metrics import METRICS, render
from ciibridge.service.scrape import Scrape
from mqtt_parts import free_port, wait_until
from prometheus_client.parser import text_string_to_metric_families
from service_parts import METER_ID, ServiceProcess, TcpMeter, setup_of, simulated, write_config

DIAG = {
    "ts": "2026-05-04T09:39:22Z",
    "link": "ok",
    "frames_ok": 72924,
    "frames_bad": 3,
    "clock_offset_s": -0.4,
    "problems": {"bad_checksum": 3},
}


def samples(text: str) -> dict[tuple[str, str], float]:
    """Name and all labels → value, as Prometheus reads it."""
    return {
        (sample.name, json.dumps(sample.labels, sort_keys=True)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_numbers_of_diag() -> None:
    text = render([("flat-1", DIAG), ("flat-2", {"link": "key_missing"})], connected=True, software='a "b"\\')
    got = samples(text)
    assert got["ciibridge_frames_damaged_total", '{"meter": "flat-1"}'] == 3
    assert got["ciibridge_clock_offset_seconds", '{"meter": "flat-1"}'] == -0.4
    assert got["ciibridge_problems_total", '{"code": "bad_checksum", "meter": "flat-1"}'] == 3
    assert got["ciibridge_link_state", '{"meter": "flat-2", "state": "key_missing"}'] == 1
    assert got["ciibridge_link_state", '{"meter": "flat-2", "state": "ok"}'] == 0
    assert got["ciibridge_info", json.dumps({"software": 'a "b"\\'})] == 1
    assert ("ciibridge_telegrams_total", '{"meter": "flat-1"}') not in got


def test_names_are_as_prometheus_wants_them() -> None:
    for metric in METRICS:
        assert (metric.type == "counter") is metric.name.endswith("_total"), metric.name
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)


def test_without_meters_it_is_still_a_page() -> None:
    assert samples(render([], connected=False, software="x"))["ciibridge_broker_connected", "{}"] == 0


def ask(request: bytes, *, hang_up: bool = False) -> bytes:
    """What the port answers to these octets, in one go and until it closes."""

    async def talk() -> bytes:
        scrape = Scrape("127.0.0.1", 0, lambda: "text\n")
        await scrape.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", scrape.port)
        writer.write(request)
        if hang_up:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await scrape.close()
        return answer

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"\x16\x03\x01\x02\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
    ],
)
def test_one_answer_to_whatever_is_asked(request_: bytes, status: bytes) -> None:
    answer = ask(request_)
    assert answer.startswith(b"HTTP/1.0 " + status)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert (body == b"text\n") is (status == b"200")


def test_who_hangs_up_gets_nothing() -> None:
    assert ask(b"GET /metr", hang_up=True) == b""


def test_who_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ciibridge.service.scrape._PATIENCE_S", 0.05)
    assert ask(b"GET ") == b""


def with_metrics(path: Path, listen: str) -> Path:
    path.write_text(f'[metrics]\nlisten = "{listen}"\n{path.read_text()}')
    return path


@pytest.mark.parametrize("listen", ["9464", "127.0.0.1", "http://x:1", ":9464", "x:99999", "x:1/metrics"])
def test_an_address_that_is_none(tmp_path: Path, listen: str) -> None:
    config = with_metrics(write_config(tmp_path, 1883, 'port = "/dev/ttyUSB0"'), listen)
    with pytest.raises(ConfigError, match=r"metrics\.listen: .*is no host:port"):
        setup_of(config)


def test_a_bridge_that_is_asked(tmp_path: Path) -> None:
    meter, port = TcpMeter(simulated()), free_port()
    config = with_metrics(
        write_config(tmp_path, free_port(), f'port = "{meter.url}"\noperator = "ekz"'), f"127.0.0.1:{port}"
    )
    service = ServiceProcess(config)

    def got() -> dict[tuple[str, str], float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                assert "version=0.0.4" in answer.headers["Content-Type"]
                return samples(answer.read().decode())
        except OSError:
            return {}

    name = f'{{"meter": "{METER_ID}"}}'
    try:
        wait_until(
            lambda: got().get(("ciibridge_telegrams_total", name), 0) > 2, 10, "telegrams in the metrics"
        )
        now = got()
        assert now["ciibridge_broker_connected", "{}"] == 0
        assert now["ciibridge_link_state", f'{{"meter": "{METER_ID}", "state": "ok"}}'] == 1
        assert now["ciibridge_received_bytes_total", name] > 100
    finally:
        status, _, _ = service.terminate()
        meter.stop()
    assert status == 0


def test_a_port_that_is_taken_costs_the_metrics_only(tmp_path: Path) -> None:
    meter = TcpMeter(simulated())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = with_metrics(
            write_config(tmp_path, free_port(), f'port = "{meter.url}"'),
            f"127.0.0.1:{taken.getsockname()[1]}",
        )
        service = ServiceProcess(config)
        try:
            wait_until(lambda: "link ok" in service.log, 10, "a telegram")
        finally:
            status, _, log = service.terminate()
            meter.stop()
    assert status == 0
    assert "metrics cannot be served" in log
