"""docs/SECURITY.md: what it claims is proven by tests that exist."""

from __future__ import annotations

import ast
import re

import pytest
from captures import ROOT

PAGE = ROOT / "docs/SECURITY.md"
CLAIMS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| who |")
]


def test_there_are_claims() -> None:
    assert len(CLAIMS) > 10
    assert {len(row) for row in CLAIMS} == {4}


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row[1])
def test_each_claim_names_tests_that_exist(row: list[str]) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[3])
    assert named
    assert not re.sub(r"`[^`]*`", "", row[3]).strip(), "only tests stand in this column"
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name
        ]
        assert len(functions) == 1, f"{path} has no {name}"
