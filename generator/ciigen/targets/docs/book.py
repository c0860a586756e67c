"""What all pages share: the schema, the language of its texts, how a quantity is shown and linked.

Pages one folder down (``meters/``, ``operators/``, ``quantities/``) link with ``../``; the two pages on top without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ciigen.errors import TargetError
from ciigen.resolved import Meter, Place, Quantity, Resolved
from ciigen.targets.docs.groups import group_of
from ciigen.targets.docs.markdown import capitalised, code, link, prose, sentences
from ciigen.templates import filled
from ciigen.topics import is_of_submeter, topic_of
from ciigen.wording import vocabulary

_FALLBACK: Final = "en"
#: Page with an example of each topic and each quantity; it is made of what the bridge publishes, not here.
EXAMPLES: Final = "../../docs/reference/examples.md"
_CONSUMER: Final = "docs"
_STATE: Final = ("state", "channel/<n>/state")
#: Where a quantity without a topic of its own stands: key and topic, of the meter itself and of a sub-meter.
_INSIDE: Final[Mapping[Place, tuple[tuple[str, str], tuple[str, str]]]] = {
    Place.VALUE: (("values", _STATE[0]), ("values", _STATE[1])),
    Place.TEXT: (("texts", _STATE[0]), ("texts", _STATE[1])),
    Place.META: (("identity", "meta"), ("channels", "meta")),
    Place.TIME: (("ts", _STATE[0]), ("ts", _STATE[1])),
}


@dataclass(frozen=True, slots=True)
class Book:
    """The schema with the language in which its texts and the words of ``schema/consumers/docs.yaml`` appear.

    Pages of meters and operators exist in every language, those in English on top and the others in a folder each
    (``de/meters/…``); pages of quantities are in English only.
    """

    resolved: Resolved
    lang: str = _FALLBACK
    words: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", vocabulary(self.resolved, _CONSUMER, self.lang))

    @property
    def root(self) -> str:
        """From the folder of this language to that of the pages in English."""
        return "" if self.lang == _FALLBACK else "../"

    def say(self, key: str, /, **parts: object) -> str:
        """Return words of the documentation as Markdown (raises TargetError where there are none)."""
        if key not in self.words:
            raise TargetError(f"schema/consumers/{_CONSUMER}.yaml has no words.{key}")
        return self.words[key].format(**parts) if parts else self.words[key]

    def word(self, kind: str, code_word: str) -> str:
        """Say a code word of the schema: ``on request`` of ``encryption``."""
        return self.say(f"{kind}_{re.sub('[^a-z0-9]', '_', code_word.lower())}")

    def others(self, page: str) -> str:
        """Links to this page in the other languages; ``page`` is its path below the folder of a language."""
        here = "../" * page.count("/") + self.root
        books = [Book(self.resolved, lang) for lang in self.resolved.languages]
        return " · ".join(
            each.say("language")
            if each.lang == self.lang
            else link(
                each.say("language"), f"{here}{'' if each.lang == _FALLBACK else f'{each.lang}/'}{page}"
            )
            for each in books
        )

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
        return f"{up}{self.root}quantities/{group_of(self.resolved.quantities[name]).slug}.md#{name}"

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
        key, topic_name = _INSIDE[quantity.place][is_of_submeter(quantity)]
        return book.say("inside", key=key, topic=topic_name)
    below = topic.path.split("{meter}/")[-1]
    return code(below.format(quantity=quantity.name, item=quantity.name, channel="<n>"))


def unit_of(quantity: Quantity) -> str:
    """Return the unit as shown; a count or a factor has none."""
    return "" if quantity.unit in (None, "1") else quantity.unit or ""


def page(template: str, **context: object) -> str:
    """Return a template filled in, with exactly one line feed at its end and never two empty lines."""
    return _tidy(filled("ciigen.targets.docs", f"{template}.md.jinja", context, folder="templates"))


def _tidy(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        bare = line.rstrip()
        if bare or (lines and lines[-1]):
            lines.append(bare)
    return "\n".join(lines).rstrip("\n") + "\n"
