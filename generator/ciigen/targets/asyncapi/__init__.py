"""Output ``asyncapi``: the topic contract as one AsyncAPI 3.0 document.

Place in the line: render. QoS, retain and expiry stand in the operations' MQTT bindings, the last wills in those of the
servers; the payload schemas are those of the target ``jsonschema``.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import walk_tree

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.asyncapi.document import document

_FILE: Final = "asyncapi"
_EXTENSION: Final = ".yaml"
_LINE_WIDTH: Final = 110


def _render(resolved: Resolved) -> str:
    yaml = YAML()
    yaml.width = _LINE_WIDTH
    yaml.representer.ignore_aliases = lambda _: True
    data = document(resolved)
    walk_tree(data)  # texts of several lines as literal blocks
    out = StringIO()
    yaml.dump(data, out)
    # ruamel leaves the blank at which it folds a line; in a folded text it means nothing
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _view(resolved: Resolved, _: Selection) -> str:
    return _render(resolved)


_VIEWS: Final[Mapping[str, View]] = {
    "document": View(_EXTENSION, "the whole contract (AsyncAPI 3.0.0, YAML)", _view, stem=_FILE)
}


class AsyncApi:
    """The contract for machines; a selection changes nothing, since it is the contract of all meters."""

    name = "asyncapi"
    of_contract = True
    help = "AsyncAPI 3 document: topics, QoS, payloads"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """One file."""
        return {f"{_FILE}{_EXTENSION}": _render(resolved)}


TARGET: Target = AsyncApi()
