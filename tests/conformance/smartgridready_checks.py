"""SmartGridready: the association's own handler reads every meter by the description that ``ciigen smartgridready`` makes of it."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from check_table import Say, check, software
from house import METERS, House, ciigen, house, wait_until
from installs import installed
from installs_consumers import SGR_HANDLER, SGR_INSTALL

_READER: Final = Path(__file__).with_name("smartgridready_reader.py")
_SGR: Final = {"": "http://www.smartgridready.com/ns/V0/"}
#: Unit of a functional profile → our unit in it.
_FACTORS: Final = {"PERCENT": Decimal(100), "VOLTS": Decimal(1), "AMPERES": Decimal(1), "HERTZ": Decimal(1)}
_THOUSANDTH: Final = Decimal("0.001")


class Handler:
    """The handler with a device for each meter of the house."""

    def __init__(self, folder: Path, made: House) -> None:
        self.house = made
        self.files: dict[str, Path] = {}
        for meter in METERS:
            self.files[meter.id] = made.folder / f"{meter.id}.xml"
            text = ciigen("smartgridready", "--from", made.url, "--id", meter.id)
            self.files[meter.id].write_text(text, encoding="utf-8")
        log = made.folder / "smartgridready.log"
        made.logs.append(log)
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [
                    folder / "bin/python",
                    _READER,
                    str(made.broker.port),
                    *(f"{k}={v}" for k, v in self.files.items()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def values(self) -> dict[str, dict[str, Any]]:
        """What the handler gives now: level → "profile/point" → value."""
        pipe, answers = self._process.stdin, self._process.stdout
        assert pipe is not None
        assert answers is not None
        pipe.write("\n")
        pipe.flush()
        line = answers.readline()
        assert line, "the handler has ended"
        found: dict[str, dict[str, Any]] = json.loads(line, parse_float=Decimal, parse_int=Decimal)
        return found

    def points(self, level: str) -> Iterator[tuple[str, str, str]]:
        """Give "profile/point", topic below that of the meter, and unit."""
        for profile in ET.parse(self.files[level]).iterfind(".//functionalProfileListElement", _SGR):
            name = profile.findtext(".//functionalProfileName", namespaces=_SGR)
            for element in profile.iterfind(".//dataPointListElement", _SGR):
                point, topic, unit = (
                    element.findtext(f".//{tag}", "", namespaces=_SGR)
                    for tag in ("dataPointName", "topic", "unit")
                )
                yield f"{name}/{point}", topic.removeprefix("{{topic_path}}/"), unit

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@software("smartgridready", "SmartGridready", f"sgr-commhandler {SGR_HANDLER}")
@contextmanager
def _open(folder: Path, say: Say) -> Iterator[Handler]:
    with installed(SGR_INSTALL, say) as venv, house(folder) as made:
        made.wait_for_readings()
        handler = Handler(venv, made)
        try:
            yield handler
        finally:
            handler.stop()


@check(
    "smartgridready", "its handler takes the description of each meter, made of what is live on the broker"
)
def _taken(handler: Handler) -> None:
    assert set(handler.values()) == {meter.id for meter in METERS}


@check("smartgridready", "every data point of every meter has a value, two telegrams after the start")
def _complete(handler: Handler) -> None:
    missing = ["not yet"]

    def complete() -> bool:
        found = handler.values()
        missing[:] = [
            f"{meter.id} {point}"
            for meter in METERS
            for point, *_ in handler.points(meter.id)
            if point not in found[meter.id]
        ]
        return not missing

    try:
        wait_until(complete, 40, "values of all data points")
    finally:
        assert not missing, missing


@check("smartgridready", "each is the value of its topic, in the unit of its functional profile")
def _same(handler: Handler) -> None:
    handler.house.silence()
    found = handler.values()
    compared = 0
    for meter in METERS:
        for point, topic, unit in handler.points(meter.id):
            value = found[meter.id][point]
            if topic.startswith("value/"):
                said = Decimal(handler.house.last(meter.id, topic) or "nan")
                assert value == said * _FACTORS.get(unit, _THOUSANDTH), (meter.id, point, value, said)
                compared += 1
        meta = handler.house.last_json(meter.id, "meta")
        assert found[meter.id]["DeviceInformation/DeviceId"] == meta["meter"] == meter.id
        state = handler.house.last_json(meter.id, "state")
        assert found[meter.id]["DeviceInformation/SmartMeterTimestamp"] == state["ts"]
    assert compared > 40, compared
