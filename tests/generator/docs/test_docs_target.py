"""The pages for people: complete, linked, readable, and honest about what is known."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath

import pytest
from captures import ROOT
from ciigen.installed import read_resolved
from ciigen.resolved import Fact, Meter, Resolved, Status
from ciigen.target import Selection
from ciigen.targets import asyncapi, homeassistant, iobroker, jsonschema, openhab
from ciigen.targets.docs import TARGET
from ciigen.targets.docs.book import Book
from ciigen.targets.docs.groups import GROUPS, SHOWN
from ciigen.targets.docs.markdown import prose

LINK = re.compile(r"\[(?:[^\[\]]|\\.)*\]\(([^)\s]+)\)")
STATUS = {status: Book(read_resolved()).word("status", status) for status in Status}
HEADING = re.compile(r"(#+) (.+)")


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


@pytest.fixture(scope="module")
def pages(resolved: Resolved) -> dict[str, str]:
    return TARGET.tree(resolved)


def without_code(text: str) -> str:
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """Anchors as GitHub makes them of headings, and those written out."""
    found = set(re.findall(r'<a id="([^"]+)"></a>', text))
    for line in without_code(text).splitlines():
        if heading := HEADING.fullmatch(line):
            found.add(re.sub(r"[^\w\- ]", "", heading[2].lower()).replace(" ", "-"))
    return found


def tables(text: str) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*without_code(text).splitlines(), ""]:
        if line.startswith("|"):
            block.append(line)
        elif block:
            yield block
            block = []


def cells(row: str) -> int:
    return len(re.findall(r"(?<!\\)\|", row)) - 1


def test_a_page_for_each_meter_operator_and_group(resolved: Resolved, pages: dict[str, str]) -> None:
    expected = {"index.md", "profile.md", "dialects.md", "quantities/by-obis.md", "quantities/words.md"}
    expected |= {f"meters/{meter}.md" for meter in resolved.meters}
    expected |= {f"operators/{operator}.md" for operator in resolved.operators}
    own = {path for path in expected if not path.startswith(("profile", "dialects", "quantities"))}
    expected |= {f"{lang}/{path}" for lang in resolved.languages if lang != "en" for path in own}
    groups = {f"quantities/{group.slug}.md" for group in GROUPS}
    assert set(pages) == expected | groups
    assert sorted(SHOWN) == sorted(group.slug for group in GROUPS)


def test_every_link_leads_to_a_file_and_a_place_in_it(resolved: Resolved, pages: dict[str, str]) -> None:
    files = {f"docs/{path}": text for path, text in pages.items()}
    for target in (asyncapi, homeassistant, iobroker, jsonschema, openhab):
        made = target.TARGET
        files |= {f"{made.name}/{path}": text for path, text in made.tree(resolved).items()}
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents}
    checked = 0
    for path, text in pages.items():
        for found in LINK.findall(without_code(text)):
            assert "://" not in found, f"{path}: {found}"
            name, _, anchor = found.partition("#")
            to = normpath(str(PurePosixPath("docs", path).parent / name)) if name else f"docs/{path}"
            assert to in files or to in folders or (ROOT / "generated" / to).is_file(), f"{path}: {found}"
            if anchor:
                whole = files[to] if to in files else (ROOT / "generated" / to).read_text(encoding="utf-8")
                assert anchor in anchors(whole), f"{path}: {found}"
            checked += 1
    assert checked > 500


def test_every_page_can_be_reached_from_the_start(pages: dict[str, str]) -> None:
    seen: set[str] = set()
    waiting = ["index.md"]
    while waiting:
        path = waiting.pop()
        if path in seen or path not in pages:
            continue
        seen.add(path)
        for found in LINK.findall(pages[path]):
            waiting.append(normpath(str(PurePosixPath(path).parent / found.partition("#")[0])))
    assert seen == set(pages)


def test_pages_are_tidy(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        assert text.startswith("# "), path
        assert text.endswith("\n"), path
        assert "\n\n\n" not in text, path
        assert not [line for line in text.splitlines() if line != line.rstrip()], path
        assert "None" not in text, path
        assert "{" not in re.sub(r"`[^`\n]*`", "", without_code(text)).replace("{end, duration", ""), path


def test_no_section_is_empty(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        lines = [line for line in without_code(text).splitlines() if line and not line.startswith("<a id=")]
        for line, following in zip(lines, [*lines[1:], "# end"], strict=True):
            here, there = HEADING.fullmatch(line), HEADING.fullmatch(following)
            assert not (here and there and len(there[1]) <= len(here[1])), f"{path}: {line}"


def test_tables_have_as_many_cells_in_each_row(pages: dict[str, str]) -> None:
    count = 0
    for path, text in pages.items():
        for block in tables(text):
            count += 1
            assert len(block) > 2, f"{path}: {block}"
            assert re.fullmatch(r"\|( --- \|)+", block[1]), f"{path}: {block[1]}"
            assert len({cells(row) for row in block}) == 1, f"{path}: {block}"
    assert count > 40


def test_each_quantity_stands_on_one_page_with_its_facts(resolved: Resolved, pages: dict[str, str]) -> None:
    groups = {
        path: text for path, text in pages.items() if path.startswith("quantities/") and "by-obis" not in path
    }
    for quantity in resolved.quantities.values():
        anchor = f'<a id="{quantity.name}"></a>'
        (line,) = [row for text in groups.values() for row in text.splitlines() if anchor in row]
        assert prose(quantity.label["en"]) in line
        assert all(f"`{code}`" in line for code in quantity.obis)
        assert quantity.unit in (None, "1") or f"| {quantity.unit} |" in line
        assert prose(quantity.description.get("en", "")) in line


def test_every_obis_code_can_be_looked_up_in_order(resolved: Resolved, pages: dict[str, str]) -> None:
    rows = [row for block in tables(pages["quantities/by-obis.md"]) for row in block[2:]]
    listed = [(re.findall(r"`([^`]+)`", row)[0], re.findall(r"`([^`]+)`", row)[1]) for row in rows]
    assert sorted(listed) == sorted((code, q.name) for q in resolved.quantities.values() for code in q.obis)
    electricity = [
        re.findall(r":(\d+)\.(\d+)\.(\d+)", code)[0] for code, _ in listed if code.startswith("1-*:")
    ]
    numbers = [tuple(map(int, code)) for code in electricity]
    assert numbers == sorted(numbers)


def test_every_topic_stands_in_the_profile_with_its_delivery(
    resolved: Resolved, pages: dict[str, str]
) -> None:
    rows = next(tables(pages["profile.md"]))[2:]
    assert len(rows) == len(resolved.topics)
    for row, topic in zip(rows, resolved.topics.values(), strict=True):
        path = topic.path.replace("{prefix}", resolved.prefix).replace("{", "<").replace("}", ">")
        expires = "" if topic.expiry_s is None else f"after {topic.expiry_s} s"
        assert row.startswith(f"| [`{path}`](../../docs/reference/examples.md#")
        assert row.endswith(f"| {topic.qos} | {'yes' if topic.retain else 'no'} | {expires} |")


def test_the_examples_in_the_profile_are_json(resolved: Resolved, pages: dict[str, str]) -> None:
    blocks = re.findall(r"```json\n(.*?)```", pages["profile.md"], flags=re.DOTALL)
    shown = [json.loads(block) for block in blocks]
    expected = [schema["examples"] for schema in resolved.payloads.values() if schema.get("type") == "object"]
    assert shown == [examples[0] for examples in expected if isinstance(examples, list)]


def facts_of(meter: Meter) -> Iterator[Fact]:
    yield from (interface.fact for interface in meter.interfaces)
    yield from (pushed.fact for pushed in meter.lists)
    yield from (register.fact for register in meter.registers.values() if register.fact)
    if meter.wire:
        yield meter.wire.fact


def source(fact: Fact) -> str:
    return prose(fact.source.removeprefix("captures ").removeprefix("capture ")).replace("|", "\\|")


def test_a_meter_page_says_how_each_fact_is_known(resolved: Resolved, pages: dict[str, str]) -> None:
    for meter in resolved.meters.values():
        text = pages[f"meters/{meter.id}.md"]
        for fact in facts_of(meter):
            said = f"{STATUS[fact.status].capitalize()}: {source(fact)}"
            assert said in text, f"{meter.id}: {said}"
        for interface in meter.interfaces:
            assert f"{interface.link.baudrate} baud" in text
            assert prose(interface.connector["en"]) in text
            assert prose(interface.cable["en"]) in text
        for pushed in meter.lists:
            section = text.partition(f'<a id="{pushed.id}"></a>')[2].partition("<a id=")[0]
            table = next(tables(section))
            assert len(table) - 2 == len(pushed.elements)
        for caveat in meter.caveats:
            assert f"- {prose(caveat['en'])}" in text


def test_an_operator_page_answers_in_the_order_of_the_questions(
    resolved: Resolved, pages: dict[str, str]
) -> None:
    for operator in resolved.operators.values():
        text = pages[f"operators/{operator.id}.md"]
        sections = re.split(r"^## (?=[^#])", text, flags=re.MULTILINE)
        for entry in operator.meters:
            meter = resolved.meters[entry.meter]
            named = [
                part for part in sections if part.startswith(prose(f"{meter.manufacturer} {meter.model}, "))
            ]
            assert named, f"{operator.id}: {entry.meter}"
            whole = "\n".join(named)
            order = [
                "**Connector**",
                "**Cable**",
                "**Settings**",
                "**Switching on**",
                "**Encrypted?**",
                "**How sure**",
            ]
            order += ["### What you will see"] if entry.lists else []
            positions = [named[0].index(question) for question in order]
            assert positions == sorted(positions)
            assert prose(entry.activation["en"]) in whole
            assert prose(entry.key.get("en", "")) in whole
            assert f"{STATUS[entry.fact.status].capitalize()}: {source(entry.fact)}" in whole
        for case in operator.not_possible:
            assert prose(case.reason["en"]) in text.partition("## Known not to work")[2]
        assert operator.not_possible or "Known not to work" not in text


def test_phases_share_a_row_at_an_operator_and_what_is_computed_is_marked(pages: dict[str, str]) -> None:
    text = pages["operators/ekz.md"]
    assert "`value/voltage_l1`, `…_l2`, `…_l3` | V |" in text
    assert re.search(r"`value/power_net` \| W \| computed \|", text)


def test_what_another_list_of_the_meter_sends_is_not_called_computed(pages: dict[str, str]) -> None:
    text = pages["operators/romande-energie.md"]
    assert "[Energy import](../quantities/energy.md#energy_import)" in text
    assert not re.search(r"energy_import`.*computed", text)


def test_hostile_texts_of_the_schema_do_no_harm(resolved: Resolved) -> None:
    quantity = resolved.quantities["power_import"]
    label = {"en": "A | b <b>bold</b> *x* `c|d` \\ end"}
    hostile = quantity.model_copy(update={"label": label, "description": {"en": "line\none | two"}})
    changed = resolved.model_copy(update={"quantities": resolved.quantities | {"power_import": hostile}})
    pages = TARGET.tree(changed)
    test_tables_have_as_many_cells_in_each_row(pages)
    assert r"A \| b \<b>bold\</b> \*x\* `c\|d` \\ end" in pages["quantities/power.md"]
    assert r"line one \| two" in pages["quantities/power.md"]


def test_a_schema_without_operators_and_meters_still_has_a_start_page(resolved: Resolved) -> None:
    bare = resolved.model_copy(update={"operators": {}, "meters": {}})
    pages = TARGET.tree(bare)
    assert "## Who s" not in pages["index.md"]
    assert "## Which" not in pages["index.md"]
    test_no_section_is_empty(pages)


def test_views(resolved: Resolved, pages: dict[str, str]) -> None:
    page = TARGET.views["page"].render
    assert page(resolved, Selection()) == pages["index.md"]
    assert page(resolved, Selection(meter="lg-e450")) == pages["meters/lg-e450.md"]
    assert page(resolved, Selection(operator="ekz")) == pages["operators/ekz.md"]
    assert page(resolved, Selection(operator="ekz", meter="lg-e450")) == pages["operators/ekz.md"]
    assert TARGET.views["profile"].render(resolved, Selection()) == pages["profile.md"]
    assert TARGET.views["obis"].render(resolved, Selection()) == pages["quantities/by-obis.md"]
    assert next(iter(TARGET.views)) == "page"


def test_texts_of_the_schema_come_in_the_language_asked_for(resolved: Resolved) -> None:
    meter = resolved.meters["lg-e450"]
    german = TARGET.views["page"].render(resolved, Selection(meter=meter.id, lang="de"))
    assert prose(meter.description["de"]) in german
    assert prose(resolved.quantities["power_import"].label["de"]) in german


def test_a_page_in_another_language_has_the_facts_of_the_one_in_english(
    resolved: Resolved, pages: dict[str, str]
) -> None:
    for lang in resolved.languages:
        for path in (path for path in pages if path.startswith(("meters/", "operators/")) and lang != "en"):
            other, english = pages[f"{lang}/{path}"], pages[path]
            for pattern in (r"^```.*?^```", r"^#+ ", r"^\|"):
                count = [
                    len(re.findall(pattern, text, re.MULTILINE | re.DOTALL)) for text in (other, english)
                ]
                assert count[0] == count[1], f"{lang}/{path}: {pattern}"
            codes = [
                sorted(span for span in re.findall(r"`([^`\n]*)`", text) if re.search(r"[0-9/]", span))
                for text in (other, english)
            ]
            assert codes[0] == codes[1], path


#: Words of headings and rows that have no place on a page in another language.
ENGLISH = (
    "Connector",
    "Cable",
    "Encrypted?",
    "How sure",
    "Switching on",
    "New values",
    "Known not",
    "Seen in a capture",
    "Assumed:",
)


def test_a_page_in_another_language_has_no_english_headings(
    resolved: Resolved, pages: dict[str, str]
) -> None:
    for path, text in pages.items():
        if path.partition("/")[0] in set(resolved.languages) - {"en"}:
            heads = [line for line in text.splitlines() if line.startswith(("#", "| "))]
            first = "\n".join(line.split("|")[1] if line.startswith("|") else line for line in heads)
            assert not [word for word in ENGLISH if word in first], path


def test_each_page_leads_to_itself_in_the_other_languages(resolved: Resolved, pages: dict[str, str]) -> None:
    for path in ("index.md", "meters/lg-e450.md", "operators/ekz.md"):
        all_of_it = {path, *(f"{lang}/{path}" for lang in resolved.languages if lang != "en")}
        for one in all_of_it:
            links = {
                normpath(str(PurePosixPath(one).parent / to))
                for to in LINK.findall(pages[one].split("\n\n")[1])
            }
            assert links == all_of_it - {one}


def test_the_same_bytes_in_another_process(pages: dict[str, str], tmp_path: Path) -> None:
    program = (
        "import hashlib, json; from ciigen.installed import read_resolved; from ciigen.targets.docs import TARGET\n"
        "print(hashlib.sha256(json.dumps(TARGET.tree(read_resolved())).encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == hashlib.sha256(json.dumps(pages).encode()).hexdigest()
