"""The real command on a copy of the checkout: from nothing, twice the same, and installed without a checkout."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from core_checkout import Checkout
from core_schema import ROOT


def test_build_from_nothing_gives_what_is_committed(checkout: Checkout, tmp_path: Path) -> None:
    """Fails when schema/ or a target was changed and `ciigen build` was not run.

    It is another process with other hashes than the one whose work was committed, and cannot import the generated package.
    """
    assert not (checkout.root / "generated").exists()
    done = checkout.ciigen("build", "--out", str(tmp_path / "generated"), seed="1234", without_ciimodel=True)
    assert done.returncode == 0, done.stderr
    built, committed = Checkout(tmp_path).files("generated"), Checkout(ROOT).files("generated")
    assert list(built) == list(committed)
    for path, data in built.items():
        assert data == committed[path], f"{path} is not what the schema yields: run `ciigen build`"


def test_nothing_of_the_generator_imports_what_it_generates() -> None:
    modules = sorted((ROOT / "generator").rglob("*.py"))
    assert modules
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.partition(".")[0] == "ciimodel" for name in names), module


def test_before_the_first_build_it_says_what_to_do(checkout: Checkout, tmp_path: Path) -> None:
    """A generated package without its file, as in a checkout whose generated/ was half removed."""
    package = tmp_path / "ciimodel"
    package.mkdir()
    (package / "__init__.py").touch()
    path = os.pathsep.join((str(tmp_path), str(checkout.root / "generator")))
    done = _run(path, tmp_path, "openhab")
    assert done.returncode == 2
    assert "ciimodel/resolved.json is not installed: in a checkout run `ciigen build`" in done.stderr
    (package / "resolved.json").write_text('{"version": 1}', encoding="utf-8")
    done = _run(path, tmp_path, "openhab")
    assert done.returncode == 2
    assert "ciimodel/resolved.json does not fit this version of ciigen" in done.stderr


def _run(path: str, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _python(path, cwd, "from ciigen.cli import main; main()", *arguments)


def _python(path: str, cwd: Path, *program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", *program],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
