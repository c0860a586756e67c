"""What all pages share: the schema, the language of its texts, how a quantity is shown and linked.

Pages one folder down (``meters/``, ``operators/``, ``quantities/``) link with ``../``; the two pages on top without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from ciigen.resolved import Meter, Place, Quantity, Resolved
from ciigen.targets.docs.groups import group_of
from ciigen.targets.docs.markdown import capitalised, code, link, prose, sentences
from ciigen.topics import is_of_submeter, topic_of

_FALLBACK: Final = "en"
#: Page with an example of each topic and each quantity; it is made of what the bridge publishes, not here.
EXAMPLES: Final = "../../docs/reference/examples.md"
#: Where a quantity without a topic of its own stands: of the meter itself, of a sub-meter.
_INSIDE: Final[Mapping[Place, tuple[str, str]]] = {
    Place.VALUE: ("`values` of `state`", "`values` of `channel/<n>/state`"),
    Place.TEXT: ("`texts` of `state`", "`texts` of `channel/<n>/state`"),
    Place.META: ("`identity` of `meta`", "`channels` of `meta`"),
    Place.TIME: ("`ts` of `state`", "`ts` of `channel/<n>/state`"),
}


@dataclass(frozen=True, slots=True)
class Book:
    """The schema with the language in which its own texts appear (headings are English)."""

    resolved: Resolved
    lang: str = _FALLBACK

    def text(self, text: Mapping[str, str]) -> str:
        """Return a text of the schema as Markdown; empty if there is none."""
        return prose(text.get(self.lang) or text.get(_FALLBACK, ""))

    def meaning(self, quantity: Quantity) -> str:
        """Return what a quantity means: its description, its states, how it is computed, and notes."""
        states = "; ".join(f"{code(state)}: {self.text(label)}" for state, label in quantity.states.items())
        return sentences(
            self.text(quantity.description),
            states,
            self._derivation(quantity),
            capitalised(prose(quantity.note or "")),
        )

    def quantity(self, name: str, up: str = "../") -> str:
        """Label of a quantity, linked to its line on its page."""
        return link(self.text(self.resolved.quantities[name].label), self.target(name, up))

    def target(self, name: str, up: str = "../") -> str:
        """Where the line of a quantity is."""
        return f"{up}quantities/{group_of(self.resolved.quantities[name]).slug}.md#{name}"

    def meter(self, meter: Meter, up: str = "../") -> str:
        """Maker and model, linked to the page."""
        return link(name_of(meter), f"{up}meters/{meter.id}.md")

    def _derivation(self, quantity: Quantity) -> str:
        if quantity.derive is None:
            return ""
        plus = " + ".join(code(name) for name in quantity.derive.plus)
        minus = "".join(f" − {code(name)}" for name in quantity.derive.minus)
        part = "" if quantity.derive.need == "all" else " (of those that it sends)"
        return f"Where the meter does not send it, it is computed as {plus}{minus}{part}"


def name_of(meter: Meter) -> str:
    """Maker and model as Markdown."""
    return prose(f"{meter.manufacturer} {meter.model}")


def where(book: Book, quantity: Quantity) -> str:
    """Where a quantity appears on MQTT, below ``cii/v1/<meter>/``."""
    topic = topic_of(book.resolved, quantity)
    if topic is None:
        return _INSIDE[quantity.place][is_of_submeter(quantity)]
    below = topic.path.split("{meter}/")[-1]
    return code(below.format(quantity=quantity.name, item=quantity.name, channel="<n>"))


def unit_of(quantity: Quantity) -> str:
    """Return the unit as shown; a count or a factor has none."""
    return "" if quantity.unit in (None, "1") else quantity.unit or ""


def page(template: str, **context: object) -> str:
    """Return a template filled in, with exactly one line feed at its end and never two empty lines."""
    environment = Environment(
        loader=PackageLoader("ciigen.targets.docs"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, not HTML; prose() and code() escape
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return _tidy(environment.get_template(f"{template}.md.jinja").render(**context))


def _tidy(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.rstrip()
        if bare or (lines and lines[-1]):
            lines.append(bare)
    return "\n".join(lines).rstrip("\n") + "\n"
