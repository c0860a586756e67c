"""The copy in the runtime folder, which is in memory (tmpfs): there after a kill or a restart, gone with the power.

Once a minute what a bridge remembers goes here, and not to the SD card (ADR 36). One JSON object:

    {"life": 7, "meters": [["house", 1764001000, 1764000000, 30.0]], "counters": {"<32 hexadecimal digits>": 4711}}

Like the state file it holds neither a serial number as such nor a key, and is its owner's only. It takes the place of another
one in a single step (rename), so a kill leaves either the old or the new one.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ciibridge.events import event
from ciibridge.publish.retry import Outage, Reason
from ciibridge.service.memory import Kept, MeterRow

_log: Final = logging.getLogger("ciibridge.state")
_ROWS: Final = TypeAdapter(tuple[MeterRow, ...])
_COUNTERS: Final = TypeAdapter(dict[str, int])


def runtime_copy(environ: Mapping[str, str], state_file: Path) -> Path | None:
    """Find the place of the copy of a state file: in the folder of the service manager, else in that of the user (XDG).

    None: there is no such folder, as in a container. Two state files never share a copy.
    """
    if managed := environ.get("RUNTIME_DIRECTORY"):
        folder = Path(managed.split(":", 1)[0])
    elif own := environ.get("XDG_RUNTIME_DIR"):
        folder = Path(own) / "ciibridge"
    else:
        return None
    digest = sha256(os.fsencode(state_file.absolute())).hexdigest()[:8]
    return folder / f"{state_file.stem}-{digest}.json"


class Copy:
    """One file in the runtime folder. Nothing here raises: without it, a kill costs what a power cut does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._outage = Outage(_log, f"state file {path}")

    def read(self) -> Kept:
        """Give what an earlier process has left since the machine was started; empty if there is nothing."""
        try:
            found = json.loads(self._path.read_bytes())
            counters = _COUNTERS.validate_python(found["counters"])
            return Kept(
                int(found["life"]),
                _ROWS.validate_python(found["meters"]),
                {bytes.fromhex(line): value for line, value in counters.items()},
            )
        except FileNotFoundError:
            pass
        except OSError as error:
            self._fails(error)
        except (ValueError, KeyError, TypeError, ValidationError):
            _log.warning(
                "state file %s: it is damaged and is left out; what is in the state file on disk counts",
                self._path,
                extra=event("state_damaged", state_file=str(self._path)),
            )
        return Kept()

    def write(self, kept: Kept) -> None:
        """Put it in the place of what was there."""
        document = {
            "life": kept.life,
            "meters": kept.meters,
            "counters": {line.hex(): value for line, value in kept.counters.items()},
        }
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(document, file)
            new.replace(self._path)
        except OSError as error:
            self._fails(error)
        else:
            if self._outage.open:
                self._outage.recovered("written")

    def _fails(self, error: OSError) -> None:
        remedy = (
            "Make its folder writable by this user; until then a kill costs what a power cut does (ADR 36)."
        )
        self._outage.failed(Reason("os", f"cannot be used ({error.strerror})", remedy))
