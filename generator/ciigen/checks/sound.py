"""The files of ``schema/`` whose structure is right, as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ciigen.meta import Meta
from ciigen.source import Node, Source
from ciigen.unfold import Entry, unfold


@dataclass(frozen=True)  # no slots: cached_property keeps its value in __dict__
class Sound:
    """The sources without a finding so far, with what several rules look up."""

    sources: tuple[Source, ...]
    meta: Meta

    def of(self, kind: str) -> list[Node]:
        """Give the files of one kind, by name."""
        return [source.top for source in self.sources if source.kind == kind]

    def one(self, kind: str) -> Node:
        """Give the only file of a kind (raises StopIteration when it is missing: the rule did not say that it needs it)."""
        return next(iter(self.of(kind)))

    @cached_property
    def languages(self) -> list[str]:
        """Languages that every text must have."""
        return [language.text for language in self.one("languages").below("languages")]

    @cached_property
    def units(self) -> dict[str, Node]:
        """Units by symbol."""
        return self.one("units").entries

    @cached_property
    def makers(self) -> dict[str, Node]:
        """Makers by FLAG id."""
        return self.one("makers").entries

    @cached_property
    def interfaces(self) -> dict[str, Node]:
        """Interfaces that several meter models have, by name."""
        return self.one("interfaces").entries

    @cached_property
    def entries(self) -> list[Entry]:
        """All quantities, unfolded."""
        return unfold(self.of("quantities"), self.one("languages"))

    @cached_property
    def quantities(self) -> dict[str, Entry]:
        """All quantities by name; of two with one name the first."""
        return {entry.name: entry for entry in reversed(self.entries)}

    @cached_property
    def meters(self) -> dict[str, Node]:
        """Meter models by id."""
        return {top.source.id: top for top in self.of("meter")}

    @cached_property
    def consumers(self) -> dict[str, Node]:
        """Consumers by name."""
        return {top.source.id: top for top in self.of("consumer")}
