"""`make bench`: a table of what this bridge costs, beside the peers on the same octets in the same run.

    python -m bench [--cache FOLDER]        from tests/; the captures are found as the tests find them

Octets of one telegram → the JSON of its ``state``, the line being warm: it has read such telegrams before, as it will have in
years of service. The peers do their own comparable work, up to JSON. smartmeter-datacollector lives in an environment of its
own, outside the checkout, because it pins other versions. What cannot be installed is a row without a peer.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import ciimodel
from captures import CAPTURES, capture, load_captures
from ciibridge.framing.sniff import sniff
from ciibridge.normalise import ClockPolicy, MeterSettings
from ciibridge.pipeline import Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.types import Snapshot

from bench.throughput import per_second
from bench.timing import micros

DATACOLLECTOR = "smartmeter-datacollector==2.0.0"
HERE = Path(__file__).parent
NOW = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """One line of the table; ``bound``: what the design asks for, as a factor."""

    what: str
    ours_us: float
    peer: str = ""
    peer_us: float | None = None
    bound: float | None = None


def ours(name: str) -> float:
    """Microseconds a telegram: octets → state."""
    one = capture(name)
    data = one.data
    settings = MeterSettings(id="bench", key=one.key, auth_key=one.auth_key, clock=ClockPolicy.METER)
    catalogue = ciimodel.load()
    pipeline = Pipeline(catalogue, settings, sniff(data) or "dlms-hdlc", counters=_Forgetful())
    messages = Messages(catalogue, settings)
    made = 0

    def telegram() -> None:
        nonlocal made
        for item in pipeline.feed(data, NOW):
            if isinstance(item, Snapshot):
                messages.state(item)
                made += 1

    us = micros(telegram)
    if not made:
        raise SystemExit(f"bench: nothing came out of {name}")
    return us


class _Forgetful(dict[bytes, int]):
    """Invocation counters that are forgotten: the same telegram once more is no replay here."""

    def __setitem__(self, line: bytes, value: int) -> None:
        pass


def datacollector(python: Path | None, name: str, model: str) -> float | None:
    """Microseconds a telegram of smartmeter-datacollector; None where it is not there."""
    if python is None:
        return None
    one = capture(name)
    command = [str(python), str(HERE / "peer_datacollector.py"), str(CAPTURES / name), model]
    done = subprocess.run(
        [*command, *([one.facts["key"]] if one.facts["key"] else [])],
        capture_output=True,
        text=True,
        check=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    told = json.loads(done.stdout)
    if not told["values"]:
        raise SystemExit(f"bench: smartmeter-datacollector found nothing in {name}")
    return float(told["us"])


def dsmr(name: str) -> float:
    """Microseconds a telegram of dsmr-parser, up to JSON."""
    from dsmr_parser import telegram_specifications
    from dsmr_parser.parsers import TelegramParser

    parser = TelegramParser(telegram_specifications.V5)
    text = capture(name).data.decode()
    return micros(lambda: parser.parse(text).to_json())


def smllib(name: str) -> float:
    """Microseconds a file of smllib, up to JSON."""
    from smllib import SmlStreamReader

    data = capture(name).data

    def telegram() -> None:
        reader = SmlStreamReader()
        reader.add(data)
        while (frame := reader.get_frame()) is not None:
            values = [
                (v.obis.obis_code, v.get_value()) for v in frame.get_obis() if not isinstance(v.value, str)
            ]
            json.dumps(values, default=str)

    return micros(telegram)


def meterbus(name: str) -> float:
    """Microseconds a telegram of pyMeterBus, up to JSON."""
    import meterbus as library

    data = capture(name).data

    def telegram() -> None:
        found = library.load(data)
        json.dumps([record.interpreted for record in found.records], default=_decimal)

    return micros(telegram)


def _decimal(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else str(value)


def environment(cache: Path) -> Path | None:
    """Install smartmeter-datacollector once; None, with a word about it, where that is not possible."""
    folder = cache / DATACOLLECTOR.replace("==", "-")
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        print(f"installing {DATACOLLECTOR} into {folder} (once)", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", DATACOLLECTOR], check=False)
        if done.returncode:
            print(f"{DATACOLLECTOR} could not be installed: its columns stay empty", file=sys.stderr)
            return None
        (folder / "whole").touch()
    return python


def start() -> tuple[float, float]:
    """Seconds until a port is read, and megabytes then, of a process with one meter."""
    code = (
        "import time, asyncio, pathlib; begin = time.perf_counter()\n"
        "import ciimodel\n"
        "from ciibridge.service import setup, service, meter\n"
        "from ciibridge.pipeline import Pipeline\n"
        "from ciibridge.normalise import MeterSettings\n"
        "from ciibridge.transport import open_transport, LinkSettings\n"
        "Pipeline(ciimodel.load(), MeterSettings(), 'dlms-hdlc')\n"
        "from ciibridge.transport import tcp, serial\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(time.perf_counter() - begin, int(status.partition('VmHWM:')[2].split()[0]) / 1024)"
    )
    best = (float("inf"), 0.0)
    for _ in range(5):
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        inside, megabytes = map(float, done.stdout.split())
        best = min(best, (max(inside, time.perf_counter() - begin), megabytes))
    return best


def rows(python: Path | None) -> list[Row]:
    """Measure everything."""
    e450, e570 = "dlms-hdlc/lg-e450-ch-vse2026.bin", "dlms-hdlc/lg-e570-ch-encrypted.bin"
    p1, sml = "dsmr-p1/iskra-m550t-nl-v5.txt", _first("sml/")
    mbus = _first("mbus/kamstrup") or _first("mbus/")
    peer: Callable[[str, str], float | None] = lambda name, model: datacollector(python, name, model)  # noqa: E731
    return [
        Row("E450 push, 504 octets", ours(e450), "smartmeter-datacollector", peer(e450, "e450"), 60),
        Row("E570 push, encrypted", ours(e570), "smartmeter-datacollector", peer(e570, "e570"), 200),
        Row("P1 telegram, 913 octets", ours(p1), "dsmr-parser", dsmr(p1), 40),
        Row("SML file", ours(sml), "smllib", smllib(sml)),
        Row("wired M-Bus telegram", ours(mbus), "pyMeterBus", meterbus(mbus)),
    ]


def _first(prefix: str) -> str:
    return next(
        (one.name for one in load_captures() if one.name.startswith(prefix) and not one.facts["damaged"]), ""
    )


def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ciigen-bench"
    python = None
    with suppress(OSError):
        python = environment(cache)
    print(f"{'octets → state JSON':28} {'ours':>9} {'peer':>10}            ratio   bound")
    for row in rows(python):
        line = f"{row.what:28} {row.ours_us:6.1f} µs"
        if row.peer_us is not None:
            line += f" {row.peer_us:7.0f} µs {row.peer_us / row.ours_us:13.1f} ×"
            line += f" {row.bound:5.0f} ×" if row.bound else "        "
            line += f"  {row.peer}"
        print(line)
    seconds, megabytes = start()
    print(f"\nprocess until a port can be read: {seconds:.2f} s, {megabytes:.0f} MB (bounds 0.6 s, 60 MB)")
    rate, broker = per_second()
    print(f"telegrams over TCP, published as state: {rate:.0f} a second with {broker} (bound 10,000)")


main()
