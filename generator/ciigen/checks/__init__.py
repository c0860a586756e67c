"""What the files of ``schema/`` must fulfil beyond their structure: one module a subject, one function a rule.

A rule takes the files that are sound and yields findings; it never raises because of what a file holds. ``ALL`` is
what ``ciigen.validate`` runs; ``needs`` are the kinds of file a rule compares, and while one file of such a kind cannot
be read, the rule is not run: it would only report what follows from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ciigen.checks import consumers, dialects, meters, operators, quantities, texts, topics, units
from ciigen.checks.sound import Sound
from ciigen.errors import Finding


@dataclass(frozen=True, slots=True)
class Check:
    """A rule, and the kinds of file it compares."""

    run: Callable[[Sound], Iterator[Finding]]
    needs: frozenset[str]


def _checks(rules: tuple[Callable[[Sound], Iterator[Finding]], ...], *needs: str) -> tuple[Check, ...]:
    return tuple(Check(rule, frozenset(needs)) for rule in rules)


_QUANTITIES: Final = ("quantities", "languages")

ALL: Final[tuple[Check, ...]] = (
    *_checks(texts.RULES, "languages"),
    *_checks(units.RULES, "units"),
    *_checks(quantities.RULES, *_QUANTITIES, "units", "consumer"),
    *_checks(topics.RULES, "topics"),
    *_checks((topics.symbols,), "topics", "units"),
    *_checks(consumers.RULES, *_QUANTITIES, "units", "consumer"),
    *_checks(meters.RULES, *_QUANTITIES, "meter", "interfaces"),
    *_checks(operators.RULES, "meter", "operator"),
    *_checks(dialects.RULES, *_QUANTITIES, "dialect"),
)
