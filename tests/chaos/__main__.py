"""`make soak`: the long form. Parts, counts, seed and the longest cut can be chosen.

    python -m chaos [--count N] [--seed N] [--meters N] [--longest S] [--minutes M] [--keep FOLDER] [PART …]          from tests/

Prints a table; exit status 1 when something was lost that should not have been, or arrived altered or out of order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from chaos.faults import Options, Outcome
from chaos.parts import COUNTS, PARTS
from chaos.surroundings import CannotRunError

_HEAD = "| part | faults | seconds | telegrams sent | not read | received | lost | lost, at most before the fault | duplicates | seed |"


def row(outcome: Outcome, options: Options) -> str:
    verdict = outcome.verdict
    age = f"{max(outcome.ages):.2f} s" if outcome.ages else "–"
    cells = (
        outcome.part,
        outcome.faults,
        f"{outcome.seconds:.0f}",
        verdict.sent,
        verdict.unread,
        verdict.received,
        len(verdict.lost),
        age,
        verdict.duplicates,
        options.seed,
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all")
    parser.add_argument("--count", type=int, help="faults of each part; default as in the table of the docs")
    parser.add_argument("--meters", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=float, default=60.0, help="longest network cut in seconds")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="no further fault of a part after so long"
    )
    parser.add_argument("--proxy", action="store_true", help="cut the network in a proxy, not by a cable")
    parser.add_argument("--keep", help="folder for logs and the state file")
    given = parser.parse_args()
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"unknown part {unknown[0]}; known: {', '.join(PARTS)}")
    good = True
    table = [_HEAD, "|---" * _HEAD.count(" | ") + "|---|"]
    for part in given.parts or PARTS:
        options = Options(
            given.count or COUNTS.get(part, 1),
            given.meters,
            given.seed,
            given.longest,
            given.minutes * 60,
            given.proxy,
        )
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(given.keep or scratch) / part
            folder.mkdir(parents=True, exist_ok=True)
            try:
                outcome = asyncio.run(PARTS[part](folder, options, _tell))
            except CannotRunError as error:
                print(f"{part}: not run: {error}")
                continue
        good &= outcome.good
        table.append(row(outcome, options))
        print(f"\r{table[-1]}", flush=True)
        if outcome.remark:
            print(f"  {outcome.remark}")
        for problem in [*outcome.verdict.problems, *outcome.notes][:10]:
            print(f"  {problem[:300]}")
        if late := [age for age in outcome.ages if age > outcome.bound_s]:
            print(f"  {len(late)} of them earlier than the {outcome.bound_s:g} s that are promised")
        losses = sorted(zip(outcome.ages, outcome.verdict.lost, strict=True), reverse=True)
        for age, key in losses[:20]:
            print(f"  lost {key}, sent {age:.2f} s before the fault")
    print("\n".join(table))
    return 0 if good else 1


def _tell(text: str) -> None:
    """Show progress, on a line of its own only where lines cannot be written over."""
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)
    elif text.partition("/")[0].endswith("0"):
        print(text, file=sys.stderr, flush=True)


sys.exit(main())
