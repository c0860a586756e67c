"""Templates of the targets: filled in, and with the same rules everywhere.

Place in the line: render. A template lies beside its target. What is missing in it is an error, a line that holds a statement only leaves none
behind, and nothing is escaped but XML, whose texts come from the schema: what could end a string is written ``{{ text | quoted }}``.
"""

from __future__ import annotations

import json
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def filled(package: str, template: str, context: dict[str, object], *, folder: str = ".") -> str:
    """Fill in a template of a package of this program, ``ciigen.targets.evcc``; ``folder`` is below the package."""
    return _environment(package, folder).get_template(template).render(context)


@cache
def _environment(package: str, folder: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package, folder),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=select_autoescape((".xml.j2",), default=False),  # what HTML escapes, XML does
    )
    environment.filters["quoted"] = quoted
    environment.filters["py"] = _literal
    return environment


def quoted(text: object) -> str:
    """``text`` in double quotes: the strings of JSON are strings of YAML, TOML and Python. A meter may be called true, or 0815."""
    return json.dumps(text, ensure_ascii=False)


def _literal(value: object) -> str:
    """Return a Python literal; texts in double quotes, where JSON and Python agree."""
    return quoted(value) if isinstance(value, str) else repr(value)
