"""The small schema of these tests, and a copy of the whole checkout for tests that build."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from core_checkout import Checkout
from core_schema import MINI, ROOT, Schema


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    """A copy of the small schema, with the real descriptions of the files beside it."""
    root = tmp_path / "schema"
    shutil.copytree(MINI, root)
    shutil.copytree(ROOT / "schema" / "meta", root / "meta")
    return Schema(root)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of this checkout without generated/, not to be changed by a test."""
    return Checkout.copy(tmp_path_factory.mktemp("checkout"))
