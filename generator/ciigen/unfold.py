"""Unfold the blocks of ``quantities/*.yaml``: one ``Entry`` a quantity, each fact still with the line it comes from.

    power_import: {obis: …, unit: W, phases: {l1: …, l2: …, l3: …}}
        → power_import, power_import_l1, power_import_l2, power_import_l3

A phase or tariff inherits every key of its block but ``derive`` (the phase of a net power is not computed from the
totals) and ``obis``; its label is put together from the patterns in ``languages.yaml``. Used by ``validate`` and
``resolve`` alike, so that findings are about what will really be built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.source import Node

_FAMILIES: Final = ("phases", "tariffs")
_NOT_INHERITED: Final = (*_FAMILIES, "derive", "obis")
#: Order of the media in lists for people; files within a medium come by name.
_MEDIA: Final = ("electricity", "gas", "water", "heat", "cooling", "device")


@dataclass(frozen=True, slots=True)
class Entry:
    """One quantity before its defaults: ``node`` is its block, phase or tariff, ``facts`` each key where it stands."""

    name: str
    family: str
    medium: str
    phase: str | None
    tariff: str | None
    node: Node
    facts: Mapping[str, Node]
    label: Mapping[str, str]

    def word(self, key: str) -> str | None:
        """Give the text of a fact, or None where it is absent."""
        node = self.facts.get(key)
        return node.text if node else None

    @property
    def obis(self) -> list[Node]:
        """The codes, the canonical one first."""
        return self.facts["obis"].elements

    @property
    def place(self) -> str:
        """Where it appears on MQTT, with the default filled in."""
        return self.word("place") or {"text": "text", "timestamp": "time"}.get(
            self.word("kind") or "", "value"
        )


def unfold(files: Iterable[Node], languages: Node) -> list[Entry]:
    """Every quantity of the files (their top nodes) in the order of the schema."""
    ordered = sorted(files, key=lambda top: (_MEDIA.index(top.word("medium")), top.source.file))
    return [
        entry
        for top in ordered
        for family, block in top.named("quantities").items()
        for entry in _unfold_block(family, block, top.word("medium"), languages)
    ]


def _unfold_block(family: str, block: Node, medium: str, languages: Node) -> Iterator[Entry]:
    facts = {key: node for key, node in block.entries.items() if key not in _FAMILIES}
    label = _text(facts.get("label"))
    if "obis" in facts:
        yield Entry(family, family, medium, None, None, block, facts, label)
    inherited = {key: node for key, node in facts.items() if key not in _NOT_INHERITED}
    for phase, member in block.named("phases").items():
        own = _member(member)
        made = _text(own.get("label")) or _made(languages, "phase_label", label, phase=phase.upper())
        yield Entry(f"{family}_{phase}", family, medium, phase, None, member, inherited | own, made)
    for tariff, member in block.named("tariffs").items():
        own = _member(member)
        made = _text(own.get("label")) or _made(languages, "tariff_label", label, n=tariff[1:])
        yield Entry(f"{family}_{tariff}", family, medium, None, tariff, member, inherited | own, made)


def _member(member: Node) -> dict[str, Node]:
    # a member that is only a text is its OBIS code
    return member.entries if isinstance(member.value, dict) else {"obis": member}


def _text(node: Node | None) -> dict[str, str]:
    return {language: label.text for language, label in node.entries.items()} if node else {}


def _made(languages: Node, pattern: str, label: Mapping[str, str], **parts: str) -> dict[str, str]:
    made = {}
    for language, form in languages.named(pattern).items():
        text = form.text.replace("{label}", label.get(language, ""))
        for name, value in parts.items():
            text = text.replace(f"{{{name}}}", value)
        made[language] = text
    return made
