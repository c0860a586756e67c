"""The resolved schema itself: what the package carries, and the contract for third parties.

``generated/python/ciimodel/resolved.json`` lies in the folder of the Python models, because it is what they read.
Compact yet diffable: what fits on a line is on a line, keys are in the order of the schema, which is the order to show
to people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View

_WIDTH: Final = 120


def render(resolved: Resolved, _selection: Selection | None = None) -> str:
    """Render the whole schema as JSON, defaults included; a selection changes nothing."""
    return _text(resolved.model_dump(mode="json"), 0) + "\n"


def _text(value: object, depth: int) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if depth + len(line) <= _WIDTH or not isinstance(value, dict | list):
        return line
    if isinstance(value, dict):
        inner = [f"{json.dumps(key, ensure_ascii=False)}: {_text(v, depth + 1)}" for key, v in value.items()]
    else:
        inner = [_text(v, depth + 1) for v in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    between = ",\n" + " " * (depth + 1)
    return f"{opening}\n{' ' * (depth + 1)}{between.join(inner)}\n{' ' * depth}{closing}"


@dataclass(frozen=True, slots=True)
class ResolvedSchema:
    """``resolved.json``."""

    name: str = "resolved"
    folder: str = "python"
    of_contract = True
    help: str = "The schema with all defaults filled in, as JSON."

    @property
    def views(self) -> Mapping[str, View]:
        """One file."""
        return {
            "json": View(".json", "resolved.json: everything, whatever is selected.", render, stem="resolved")
        }

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """Give the file that the package carries."""
        return {"ciimodel/resolved.json": render(resolved)}


TARGET: Final[Target] = ResolvedSchema()
