"""Say everything that is wrong with ``schema/``, at once and with file, line and remedy.

Place in the line: load → **validate** → resolve → render → write. Three rounds: what could not be read (found by
``load``), what breaks the structure (the JSON Schemas of ``schema/meta``), and what contradicts itself (the rules of
``ciigen.checks``). A rule that compares files of a kind is left out while one of them is not sound, so that one slip
does not bring a hundred findings that only follow from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ciigen.checks import ALL
from ciigen.checks.sound import Sound
from ciigen.errors import Finding
from ciigen.explain import explain
from ciigen.load import KINDS, Loaded
from ciigen.source import Source


def validate(loaded: Loaded) -> list[Finding]:
    """All findings, in the order of files and lines; empty if the schema is sound."""
    findings = [*loaded.findings, *_missing(loaded)]
    for source in loaded.sources:
        findings += structure(loaded, source)
    unsound_files = {finding.file for finding in findings}
    unsound = {kind for pattern, kind in KINDS.items() if _touched(pattern, unsound_files)}
    sound = Sound(tuple(s for s in loaded.sources if s.file not in unsound_files), loaded.meta)
    for check in ALL:
        if not check.needs & unsound:
            findings += check.run(sound)
    return sorted(set(findings))


def structure(loaded: Loaded, source: Source) -> Iterator[Finding]:
    """Yield what in a file breaks the JSON Schema of its kind."""
    types = loaded.meta.types(source.kind)
    for error in loaded.meta.errors(source.kind, source.data):
        yield from explain(source, types, error)


def _missing(loaded: Loaded) -> Iterator[Finding]:
    present = {source.kind for source in loaded.sources} | {
        kind for pattern, kind in KINDS.items() if _touched(pattern, {f.file for f in loaded.findings})
    }
    for pattern, kind in KINDS.items():
        if kind not in present:
            remedy = f"write it; schema/README.md shows the form of {pattern}"
            yield Finding(f"{loaded.name}/{pattern}", 1, "", "is missing", remedy)


def _touched(pattern: str, files: set[str]) -> bool:
    head, _, tail = pattern.partition("*")
    inner = [file.partition("/")[2] for file in files]
    return any(file.startswith(head) and file.endswith(tail) for file in inner)
