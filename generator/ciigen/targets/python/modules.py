"""The modules of ``ciimodel`` that are written from templates: ``__init__`` and ``topics``."""

from __future__ import annotations

from string import Formatter
from typing import Final

from ciigen.resolved import Resolved, Topic
from ciigen.targets.python.models import formatted
from ciigen.templates import filled

_LANGUAGE: Final = "en"
#: The level that every topic has and every function takes as an option.
_PREFIX: Final = "prefix"


def package(_: Resolved) -> str:
    """``ciimodel/__init__.py``."""
    return _render("__init__.py.jinja")


def topics(resolved: Resolved) -> str:
    """``ciimodel/topics.py``: one constant and one function a topic, and ``match``."""
    return _render(
        "topics.py.jinja",
        resolved=resolved,
        topics=[_topic(topic) for topic in resolved.topics.values()],
        kinds={quantity.name: quantity.kind.value for quantity in resolved.quantities.values()},
    )


def _topic(topic: Topic) -> dict[str, object]:
    levels = [field for _, field, _, _ in Formatter().parse(topic.path) if field and field != _PREFIX]
    shown = topic.path.replace(f"{{{_PREFIX}}}/", "").replace("{", "<").replace("}", ">")
    return {
        **topic.model_dump(mode="json", include={"name", "path", "qos", "retain", "expiry_s", "payload"}),
        "content_type": topic.content_type,
        "kinds": tuple(kind.value for kind in topic.kinds),
        "levels": levels,
        "docstring": f"``…/{shown}``: {topic.description[_LANGUAGE]}",
    }


def _render(template: str, **context: object) -> str:
    return formatted(filled("ciigen.targets.python", template, context, folder="templates"))
