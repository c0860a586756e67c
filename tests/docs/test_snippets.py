"""What people copy from the pages is right: each code fence is read by what will read it."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from pathlib import Path

import pytest
from captures import ROOT
from ciibridge.service.config import Config
from ruamel.yaml import YAML

_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
PAGES = [ROOT / "README.md"]
PAGES += sorted(
    p
    for folder in ("docs", "integrations", "schema", "generated/docs")
    for p in (ROOT / folder).rglob("*.md")
)
SNIPPETS = [
    pytest.param(fence[2], textwrap.dedent(fence[3]), id=f"{page.relative_to(ROOT)}:{page.read_text(encoding='utf-8')[: fence.start()].count(chr(10)) + 1}")
    for page in PAGES
    for fence in _FENCE.finditer(page.read_text(encoding="utf-8"))
]  # fmt: skip


def _toml(text: str) -> None:
    document = tomllib.loads(text)
    tables = set(Config.model_fields)
    if not tables & document.keys():
        # keys of one block, shown without its head
        document = {"meter": [{"port": "/dev/ttyUSB0", **document}]}
    for meter in document.get("meter", []):
        meter.setdefault("port", "/dev/ttyUSB0")
    Config.model_validate(document)


READERS = {
    "toml": _toml,
    "json": json.loads,
    "yaml": lambda text: YAML(typ="safe").load(text),
    "python": lambda text: compile(text, "snippet", "exec"),
}


@pytest.mark.parametrize(("language", "text"), SNIPPETS)
def test_a_snippet_is_read_by_what_will_read_it(language: str, text: str) -> None:
    if language != "text":
        assert language in READERS, f"no reader for ```{language}: add it, or write ```text"
        READERS[language](text)


def test_fences_are_found() -> None:
    pages = {Path(str(snippet.id).split(":", 1)[0]).parts[0] for snippet in SNIPPETS}
    assert {"docs", "schema"} <= pages
