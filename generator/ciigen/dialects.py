"""Topics of other publishers that the bridge serves beside its own: which are switched on, and what their paths become.

Place in the line: render. ``rldsp:group=flat, smartmeter-datacollector`` as on the command line, the tables ``[dialect.<name>]`` of a
configuration of the bridge, or every dialect of the schema with what its settings are by default.

    dt/{group}/{id}/ds          settings filled in          dt/flat/{id}/ds
    smartmeter/{id}/{key}       filters, {key} is any       smartmeter/LGZ1030600000001/+
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.errors import UsageError, did_you_mean
from ciigen.resolved import Dialect, Resolved

#: What cannot stand in a level of a topic (MQTT 5, 4.7); the bridge writes an underscore in its place.
_NOT_IN_A_LEVEL: Final = re.compile(r"[\x00-\x1f\x7f/+#]")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A dialect that is switched on. ``settings``: all placeholders of its path that are the user's."""

    dialect: Dialect
    settings: Mapping[str, str]

    def filters(self, level: str, called: Iterable[str]) -> tuple[str, ...]:
        """Topic filters of one meter: ``level`` is ours, ``called`` what it may call itself."""
        # until a meter has said who it is, it is called by our level
        names = dict.fromkeys((*(_NOT_IN_A_LEVEL.sub("_", name.strip("\0 ")) for name in called), level))
        found = (
            self.dialect.path.format_map({**self.settings, "id": name, "meter": level, "key": "+"})
            for name in names
            if name
        )
        return tuple(dict.fromkeys(found))


def spoken(resolved: Resolved, tables: Mapping[str, Mapping[str, str]], where: str) -> tuple[Spoken, ...]:
    """Give the dialects of these names with these settings; raises UsageError, which says ``where`` it is wrong."""
    found = []
    for name, settings in tables.items():
        dialect = resolved.dialects.get(name)
        if dialect is None:
            raise UsageError(f"{where} {name} is not in the schema: {did_you_mean(name, resolved.dialects)}")
        for key, value in settings.items():
            if key not in dialect.settings:
                raise UsageError(
                    f"{where} {name} has no setting {key}: {did_you_mean(key, dialect.settings)}"
                )
            if not value or _NOT_IN_A_LEVEL.search(value):
                raise UsageError(f"{where} {name}: {key} {value!r} is no part of a topic: leave / + # out")
        defaults = {key: setting.default for key, setting in dialect.settings.items()}
        found.append(Spoken(dialect, {**defaults, **settings}))
    return tuple(found)


def tables_of(text: str | None, option: str) -> dict[str, dict[str, str]]:
    """Read ``rldsp:group=flat,smartmeter-datacollector`` (raises UsageError for what is not written so)."""
    tables: dict[str, dict[str, str]] = {}
    for entry in text.split(",") if text else ():
        name, *settings = (part.strip() for part in entry.split(":"))
        pairs = [setting.partition("=") for setting in settings]
        if not name or not all(key and equals for key, equals, _ in pairs):
            raise UsageError(
                f"{option} {entry.strip()!r}: write NAME or NAME:SETTING=VALUE, several with commas"
            )
        tables[name] = {key.strip(): value.strip() for key, _, value in pairs}
    return tables


def written(tables: Mapping[str, Mapping[str, str]]) -> str:
    """Write what ``tables_of`` reads."""
    return ",".join(
        ":".join((name, *(f"{key}={value}" for key, value in settings.items())))
        for name, settings in tables.items()
    )
