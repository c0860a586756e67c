"""Diagnostics as Prometheus reads them: the text format 0.0.4, from the documents of ``diag``. Pure.

    meter, diag ──► METRICS ──► ciibridge_frames_damaged_total{meter="flat-1"} 3

One table: a metric is a line in it. The only label is the id of the meter in the topics, which is on the broker, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ciibridge.link import LinkState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its key in ``diag``, name, type and help. Names and units as Prometheus advises."""

    key: str
    name: str
    type: str
    help: str


METRICS: Final = (
    Metric("frames_ok", "frames_good_total", "counter", "Good frames of the link layer."),
    Metric("frames_bad", "frames_damaged_total", "counter", "Damaged or incomplete frames."),
    Metric("telegrams", "telegrams_total", "counter", "Telegrams that gave a reading."),
    Metric("bytes", "received_bytes_total", "counter", "Octets received from the meter."),
    Metric("withheld", "values_withheld_total", "counter", "Values not published because they cannot be."),
    Metric("dropped", "messages_dropped_total", "counter", "Messages lost because the outbox was full."),
    Metric("queued", "messages_waiting", "gauge", "Messages that wait for the broker."),
    Metric("age_s", "telegram_age_seconds", "gauge", "Seconds since the last telegram."),
    Metric("interval_s", "telegram_interval_seconds", "gauge", "Longest learnt interval of a list."),
    Metric("clock_offset_s", "clock_offset_seconds", "gauge", "Clock of the meter minus that of the bridge."),
)


def render(meters: Sequence[tuple[str, Mapping[str, Any]]], *, connected: bool, software: str) -> str:
    """Write all metrics. ``meters``: id and document of ``diag``; what a document does not hold is left out."""
    lines = [
        *_head("info", "gauge", "What publishes this."),
        f'ciibridge_info{{software="{escape(software)}"}} 1',
        *_head("broker_connected", "gauge", "1: the broker is there."),
        f"ciibridge_broker_connected {int(connected)}",
    ]
    for metric in METRICS:
        told = [(meter, diag[metric.key]) for meter, diag in meters if diag.get(metric.key) is not None]
        if told:
            lines += _head(metric.name, metric.type, metric.help)
            lines += [f'ciibridge_{metric.name}{{meter="{escape(meter)}"}} {value}' for meter, value in told]
    lines += _states(meters)
    lines += _problems(meters)
    return "\n".join(lines) + "\n"


def _states(meters: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Write the state of each link, as one series a state: 1 for the one that holds."""
    if meters:
        yield from _head("link_state", "gauge", "State of the link to the meter: 1 for the one that holds.")
    for meter, diag in meters:
        for state in LinkState:
            holds = int(diag["link"] == state)
            yield f'ciibridge_link_state{{meter="{escape(meter)}",state="{state}"}} {holds}'


def _problems(meters: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    if any(diag.get("problems") for _, diag in meters):
        yield from _head("problems_total", "counter", "Problems by code.")
    for meter, diag in meters:
        for code, count in diag.get("problems", {}).items():
            yield f'ciibridge_problems_total{{meter="{escape(meter)}",code="{escape(code)}"}} {count}'


def _head(name: str, kind: str, words: str) -> tuple[str, str]:
    return f"# HELP ciibridge_{name} {words}", f"# TYPE ciibridge_{name} {kind}"


def escape(text: str) -> str:
    """Write a label value: backslash, quote and line feed are escaped."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
