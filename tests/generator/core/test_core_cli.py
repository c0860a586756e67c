"""The command as a person or a script meets it: what goes where, and with which exit status it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ciigen import cli
from ciigen.installed import read_resolved
from ciigen.target import Selection, Target, discover
from ciigen.write import headed
from core_schema import Schema

TARGETS = discover()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the console script in this process; gives the exit status."""
    monkeypatch.setattr("sys.argv", ["ciigen", *arguments])
    monkeypatch.setenv("COLUMNS", "160")  # no row is broken
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("command", ["build", "check", "list", *TARGETS])
def test_help_has_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, command, "--help") == 0
    assert re.search(rf"Example:\s+ciigen {command}", capsys.readouterr().out)


def test_a_target_is_a_command_with_its_views(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, target in TARGETS.items():
        run(monkeypatch, name, "--help")
        shown = capsys.readouterr().out
        for option in (*target.views, "meter", "operator", "id", "lang", "all", "out"):
            assert f"--{option} " in shown, name


def views() -> list[tuple[Target, str]]:
    return [(target, name) for target in TARGETS.values() for name in target.views]


@pytest.mark.parametrize(("target", "view"), views(), ids=lambda v: v if isinstance(v, str) else v.name)
def test_standard_output_is_exactly_the_file(
    target: Target,
    view: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert run(monkeypatch, target.name, f"--{view}") == 0
    printed, said = capfdbinary.readouterr()
    path = target.views[view].path(Selection())
    assert printed == headed(path, target.views[view].render(read_resolved(), Selection())).encode()
    assert said == b""
    assert run(monkeypatch, target.name, f"--{view}", "--out", str(tmp_path)) == 0
    assert (tmp_path / path).read_bytes() == printed
    assert capfdbinary.readouterr().out == b""


def test_the_first_view_is_the_default(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "openhab")
    default = capfd.readouterr().out
    run(monkeypatch, "openhab", f"--{next(iter(TARGETS['openhab'].views))}")
    assert capfd.readouterr().out == default


def test_out_writes_every_view_that_is_no_alternative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, "openhab", "--id", "house", "--out", str(tmp_path)) == 0
    wanted = {v.path(Selection(("house",))) for v in TARGETS["openhab"].views.values() if not v.alternative}
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert written == wanted
    assert {path.rpartition(".")[2] for path in written} == {"things", "items", "sitemap", "persist"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("openhab", "--meter", "lg-e45"), "--meter lg-e45 is not in the schema: did you mean lg-e450"),
        (("openhab", "--operator", "ekzz"), "did you mean ekz"),
        (("openhab", "--lang", "es"), "--lang es is not in the schema: "),
        (("openhab", "--id", "My House"), "--id My House is no topic level: it must match "),
        (("openhab", "--id", "a", "--id", "a"), "--id a is given twice"),
        (("openhab", "--things", "--items"), "choose one view, or write them with --out DIR"),
        (
            ("openhab", "--openhab", "3.4"),
            "--openhab 3.4 is too old: the files are read by openHAB 4.0 and newer",
        ),
        (("openhab", "--openhab", "five"), "--openhab five is no version"),
        (("openhab", "--yaml", "--openhab", "4.3"), "YAML files came with 5.0: take --things and --items"),
        (
            ("openhab", "--bridge", "mqtt:systemBroker"),
            "is no UID of a broker Thing: it looks like mqtt:broker:",
        ),
        (("openhab", "--prefix", "a b"), "--prefix a b is no prefix: it must match"),
        (("openhab", "--password-file", "x"), "--password-file is for the broker of --from"),
        (("openhab", "--from", "http://x"), "--from http://… is no MQTT broker: write mqtt://"),
        (
            ("openhab", "--from", "mqtt://u:p@x"),
            "everybody on this machine can read a password in a command line",
        ),
        (("openhab", "--from", "mqtt://x:99999"), "Port out of range"),
        (("openhab", "--from", "mqtt://x/cii"), "topics that begin otherwise than cii need --prefix"),
        (("openhab", "--from", "mqtt://x", "--ca-file", "y"), "--ca-file is for TLS: write mqtts://"),
        (("openhab", "--from", "mqtts://x", "--ca-file", "/no"), "--ca-file /no: there is no such file"),
        (("openhab", "--from", "mqtt://x", "--meter", "lg-e450"), "leave --meter away"),
        (("push", "openhab"), "Missing option '--url'"),
        (("push", "iobroker", "--token", "x"), "Missing option '--url'"),
        (("openhb",), "Did you mean 'openhab'?"),
        (("openhab", "--thing"), "--things"),
        (("list", "meter"), "'meters'"),
        (("build", "--schema", "/"), "/ is no schema folder: it has no file VERSION"),
    ],
)
def test_wrong_use_is_2_and_says_what_is_right(
    arguments: tuple[str, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *arguments) == 2
    printed, said = capsys.readouterr()
    assert printed == ""
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["build", "check"])
def test_outside_a_checkout_build_says_so(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, command) == 2
    assert "not in a checkout" in capsys.readouterr().err


