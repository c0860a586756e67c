"""Read ``schema/`` from disk: strict YAML, every value with its line, and all that is wrong at once.

Place in the line: **load** → validate → resolve → render → write. What the words mean is not known here.

YAML guesses types (``NO`` is false, ``0001`` is 1, ``12:30`` is 750, ``1.10`` is 1.1). Here a scalar is the text that
was written, unless it stands unquoted in a place where the JSON Schema of the file (``schema/meta``) asks for an
integer, a number, a boolean or null *and* it is written as JSON writes one. Two equal keys, anchors, aliases and tags
are findings: a reader must see at one place what holds there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from ciigen.errors import Finding, UsageError, did_you_mean
from ciigen.meta import Meta, Position, Types
from ciigen.source import Json, KeyPath, Source, dotted

#: What a file is, by its place below ``schema/``; the name of the kind is that of ``meta/<kind>.schema.json``.
KINDS: Final[Mapping[str, str]] = {
    "languages.yaml": "languages",
    "units.yaml": "units",
    "makers.yaml": "makers",
    "interfaces.yaml": "interfaces",
    "topics.yaml": "topics",
    "quantities/*.yaml": "quantities",
    "consumers/*.yaml": "consumer",
    "meters/*.yaml": "meter",
    "operators/*.yaml": "operator",
    "dialects/*.yaml": "dialect",
}
_VERSION: Final = "VERSION"
_IGNORED: Final = ("README.md", "meta/*.schema.json")

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_NULLS: Final = ("~", "null", "")

#: Part of the parser's words → what to do, in plain words. The first that fits is used.
_REMEDIES: Final[tuple[tuple[str, str], ...]] = (
    ("character '\\t'", "indent with spaces, two a level; a tab is not allowed"),
    (
        "that cannot start any token",
        "put the text in double quotes: it begins with a character special to YAML",
    ),
    (
        "mapping values are not allowed",
        "put a text with a colon in double quotes, or correct the indentation",
    ),
    ("sequence entries are not allowed", "begin a list on the next line, one `- ` an element"),
    ("quoted scalar", "close the quote, or write \\\\ for a backslash in double quotes"),
    ("expected <block end>", "correct the indentation: this line does not stand below its neighbours"),
    ("expected ',' or", "close the bracket or brace, or put a comma between the elements"),
    ("could not find expected ':'", "write `key: value`"),
    ("single document", "write one file a subject: a second `---` is not allowed"),
    ("special characters", "remove the invisible control character"),
    ("chomping or indentation", "begin the text on the line after | or >"),
)
#: Mistakes that are where something begins, not where the parser gives up.
_AT_THE_BEGINNING: Final = ("unexpected end of stream", "could not find expected ':'")
_OTHER_REMEDY: Final = "correct the YAML at this place; schema/README.md shows the form"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The folder ``schema/`` as read; ``findings`` are those of reading, and files with one are not in ``sources``.

    ``name`` is what the folder is called, as findings print it.
    """

    name: str
    version: str
    sources: tuple[Source, ...]
    meta: Meta
    findings: tuple[Finding, ...]

    def of(self, kind: str) -> tuple[Source, ...]:
        """Give the files of one kind, by name."""
        return tuple(source for source in self.sources if source.kind == kind)


def find_schema(given: Path | None) -> Path:
    """Give the folder ``schema/``: the one given, else that of the checkout around the current directory.

    Raises UsageError if there is none.
    """
    if given is not None:
        if not (given / _VERSION).is_file():
            raise UsageError(f"{given} is no schema folder: it has no file {_VERSION}")
        return given.resolve()
    here = Path.cwd()
    for directory in (here, *here.parents):
        if (directory / "schema" / _VERSION).is_file():
            return directory / "schema"
    raise UsageError(
        f"not in a checkout: neither {here} nor a folder above it has schema/{_VERSION}; change into the checkout, "
        "or name the folder with --schema. The other commands (ciigen list) work anywhere."
    )


def load(root: Path) -> Loaded:
    """Read every file of the folder ``schema/`` at ``root``; nothing raises because of what a file holds."""
    meta = Meta.read(root / "meta", KINDS.values())
    sources: list[Source] = []
    findings: list[Finding] = []
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        inner = path.relative_to(root)
        file = f"{root.name}/{inner.as_posix()}"
        kind = next((kind for pattern, kind in KINDS.items() if _matches(inner.as_posix(), pattern)), None)
        if kind is not None:
            data, lines, found = read_yaml(path, file, meta.types(kind))
            findings += found
            if not found:
                sources.append(Source(file, kind, path.stem, data, lines))
        elif inner.as_posix() != _VERSION and not any(_matches(inner.as_posix(), p) for p in _IGNORED):
            findings.append(_stray(file, inner.as_posix()))
    version = (root / _VERSION).read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"\d+\.\d+", version):
        message, remedy = f"{version!r} is no version", "write major.minor of the topic contract, e.g. 1.0"
        findings.append(Finding(f"{root.name}/{_VERSION}", 1, "", message, remedy))
    return Loaded(root.name, version, tuple(sources), meta, tuple(findings))


