"""A running Home Assistant: started from nothing, asked over its REST and WebSocket interfaces."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import requests
from house import METERS, House, Process, wait_until
from mqtt_parts import free_port

_CONFIGURATION: Final = """
homeassistant:
  time_zone: Europe/Zurich
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
energy:
onboarding:
websocket_api:
compile_statistics:
automation: !include automations.yaml
logger:
  default: warning
  logs:
    homeassistant.components.mqtt: info
"""
#: Statistics are compiled every five minutes, and until then the energy dashboard knows no entity. This asks Home Assistant's
#: own recorder to do it now.
_COMPILE: Final = """
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.tasks import StatisticsTask
from homeassistant.util import dt

DOMAIN = "compile_statistics"

async def async_setup(hass, config):
    async def now(call):
        at = dt.utcnow()
        get_instance(hass).queue_task(StatisticsTask(at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0), False))
    hass.services.async_register(DOMAIN, "now", now)
    return True
"""
#: Speaks Home Assistant's WebSocket interface: commands from standard input, results to standard output, as JSON.
_SOCKET: Final = """
import asyncio, json, sys
import aiohttp

async def main(url, token, commands):
    async with aiohttp.ClientSession() as session, session.ws_connect(url + "/api/websocket") as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        answer = await socket.receive_json()
        assert answer["type"] == "auth_ok", answer
        results = []
        for number, command in enumerate(commands, 1):
            await socket.send_json({"id": number, **command})
            results.append(await socket.receive_json())
        print(json.dumps(results))

asyncio.run(main(sys.argv[1], sys.argv[2], json.load(sys.stdin)))
"""
BLUEPRINT: Final = Path(__file__).parents[2] / "integrations/homeassistant/solar_surplus.yaml"
#: Configuration of the bridge for each form of messages.
PER_ENTITY: Final = '[homeassistant]\nlanguage = "en"\n'
PER_METER: Final = f'{PER_ENTITY}min_version = "2024.11"\n'


class HomeAssistant:
    """A running Home Assistant with one user, who has a token."""

    def __init__(self, venv: Path, version: str, made: House) -> None:
        self.house = made
        self.version = version
        self.discovery = PER_ENTITY
        self.excused: list[str] = []  # lines of the log
        self._venv = venv
        self._base = f"http://127.0.0.1:{free_port()}"
        self._session = requests.Session()
        self._token = ""
        self.log = made.folder / "homeassistant.log"
        made.logs.insert(0, self.log)
        self._config = made.folder / "homeassistant"
        self._write()
        self._start()

    def _write(self) -> None:
        component = self._config / "custom_components/compile_statistics"
        component.mkdir(parents=True)
        (component / "__init__.py").write_text(_COMPILE)
        manifest = {
            "domain": "compile_statistics",
            "name": "Compile",
            "version": "1.0.0",
            "dependencies": ["recorder"],
        }
        (component / "manifest.json").write_text(json.dumps(manifest))
        blueprints = self._config / "blueprints/automation/ciigen"
        blueprints.mkdir(parents=True)
        shutil.copy(BLUEPRINT, blueprints)
        (self._config / "automations.yaml").write_text("[]\n")
        port = self._base.rpartition(":")[2]
        (self._config / "configuration.yaml").write_text(_CONFIGURATION.format(port=port))

    def _start(self) -> None:
        binaries = self._venv / "bin"
        command: list[str | Path] = [
            binaries / "python",
            "-m",
            "homeassistant",
            "-c",
            self._config,
            "--skip-pip",
        ]
        self._process = self.house.keep(Process(command, self.log))
        wait_until(self._answers, 120, f"start of Home Assistant ({self.log})")

    def restart(self) -> None:
        """End it in good order and start it with what it has stored."""
        self._process.stop(60)
        self._start()

    def _answers(self) -> bool:
        assert self._process.running, f"Home Assistant has ended: {self.log}"
        try:
            return self._session.get(f"{self._base}/api/onboarding", timeout=5).ok
        except requests.ConnectionError:
            time.sleep(0.5)
            return False

    def onboard(self) -> None:
        """Make the first user, as the first page of a new installation does."""
        client = f"{self._base}/"
        user = {
            "client_id": client,
            "name": "Test",
            "username": "test",
            "password": "test-1234",
            "language": "en",
        }
        code = self.call("onboarding/users", user)["auth_code"]
        form = {"grant_type": "authorization_code", "code": code, "client_id": client}
        answer = self._session.post(f"{self._base}/auth/token", data=form, timeout=30)
        answer.raise_for_status()
        self._token = answer.json()["access_token"]
        self._session.headers["Authorization"] = f"Bearer {self._token}"

    def call(self, path: str, body: object = None) -> Any:
        """Call the REST interface; POST if there is a body."""
        url = f"{self._base}/api/{path}"
        answer = (
            self._session.get(url, timeout=30)
            if body is None
            else self._session.post(url, json=body, timeout=30)
        )
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def ask(self, *commands: dict[str, Any]) -> list[Any]:
        """Send commands over the WebSocket interface; their results."""
        done = subprocess.run(
            [str(self._venv / "bin/python"), "-c", _SOCKET, self._base, self._token],
            input=json.dumps(commands),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-500:]
        answers = json.loads(done.stdout)
        assert all(answer["success"] for answer in answers), answers
        return [answer["result"] for answer in answers]

    def sensors(self) -> dict[str, Any]:
        """Entity id → state and attributes, of our meters."""
        ours = tuple(f"sensor.{meter.id.replace('-', '_')}_" for meter in METERS)
        return {
            state["entity_id"]: state for state in self.call("states") if state["entity_id"].startswith(ours)
        }

    def promised(self) -> dict[str, Any]:
        """Entity id → what discovery says of it, as it lies on the broker now."""
        last = {h.topic: h.payload for h in self.house.heard if h.topic.startswith("homeassistant/")}
        messages = [json.loads(last[topic]) for topic in last if topic.endswith("/config") and last[topic]]
        configs = [c for message in messages for c in message.get("components", {"": message}).values()]
        return {config["default_entity_id"]: config for config in configs}

    def told(self, meter: str) -> int:
        """How often discovery told of a meter."""
        device, entity = (
            f"homeassistant/device/cii_{meter}/",
            f"homeassistant/sensor/cii_{meter}/energy_import/",
        )
        return sum(heard.topic.startswith((device, entity)) for heard in self.house.heard)

    def registry(self) -> dict[str, tuple[str, str | None]]:
        """Entity id → unique id and the name that a user gave, of everything that came by MQTT."""
        (listed,) = self.ask({"type": "config/entity_registry/list"})
        return {e["entity_id"]: (e["unique_id"], e["name"]) for e in listed if e["platform"] == "mqtt"}
