"""The state file: what may be wrong with it, and what becomes of the data then."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from ciibridge.publish import database as module
from ciibridge.publish.database import Database, InUseError


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM meter").fetchone()[0])


def add(connection: sqlite3.Connection) -> int:
    connection.execute("INSERT INTO meter VALUES (?, 1, NULL, NULL)", (f"m{count(connection)}",))
    return count(connection)


def use(path: Path, script: Callable[[Database], Awaitable[None]]) -> None:
    async def go() -> None:
        database = Database(path)
        try:
            await script(database)
        finally:
            await database.close()

    asyncio.run(go())


def jobs(path: Path, *work: Callable[[sqlite3.Connection], int]) -> list[int | None]:
    """Open the file, do the jobs, close it."""
    results: list[int | None] = []

    async def script(database: Database) -> None:
        for job in work:
            results.append(await database.run(job))

    use(path, script)
    return results


def test_it_is_made_with_its_folder_for_its_owner_only_and_keeps_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ciibridge" / "a.db"
    assert jobs(path, add, add) == [1, 2]
    assert jobs(path, count) == [2]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [file.name for file in path.parent.iterdir()] == ["a.db"], "closed in good order: no log is left"


def test_a_job_that_fails_leaves_nothing_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def half(connection: sqlite3.Connection) -> int:
        add(connection)
        connection.execute("INSERT INTO meter VALUES ('m0', 1, NULL, NULL)")
        return 1

    assert jobs(tmp_path / "a.db", half, count)[0] is None
    assert jobs(tmp_path / "a.db", count) == [0]


@pytest.mark.parametrize("damage", ["garbage", "torn"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    jobs(path, *[add] * 5)
    if damage == "garbage":
        path.write_bytes(b"no database" * 1000)
    else:
        content = bytearray(path.read_bytes())
        content[module.PAGE :] = b"\xa5" * (len(content) - module.PAGE)
        path.write_bytes(content)
    damaged = path.read_bytes()
    assert jobs(path, add, count) == [1, 1]
    assert (tmp_path / "a.db.damaged").read_bytes()[: len(damaged)] == damaged
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert "renamed to a.db.damaged" in errors[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("PRAGMA application_id = 7", "another program"),
        (f"PRAGMA user_version = {module.VERSION + 1}", "newer ciibridge"),
    ],
)
def test_what_is_not_ours_is_left_alone(
    tmp_path: Path, change: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.db"
    jobs(path, add)
    with sqlite3.connect(path) as other:
        other.execute(change)
    other.close()
    before = path.read_bytes()
    assert jobs(path, add, add) == [None, None]
    assert path.read_bytes() == before
    warnings = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert words in warnings[0]


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom ciibridge.publish.database import Database\n"
        "async def go():\n  await Database(Path(sys.argv[1])).open()\n  print('open', flush=True)\n"
        "  sys.stdin.read()\nasyncio.run(go())"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(InUseError, match="in use by another ciibridge"):
            use(path, Database.open)
        other.kill()  # and a killed one keeps no lock
        other.wait()
    assert jobs(path, add) == [1]


def test_a_folder_that_cannot_be_made_is_said_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "_RETRY_S", 0.0)
    blocker = tmp_path / "state"
    blocker.write_text("a file where the folder should be")

    async def script(database: Database) -> None:
        assert [await database.run(add) for _ in range(3)] == [None] * 3
        assert database.trouble is not None
        blocker.unlink()
        assert await database.run(add) == 1
        assert database.trouble is None

    use(blocker / "a.db", script)
    assert len([text for text in caplog.messages if "Trying again" in text]) == 1
    assert len([text for text in caplog.messages if "open again after" in text]) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.skipif(
    os.geteuid() != 0, reason="mounting a small disk needs root; the full disk is simulated below"
)
def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine does not allow mounting")
    try:

        def much(connection: sqlite3.Connection) -> int:
            connection.execute("INSERT INTO counter VALUES (zeroblob(200000), 1)")
            return 1

        assert jobs(disk / "a.db", add, much) == [1, None]
        assert jobs(disk / "a.db", count) == [1]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_costs_the_job_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_RETRY_S", 0.0)

    def full(connection: sqlite3.Connection) -> int:
        add(connection)
        connection.execute("PRAGMA max_page_count = 1")  # SQLite's own way to have no room
        connection.execute("INSERT INTO counter VALUES (zeroblob(200000), 1)")
        return 1

    assert jobs(tmp_path / "a.db", add, full, count) == [1, None, 1]
    assert "Make room on the disk." in caplog.text


def test_results_come_in_the_order_of_the_jobs(tmp_path: Path) -> None:
    async def script(database: Database) -> None:
        seen: list[int | None] = []
        for _ in range(20):
            database.submit(add, seen.append)
        await database.run(count)
        assert seen == list(range(1, 21))

    use(tmp_path / "a.db", script)
