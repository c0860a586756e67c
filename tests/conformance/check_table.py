"""The table of checks: what is proven, on which software and version. The page docs/how-to/conformance.md is made from it.

A check is a function that takes a running world and raises when something is not as it should be. It is written down with
``@check(software, "what is then true")`` in the module of its software, and runs in the order of that module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Say = Callable[[str], None]


@dataclass(frozen=True)
class Software:
    """Something that runs for real. ``open``: work folder, where to say what takes long → the running world.

    ``on_request``: why it is run only when it is named ("" where it always is).
    """

    name: str
    title: str
    version: str
    open: Callable[[Path, Say], AbstractContextManager[Any]]
    on_request: str = ""


@dataclass(frozen=True)
class Check:
    software: str
    what: str
    run: Callable[[Any], None]


SOFTWARE: Final[dict[str, Software]] = {}
CHECKS: Final[list[Check]] = []


class NotRun(Exception):  # noqa: N818 - no error: a check, or all of a software, that cannot be run here
    """Says why something is not run."""


def software(name: str, title: str, version: str, on_request: str = "") -> Callable[[Any], Any]:
    """Write down what opens a software."""

    def take(opened: Any) -> Any:
        SOFTWARE[name] = Software(name, title, version, opened, on_request)
        return opened

    return take


def check(
    names: str | tuple[str, ...], what: str
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Write down a check of one software or of several."""

    def take(run: Callable[[Any], None]) -> Callable[[Any], None]:
        CHECKS.extend(Check(name, what, run) for name in ((names,) if isinstance(names, str) else names))
        return run

    return take


#: Below it the page is written by ``page``.
MARK: Final = "<!-- below: python tests/conformance --page -->"


def page() -> Iterator[str]:
    """The lines of docs/how-to/conformance.md below the mark."""
    yield ""
    for name, known in SOFTWARE.items():
        yield f"## {known.title} {known.version}"
        yield ""
        if known.on_request:
            yield f"Only with `--only {name}`: {known.on_request}."
            yield ""
        yield from (f"- {check.what}" for check in CHECKS if check.software == name)
        yield ""


def with_page(text: str) -> str:
    """The text of the page with its lower part as the table has it."""
    upper, mark, _ = text.partition(MARK)
    return upper + mark + "\n" + "\n".join(page()).rstrip() + "\n"
