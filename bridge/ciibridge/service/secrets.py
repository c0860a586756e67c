"""Keys and passwords: in the file, in a file of their own, or in an environment variable; never in a message.

key = "…"            for a file that only its owner reads
key_file = "…"       one line; refused when everybody may read it
key_env = "…"        name of an environment variable, e.g. of a container
key_credential = "…" name of a credential of the service manager (systemd.exec(5), LoadCredential=)
"""

from __future__ import annotations

import ctypes
import re
import resource
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from ciibridge.service.findings import Finding, Key

_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH
#: Where a secret may stand, beside the configuration file itself.
_WAYS: Final = ("file", "env", "credential")
_CREDENTIAL: Final = re.compile(r"(?!\.{1,2}$)[^/\0]{1,255}")
_PR_SET_DUMPABLE: Final = 4
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
        """Return the secret called ``stem``, or ``stem``_ with one of ``_WAYS``, in a table of the configuration, or None."""
        names = (stem, *(f"{stem}_{way}" for way in _WAYS))
        given = {name: value for name in names if (value := getattr(table, name)) is not None}
        if len(given) > 1:
            self._fault((*at, stem), f"given {len(given)} times", f"Keep one of {', '.join(given)}.")
            return None
        for name, value in given.items():
            if name == stem:
                self.inline = True
                return str(value)
            if name.endswith("_env"):
                return self._read_env((*at, name), value)
            if name.endswith("_credential"):
                return self._read_credential((*at, name), value)
            return self._read_file((*at, name), self.path(value))
        return None

    def path(self, text: str) -> Path:
        """Resolve a path of the configuration: relative to its folder, ~ is the home folder."""
        return self._base / Path(text).expanduser()

    def _read_credential(self, at: Key, name: str) -> str | None:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            remedy = (
                f"They are there while the service runs, with LoadCredential={name}:/path/of/the/file in its unit; without it: "
                f"sudo systemd-run --pipe --wait -p User=ciibridge -p LoadCredential={name}:/path/of/the/file ciibridge …"
            )
            self._fault(at, "there are no credentials: CREDENTIALS_DIRECTORY is not set", remedy)
            return None
        if not _CREDENTIAL.fullmatch(name):
            self._fault(at, f"{name!r} cannot be the name of a credential", "Write the name alone, no path.")
            return None
        return self._read_file(at, Path(folder) / name)

    def _read_file(self, at: Key, path: Path) -> str | None:
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


def never_dump() -> None:
    """Forbid core files of this process, which would hold its keys.

    The limit alone does not stop a core that is piped to a program (core(5)); where the process is not dumpable (prctl(2),
    Linux) none is made, and no other process of this user may read its memory.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
