"""smartmeter-datacollector on a recording; run by the Python of its own environment, prints microseconds a telegram.

    python peer_datacollector.py FILE MODEL [KEY]

What is timed is what it does between its serial reader and its MQTT client: parser, registers, JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import io
import json
import logging
import re
import sys
from pathlib import Path

from timing import micros


def main() -> None:
    """Time it and print a JSON object."""
    logging.disable(logging.CRITICAL)
    data = Path(sys.argv[1]).read_bytes()
    module, name = {"e450": ("lge450", "LGE450"), "e570": ("lge570", "LGE570")}[sys.argv[2]]
    meter_class = getattr(importlib.import_module(f"smartmeter_datacollector.smartmeter.{module}"), name)
    base = importlib.import_module("smartmeter_datacollector.smartmeter.meter")
    base.SerialReader = lambda *_: None  # no port is opened: the octets come from the file
    meter = meter_class("bench", decryption_key=sys.argv[3] if len(sys.argv) > 3 else None)
    found: list[bytes] = []

    class Sink:
        def notify(self, bundle: object) -> None:
            points = [
                {
                    "value": point.value,
                    "timestamp": bundle.timestamp.timestamp(),
                    "obis": str(point.obis),
                    "type": point.type.identifier,
                }
                for point in bundle.data_points
            ]
            found.append(json.dumps(points).encode())

    meter.register(Sink())
    pieces = re.findall(rb"[^\x7e]*\x7e", data)  # its serial reader hands over what ends in a flag

    def telegram() -> None:
        for piece in pieces:
            meter._data_received(piece)

    with contextlib.redirect_stdout(io.StringIO()):  # gurux prints a line a ciphered telegram
        telegram()
        us = micros(telegram, calls=60)
    print(json.dumps({"us": us, "values": len(json.loads(found[-1])) if found else 0}))


asyncio.set_event_loop(asyncio.new_event_loop())
main()
