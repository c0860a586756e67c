"""YAML as it is written: no guessed types, no silent second key, and every slip with its place and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from ciigen.errors import UsageError
from ciigen.load import KINDS, find_schema, load
from core_schema import Schema

#: Scalars that YAML 1.1 or 1.2 takes for something else than the text.
GUESSED = (
    "NO",
    "yes",
    "on",
    "True",
    "null",
    "~",
    "0001",
    "1.10",
    "12:30:45",
    "1_000",
    "0x1F",
    "010",
    ".5",
    "1e3",
)
GUESSED += ("2026-05-04", "2026-05-04T09:39:21Z", "=", "<<", ".inf", ".nan", "0o7")


@pytest.mark.parametrize("word", GUESSED)
def test_a_text_stays_what_was_written(schema: Schema, word: str) -> None:
    schema.edit("operators/ekz.yaml", "name: EKZ", f"name: {word}")
    (source,) = load(schema.root).of("operator")
    assert source.top.word("name") == word


def test_keys_are_texts(schema: Schema) -> None:
    schema.edit("quantities/electricity.yaml", '{"0001": t1, "0002": t2}', "{0001: t1, NO: t2, 1.10: t1}")
    assert list(schema.resolved().quantities["tariff_active"].raw_states) == ["0001", "NO", "1.10"]


def test_the_well_known_traps_arrive_whole(schema: Schema) -> None:
    resolved = schema.resolved()
    assert resolved.operators["ekz"].country == "NO"
    assert resolved.meters["old"].model == "0001"
    assert resolved.consumers["iobroker"].settings["retry"] == "060"
    assert resolved.units["W"].consumers["iobroker"]["decimals"] == "0"


def test_types_come_from_the_description_of_the_file(schema: Schema) -> None:
    resolved = schema.resolved()
    power = resolved.quantities["power_import"]
    assert (power.maximum, power.billing) == (1000, False)
    assert resolved.quantities["energy_import"].billing is True
    assert resolved.payloads["number"] == {"type": "number", "examples": [28]}
    assert resolved.meters["lg-e450"].lists[0].elements[2].obis is None


@pytest.mark.parametrize("written", ['"5"', "05", "5.0", "+5", "five", "0x5", "1e1", "true", "~"])
def test_a_whole_number_must_be_written_as_one(schema: Schema, written: str) -> None:
    schema.edit("meters/lg-e450.yaml", "baudrate: 2400", f"baudrate: {written}")
    (finding,) = schema.findings()
    assert (finding.file, finding.line) == (
        "schema/meters/lg-e450.yaml",
        schema.line("meters/lg-e450.yaml", "baudrate"),
    )
    assert finding.key == "interfaces[0].link.baudrate"
    assert "must be a whole number" in finding.message
    assert "Bits per second" in finding.remedy


@pytest.mark.parametrize("written", ["yes", '"true"', "True", "1"])
def test_a_boolean_is_true_or_false(schema: Schema, written: str) -> None:
    schema.edit("quantities/electricity.yaml", "billing: true", f"billing: {written}")
    (finding,) = schema.findings()
    assert "must be true or false" in finding.message


SYNTAX = {
    "tab": ("a: 1\n\tb: 2\n", 2, 1, "indent with spaces"),
    "colon in a text": ("a: b: c\n", 1, 5, "double quotes"),
    "deeper without a reason": ("a: x\n  b: y\n", 2, 4, "correct the indentation"),
    "outdent to nowhere": ("a:\n    - x\n  b: 1\n", 3, 3, "correct the indentation"),
    "open quote": ("b: 1\na: 'x\nc: 2\n", 2, 4, "close the quote"),
    "unknown escape": ('a: "x\\q"\n', 1, 7, "close the quote, or write \\\\"),
    "special first character": ("a: @x\n", 1, 4, "double quotes"),
    "open brace": ("a: {b: 1\nc: 2\n", 2, 2, "close the bracket or brace"),
    "open bracket": ("a: [1, 2\n", 2, 1, "close the bracket or brace"),
    "list in a line": ("a: - b\n", 1, 4, "begin a list on the next line"),
    "no colon": ("a: 1\nb\nc: 2\n", 2, 1, "write `key: value`"),
    "two documents": ("a: 1\n---\nb: 2\n", 3, 1, "one file a subject"),
    "control character": ("a: x\nb: \x07\n", 2, 4, "invisible control character"),
    "block text": ("a: |x\n  d\n", 1, 5, "after | or >"),
    "duplicate key": ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", 5, 3, "keep one of the two"),
    "duplicate in braces": ("a: {b: 1, c: 2, b: 3}\n", 1, 17, "keep one of the two"),
    "duplicate in a list": ("a:\n  - {b: 1}\n  - b: 1\n    b: 2\n", 4, 5, "keep one of the two"),
    "anchor": ("a: &x 1\n", 1, 4, "anchors and aliases are not allowed"),
    "merge": ("a: 1\n<<: *a\n", 2, 5, "aliases are not allowed"),
    "tag": ("a: !!int 3\n", 1, 4, "types come from schema/meta"),
    "own tag": ("a: !secret x\n", 1, 4, "types come from schema/meta"),
    "key that is a list": ("? [a, b]\n: 1\n", 1, 3, "plain word before the colon"),
    "empty file": ("", 1, 0, "write it, or remove the file"),
    "only a comment": ("# nothing\n", 1, 0, "write it, or remove the file"),
}


@pytest.mark.parametrize("case", SYNTAX)
def test_what_is_not_strict_yaml_is_a_finding(schema: Schema, case: str) -> None:
    text, line, column, remedy = SYNTAX[case]
    schema.write("units.yaml", text)
    found = [f for f in load(schema.root).findings if f.file == "schema/units.yaml"]
    assert found, "no finding"
    assert (found[0].line, found[0].column) == (line, column)
    assert remedy in found[0].remedy
    place = f"schema/units.yaml:{line}:{column}:" if column else f"schema/units.yaml:{line}:"
    assert str(found[0]).startswith(place)


def test_every_duplicate_is_reported_and_the_first_line_named(schema: Schema) -> None:
    schema.write("units.yaml", "a: 1\nb: 1\na: 2\nb: 2\n")
    found = load(schema.root).findings
    assert [f.message for f in found] == [
        "key 'a' stands twice, first in line 1",
        "key 'b' stands twice, first in line 2",
    ]


def test_a_file_that_is_not_utf8_is_a_finding(schema: Schema) -> None:
    (schema.root / "units.yaml").write_bytes(b"W:\n  name: {de: Z\xe4hler}\n")
    (finding,) = load(schema.root).findings
    assert (finding.line, finding.column) == (2, 15)
    assert finding.remedy == "save the file as UTF-8"


@pytest.mark.parametrize(
    ("file", "message", "remedy"),
    [
        ("meters/new.yml", "the extension is .yml", "rename it to .yaml"),
        ("meter/new.yaml", "no file of the schema", "did you mean meters?"),
        ("notes.txt", "no file of the schema", "meters/*.yaml"),
        ("meters/deep/new.yaml", "no file of the schema", "did you mean meters?"),
    ],
)
def test_a_file_in_the_wrong_place_is_a_finding(schema: Schema, file: str, message: str, remedy: str) -> None:
    (schema.root / file).parent.mkdir(parents=True, exist_ok=True)
    schema.write(file, "a: 1\n")
    (finding,) = load(schema.root).findings
    assert finding.file == f"schema/{file}"
    assert message in finding.message
    assert remedy in finding.remedy


@pytest.mark.parametrize("pattern", KINDS)
def test_a_missing_file_is_a_finding(schema: Schema, pattern: str) -> None:
    for path in schema.root.glob(pattern):
        path.unlink()
    missing = [f for f in schema.findings() if f.message == "is missing"]
    assert [f.file for f in missing] == [f"schema/{pattern}"]


@pytest.mark.parametrize("version", ["1", "1.0.0", "v1.0", ""])
def test_the_version_is_major_and_minor(schema: Schema, version: str) -> None:
    schema.write("VERSION", version)
    (finding,) = schema.findings()
    assert str(finding) == (
        f"schema/VERSION:1: {version!r} is no version → write major.minor of the topic contract, e.g. 1.0"
    )


def test_lines_are_those_of_keys_and_elements(schema: Schema) -> None:
    (units,) = load(schema.root).of("units")
    assert units.line(("Wh", "dlms")) == schema.line("units.yaml", "dlms: 30")
    meter = load(schema.root).of("meter")[0]
    assert meter.line(("lists", 0, "elements", 3)) == schema.line("meters/lg-e450.yaml", "1-1:1.7.0")
    assert meter.line(("lists", 0, "nowhere", "below")) == schema.line("meters/lg-e450.yaml", "- id: vse2026")


def test_a_missing_description_of_a_kind_stops_with_its_path(schema: Schema) -> None:
    (schema.root / "meta" / "meter.schema.json").unlink()
    with pytest.raises(UsageError, match=r"meta/meter\.schema\.json is missing"):
        load(schema.root)


def test_the_schema_is_found_from_any_folder_of_a_checkout(
    schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = schema.root.parent / "docs" / "adr"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_schema(None) == schema.root
    assert find_schema(Path("../../schema")) == schema.root


def test_outside_a_checkout_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not in a checkout"):
        find_schema(None)
    with pytest.raises(UsageError, match="no schema folder"):
        find_schema(tmp_path)


def test_any_beginning_of_a_file_gives_findings_and_no_exception(schema: Schema) -> None:
    text = schema.read("meters/lg-e450.yaml").rstrip()
    # beyond the list `tariffs`, which an operator needs, the rest of the file is not missed by anybody
    for end in range(0, text.index("- id: channels"), 29):
        schema.write("meters/lg-e450.yaml", text[:end])
        assert schema.findings(), text[:end]
