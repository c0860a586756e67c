"""``ciibridge meters``, and the command itself: help at once, one module a command."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec

import ciimodel
import pytest
from ciibridge.cli import COMMANDS, main
from typer.testing import CliRunner


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_model_and_operator_is_listed() -> None:
    text = run("meters")
    catalogue = ciimodel.load()
    for meter in catalogue.meters.values():
        assert meter.id in text
    for operator in catalogue.operators.values():
        assert operator.name in text
        for entry in operator.not_possible:
            assert entry.meter in text


def test_a_row_of_the_table() -> None:
    row, optical, infrared = [line for line in run("meters").splitlines() if line.startswith("lg-e450")]
    assert optical.split()[3:] == ["optical", "300", "7E1", "dlms-hdlc", "yes", "assumed"]
    assert row.split() == [
        "lg-e450",
        "Landis+Gyr",
        "E450",
        "mbus",
        "2400",
        "8E1",
        "dlms-hdlc",
        "yes",
        "documented",
    ]
    assert infrared.split()[3:6] == ["optical", "9600", "8N1"]


def test_json_for_programs() -> None:
    document = json.loads(run("meters", "--json"))
    catalogue = ciimodel.load()
    assert [meter["id"] for meter in document["meters"]] == list(catalogue.meters)
    assert [operator["id"] for operator in document["operators"]] == list(catalogue.operators)
    (e450,) = [meter for meter in document["meters"] if meter["id"] == "lg-e450"]
    interface, optical, _infrared = e450["interfaces"]
    assert optical["id"] == "optical"
    assert interface["link"] == {"baudrate": 2400, "bytesize": 8, "parity": "even", "stopbits": 1}
    assert interface["read"] is True
    assert "power_import" in e450["quantities"]


def test_help_lists_every_command_without_importing_one() -> None:
    script = (
        "import sys\n"
        "from ciibridge.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'ciimodel', 'cryptography', 'pydantic', 'paho', 'gurux_dlms', 'asyncio'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_module_and_its_own_help(command: str) -> None:
    assert find_spec(f"ciibridge.cli.{command}") is not None
    assert "Usage" in run(command, "--help")


def test_version() -> None:
    assert run("--version").startswith("ciibridge ")


def test_an_unknown_command_is_wrong_use() -> None:
    result = CliRunner().invoke(main, ["decod"])
    assert result.exit_code == 2
    assert "decod" in result.stderr
