"""What the outputs are tested with: every meter, every operator with a known list, everything, several meters; in each language.

Thousands of selections as test cases of their own cost more than the tests: a test goes through those of one language.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pytest
from captures import ROOT
from ciigen.resolve import resolve_directory
from ciigen.resolved import Resolved
from ciigen.target import Selection

#: The schema, read once: that takes seconds.
RESOLVED: Final = resolve_directory(ROOT / "schema")


def served(resolved: Resolved) -> list[str]:
    """Ids of the operators with a known list; of others it is only known that it does not work, or not what is sent."""
    return [o.id for o in resolved.operators.values() if any(entry.lists for entry in o.meters)]


def selections(resolved: Resolved, lang: str, ids: tuple[str, ...]) -> Iterator[Selection]:
    """All selections in one language; ``ids``: the names of several meters."""
    for meter in resolved.meters:
        yield Selection(meter=meter, lang=lang)
    for operator in served(resolved):
        yield Selection(operator=operator, lang=lang)
    yield Selection(lang=lang)
    yield Selection(everything=True, lang=lang)
    yield Selection(ids=ids, lang=lang)


def describe(selection: Selection) -> str:
    """Name a selection in a message."""
    what = (
        selection.meter or selection.operator or ("all" if selection.everything else "-".join(selection.ids))
    )
    return f"{what}-{selection.lang}"


def every(groups: dict[str, Sequence[Selection]]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each ``selection`` of a group; ``groups``: name of a test case → its selections."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(test)
        others = [p for p in signature.parameters.values() if p.name != "selection"]
        group = inspect.Parameter("group", inspect.Parameter.KEYWORD_ONLY)

        @functools.wraps(test)
        def run(*, group: str, **arguments: object) -> None:
            for selection in groups[group]:
                try:
                    test(selection=selection, **arguments)
                except Exception as error:
                    error.add_note(f"selection: {describe(selection)}")
                    raise

        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in others), group]
        )
        return pytest.mark.parametrize("group", list(groups))(run)

    return decorate


def by_language(
    resolved: Resolved, ids: tuple[str, ...]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with every selection, a test case a language."""
    return every({lang: list(selections(resolved, lang, ids)) for lang in resolved.languages})
