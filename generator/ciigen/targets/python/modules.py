"""The modules of ``ciimodel`` that are written from templates: ``__init__`` and ``topics``."""

from __future__ import annotations

import json
from string import Formatter
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from ciigen.resolved import Resolved, Topic
from ciigen.targets.python.models import formatted

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
    environment = Environment(
        loader=PackageLoader("ciigen.targets.python"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Python, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["py"] = _literal
    return formatted(environment.get_template(template).render(context))


def _literal(value: object) -> str:
    """Return a Python literal; texts in double quotes, where JSON and Python agree."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
