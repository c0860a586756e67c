"""Puts the pages of the repository into the site: a hook of MkDocs (``hooks`` in mkdocs.yml beside it).

Pages lie where they belong: docs/, generated/docs/, schema/, integrations/, README.md. Each comes into the site under
its path in the repository, so its relative links lead to the same pages as on a code host:

    README.md                          index.html
    generated/docs/meters/lg-e450.md   generated/docs/meters/lg-e450.html
    generated/jsonschema/x.json        the file itself, when a page links to it
    generated/jsonschema/              a list of the files in it, when a page links to it
    bridge/ciibridge/types.py          the words without a link: the program is not part of the site
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
#: Where pages lie.
SHELVES: Final = ("README.md", "docs", "generated", "integrations", "schema")
#: What is served as a file when a page links to it; what else a page links to is shown without its link.
SERVED: Final = ("generated/", "schema/", "integrations/", "LICENSE")

_LINK: Final = re.compile(
    r"(?<!!)\[(?P<text>[^\]\n]*(?:\n[^\]\n]*)?)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)"
)
#: Folder of the pages in another language than English.
_LANGUAGE: Final = re.compile(r"generated/docs/([a-z]{2})/")
_HOMES: Final = ("README.md", "index.md")
_CELL: Final = re.compile(r"<td\b.*?</td>", re.DOTALL)
_SHORT_CODE: Final = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
_BREAK: Final = re.compile(r"[/_]")
_HEADER: Final = re.compile(r"\A<!-- [^\n]* -->\n")
#: A point of a list at the margin, as code hosts read it: its text begins where the words after the mark begin.
_POINT: Final = re.compile(r"(?:[-*+]|\d+[.)]) (?=\S)")
_INDENT: Final = 4  # of what belongs to a point, for Python-Markdown
_CODE: Final = re.compile(r"^(?: {4}|```).*$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every page, what pages link to, and the navigation in which the patterns are replaced by what fits them."""
    pages = [path.relative_to(ROOT).as_posix() for shelf in SHELVES for path in _pages(ROOT / shelf)]
    for uri in pages:
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / uri)))
    linked = {target for page in pages for target in _targets(page)} - set(pages)
    served = [uri for uri in linked if uri.startswith(SERVED) and (ROOT / uri).exists()]
    homes = {posixpath.dirname(page) for page in pages if posixpath.basename(page) in _HOMES}
    folders = [uri for uri in served if (ROOT / uri).is_dir() and uri not in homes]
    for uri in folders:
        listing = File.generated(
            config, f"{uri}/index.md", content=_listing(uri), inclusion=InclusionLevel.NOT_IN_NAV
        )
        files.append(listing)
    inside = {f"{uri}/{file}" for uri in folders for file in _inside(ROOT / uri)}
    for uri in sorted(inside.union(uri for uri in served if (ROOT / uri).is_file()) - set(pages)):
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / uri)))
    named = {entry for entry in _entries(config.nav) if "*" not in entry}
    config.nav = _expanded(config.nav, pages, named)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs gives it by name
    """Lead a link to a folder to its page, and take away a link to what is not in the site."""
    here = posixpath.dirname(page.file.src_uri)

    def lead(link: re.Match[str]) -> str:
        uri = posixpath.normpath(posixpath.join(here, link["path"]))
        if files.get_file_from_path(uri):
            return link[0]
        for name in _HOMES:
            if files.get_file_from_path(f"{uri}/{name}"):
                return f"[{link['text']}]({link['path'].rstrip('/')}/{name}{link['anchor'] or ''})"
        # a link that leads nowhere in the repository either stays, and ends the build
        return link["text"] if (ROOT / uri).exists() else link[0]

    # a title is found only on the first line
    text = _HEADER.sub("", markdown, count=1)
    return _LINK.sub(lead, "\n".join(_indented(text.split("\n"))))


def on_page_content(html: str, **_: object) -> str:
    """Let topics in tables break after / and _, where a reader expects it on a narrow screen."""
    return _CELL.sub(
        lambda cell: _SHORT_CODE.sub(lambda code: _BREAK.sub(r"\g<0><wbr>", code[0]), cell[0]), html
    )


def on_post_page(output: str, page: Page, **_: object) -> str:
    """Say in which language a page is: a reader's voice, the hyphens and the translation of a browser follow it."""
    language = _LANGUAGE.match(page.file.src_uri)
    return output.replace('<html lang="en"', f'<html lang="{language[1]}"', 1) if language else output


def _indented(lines: list[str]) -> Iterator[str]:
    """Indent what belongs to a point of a list by four, where code hosts are content with two or three."""
    width = 0  # of the mark of the point we are in; 0: in none
    fenced = False
    parted = False  # the point we are in has several paragraphs
    before = ""
    for line in lines:
        if line.startswith("```") and not width:
            fenced = not fenced
        mark = None if fenced else _POINT.match(line)
        if mark:
            if before and (parted or not width):
                yield ""  # a list may follow its sentence directly, and a point the last paragraph of the one before
            width, parted = len(mark[0]), False
        elif width and not line:
            parted = True
        elif width and line.startswith(" " * width):
            line = " " * (_INDENT - width) + line  # noqa: PLW2901 - the line as it is from here on
        elif width and line and not before:
            width = 0
            fenced = line.startswith("```")
        before = line
        yield line


def _pages(shelf: Path) -> Iterable[Path]:
    return [shelf] if shelf.is_file() else sorted(shelf.rglob("*.md"))


def _targets(page: str) -> Iterator[str]:
    text = _CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for link in _LINK.finditer(text):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(page), link["path"]))


def _inside(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


def _listing(uri: str) -> str:
    lines = "\n".join(f"- [{file}]({file})" for file in _inside(ROOT / uri))
    return f"---\nsearch: {{exclude: true}}\n---\n# {uri}\n\n{lines}\n"


def _entries(nav: Any) -> Iterator[str]:
    """Yield the paths and patterns of a navigation: a string, a list of them, or a title with either."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from _entries(entry)


def _pattern(entry: str) -> re.Pattern[str]:
    """``*`` is any part of a name, ``**`` any path."""
    return re.compile(re.escape(entry).replace(r"\*\*", ".*").replace(r"\*", "[^/]*"))


def _expanded(nav: list[Any], pages: list[str], named: set[str]) -> list[Any]:
    """Replace each pattern by the pages that fit and are not ``named``, which takes them up."""
    result: list[Any] = []
    for entry in nav:
        if isinstance(entry, dict):
            [(title, inner)] = entry.items()
            if isinstance(inner, list) or "*" in inner:
                result.append({title: _expanded(inner if isinstance(inner, list) else [inner], pages, named)})
            else:
                result.append(entry)
        elif "*" in entry:
            found = [page for page in pages if page not in named and _pattern(entry).fullmatch(page)]
            named.update(found)
            result += found
        else:
            result.append(entry)
    return result
