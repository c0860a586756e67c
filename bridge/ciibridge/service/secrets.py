"""Keys and passwords: in the file, in a file of their own, or in an environment variable; never in a message.

key = "…"            for a file that only its owner reads
key_file = "…"       one line; refused when everybody may read it
key_env = "…"        name of an environment variable, e.g. of a container
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from ciibridge.service.findings import Finding, Key

_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH
_LONGEST: Final = 4096  # a secret is a line; a longer file is the wrong file


class Secrets:
    """Reads secrets and collects what is wrong with them.

    ``base`` is the folder that relative paths start from. ``inline`` tells afterwards whether some secret stands in
    the configuration file itself.
    """

    def __init__(self, base: Path, environ: Mapping[str, str]) -> None:
        self._base = base
        self._environ = environ
        self.findings: list[Finding] = []
        self.inline = False

    def find(self, table: BaseModel, at: Key, stem: str) -> str | None:
        """Return the secret called ``stem``, ``stem``_file or ``stem``_env in a table of the configuration, or None."""
        names = (stem, f"{stem}_file", f"{stem}_env")
        given = {name: value for name in names if (value := getattr(table, name)) is not None}
        if len(given) > 1:
            self._fault((*at, stem), f"given {len(given)} times", f"Keep one of {', '.join(given)}.")
            return None
        for name, value in given.items():
            if name == stem:
                self.inline = True
                return str(value)
            return (
                self._read_file((*at, name), value)
                if name.endswith("_file")
                else self._read_env((*at, name), value)
            )
        return None

    def path(self, text: str) -> Path:
        """Resolve a path of the configuration: relative to its folder, ~ is the home folder."""
        return self._base / Path(text).expanduser()

    def _read_file(self, at: Key, text: str) -> str | None:
        path = self.path(text)
        try:
            mode = path.stat().st_mode
            content = path.read_bytes()[: _LONGEST + 1]
        except OSError as error:
            self._fault(at, f"{path} cannot be read ({error.strerror})", "Check path, owner and mode.")
            return None
        secret = content.decode(errors="replace").strip()
        if mode & _OTHERS:
            self._fault(at, f"everybody may read or write {path}", f"Run: chmod 600 {path}")
        elif not secret or not secret.isprintable() or len(content) > _LONGEST:
            self._fault(at, f"{path} does not hold one line of text", "Write the secret alone into it.")
        else:
            return secret
        return None

    def _read_env(self, at: Key, name: str) -> str | None:
        secret = self._environ.get(name, "").strip()
        if not secret:
            self._fault(at, f"the environment variable {name} is not set", "Set it for the service.")
        return secret or None

    def _fault(self, at: Key, message: str, remedy: str) -> None:
        self.findings.append(Finding(at, message, remedy))


def readable_by_all(path: Path) -> bool:
    """Whether everybody on this machine may read a file."""
    return bool(path.stat().st_mode & stat.S_IROTH)
