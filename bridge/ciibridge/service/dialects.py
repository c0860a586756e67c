"""[dialect.<name>] of the configuration: other tongues that are switched on, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.publish.dialect import Spoken
from ciibridge.service.findings import Key, choose

_LEVEL: Final = re.compile(r"[^\x00-\x1f\x7f/+#]+")


def dialects(
    tables: Mapping[str, Mapping[str, str]], catalogue: Resolved, fault: Callable[[Key, str, str], None]
) -> tuple[Spoken, ...]:
    """Give the dialects with all their settings; ``fault`` is told of what is wrong."""
    spoken = []
    for name, table in tables.items():
        at: Key = ("dialect", name)
        dialect = catalogue.dialects.get(name)
        if dialect is None:
            fault(at, f"{name!r} is not in the schema", choose(name, catalogue.dialects))
            continue
        for key, value in table.items():
            if key not in dialect.settings:
                remedy = choose(key, dialect.settings) if dialect.settings else "Remove it: there is none."
                fault((*at, key), "unknown key", remedy)
            elif not _LEVEL.fullmatch(value):
                example = dialect.settings[key].default
                fault((*at, key), "cannot be a part of a topic", f"Write e.g. {example!r}, without / + #.")
        defaults = {key: setting.default for key, setting in dialect.settings.items()}
        spoken.append(Spoken(dialect, {**defaults, **table}))
    return tuple(spoken)
