"""``make conformance``: proves on the real software what the files and the bridge promise.

    python tests/conformance [--only NAME …] [--keep] [--list | --page]

One line a check; a failure is followed by what to look at. What could not be installed is said loudly and counts as skipped.
Exit status: 0 nothing failed, 1 something failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import homeassistant_checks
import iobroker_checks
import mosquitto_checks
import nodered_checks
import pytest
import smartgridready_checks
import telegraf_checks
from check_table import CHECKS, SOFTWARE, Check, NotRun, Software, with_page
from installs import InstallError

#: Their checks stand in the table as soon as they are imported.
_MODULES = (
    homeassistant_checks,
    iobroker_checks,
    mosquitto_checks,
    nodered_checks,
    smartgridready_checks,
    telegraf_checks,
)
#: ``pytest.fail``, with which the shared parts of the tests give up, is no Exception.
_FAULTS = (Exception, pytest.fail.Exception)
_LAST_LINES = 12
PAGE = Path(__file__).parents[2] / "docs/how-to/conformance.md"


@dataclass
class Tally:
    """What came out so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    reasons: dict[str, str] = field(default_factory=dict)  # software → why it did not run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; the exit status."""
    parser = argparse.ArgumentParser(
        prog="make conformance", description="Prove ciigen on the real software."
    )
    parser.add_argument("--only", action="append", choices=sorted(SOFTWARE), help="may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the logs also when all went well")
    parser.add_argument("--list", action="store_true", help="say what would be checked, and end")
    parser.add_argument("--page", action="store_true", help=f"write {PAGE.name} anew, and end")
    options = parser.parse_args(arguments)
    if options.page:
        PAGE.write_text(with_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    named = [known for name, known in SOFTWARE.items() if name in (options.only or SOFTWARE)]
    if options.list:
        for known in named:
            for check in _of(known):
                _say(f"{known.name:22}{check.what}")
        return 0
    chosen = [known for known in named if options.only or not known.on_request]
    signal.signal(signal.SIGTERM, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="ciigen-conformance-"))
    tally, begin = Tally(), time.monotonic()
    try:
        for known in chosen:
            run(known, folder / known.name, tally)
    except KeyboardInterrupt:
        _say("interrupted; everything that was started has been ended")
        return 130
    finally:
        if tally.failed or options.keep:
            _say(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    for known in named:
        if known not in chosen:
            _say(f"LEFT OUT {known.name}: without --only {known.name}: {known.on_request}")
    _say(f"{time.monotonic() - begin:.0f} s")
    _complain(tally)
    _say(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


def run(known: Software, folder: Path, tally: Tally) -> None:
    """Start a software and run its checks, one after the other."""
    folder.mkdir()
    _say(f"— {known.title} {known.version}")
    checks = _of(known)
    done = 0
    world: Any = None
    try:
        with known.open(folder, _say) as world:
            for check in checks:
                _run(check, world, tally)
                done += 1
    except (InstallError, NotRun) as reason:
        tally.reasons[known.name] = str(reason)
    except _FAULTS as fault:
        tally.failed += 1
        _say(f"FAILED   {known.name}: {'its start' if world is None else 'its end'}: {fault}")
        _say(_indented(traceback.format_exc()))
        _tails(sorted(folder.glob("*.log")))
    for check in checks[done:]:
        tally.skipped += 1
        _say(f"NOT RUN  {known.name}: {check.what}")


def _run(check: Check, world: Any, tally: Tally) -> None:
    begin = time.monotonic()
    try:
        check.run(world)
    except NotRun as reason:
        tally.skipped += 1
        _say(f"NOT RUN  {check.software}: {check.what}: {reason}")
    except _FAULTS as fault:
        tally.failed += 1
        _say(f"FAILED   {check.software}: {check.what}")
        _say(_indented(str(fault) or traceback.format_exc()))
        _tails(getattr(world, "house", world).logs)
    else:
        tally.passed += 1
        _say(f"ok       {check.software}: {check.what} ({time.monotonic() - begin:.1f} s)")


def _of(known: Software) -> list[Check]:
    return [check for check in CHECKS if check.software == known.name]


def _tails(logs: Iterable[Path]) -> None:
    for log in dict.fromkeys(logs):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        _say(_indented(f"{log}, its last lines:\n" + _indented("\n".join(line[:300] for line in lines))))


def _complain(tally: Tally) -> None:
    if tally.reasons:
        _say("!" * 100)
        for name, reason in tally.reasons.items():
            _say(f"!! NOTHING OF {name} WAS PROVEN: {reason}")
        _say("!" * 100)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)
