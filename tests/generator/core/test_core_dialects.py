"""Dialects: what is wrong with one is found, with file, line and remedy."""

from __future__ import annotations

from core_schema import Schema

FILE = "dialects/other.yaml"
#: What is replaced, by what, and what is then said.
BREAKS = (
    ("{house}/", "{hose}/", "{hose} is not defined"),
    ("{house}/", "", "house is not in path"),
    ("/{key}", "", "all values have the same topic"),
    ("key: name", "key: obis", "does not fit names"),
    ("power_import: P", "power_imprt: P", "no quantity with place value is power_imprt"),
    ("power_import: P", "power_import: P\n  power_export: P", "P is the name of two quantities"),
    ("[device_name]", "[power_import]", "no quantity with place meta is power_import"),
    ("v: value", "v: valeu", "valeu is no word here"),
    ("v: value", "v: time", "the values are not in it"),
    ("v: value", '"*": value', '"*" is for each: telegram'),
)


def test_a_dialect_is_resolved_with_its_defaults(schema: Schema) -> None:
    dialect = schema.resolved().dialects["other"]
    assert (dialect.qos, dialect.retain, dialect.settings["house"].default) == (0, False, "home")
    assert dialect.payload == {"v": "value"}


def test_what_is_wrong_with_a_dialect_is_a_finding(schema: Schema) -> None:
    sound = (schema.root / FILE).read_text(encoding="utf-8")
    assert schema.findings() == []
    for old, new, message in BREAKS:
        assert old in sound
        schema.write(FILE, sound.replace(old, new, 1))
        found = schema.findings()
        assert any(f.file == f"schema/{FILE}" and message in f.message and f.remedy for f in found), (
            new,
            found,
        )
