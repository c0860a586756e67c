"""Output ``python``: the package ``ciimodel``, which the bridge and Python consumers import.

Place in the line: render. ``payloads`` (what is on MQTT), ``catalogue`` (the resolved schema) and ``topics`` (names,
patterns, QoS) are generated from the same JSON Schemas that others get; ``resolved.json`` beside them comes from the
target ``resolved``, ``homeassistant`` from the target of that name (ADR 18).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View
from ciigen.targets.homeassistant.plan import package_files
from ciigen.targets.python.models import catalogue, payloads
from ciigen.targets.python.modules import package, topics

_PACKAGE: Final = "ciimodel"
#: Module → its renderer and what the help says; the first is printed by default.
_MODULES: Final[Mapping[str, tuple[Callable[[Resolved], str], str]]] = {
    "payloads": (payloads, "models of the payloads: State, Meta, Diag …"),
    "topics": (topics, "topic names, patterns, QoS; match(topic)"),
    "catalogue": (catalogue, "models of the resolved schema"),
}


def _view(module: str, text: str) -> View:
    render = _MODULES[module][0]

    def for_all(resolved: Resolved, _: Selection) -> str:
        return render(resolved)

    return View(".py", text, for_all, stem=module)


_VIEWS: Final[Mapping[str, View]] = {module: _view(module, text) for module, (_, text) in _MODULES.items()}


class Python:
    """The package ``ciimodel``; a selection changes nothing, since a message may carry any quantity."""

    name = "python"
    of_contract = True
    help = "Python models of payloads and topics (pydantic 2)"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """Every file of the package but ``resolved.json``."""
        modules = {module: render(resolved) for module, (render, _) in _MODULES.items()}
        files = {"__init__.py": package(resolved), "py.typed": ""}
        files |= {f"{module}.py": text for module, text in modules.items()} | package_files(resolved)
        return {f"{_PACKAGE}/{name}": text for name, text in files.items()}


TARGET: Target = Python()
