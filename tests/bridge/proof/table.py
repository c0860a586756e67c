"""The table of the proof: by family, how many captures are decoded, agree with their source and with a peer, and what is not.

``python tests/bridge/proof/table.py`` prints it; docs/reference/captures.md is the same page, made by ``make reference``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from asserted import asserts, differences
from captures import Capture
from peers import PEERS
from walk import CAPTURES, DECODED, outcome_of, row, walked

_REFUSED = {
    "key_missing": "ciphered, no key published",
    "damaged": "damaged",
    "error_answer": "answer is an error",
    "not_understood": "meaning not known",
}


@dataclass
class Family:
    """Counts of one family of captures."""

    captures: int = 0
    decoded: int = 0
    telegrams: int = 0
    asserted: int = 0  # decoded, and the source says what is in them
    agreeing: int = 0  # with all of it, but where the source is proved wrong
    refused: Counter[str] = field(default_factory=Counter)
    peer_reads: int = 0
    peer_values: int = 0
    peer_differs: int = 0  # values


def families() -> dict[str, Family]:
    """Walk all captures and count."""
    found: dict[str, Family] = {}
    for one in CAPTURES:
        counts = found.setdefault(one.facts["family"], Family())
        counts.captures += 1
        if outcome_of(one) != DECODED:
            counts.refused[outcome_of(one)] += 1
            continue
        _decoded(one, counts)
    return found


def _decoded(one: Capture, counts: Family) -> None:
    snapshots = walked(one.name).snapshots
    counts.decoded += bool(snapshots)
    counts.telegrams += len(snapshots)
    if asserts(one):
        counts.asserted += 1
        known = {**row(one).get("expectation_wrong", {}), **row(one).get("not_comparable", {})}
        counts.agreeing += set(differences(one)) == set(known)
    if peer := PEERS.get(one.facts["family"]):
        compared = peer.compare(one, snapshots)
        if compared.cannot:
            return
        counts.peer_reads += 1
        counts.peer_values += compared.values
        counts.peer_differs += len(compared.differing)


def page() -> str:
    """The table and everything that is to be said of single captures, as Markdown."""
    counted = families()
    total = sum(each.captures for each in counted.values())
    lines = [
        "# What the captures prove",
        "",
        f"{total} recordings of real meters, from public sources, go through the bridge as `ciibridge decode FILE` sends them: the",
        "protocol is seen from the octets, and no option is given but a published key. Each is compared with what its source says is",
        "in it, and each telegram with what another decoder reads. The recordings are other people's and not part of the project.",
        "",
        "| family | captures | decoded | telegrams | source asserts values | agree | not decoded |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, each in counted.items():
        refused = ", ".join(
            f"{each.refused[key]} {text}" for key, text in _REFUSED.items() if each.refused[key]
        )
        lines.append(
            f"| {name} | {each.captures} | {each.decoded} | {each.telegrams} | {each.asserted} | {each.agreeing} | {refused} |"
        )
    sums = [
        sum(getattr(each, key) for each in counted.values())
        for key in ("decoded", "telegrams", "asserted", "agreeing")
    ]
    lines += [
        f"| **all** | **{total}** | " + " | ".join(f"**{n}**" for n in sums) + f" | **{total - sums[0]}** |",
        "",
        "## Another decoder's reading",
        "",
        "| family | decoder | captures it reads | of | values both read | read differently |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for name, each in counted.items():
        peer = PEERS.get(name)
        numbers = (each.peer_reads, each.decoded, each.peer_values, each.peer_differs)
        if peer and each.decoded:
            lines.append(f"| {name} | {peer.name} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join([*lines, "", *_notes()]) + "\n"


def _notes() -> list[str]:
    """One list a kind of remark, in the order of the captures."""
    kinds = {
        "expectation_wrong": "Where the source is wrong",
        "not_comparable": "Where the source counts something else",
        "peer_differs": "Where the other decoder reads differently",
        "peer_cannot": "What the other decoder does not read",
    }
    lines: list[str] = []
    for key, title in kinds.items():
        lines += [f"## {title}", ""]
        for one in CAPTURES:
            told = row(one).get(key, {})
            for place, why in told.items() if isinstance(told, dict) else [("", told)]:
                lines.append(f"- `{one.name}`{f', {place}' if place else ''}: {_prose(why)}")
        lines.append("")
    lines += [
        "## Not decoded, or with a problem",
        "",
        "| capture | outcome | reported | why |",
        "| --- | --- | --- | --- |",
    ]
    for one in CAPTURES:
        told = row(one)
        if "outcome" in told or "problems" in told:
            outcome = _REFUSED.get(outcome_of(one), DECODED)
            problems = ", ".join(f"`{p.split()[0]}` at {p.split()[-1]}" for p in told.get("problems", [])[:5])
            more = ", …" if len(told.get("problems", [])) > 5 else ""
            lines.append(f"| `{one.name}` | {outcome} | {problems}{more} | {_prose(told.get('why', ''))} |")
    return lines


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("|", "&#124;")


if __name__ == "__main__":
    print(page())
