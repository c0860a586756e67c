"""Output ``telegraf``: an input that takes every telegram into a time series database, with the time of the meter.

Place in the line: render. Two inputs ``mqtt_consumer`` with the parser ``json_v2``: ``state`` and ``history`` of the meter, and those of its
sub-meters. One telegram is one point: its values are fields, its meter (and channel) are tags, its time is ``ts``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.errors import UsageError
from ciigen.invocation import command, title
from ciigen.resolved import Place, Quantity, Resolved
from ciigen.target import Selection, Target, View, quantities
from ciigen.templates import filled
from ciigen.topics import is_of_submeter

CONSUMER: Final = "telegraf"
#: Where a payload has the quantities of a place.
_WHERE: Final = {Place.VALUE: "values", Place.TEXT: "texts"}
#: Topics of the catalogue: of a meter, and of a sub-meter.
_OWN: Final = ("state", "history")
_BELOW: Final = ("channel_state", "channel_history")
_ANY_METER: Final = "+"


@dataclass(frozen=True, slots=True)
class _Input:
    """One input: topics with wildcards, and which levels of them are tags."""

    topics: tuple[str, ...]
    tags: str  # levels with _ for those that are none: _/_/meter/_
    wildcards: str  # the same as a filter: +/+/+/+
    fields: tuple[tuple[str, str], ...]  # path in the payload, type


def _config(resolved: Resolved, selection: Selection) -> str:
    chosen = quantities(resolved, selection)
    own = [q for q in chosen if not is_of_submeter(q) and q.place in _WHERE]
    below = [q for q in chosen if is_of_submeter(q) and q.place is Place.VALUE]
    inputs = [
        _input(resolved, selection, topics, fields)
        for topics, fields in ((_OWN, own), (_BELOW, below))
        if fields
    ]
    if not inputs:
        raise UsageError("what this meter sends is not known: name another one, or take all with --all")
    return filled(
        __name__,
        "telegraf.j2",
        {
            "title": title(resolved, selection),
            "command": command(CONSUMER, "conf", selection),
            "measurement": resolved.consumers[CONSUMER].settings["measurement"],
            "inputs": inputs,
        },
    )


def _input(
    resolved: Resolved, selection: Selection, names: tuple[str, ...], chosen: list[Quantity]
) -> _Input:
    paths = [resolved.topics[name].path for name in names]
    default = Selection().ids
    levels = (_ANY_METER,) if selection.ids == default else selection.ids
    parts = paths[0].replace("{prefix}", resolved.prefix).split("/")
    return _Input(
        topics=tuple(
            path.format(prefix=resolved.prefix, meter=level, channel="+")
            for level in levels
            for path in paths
        ),
        tags="/".join(part.strip("{}") if part.startswith("{") else "_" for part in parts),
        wildcards="/".join("+" for _ in parts),
        fields=tuple((f"{_WHERE[q.place]}.{q.name}", str(q.consumers[CONSUMER]["type"])) for q in chosen),
    )


_VIEWS: Final[Mapping[str, View]] = {
    "conf": View(".conf", "Inputs, for /etc/telegraf/telegraf.d/.", _config),
}


class Telegraf:
    """Inputs for Telegraf."""

    name = CONSUMER
    help = "Telegraf: every telegram into a time series database"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>.conf`` for every meter model, and ``everything.conf`` for a house with several."""
        return {
            "everything.conf": _config(resolved, Selection(everything=True)),
            **{
                f"{meter}.conf": _config(resolved, Selection(meter=meter))
                for meter, model in resolved.meters.items()
                if model.quantities
            },
        }


TARGET: Target = Telegraf()
