"""The machine: version, clock, state file and its disk, the unit of systemd."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from ciibridge.normalise.clock import SET_SINCE
from ciibridge.service.doctor import Check, Level
from ciibridge.service.doctor.holders import holder
from ciibridge.service.memory import Counters
from ciibridge.service.runtime import Copy
from ciibridge.service.setup import Store

_UNIT: Final = "ciibridge"
_SHOW: Final = (
    "LoadState",
    "ActiveState",
    "SubState",
    "NRestarts",
    "User",
    "StateDirectory",
    "RuntimeDirectory",
)
_FOLDERS: Final = {"state": "var/lib", "runtime": "run"}
_CREDENTIALS: Final = f"run/credentials/{_UNIT}.service"
_SYSTEMCTL_S: Final = 5.0
#: adjtimex(2): no server has set this clock, or not for long (TIME_ERROR).
_UNSYNCHRONISED: Final = 5
#: More than sizeof(struct timex) on any machine.
_TIMEX: Final = 512


def versions(profile: str) -> Check:
    """Tell what runs."""
    words = f"ciibridge {version('ciigen')}, profile {profile}, Python {platform.python_version()}"
    return Check(Level.OK, "version", words)


def clock(now: datetime, *, kept: bool | None) -> Check:
    """Judge the clock of this machine. ``kept``: somebody synchronises it; None: that cannot be told."""
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    remedy = "Start time synchronisation: sudo timedatectl set-ntp true"
    if now < SET_SINCE:
        return Check(Level.FAIL, "clock", f"it is {told} here, which cannot be", remedy)
    if kept is None:
        return Check(Level.OK, "clock", f"{told}; whether it is synchronised cannot be told here")
    if not kept:
        return Check(Level.WARN, "clock", f"{told}, not synchronised", remedy)
    return Check(Level.OK, "clock", f"{told}, synchronised")


def synchronised() -> bool | None:
    """Ask the kernel whether this clock is synchronised; None: it does not tell."""
    if sys.platform != "linux":
        return None
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(_TIMEX))
    return None if state < 0 else state != _UNSYNCHRONISED


def state(store: Store) -> tuple[list[Check], bool]:
    """Look at the state file and its disk; also whether a bridge has it open now."""
    path = store.path
    if path is None:
        remedy = "Set path in [outbox], on a disk or volume that stays."
        words = "there is no folder for a state file: nothing outlasts a restart"
        return [Check(Level.WARN, "state", words, remedy)], False
    folder = next(parent for parent in path.parents if parent.exists())
    checks = [*_writable(path, folder), *_room(store, folder)]
    by = holder(path)
    if by is not None:
        return [Check(Level.OK, "state", f"{path}: in use by {by}"), *checks], True
    return [*checks, *_waiting(path)], False


def _writable(path: Path, folder: Path) -> Iterator[Check]:
    wrong = path if path.exists() and not os.access(path, os.R_OK | os.W_OK) else None
    if wrong is None and not os.access(folder, os.W_OK | os.X_OK):
        wrong = folder
    if wrong is not None:
        remedy = (
            "Give it to the user of the service (chown), or run the doctor as that user: sudo -u ciibridge …"
        )
        yield Check(Level.FAIL, "state", f"{wrong} cannot be written by this user", remedy)


def _room(store: Store, folder: Path) -> Iterator[Check]:
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e6:.0f} MB free for the {store.octets / 1e6:.0f} MB of [outbox] in {folder}"
    if free < store.octets:
        yield Check(Level.WARN, "disk", words, "Make room, or lower megabytes in [outbox].")
    else:
        yield Check(Level.OK, "disk", words)


def _waiting(path: Path) -> Iterator[Check]:
    """Count what waits, in a file that nobody has open. It is read as it stands: nothing is made beside it."""
    if not path.exists():
        yield Check(Level.OK, "outbox", f"{path}: not there yet, it is made by the first run")
        return
    if path.with_name(f"{path.name}-wal").exists():
        yield Check(
            Level.OK, "outbox", f"{path}: the last run was not ended in good order; the next one takes it up"
        )
        return
    try:
        ((count,),) = _rows(path, "SELECT count(*) FROM message")
    except sqlite3.Error as error:
        remedy = "Remove it, or let the bridge set it aside; what waited in it is lost."
        yield Check(Level.WARN, "outbox", f"{path}: cannot be read as a state file ({error})", remedy)
    else:
        yield Check(Level.OK, "outbox", f"{path}: {count} messages wait for the broker")


def counters(store: Store) -> Mapping[bytes, int]:
    """Read the invocation counters that the last run of the bridge has left; what cannot be read was told by ``state``."""
    found = Counters()
    if store.copy is not None:
        found.learn(Copy(store.copy).read().counters)
    if store.path is not None and store.path.exists():
        with suppress(sqlite3.Error):
            found.learn(dict(_rows(store.path, "SELECT line, value FROM counter")))
    return found


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Read a state file that nobody has open, as it stands: nothing is made beside it. Raises sqlite3.Error."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def unit(shown: Mapping[str, str] | None) -> Iterator[Check]:
    """Judge what systemd says of the unit; nothing where there is no systemd."""
    if shown is None:
        return
    active, sub = shown.get("ActiveState", ""), shown.get("SubState", "")
    if shown.get("LoadState") != "loaded":
        remedy = "To have it started at every boot: integrations/systemd/README.md."
        yield Check(Level.WARN, "unit", f"systemd knows no unit {_UNIT}", remedy)
        return
    if active != "active":
        remedy = f"Start it: sudo systemctl enable --now {_UNIT}; why it ended: journalctl -u {_UNIT} -n 20"
        yield Check(Level.FAIL, "unit", f"{_UNIT} is {active} ({sub})", remedy)
        return
    restarts = shown.get("NRestarts", "0")
    if restarts not in {"", "0"}:
        words = f"{_UNIT} is active, and was restarted {restarts} times by systemd"
        yield Check(Level.WARN, "unit", words, f"Look why: journalctl -u {_UNIT} -p warning")
        return
    yield Check(Level.OK, "unit", f"{_UNIT} is active ({sub})")


def show_unit() -> dict[str, str] | None:
    """Ask systemd for the properties of the unit; None where it does not run this machine, or does not answer."""
    program = shutil.which("systemctl")
    if program is None or not Path("/run/systemd/system").is_dir():
        return None
    arguments = [program, "show", _UNIT, f"--property={','.join(_SHOW)}"]
    try:
        done = subprocess.run(  # noqa: S603 - no word of it comes from outside
            arguments, capture_output=True, text=True, timeout=_SYSTEMCTL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def service_environment(
    environ: Mapping[str, str], shown: Mapping[str, str] | None, root: Path = Path("/")
) -> Mapping[str, str]:
    """Give the environment with the folders of the unit, which a shell does not have: state, runtime, credentials.

    Credentials are there while the service runs, for root and its own user.
    """
    found = dict(environ)
    if shown is None or "STATE_DIRECTORY" in environ:
        return found
    for name, parent in _FOLDERS.items():
        if folder := shown.get(f"{name.capitalize()}Directory", "").split(" ")[0]:
            found[f"{name.upper()}_DIRECTORY"] = f"/{parent}/{folder}"
    credentials = root / _CREDENTIALS
    if "CREDENTIALS_DIRECTORY" not in environ and credentials.is_dir():
        found["CREDENTIALS_DIRECTORY"] = str(credentials)
    return found
