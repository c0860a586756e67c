"""Who has a file or a port locked, as the kernel of Linux tells it: /proc/locks (proc(5)).

    1: FLOCK  ADVISORY  WRITE 1234 08:02:1179653 0 EOF       pid, major:minor (hexadecimal) and inode of the file

Neither pyserial's lock of a port (flock) nor that of SQLite (fcntl) is touched by looking.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FLAGS: Final = re.compile(r"-[BbdEIiOPqRSsuvx]+")
_LOCKS: Final = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process; ``command`` is empty where it cannot be seen."""

    pid: int
    command: str = ""

    @property
    def is_bridge(self) -> bool:
        """It is one of ours, as far as its command line tells."""
        return "ciibridge" in self.command

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command})" if self.command else f"pid {self.pid}"


def holder(path: Path, locks: Path = _LOCKS) -> Holder | None:
    """Find the process that has locked a file; None: nobody, or this system does not tell."""
    try:
        status = path.stat()
        lines = locks.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in lines:
        words = line.split()
        if len(words) == 8 and words[5] == wanted and int(words[4]) != os.getpid():
            return Holder(int(words[4]), _command(int(words[4])))
    return None


def _command(pid: int) -> str:
    """Name the program of a process: its first words without paths and options, which may hold anything."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    return named(words)


def named(words: Sequence[str]) -> str:
    """Name a program by its command line: ``python3.11 ciibridge``. What follows an option may be a secret and is left out.

    But for the options of Python, which take none that stand alone: the packages for Debian start it as ``python3.11 -IS …``.
    """
    words = [word for word in words if word]
    if words and Path(words[0]).name.startswith("python"):
        while len(words) > 1 and _FLAGS.fullmatch(words[1]):
            words = [words[0], *words[2:]]
    return " ".join(Path(word).name for word in words[:2] if not word.startswith("-"))
