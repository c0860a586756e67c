"""``make conformance``: its page is true, its installations are whole or not there, and it never hides what it did not do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import check_table
import installs
import pytest
import run as harness
from check_table import Check, NotRun, Software, with_page
from house import Process, wait_until
from installs import Install, InstallError, installed


def test_the_page_says_what_is_checked() -> None:
    text = harness.PAGE.read_text(encoding="utf-8")
    assert text == with_page(text), "run: python tests/conformance --page"
    assert text.count("\n- ") == len(check_table.CHECKS)


def test_it_runs_as_a_program() -> None:
    command = [sys.executable, str(Path(harness.__file__).parent), "--list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(check_table.CHECKS)


# -- installations -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(installs, "PAUSE_S", 0)
    return tmp_path / "ciigen-conformance"


def _built(folder: Path, run: Callable[..., None]) -> None:
    run(sys.executable, "-c", "open('thing', 'x').write('whole')", cwd=folder)


def test_it_is_installed_once(cached: Path) -> None:
    said: list[str] = []
    install = Install("thing", {"thing": "1"}, _built)
    for _ in range(2):
        with installed(install, said.append) as folder:
            assert folder.parent == cached
            assert (folder / "thing").read_text() == "whole"
    assert said[0] == "installing thing 1 (attempt 1, some minutes)"
    assert len(said) == 2
    assert Install("thing", {"thing": "2"}, _built).folder != install.folder


def test_an_interrupted_installation_is_begun_anew(cached: Path) -> None:
    install = Install("thing", {"thing": "1"}, _built)
    install.folder.mkdir(parents=True)
    (install.folder / "thing").write_text("half")
    with installed(install, lambda _: None) as folder:
        assert (folder / "thing").read_text() == "whole"


def test_three_failures_are_the_end(cached: Path) -> None:
    def broken(folder: Path, run: Callable[..., None]) -> None:
        run(sys.executable, "-c", "raise SystemExit('no network')", cwd=folder)

    said: list[str] = []
    install = Install("thing", {"thing": "1"}, broken)
    with (
        pytest.raises(InstallError, match="could not be installed in 3 attempts"),
        installed(install, said.append),
    ):
        pytest.fail("it is not there")
    assert sum("attempt" in line for line in said) == installs.ATTEMPTS
    assert len(re.findall("^no network$", install.log.read_text(), re.MULTILINE)) == installs.ATTEMPTS


def test_a_step_that_is_given_up_ends_with_all_that_it_started(cached: Path, tmp_path: Path) -> None:
    child = tmp_path / "child"
    script = f"sleep 60 & echo $! > {child}; wait"

    def build(folder: Path, run: Callable[..., None]) -> None:
        run("sh", "-c", script, cwd=folder, limit_s=1)

    with (
        pytest.raises(InstallError, match="timed out after"),
        installed(Install("thing", {"thing": "1"}, build), lambda _: None, attempts=1),
    ):
        pytest.fail("it is not there")
    wait_until(lambda: not _runs(int(child.read_text())), 5, "end of the child")


def _runs(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


# -- checks --------------------------------------------------------------------------------------------------------------


class World:
    def __init__(self, folder: Path) -> None:
        self.logs = [folder / "thing.log"]
        self.logs[0].write_text("".join(f"line {n}\n" for n in range(100)))


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the table by one software with these checks; ``opened`` replaces what opens it."""

    def put(*checks: tuple[str, Callable[[Any], None]], opened: Any = None, on_request: str = "") -> None:
        @contextmanager
        def default(folder: Path, say: object) -> Iterator[World]:
            yield World(folder)

        monkeypatch.setattr(
            harness, "SOFTWARE", {"thing": Software("thing", "Thing", "1", opened or default, on_request)}
        )
        monkeypatch.setattr(harness, "CHECKS", [Check("thing", what, run) for what, run in checks])

    return put


def _raise(error: BaseException) -> Callable[[Any], None]:
    def run(_: Any) -> None:
        raise error

    return run


Only = Callable[..., None]
Capture = pytest.CaptureFixture[str]


def test_what_passes_fails_and_is_not_run_is_counted(only: Only, capsys: Capture) -> None:
    only(
        ("good", lambda _: None),
        ("wrong", _raise(AssertionError("3 is not 4"))),
        ("given up", _raise(pytest.fail.Exception("nothing came"))),
        ("elsewhere", _raise(NotRun("not there yet"))),
        ("late", lambda _: None),
    )
    assert harness.main([]) == 1
    said = capsys.readouterr().out
    assert re.search(r"^2 passed, 2 failed, 1 skipped$", said, re.MULTILINE)
    assert "FAILED   thing: wrong\n    3 is not 4\n" in said
    assert "nothing came" in said
    assert "NOT RUN  thing: elsewhere: not there yet" in said
    assert "        line 99\n" in said
    assert "line 80\n" not in said, "the last lines only"
    assert (folder := re.search(r"^logs: (.*)$", said, re.MULTILINE))
    assert (Path(folder[1]) / "thing/thing.log").exists()


def test_what_is_run_on_request_is_named_and_run_only_then(only: Only, capsys: Capture) -> None:
    ran: list[str] = []
    only(("good", lambda _: ran.append("good")), on_request="it takes an hour")
    assert harness.main([]) == 0
    assert not ran
    said = capsys.readouterr().out
    assert "LEFT OUT thing: without --only thing: it takes an hour" in said
    assert harness.main(["--only", "thing"]) == 0
    assert ran == ["good"]
    assert harness.main(["--list"]) == 0
    assert "good" in capsys.readouterr().out


@pytest.mark.parametrize("reason", [InstallError("no network"), NotRun("no mosquitto")])
def test_what_cannot_be_there_is_loud_and_no_failure(only: Only, capsys: Capture, reason: Exception) -> None:
    @contextmanager
    def missing(folder: Path, say: object) -> Iterator[World]:
        raise reason
        yield World(folder)

    only(("one", lambda _: None), ("two", lambda _: None), opened=missing)
    assert harness.main([]) == 0
    said = capsys.readouterr().out
    assert f"!! NOTHING OF thing WAS PROVEN: {reason}" in said
    assert said.count("NOT RUN  thing: ") == 2
    assert said.endswith("\n0 passed, 0 failed, 2 skipped\n")


def test_what_does_not_start_fails(only: Only, capsys: Capture) -> None:
    @contextmanager
    def broken(folder: Path, say: object) -> Iterator[World]:
        World(folder)
        raise RuntimeError("port in use")
        yield World(folder)

    only(("one", lambda _: None), opened=broken)
    assert harness.main([]) == 1
    said = capsys.readouterr().out
    assert "FAILED   thing: its start: port in use" in said
    assert "        line 99\n" in said
    assert said.rstrip().endswith("0 passed, 1 failed, 1 skipped")


def test_after_ctrl_c_everything_is_ended(only: Only, capsys: Capture) -> None:
    ended = []

    @contextmanager
    def opened(folder: Path, say: object) -> Iterator[World]:
        try:
            yield World(folder)
        finally:
            ended.append(folder)

    only(("one", _raise(KeyboardInterrupt())), opened=opened)
    assert harness.main([]) == 130
    assert len(ended) == 1


def test_a_process_ends_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import time; print('up', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = Process([sys.executable, "-c", parent], tmp_path / "log")
    while "up" not in process.log.read_text():
        assert process.running
    process.stop()
    assert not process.running
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert child not in listed
    process.stop()
