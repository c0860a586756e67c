"""What is handed out, wheel and sdist, installed where nothing of this tree is seen: the commands run from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from captures import ROOT

#: What the build reads; the tests and captures of a tree may be gigabytes.
_TREE = ("bridge", "generator", "generated", "schema", "pyproject.toml", "README.md", "LICENSE")

#: Nothing comes from outside; the build backend is the one of this environment.
_HERE = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")


def run(*words: str | Path, cwd: Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environ,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """``whl`` and ``tar.gz`` → the file, made in a copy of the tree."""
    pytest.importorskip("hatchling", reason="the build backend, of the extra dev")
    folder = tmp_path_factory.mktemp("dist")
    tree = folder / "tree"
    for name in _TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        tree.mkdir(exist_ok=True)
        copy(ROOT / name, tree / name)
    done = run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=tree)
    assert done.returncode == 0, done.stderr
    return {form: next(folder.glob(f"ciigen-*.{form}")) for form in ("whl", "tar.gz")}


@pytest.fixture(scope="module")
def installed(dist: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``bin`` of a virtual environment with nothing but the wheel, and the libraries of this one behind it."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / "bin/python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).stdout.strip()
    )
    # a line of a .pth is one folder: what an editable installation says in it is not followed
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip("--python", python, "install", dist["whl"], cwd=home)
    return home / "bin"


def pip(*words: str | Path, cwd: Path) -> None:
    """Run pip with what is here already."""
    *before, verb, what = words
    done = run(sys.executable, "-m", "pip", *before, verb, *_HERE, what, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


def members(wheel: Path) -> dict[str, int]:
    """What is in a wheel: name → CRC-32."""
    return {entry.filename: entry.CRC for entry in zipfile.ZipFile(wheel).infolist()}


def test_the_wheel_holds_the_three_packages_and_no_yaml(dist: dict[str, Path]) -> None:
    names = members(dist["whl"])
    assert {name.partition("/")[0] for name in names if ".dist-info" not in name} == {
        "ciigen",
        "ciibridge",
        "ciimodel",
    }
    assert "ciimodel/resolved.json" in names
    assert not [name for name in names if name.endswith((".yaml", ".pyc"))]


def test_the_sdist_gives_the_same_wheel(dist: dict[str, Path], tmp_path: Path) -> None:
    pip("wheel", dist["tar.gz"], cwd=tmp_path)
    (made,) = tmp_path.glob("*.whl")
    assert members(made) == members(dist["whl"])


def test_a_wheel_that_is_not_unpacked_renders(dist: dict[str, Path], tmp_path: Path) -> None:
    program = f"import sys; sys.path.insert(0, {str(dist['whl'])!r}); from ciigen.cli import main; main()"
    done = run(sys.executable, "-c", program, "resolved", cwd=tmp_path)
    assert done.stdout == (ROOT / "generated/python/ciimodel/resolved.json").read_text(encoding="utf-8")


def test_nothing_of_this_tree_is_used(installed: Path, tmp_path: Path) -> None:
    program = (
        "import ciigen, ciibridge, ciimodel; print(ciigen.__file__, ciibridge.__file__, ciimodel.__file__)"
    )
    places = run(installed / "python", "-c", program, cwd=tmp_path).stdout.split()
    assert len(places) == 3
    assert all(Path(place).is_relative_to(installed.parent) for place in places), places


def test_the_generator_generates(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "ciigen", "openhab", "--meter", "lg-e450", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("// generated")
    committed = (ROOT / "generated/openhab/lg-e450/smartmeter.things").read_text(encoding="utf-8")
    assert done.stdout == committed
    build = run(installed / "ciigen", "build", cwd=tmp_path)
    assert (build.returncode, "not in a checkout" in build.stderr) == (2, True)
    assert run(installed / "ciigen", "acl", "--id", "house", cwd=tmp_path).stdout.count("cii/v1/house/#") == 2


def test_the_bridge_reads_a_telegram_of_its_own_simulator(installed: Path, tmp_path: Path) -> None:
    bridge = installed / "ciibridge"
    assert "Example: ciibridge demo" in run(bridge, "demo", "--help", cwd=tmp_path).stdout
    file = tmp_path / "e450.bin"
    made = run(bridge, "simulate", "lg-e450", "--out", file, "--count", "1", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = run(bridge, "decode", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "power_import" in json.loads(done.stdout.splitlines()[0])["values"]


def test_the_configuration_that_comes_with_it_is_checked(installed: Path, tmp_path: Path) -> None:
    example = ROOT / "integrations/systemd/ciibridge.toml"
    done = run(installed / "ciibridge", "run", "--check", "-c", example, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
