"""The hand-written documentation is true: commands exist, links lead somewhere, examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from captures import ROOT
from reference_pages import pages

PAGES = sorted(p for folder in ("docs", "integrations", "schema") for p in (ROOT / folder).rglob("*.md"))
PAGES.append(ROOT / "README.md")


#: What is committed; that it is all of it is a test of its own. (To make the pages takes seconds.)
REFERENCE = sorted(p.name for p in (ROOT / "docs/reference").iterdir())


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_is_what_the_programs_say(name: str) -> None:
    committed = (ROOT / "docs/reference" / name).read_text(encoding="utf-8")
    assert committed == pages()[name], "run `make reference`"


@pytest.mark.parametrize("name", ["ciigen.md", "ciibridge.md"])
def test_every_command_has_an_example(name: str) -> None:
    without = [
        part.splitlines()[0] for part in pages()[name].split("\n## ")[1:] if "Example: cii" not in part
    ]
    assert without == []


def test_no_page_is_left_over() -> None:
    assert set(REFERENCE) == set(pages())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^( {4}|```).*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_and_options_exist(page: Path) -> None:
    """Every `ciigen x --y` and `ciibridge x --y` that a page tells people to type."""
    known = _options()
    # an output that the page itself makes, where it tells how
    own = {f"ciigen {name}" for name in re.findall(r'name = "(\w+)"', page.read_text(encoding="utf-8"))}
    for line in re.findall(
        r"(?:^|[`;&|(] ?|sudo |timeout \d+ )((?:ciigen|ciibridge) +[a-z][^`\n]*)",
        "\n".join(_code(page)),
        re.MULTILINE,
    ):
        words = re.split(r"&&|[|;>]", line)[0].split()
        command = next((" ".join(words[:n]) for n in (3, 2) if " ".join(words[:n]) in known), "")
        if not command and " ".join(words[:2]) in own:
            continue
        # "ciigen push" alone speaks of the commands below it
        below = [name for name in known if name.startswith(f"{' '.join(words[:2])} ")]
        assert command or below, line
        options = known[command] if command else set().union(*(known[name] for name in below))
        for option in re.findall(r"(?<![\w-])--[a-z0-9-]+", " ".join(words)):
            assert option in options, f"{command}: {option}"


def _options() -> dict[str, set[str]]:
    """Command → its options, as the reference has them."""
    sections = re.split(r"^## ", pages()["ciigen.md"] + pages()["ciibridge.md"], flags=re.MULTILINE)
    return {
        section.splitlines()[0]: {*re.findall(r"(?<![\w-])--[a-z0-9-]+", section), "--help", "--version"}
        for section in sections
        if section.startswith("cii")
    }


def _code(page: Path) -> list[str]:
    """What stands in code on the page: indented lines, fences, back-ticks."""
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    indented = re.findall(r"^ {4,}(.*)$", text, re.MULTILINE)
    return [*fences, *indented, *re.findall(r"`([^`\n]+)`", text)]