def test_findings_are_1_and_all_of_them(
    schema: Schema, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.edit("units.yaml", "dlms: 30", "dlms: 27")
    schema.edit("operators/ekz.yaml", "country: NO", "country: no")
    for command in ("build", "check"):
        assert run(monkeypatch, command, "--schema", str(schema.root)) == 1
        printed, said = capsys.readouterr()
        assert printed == ""
        assert [line.split(":")[0] for line in said.splitlines()] == [
            "schema/operators/ekz.yaml",
            "schema/units.yaml",
        ]
    assert not (schema.root.parent / "generated").exists()
    assert run(monkeypatch, "check", "--schema", str(schema.root), "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert [(f["file"], f["key"]) for f in answer["findings"]] == [
        ("schema/operators/ekz.yaml", "country"),
        ("schema/units.yaml", "Wh.dlms"),
    ]
    assert answer["findings"][1]["line"] == 7
    assert answer["findings"][1]["remedy"]


def test_build_then_check_then_drift(
    schema: Schema, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "discover", lambda: {"resolved": TARGETS["resolved"]})
    monkeypatch.chdir(schema.root.parent)
    out = schema.root.parent / "generated"
    assert run(monkeypatch, "build") == 0
    printed, said = capsys.readouterr()
    assert printed == ""
    assert f"new     {out}/python/ciimodel/resolved.json" in said
    assert run(monkeypatch, "check") == 0
    assert capsys.readouterr().out == ""
    (out / "python/ciimodel/resolved.json").write_text("{}\n", encoding="utf-8")
    (out / "stray.txt").touch()
    assert run(monkeypatch, "check") == 1
    assert capsys.readouterr().out.splitlines() == [
        "generated/python/ciimodel/resolved.json:1: differs: found '{}', expected '{'",
        "generated/stray.txt: surplus: no target yields it",
    ]
    assert run(monkeypatch, "check", "--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["findings"] == []
    assert [(d["path"], d["problem"], d["line"]) for d in answer["differences"]] == [
        ("python/ciimodel/resolved.json", "differs", 1),
        ("stray.txt", "surplus", 0),
    ]
    assert run(monkeypatch, "build") == 0
    assert not (out / "stray.txt").exists()


def test_build_does_not_empty_a_foreign_folder(
    schema: Schema, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.txt").touch()
    assert run(monkeypatch, "build", "--schema", str(schema.root), "--out", str(mine)) == 2
    assert "give a new or empty directory" in capsys.readouterr().err
    assert (mine / "letter.txt").exists()


@pytest.mark.parametrize(
    ("what", "some"),
    [("targets", "openhab"), ("quantities", "power_import"), ("meters", "lg-e450"), ("operators", "ekz")],
)
def test_lists_for_people_and_machines(
    what: str, some: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list", what) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert some in [row[0] for row in rows]
    assert len({len(row) for row in rows}) == 1
    assert run(monkeypatch, "list", what, "--json") == 0
    assert [list(row.values()) for row in json.loads(capsys.readouterr().out)] == rows


def test_an_operator_of_which_no_list_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "openhab", "--operator", "linz-netz") == 2
    assert "ciigen docs --operator linz-netz" in capsys.readouterr().err
    assert run(monkeypatch, "docs", "--operator", "linz-netz") == 0
    assert "Known not to work" in capsys.readouterr().out


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(monkeypatch, "list", "operators") == 0
    head, *rows = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert head.split() == ["operator", "name", "country", "meters"]
    assert len(rows) == len(read_resolved().operators)


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", capsys.readouterr().out)
