"""The real command on a copy of the checkout: from nothing, twice the same, and installed without a checkout."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from core_checkout import Checkout
from core_schema import ROOT


@pytest.fixture(scope="session")
def built(checkout: Checkout) -> Checkout:
    """The copy, built from nothing while the generated package cannot be imported."""
    assert not (checkout.root / "generated").exists()
    done = checkout.ciigen("build", without_ciimodel=True)
    assert done.returncode == 0, done.stderr
    return checkout


def test_build_from_nothing_gives_what_is_committed(built: Checkout) -> None:
    """Fails when schema/ or a target was changed and `ciigen build` was not run."""
    committed = Checkout(ROOT).files("generated")
    assert list(built.files("generated")) == list(committed)
    for path, data in built.files("generated").items():
        assert data == committed[path], f"{path} is not what the schema yields: run `ciigen build`"


def test_another_process_gives_the_same_bytes(built: Checkout, tmp_path: Path) -> None:
    done = built.ciigen("build", "--out", str(tmp_path / "generated"), seed="1234")
    assert done.returncode == 0, done.stderr
    assert Checkout(tmp_path).files("generated") == built.files("generated")


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


@pytest.fixture(scope="session")
def wheel(built: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the copy."""
    out = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(out), str(built.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_the_three_packages_and_no_yaml(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "ciigen",
        "ciibridge",
        "ciimodel",
    }
    assert "ciimodel/resolved.json" in names
    assert not [name for name in names if name.endswith((".yaml", ".pyc"))]


@pytest.mark.parametrize("form", ["unpacked", "zip"])
def test_an_installed_package_renders_without_a_checkout(
    wheel: Path, built: Checkout, tmp_path: Path, form: str
) -> None:
    place = wheel
    if form == "unpacked":
        place = tmp_path / "site-packages"
        zipfile.ZipFile(wheel).extractall(place)
    where = _python(
        str(place),
        tmp_path,
        "import ciigen, importlib.util as u; print(ciigen.__file__, u.find_spec('ciimodel').origin)",
    )
    assert where.stdout.count(str(place)) == 2
    resolved = _run(str(place), tmp_path, "resolved")
    assert resolved.stdout == (built.root / "generated/python/ciimodel/resolved.json").read_text(
        encoding="utf-8"
    )
    things = _run(str(place), tmp_path, "openhab", "--meter", "lg-e450")
    assert things.returncode == 0, things.stderr
    assert things.stdout == built.ciigen("openhab", "--meter", "lg-e450").stdout
    assert things.stdout.count("\n") > 10
    build = _run(str(place), tmp_path, "build")
    assert build.returncode == 2
    assert "not in a checkout" in build.stderr


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
