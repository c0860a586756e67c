"""What ``ciibridge demo`` shows: everything that is on the broker, topic by topic, one column a meter.

It knows only what any subscriber knows. On a terminal it is a table that is refreshed, elsewhere one line a message.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

#: Rows that come first; the others follow in the order in which they arrive.
_FIRST: Final = (
    "availability",
    "value/power_net",
    "value/power_import",
    "value/power_export",
    "value/energy_import",
)
_JSON: Final = ("state", "history", "meta", "diag", "error")
#: Lines of the terminal that are not rows of the table.
_FRAME_LINES: Final = 10


class Board:
    """Listens to all topics of the profile below ``prefix``. ``line`` is called with each message, in another thread."""

    def __init__(self, port: int, prefix: str, line: Callable[[str, str], None] | None = None) -> None:
        self.messages = 0
        self._prefix = f"{prefix}/v1/"
        self._line = line
        self._lock = threading.Lock()
        self._values: dict[str, dict[str, str]] = {}  # meter → rest of the topic → payload
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{self._prefix}#", qos=1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Stop listening."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        payload = message.payload.decode(errors="replace")
        meter, _, rest = message.topic.removeprefix(self._prefix).partition("/")
        with self._lock:
            self.messages += 1
            self._values.setdefault(meter, {})[rest] = payload
        if self._line is not None:
            self._line(message.topic, payload)

    def render(self, header: str, titles: Mapping[str, str], height: int) -> RenderableType:
        """Draw what is known now. ``titles``: meter → who it is; ``height``: lines there are."""
        with self._lock:
            values = {meter: dict(rows) for meter, rows in self._values.items()}
        table = Table(header_style="bold", pad_edge=False, padding=(0, 1, 0, 0), box=SIMPLE_HEAD)
        table.add_column(f"{self._prefix}…/", style="cyan", no_wrap=True)
        table.add_column("", style="dim")
        for meter, title in titles.items():
            table.add_column(f"{title}\n{meter}", justify="right", min_width=8, overflow="fold")
        shown = [values.get(meter, {}) for meter in titles]
        known = dict.fromkeys(_FIRST) | dict.fromkeys(
            row for rows in shown for row in rows if row not in _JSON
        )
        units = _units(shown)
        for row in list(known)[: max(len(_FIRST), height - _FRAME_LINES)]:
            table.add_row(row, units.get(row, ""), *(_cell(rows.get(row, "")) for rows in shown))
        footer = f"{self.messages} messages; not shown here, in JSON: {', '.join(_JSON)}"
        return Group(Text(header), table, Text(footer, style="dim"))


def _units(meters: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Take the units from the retained ``meta`` of the meters: rest of the topic → unit."""
    units: dict[str, str] = {}
    for rows in meters:
        quantities = json.loads(rows.get("meta", "{}")).get("quantities", {})
        units |= {f"value/{name}": facts.get("unit", "") for name, facts in quantities.items()}
    return units


def _cell(value: str) -> Text:
    return Text(value, style={"online": "green", "offline": "red"}.get(value, ""))
