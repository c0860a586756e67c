"""The Debian package, without building it: what its parts say of each other."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from captures import ROOT

DEBIAN = ROOT / "integrations/debian"
SCRIPTS = [DEBIAN / name for name in ("build", "postinst", "prerm", "postrm")]
BUILD = (DEBIAN / "build").read_text()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_posix_shell_that_stops_at_the_first_error(script: Path) -> None:
    shell = shutil.which("dash") or "/bin/sh"
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^set -eu?$", script.read_text(), re.MULTILINE)
    assert script.stat().st_mode & 0o111


def test_the_commands_are_python_for_both_programs() -> None:
    template = (DEBIAN / "command.in").read_text()
    for command in ("ciibridge", "ciigen"):
        text = template.replace("@command@", command).replace("@minor@", "11")
        assert "@" not in text
        compile(text, command, "exec")
    assert template.startswith("#!/usr/bin/python3.@minor@ -IS\n")


def test_every_placeholder_is_filled() -> None:
    for file in ("control.in", "command.in"):
        for name in re.findall(r"@\w+@", (DEBIAN / file).read_text().replace("ciigen@localhost", "")):
            assert f"s/{name}/" in BUILD, name


def test_the_unit_starts_what_the_package_has() -> None:
    found = re.search(r"'s\|(\S+)\|(\S+)\|'", BUILD)
    assert found
    unit = (ROOT / "integrations/systemd/ciibridge.service").read_text()
    assert f"ExecStart={found[1]} run -c /etc/ciibridge/ciibridge.toml" in unit
    assert found[2] == "/usr/bin/ciibridge"


def test_the_user_of_the_unit_is_made_with_its_group() -> None:
    unit = (ROOT / "integrations/systemd/ciibridge.service").read_text()
    users = (DEBIAN / "ciibridge.sysusers").read_text()
    assert "User=ciibridge" in unit
    assert re.search(r"^u ciibridge ", users, re.MULTILINE)
    assert re.search(r"^m ciibridge dialout$", users, re.MULTILINE)
    assert "SupplementaryGroups=dialout" in unit


def test_the_configuration_is_kept_and_for_the_service_only() -> None:
    assert 'echo /etc/ciibridge/ciibridge.toml > "$stage/DEBIAN/conffiles"' in BUILD
    assert "install -m 640" in BUILD
    postinst = (DEBIAN / "postinst").read_text()
    assert "chown root:ciibridge" in postinst
    assert "chmod 0640" in postinst
