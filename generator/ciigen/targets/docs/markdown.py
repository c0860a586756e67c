"""Markdown for GitHub: escaping, links, tables. Everything that comes from the schema passes through here.

In a table a ``|`` ends the cell even inside a code span, and ``<meter>`` outside of one is taken for HTML and vanishes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_CODE_SPAN: Final = re.compile(r"(`[^`]*`)")
_CODE_WORD: Final = re.compile(r"[0-9_]")
_SPECIAL: Final = re.compile(r"([\\*<])")


def prose(text: str) -> str:
    """Return a sentence of the schema as Markdown; what stands in backticks stays code."""
    parts = _CODE_SPAN.split(" ".join(text.split()))
    return "".join(part if part.startswith("`") else _SPECIAL.sub(r"\\\1", part) for part in parts)


def code(text: str) -> str:
    """Return a code span."""
    return f"`{text}`"


def link(text: str, target: str) -> str:
    """Return a link; ``text`` is Markdown already."""
    return f"[{text}]({target})"


def sentences(*texts: str | None) -> str:
    """Return the given sentences one after the other, each with a full stop; empty ones are left out."""
    given = [text.strip() for text in texts if text and text.strip()]
    return " ".join(text if text.endswith((".", "!", "?", ":")) else f"{text}." for text in given)


def capitalised(text: str) -> str:
    """``text`` with its first letter in upper case, unless its first word is code such as ``t1`` or ``power_net``."""
    first = text.partition(" ")[0]
    return text if _CODE_WORD.search(first) else text[:1].upper() + text[1:]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are Markdown already. Columns that are empty in every row are left out."""
    cells = [list(row) for row in rows]
    used = [index for index in range(len(header)) if any(row[index] for row in cells)]
    lines = [[header[index] for index in used], ["---"] * len(used)]
    lines += [[row[index].replace("|", "\\|") for index in used] for row in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
