"""Files on disk: one header, exactly what the targets yield, and a difference told by its first line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ciigen.errors import TargetError, UsageError
from ciigen.resolved import Resolved
from ciigen.target import Selection, Target, View, discover
from ciigen.write import HEADER, check_ours, collect, differences, headed, write
from core_schema import Schema


@dataclass(frozen=True)
class Fixed:
    """A target that always yields the same files."""

    files: dict[str, str]
    name: str = "fixed"
    help: str = "for tests"
    folder: str = "fixed"
    views: Mapping[str, View] = field(default_factory=dict)

    def tree(self, resolved: Resolved) -> dict[str, str]:
        return self.files


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", '"""Doc."""\n', f'# {HEADER}\n"""Doc."""\n'),
        ("a.yaml", "a: 1\n", f"# {HEADER}\na: 1\n"),
        ("a.things", "Thing\n", f"// {HEADER}\nThing\n"),
        ("a.items", "Group\n", f"// {HEADER}\nGroup\n"),
        ("a.acl", "user x\n", f"# {HEADER}\nuser x\n"),
        ("a.config", "{deny, all}.\n", f"%% {HEADER}\n{{deny, all}}.\n"),
        ("a.md", "# Title\n", f"<!-- {HEADER} -->\n# Title\n"),
        ("a.xml", '<?xml version="1.0"?>\n<a/>\n', f'<?xml version="1.0"?>\n<!-- {HEADER} -->\n<a/>\n'),
        ("a.html", "<!DOCTYPE html>\n<p>\n", f"<!DOCTYPE html>\n<!-- {HEADER} -->\n<p>\n"),
        ("a.sh", "#!/bin/sh\ntrue\n", f"#!/bin/sh\n# {HEADER}\ntrue\n"),
        ("a.mqtt.json", "{}\n", "{}\n"),
        ("a.csv", "a,b\n", "a,b\n"),
        ("py.typed", "", ""),
    ],
)
def test_the_header_is_a_comment_of_the_format(path: str, text: str, expected: str) -> None:
    assert headed(path, text) == expected
    assert headed(path, expected) == expected  # never twice


def test_two_targets_may_share_a_folder_but_no_file(schema: Schema) -> None:
    resolved = schema.resolved()
    one, other = Fixed({"a.csv": "1\n"}), Fixed({"b.csv": "2\n"}, name="other")
    files = collect([one, other], resolved)
    contents = files.pop("README.md")
    assert files == {"fixed/a.csv": "1\n", "fixed/b.csv": "2\n"}
    assert "| [fixed/](fixed/) |" in contents, "the table of contents names each folder"
    with pytest.raises(TargetError, match=r"target other: fixed/a\.csv also comes from another target"):
        collect([one, Fixed({"a.csv": "2\n"}, name="other")], resolved)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("../a.csv", "a\n", "is no path below generated/fixed/"),
        ("/etc/a.csv", "a\n", "is no path below"),
        ("a\\b.csv", "a\n", "is no path below"),
        ("a.csv", "a", "must end with exactly one line feed"),
        ("a.csv", "a\n\n", "must end with exactly one line feed"),
        ("a.csv", "a\r\n", "has a carriage return"),
    ],
)
def test_a_target_that_breaks_the_rules_is_named(schema: Schema, path: str, text: str, words: str) -> None:
    with pytest.raises(TargetError) as error:
        collect([Fixed({path: text})], schema.resolved())
    assert str(error.value).startswith("target fixed: ")
    assert words in str(error.value)


def test_writing_makes_the_folder_exactly_the_files(tmp_path: Path) -> None:
    write({"a/x.csv": "old\n", "b/deep/y.csv": "1\n", "c/z.csv": "same\n"}, tmp_path)
    kept = (tmp_path / "c/z.csv").stat().st_mtime_ns
    changed = write({"a/x.csv": "new\n", "c/z.csv": "same\n", "d/n.csv": "1\n"}, tmp_path)
    assert [(d.path, d.problem) for d in changed] == [
        ("a/x.csv", "differs"),
        ("b/deep/y.csv", "surplus"),
        ("d/n.csv", "missing"),
    ]
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == [
        *("a", "a/x.csv", "c", "c/z.csv", "d", "d/n.csv"),
    ]
    assert (tmp_path / "a/x.csv").read_bytes() == b"new\n"
    assert (tmp_path / "c/z.csv").stat().st_mtime_ns == kept
    assert write({"a/x.csv": "new\n", "c/z.csv": "same\n", "d/n.csv": "1\n"}, tmp_path) == []


def test_differences_name_the_first_line(tmp_path: Path) -> None:
    write({"a.csv": "1\n2\n3\n", "b.csv": "1\n", "c.csv": "1\n", "gone.csv": "1\n"}, tmp_path)
    (tmp_path / "a.csv").write_text("1\nx\n3\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("1", encoding="utf-8")
    (tmp_path / "c.csv").write_bytes(b"1\r\n")
    (tmp_path / "gone.csv").unlink()
    (tmp_path / "new.csv").touch()
    files = {"a.csv": "1\n2\n3\n", "b.csv": "1\n", "c.csv": "1\n", "gone.csv": "1\n"}
    assert [str(d) for d in differences(files, tmp_path)] == [
        "a.csv:2: differs: found 'x', expected '2'",
        "b.csv:2: differs: found '(end of file)', expected ''",
        "c.csv:1: differs: found '1\\r', expected '1'",
        "gone.csv: missing: the schema yields it, it is not there",
        "new.csv: surplus: no target yields it",
    ]


def test_caches_of_python_are_nobodys(tmp_path: Path) -> None:
    cache = tmp_path / "python" / "__pycache__" / "x.pyc"
    cache.parent.mkdir(parents=True)
    cache.touch()
    assert write({"a.csv": "1\n"}, tmp_path)[0].path == "a.csv"
    assert cache.exists()


def test_a_foreign_folder_is_not_emptied(tmp_path: Path) -> None:
    check_ours(tmp_path / "new")
    check_ours(tmp_path)
    (tmp_path / "letter.txt").touch()
    with pytest.raises(UsageError, match="was not written by ciigen build"):
        check_ours(tmp_path)
    (tmp_path / "python/ciimodel").mkdir(parents=True)
    (tmp_path / "python/ciimodel/resolved.json").touch()
    check_ours(tmp_path)


def test_a_view_says_where_its_file_goes() -> None:
    def nothing(resolved: Resolved, selection: Selection) -> str:
        return ""

    house = Selection(ids=("house", "flat"))
    assert View(".items", "", nothing, folder="items").path(house) == "items/house.items"
    assert View(".json", "", nothing).path(house) == "house.json"
    assert View(".json", "", nothing, stem="state").path(house) == "state.json"


def test_every_folder_of_targets_is_a_target() -> None:
    found = discover()
    assert {"resolved", "openhab", "iobroker", "docs", "python"} <= set(found)
    for name, target in found.items():
        assert isinstance(target, Target)
        assert name == target.name
        assert target.help.strip()
        assert all(view.extension.startswith(".") and view.help for view in target.views.values())
        together = [view.path(Selection()) for view in target.views.values() if not view.alternative]
        assert len(set(together)) == len(together), f"{name}: --out would write a file twice"
