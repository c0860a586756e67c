"""The documentation as a site: it builds strictly, every link and anchor in it leads somewhere, nothing comes from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import pytest
from captures import ROOT
from mkdocs.structure.files import File, Files

#: Attributes with which a page loads something by itself.
LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
#: `rel` of a <link> that loads nothing.
POINTS = {"canonical", "next", "prev", "alternate"}


class Html(HTMLParser):
    """Ids, links, and what is loaded, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.update(given[name] or "" for name in ("id", "name") if name in given)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        address = given.get(LOADS.get(tag, ""))
        if address and given.get("rel") not in POINTS:
            self.loads.append(address)


def hook() -> ModuleType:
    """Give the module that mkdocs.yml names."""
    spec = spec_from_file_location("shelves", ROOT / "docs/site/shelves.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(out: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-f", ROOT / "docs/site/mkdocs.yml", "-d", out, "--strict", "--quiet"],
        capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Html]]:
    out = tmp_path_factory.mktemp("site").resolve()
    done = build(out)
    assert (done.returncode, done.stderr + done.stdout) == (0, "")
    pages = {path: Html(path.read_text(encoding="utf-8")) for path in sorted(out.rglob("*.html"))}
    assert out / "index.html" in pages
    return pages


def home(site: dict[Path, Html]) -> Path:
    return min(site, key=lambda path: (len(path.parts), path.name != "index.html")).parent


def test_every_page_of_the_repository_is_in_it(site: dict[Path, Html]) -> None:
    out = home(site)
    for shelf in ("docs", "generated", "integrations", "schema"):
        for page in (ROOT / shelf).rglob("*.md"):
            uri = page.relative_to(ROOT).with_suffix(".html")
            assert out / (uri.with_name("index.html") if page.stem == "README" else uri) in site, page


def test_every_link_and_anchor_leads_somewhere(site: dict[Path, Html]) -> None:
    broken = []
    for page, html in site.items():
        for link in html.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or page.name == "404.html":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            anchor = unquote(parts.fragment)
            if not target.exists() or (anchor and target in site and anchor not in site[target].ids):
                broken.append(f"{page.relative_to(home(site))}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_outside(site: dict[Path, Html]) -> None:
    outside = {address for html in site.values() for address in html.loads if urlsplit(address).netloc}
    for sheet in home(site).rglob("*.css"):
        outside |= set(
            re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)\"']+", sheet.read_text(encoding="utf-8"))
        )
    assert outside == set()


def test_the_search_knows_the_words_of_four_languages(site: dict[Path, Html]) -> None:
    index = json.loads((home(site) / "search/search_index.json").read_text(encoding="utf-8"))
    assert index["config"]["lang"] == ["en", "de", "fr", "it"]
    texts = " ".join(entry["text"] for entry in index["docs"])
    for words in ("Net power", "Wirkleistung netto", "Puissance active nette", "Potenza attiva netta"):
        assert words in texts


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    shelves = hook()

    class Here:
        file = File("docs/page.md", str(tmp_path), str(tmp_path), use_directory_urls=False)

    def led(text: str) -> str:
        return shelves.on_page_markdown(text, Here(), None, Files([File("schema/README.md", "", "", False)]))

    assert led("[gone](gone.md)") == "[gone](gone.md)", "stays, and mkdocs --strict refuses it"
    assert led("[language](../schema/)") == "[language](../schema/README.md)"
    assert led("[types](../bridge/ciibridge/types.py)") == "types"
    assert led("1. one\n\n   two\n- x\n  y\n\nz") == "1. one\n\n    two\n\n- x\n    y\n\nz"
    assert led("so:\n- x\n\n```\n- x\n  y\n```") == "so:\n\n- x\n\n```\n- x\n  y\n```"


def test_a_new_page_falls_where_it_belongs() -> None:
    shelves = hook()
    nav = ["docs/a.md", {"How": "docs/how/*.md"}, {"Deep": ["docs/**.md"]}, "**.md"]
    pages = ["docs/a.md", "docs/b.md", "docs/how/x.md", "docs/how/deep/y.md", "else/z.md"]
    assert shelves._expanded(nav, pages, {"docs/a.md"}) == [
        "docs/a.md", {"How": ["docs/how/x.md"]}, {"Deep": ["docs/b.md", "docs/how/deep/y.md"]}, "else/z.md"
    ]  # fmt: skip
    assert "a/<wbr>b_<wbr>c" in shelves.on_page_content("<td><code>a/b_c</code></td>")


def test_points_of_lists_are_points(site: dict[Path, Html]) -> None:
    """A point that follows a paragraph of the one before is easily read as more of that paragraph."""
    for path in site:
        for paragraph in re.findall(r"<p>.*?</p>", path.read_text(encoding="utf-8"), re.DOTALL):
            assert not re.search(r"\n(?:\d+\.|[-*]) ", paragraph), f"{path}: {paragraph}"


@pytest.mark.parametrize("lang", ["de", "fr", "it"])
def test_pages_in_another_language_say_so_and_are_one_click_away(site: dict[Path, Html], lang: str) -> None:
    out = home(site)
    page = out / f"generated/docs/{lang}/operators/ekz.html"
    assert f'<html lang="{lang}"' in page.read_text(encoding="utf-8")
    for start in (out / "index.html", out / "generated/docs/operators/ekz.html"):
        leads = {(start.parent / link).resolve() for link in site[start].links}
        assert out / f"generated/docs/{lang}/index.html" in leads, start
    assert f"../{lang}/operators/ekz.html" in site[out / "generated/docs/operators/ekz.html"].links