def read_yaml(path: Path, file: str, types: Types) -> tuple[Json, dict[KeyPath, int], list[Finding]]:
    """One file: its value, the line of every key and list element, and what is wrong with the text."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        return None, {}, [Finding(file, line, "", "is not UTF-8 text", "save the file as UTF-8", column)]
    reader = _Reader(file, types)
    try:
        data = reader.read(text)
    except MarkedYAMLError as error:
        return None, {}, [*reader.findings, _syntax(file, error)]
    except YAMLError as error:
        return None, {}, [*reader.findings, _unreadable(file, text, error)]
    return data, reader.lines, reader.findings


class _Reader:
    """Builds a value from the events of the YAML parser (its own constructor would guess types and lose lines)."""

    def __init__(self, file: str, types: Types) -> None:
        self.file = file
        self.types = types
        self.lines: dict[KeyPath, int] = {}
        self.findings: list[Finding] = []

    def read(self, text: str) -> Json:
        parser = YAML(typ="safe", pure=True)
        events = (e for e in parser.parse(io.StringIO(text)) if isinstance(e, _CONTENT))
        event = next(events, None)
        if event is None:
            self.findings.append(Finding(self.file, 1, "", "is empty", "write it, or remove the file"))
            return None
        data = self._value(event, events, (), self.types.top())
        # the parser checks the rest (a second document) only when asked for it
        for event in events:
            self._add(event, "more than one document", "write one file a subject: `---` is not needed")
        return data

    def _value(self, event: Event, events: Iterator[Event], path: KeyPath, position: Position) -> Json:
        if isinstance(event, AliasEvent):
            self._add(event, f"alias *{event.anchor}", "write the value out: aliases are not allowed")
            return None
        if isinstance(event, NodeEvent) and event.anchor is not None:
            self._add(event, f"anchor &{event.anchor}", "remove it: anchors and aliases are not allowed")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._add(
                event, f"tag {tag}", "remove it: types come from schema/meta; quote what must stay text"
            )
        if isinstance(event, ScalarEvent):
            return _scalar(event, self.types.allowed(position))
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, path, position)
        return self._sequence(events, path, position)

    def _mapping(self, events: Iterator[Event], path: KeyPath, position: Position) -> dict[str, Json]:
        result: dict[str, Json] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            key = event.value if isinstance(event, ScalarEvent) else None
            inner = (*path, key or "")
            if key is None:
                self._add(event, "a key that is not a text", "write a plain word before the colon")
                self._value(event, events, path, position)
            elif key in result:
                line = self.lines[inner]
                self._add(
                    event, f"key {dotted(inner)!r} stands twice, first in line {line}", "keep one of the two"
                )
            else:
                self.lines[inner] = event.start_mark.line + 1
            value = self._value(next(events), events, inner, self.types.entry(position, key or ""))
            if key is not None and key not in result:
                result[key] = value
        return result

    def _sequence(self, events: Iterator[Event], path: KeyPath, position: Position) -> list[Json]:
        result: list[Json] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            inner = (*path, len(result))
            self.lines[inner] = event.start_mark.line + 1
            result.append(self._value(event, events, inner, self.types.element(position, len(result))))
        return result

    def _add(self, event: Event, message: str, remedy: str) -> None:
        mark = event.start_mark
        self.findings.append(Finding(self.file, mark.line + 1, "", message, remedy, mark.column + 1))


#: Events that carry content; the rest frames streams and documents.
_CONTENT: Final = (NodeEvent, MappingEndEvent, SequenceEndEvent)


def _scalar(event: ScalarEvent, allowed: frozenset[str]) -> Json:
    text: str = event.value
    if event.style is not None:  # quoted or block text: what was written is meant as text
        return text
    if "null" in allowed and text in _NULLS:
        return None
    if "boolean" in allowed and text in _BOOLEANS:
        return _BOOLEANS[text]
    if allowed & {"integer", "number"} and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in allowed and _NUMBER.fullmatch(text):
        return float(text)
    return text


def _syntax(file: str, error: MarkedYAMLError) -> Finding:
    words = " ".join(filter(None, (error.context, error.problem)))
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark]
    mark = marks[-1] if any(part in words for part in _AT_THE_BEGINNING) else marks[0]
    line, column = mark.line + 1, mark.column + 1
    remedy = next((remedy for part, remedy in _REMEDIES if part in words), _OTHER_REMEDY)
    if error.context_mark and error.context_mark.line + 1 != line:
        words += f" (begun in line {error.context_mark.line + 1})"
    return Finding(file, line, "", f"is not YAML: {words}", remedy, column)


def _unreadable(file: str, text: str, error: YAMLError) -> Finding:
    position: int = getattr(error, "position", 0)  # ReaderError counts characters from the start
    before = text[:position]
    column = position - before.rfind("\n")
    message = "is not YAML: special characters are not allowed"
    remedy = next(remedy for part, remedy in _REMEDIES if part in message)
    return Finding(file, before.count("\n") + 1, "", message, remedy, column)


def _stray(file: str, inner: str) -> Finding:
    if inner.endswith(".yml"):
        return Finding(file, 1, "", "the extension is .yml", "rename it to .yaml")
    places = ", ".join(KINDS)
    folders = {pattern.split("/")[0] for pattern in KINDS}
    near = did_you_mean(inner.partition("/")[0], folders)
    remedy = f"move it to its place; {near}" if near.startswith("did") else f"files of schema/ are {places}"
    return Finding(file, 1, "", "is no file of the schema", remedy)


def _matches(inner: str, pattern: str) -> bool:
    # PurePath.match matches from the right; the depth must be the same as well
    path = PurePosixPath(inner)
    return path.match(pattern) and len(path.parts) == len(PurePosixPath(pattern).parts)
