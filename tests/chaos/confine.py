"""A limit of memory that the kernel enforces: a control group for one process (cgroup 2, or 1 where that is mounted)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
#: Where the groups are, the file of the limit, that of the most that was used, and that of the swap.
_KINDS = (
    (_ROOT / "memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.memsw.limit_in_bytes"),
    (_ROOT, "memory.max", "memory.peak", "memory.swap.max"),
)


class Group:
    """Made by ``confined``. Whoever needs more than the limit is killed by the kernel. ``command`` starts something in it."""

    def __init__(self, folder: Path, peak: str) -> None:
        self.command = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(folder / "cgroup.procs")]
        self._folder = folder
        self._peak = peak

    def peak_octets(self) -> int:
        """The most that was in use, with what the kernel holds for it; 0: this kernel does not tell."""
        path = self._folder / self._peak
        return int(path.read_text()) if path.exists() else 0


@contextmanager
def confined(limit_octets: int) -> Iterator[Group | None]:
    """A limit of memory, without swap; None where that is not possible. What was started in it must have ended at the end."""
    for root, limit, peak, swap in _KINDS:
        folder = root / f"ciibridge-soak-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / limit).write_text(str(limit_octets))
            if (folder / swap).exists():
                (folder / swap).write_text("0" if root == _ROOT else str(limit_octets))
        except OSError:
            folder.rmdir()
            continue
        try:
            yield Group(folder, peak)
        finally:
            folder.rmdir()
        return
    yield None
