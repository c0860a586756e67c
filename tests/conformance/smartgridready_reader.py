"""Reads meters with SmartGridready's own handler; runs in its venv, so it knows nothing of the project.

    python smartgridready_reader.py PORT LEVEL=EID …        each line of standard input asks for an answer, its end ends it

An answer is a line of JSON: level → "profile/point" → what the handler gives; what it refuses is left out.
"""

import asyncio
import json
import sys
from typing import Any

from sgr_commhandler.device_builder import DeviceBuilder


async def _values(device: Any) -> dict[str, Any]:
    found = {}
    for (profile, point), data_point in device.get_data_points().items():
        try:
            found[f"{profile}/{point}"] = await data_point.get_value_async()
        except Exception as refused:
            if "invalid value" not in str(refused):
                raise
    return found


async def main(port: str, *meters: str) -> None:
    devices = {}
    for meter in meters:
        level, _, path = meter.partition("=")
        properties = {"broker_host": "127.0.0.1", "broker_port": port, "topic_path": f"cii/v1/{level}"}
        devices[level] = DeviceBuilder().eid_path(path).properties(properties).build()
        await devices[level].connect_async()
    while await asyncio.to_thread(sys.stdin.readline):
        answer = {level: await _values(device) for level, device in devices.items()}
        print(json.dumps(answer), flush=True)
    for device in devices.values():
        await device.disconnect_async()


asyncio.run(main(*sys.argv[1:]))
