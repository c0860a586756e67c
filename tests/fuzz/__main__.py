"""`make fuzz`: coverage-guided fuzzing with atheris, a process a target.

    python -m fuzz [--runs N] [--seconds S] [--corpus FOLDER] [TARGET …]          from tests/

Prints a line a target: executions, edges of code covered, findings. The corpus stays outside the checkout; what breaks an
oracle is written there as crash-… and printed in hexadecimal. Exit status 1 when there is a finding.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: Longer ones find little and cost much; framers are tested with longer streams by hypothesis.
LONGEST_INPUT = 1024


def one(target: str, arguments: list[str]) -> None:
    """Fuzz one target in this process; never returns."""
    import atheris

    with atheris.instrument_imports(include=["ciibridge"]):
        from fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *arguments], TARGETS[target])
    atheris.Fuzz()


def run(target: str, options: argparse.Namespace) -> tuple[str, int, int, list[str]]:
    """Fuzz one target in a process of its own; target, executions, edges, findings."""
    from fuzz.targets import good

    folder = Path(options.corpus) / target
    folder.mkdir(parents=True, exist_ok=True)
    for number, octets in enumerate(good(target)):
        (folder / f"good-{number}").write_bytes(octets)
    limits = [f"-runs={options.runs}", f"-max_total_time={options.seconds}"]
    command = [sys.executable, "-m", "fuzz", "--one", target, *limits]
    command += [
        f"-max_len={LONGEST_INPUT}",
        f"-artifact_prefix={folder}-",
        "-print_final_stats=1",
        "-timeout=20",
    ]
    done = subprocess.run(
        [*command, str(folder)], capture_output=True, text=True, errors="replace", check=False
    )
    told = done.stderr + done.stdout
    executed = re.search(r"stat::number_of_executed_units:\s+(\d+)", told)
    edges = re.findall(r"cov: (\d+)", told)
    found = []
    if done.returncode:
        found.append(told[-3000:])
    return target, int(executed[1]) if executed else 0, int(edges[-1]) if edges else 0, found


def main() -> int:
    """Fuzz the targets that are asked for, two at a time."""
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--runs", type=int, default=400_000, help="executions a target")
    parser.add_argument("--seconds", type=int, default=600, help="time a target, at most")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    parser.add_argument("--corpus", default=str(cache / "ciigen-fuzz"))
    options = parser.parse_args()
    from fuzz.targets import TARGETS

    unknown = [target for target in options.targets if target not in TARGETS]
    if unknown:
        parser.error(f"unknown target {unknown[0]}; known: {', '.join(TARGETS)}")
    total = findings = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for target, executed, edges, found in pool.map(
            lambda name: run(name, options), options.targets or TARGETS
        ):
            print(
                f"{target:24} {executed:>10,} executions {edges:>6} edges {len(found)} findings", flush=True
            )
            total += executed
            findings += len(found)
            for text in found:
                print(text, flush=True)
    print(f"{total:,} executions, {findings} findings")
    return 1 if findings else 0


if sys.argv[1:2] == ["--one"]:
    one(sys.argv[2], sys.argv[3:])
else:
    sys.exit(main())
