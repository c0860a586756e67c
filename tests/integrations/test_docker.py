"""integrations/docker: what the files name is there, and programs understand what is given to them. No image is built here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from captures import ROOT
from mqtt_parts import find_mosquitto, free_port
from ruamel.yaml import YAML
from service_parts import RUN
from test_readmes import parse

FOLDER: Final = ROOT / "integrations/docker"
COMPOSE: Final[dict[str, Any]] = YAML(typ="safe").load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERFILE: Final = (FOLDER / "Containerfile").read_text(encoding="utf-8")
BRIDGE: Final = COMPOSE["services"]["bridge"]


def test_every_file_and_volume_that_is_mounted_exists() -> None:
    for service in COMPOSE["services"].values():
        for source in (mounted.split(":")[0] for mounted in service["volumes"]):
            assert (FOLDER / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"], (
                source
            )
    build = BRIDGE["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_the_image_is_built_from_what_it_needs() -> None:
    lines = (FOLDER / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = set(re.findall(r"^/?([\w.]+)", project["project"]["readme"], re.MULTILINE))
    wheel = json.dumps(project["tool"]["hatch"]["build"])
    wanted |= {part for part in ("bridge", "generator", "generated", "schema") if part in wheel}
    assert wanted <= kept


def test_the_container_has_no_rights_to_spare() -> None:
    assert BRIDGE["read_only"] is True
    assert BRIDGE["cap_drop"] == ["ALL"]
    assert "privileged" not in BRIDGE
    assert re.search(r"^USER ciibridge$", CONTAINERFILE, re.MULTILINE)
    assert all(port.startswith("127.0.0.1:") for port in COMPOSE["services"]["broker"]["ports"])


def test_its_commands_are_understood() -> None:
    entry, command = (
        json.loads(re.findall(rf"^{what} (.*)$", CONTAINERFILE, re.MULTILINE)[0])
        for what in ("ENTRYPOINT", "CMD")
    )
    parse([*entry, *command])
    parse(BRIDGE["healthcheck"]["test"][1:])
    calls = re.findall(
        r"docker compose (?:run --rm bridge|exec bridge ciibridge) (.*)",
        (FOLDER / "README.md").read_text("utf-8"),
    )
    assert len(calls) == 3
    for call in calls:
        parse(["ciibridge", *call.split()])


def test_the_bridge_takes_the_configuration() -> None:
    mounted = {source.split(":")[1]: source.split(":")[0] for source in BRIDGE["volumes"]}
    config = FOLDER / mounted["/etc/ciibridge/ciibridge.toml"]
    command = [sys.executable, "-c", RUN, "run", "-c", str(config), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    meters = tomllib.loads(config.read_text(encoding="utf-8"))["meter"]
    assert [device.rsplit(":", 1)[1] for device in BRIDGE["devices"]] == [meter["port"] for meter in meters]


def test_mosquitto_takes_its_configuration(tmp_path: Path) -> None:
    mosquitto = find_mosquitto()
    if mosquitto is None:
        pytest.skip("mosquitto is not installed")
    text = (FOLDER / "mosquitto.conf").read_text(encoding="utf-8")
    config = tmp_path / "mosquitto.conf"
    here = text.replace("listener 1883", f"listener {free_port()} 127.0.0.1").replace(
        "/mosquitto/data/", f"{tmp_path}/"
    )
    assert here.count(str(tmp_path)) >= 1
    config.write_text(here, encoding="utf-8")
    with subprocess.Popen([mosquitto, "-c", str(config)], stderr=subprocess.PIPE, text=True) as broker:
        assert broker.stderr is not None
        said = ""
        for line in broker.stderr:
            said += line
            if "running" in line or "Error" in line:
                break
        broker.kill()  # asked to end just after it says so, mosquitto forgets it
    assert "running" in said, said
