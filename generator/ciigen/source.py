"""A value of ``schema/`` that knows where it stands: file, line and key path.

``load`` makes a ``Source`` of each file; everything after it moves through the values as ``Node``s, so that whoever
finds something wrong can say where without carrying positions along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ciigen.errors import Finding

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
#: Keys and indices from the top of a file to a value.
KeyPath: TypeAlias = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """Write ``("lists", 0, "id")`` as people write it: ``lists[0].id``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class Source:
    """One file as read. ``file`` is as printed in findings (``schema/units.yaml``), ``id`` the name without .yaml."""

    file: str
    kind: str
    id: str
    data: Json
    lines: Mapping[KeyPath, int]

    @property
    def top(self) -> Node:
        """The value of the whole file."""
        return Node(self, (), self.data)

    def line(self, path: KeyPath) -> int:
        """Give the line of a key or list element, or of the nearest thing around it that has one; counts from 1."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. The accessors expect what the JSON Schema of the file has already made sure of."""

    source: Source
    path: KeyPath
    value: Json

    @property
    def text(self) -> str:
        """The value, a text (raises TypeError for anything else: the file was not checked)."""
        if not isinstance(self.value, str):
            raise TypeError(f"{self.source.file}: {dotted(self.path)} is {self.value!r}, not a text")
        return self.value

    @property
    def entries(self) -> dict[str, Node]:
        """The values of a mapping by key, in the order of the file; empty for anything else."""
        if not isinstance(self.value, dict):
            return {}
        return {key: Node(self.source, (*self.path, key), value) for key, value in self.value.items()}

    @property
    def elements(self) -> list[Node]:
        """The elements of a list; a value that is no list is its own only element."""
        if not isinstance(self.value, list):
            return [self]
        return [Node(self.source, (*self.path, i), value) for i, value in enumerate(self.value)]

    def at(self, *path: str) -> Node | None:
        """Give the value below some keys, or None where one is absent."""
        node: Node | None = self
        for key in path:
            node = node.entries.get(key) if node else None
        return node

    def below(self, key: str) -> list[Node]:
        """Give the elements of the list at ``key``; empty where it is absent."""
        node = self.at(key)
        return node.elements if node else []

    def named(self, key: str) -> dict[str, Node]:
        """Give the entries of the mapping at ``key``; empty where it is absent."""
        node = self.at(key)
        return node.entries if node else {}

    def word(self, key: str, default: str = "") -> str:
        """Give the text at ``key``, or ``default`` where it is absent."""
        node = self.at(key)
        return node.text if node else default

    def finding(self, message: str, remedy: str) -> Finding:
        """Make a finding at this place."""
        return Finding(self.source.file, self.source.line(self.path), dotted(self.path), message, remedy)
