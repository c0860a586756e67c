"""Texts for people: every language, nothing but the languages, and the placeholders of the label patterns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ciigen.checks.sound import Sound
from ciigen.errors import Finding, did_you_mean
from ciigen.meta import Position, Types
from ciigen.source import Node

_PATTERNS: Final = {"phase_label": ("{label}", "{phase}"), "tariff_label": ("{label}", "{n}")}


def every_language(sound: Sound) -> Iterator[Finding]:
    """Check that a text has each language of languages.yaml and no other."""
    for source in sound.sources:
        types = sound.meta.types(source.kind)
        for node in _texts(source.top, types, types.top()):
            missing = [language for language in sound.languages if language not in node.entries]
            if missing:
                remedy = f"add {', '.join(f'{language}: …' for language in missing)}"
                yield node.finding(f"has no {', '.join(missing)}", remedy)
            for language, label in node.entries.items():
                if language not in sound.languages:
                    remedy = f"{did_you_mean(language, sound.languages)} Or add it to schema/languages.yaml"
                    yield label.finding(f"language {language} is not in languages.yaml", remedy)


def placeholders(sound: Sound) -> Iterator[Finding]:
    """Check that the label patterns use exactly the placeholders there are."""
    for key, wanted in _PATTERNS.items():
        for form in sound.one("languages").named(key).values():
            found = re.findall(r"\{[^}]*\}", form.text)
            if sorted(found) != sorted(wanted):
                has = ", ".join(found) or "no placeholder"
                yield form.finding(f"has {has}", f"write each of {' and '.join(wanted)} once")


def _texts(node: Node, types: Types, position: Position) -> Iterator[Node]:
    if types.is_text(position) and isinstance(node.value, dict):
        yield node
    elif isinstance(node.value, dict):
        for key, value in node.entries.items():
            yield from _texts(value, types, types.entry(position, key))
    elif isinstance(node.value, list):
        for index, value in enumerate(node.elements):
            yield from _texts(value, types, types.element(position, index))


RULES: Final = (every_language, placeholders)
