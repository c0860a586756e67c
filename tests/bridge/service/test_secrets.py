"""Keys and passwords: where they may stand, and that they are nowhere else."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ciimodel
import pytest
from ciibridge.errors import ConfigError
from ciibridge.service.setup import Setup, load
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY
from mqtt_parts import BrokerProcess, Listener, find_mosquitto, wait_until
from service_parts import ServiceProcess, TcpMeter, simulated, write_config

pytest_plugins = ("mqtt_fixtures",)
PASSWORD = "correct-horse-battery"
METER = '[[meter]]\nport = "/dev/ttyUSB0"\nbaudrate = 2400\n'


def forms(secret: bytes) -> Iterator[bytes]:
    """Every way in which a key might get into a text: hex in both cases and groupings, as Python shows it, base64."""
    pairs = [f"{octet:02x}" for octet in secret]
    for text in (
        secret.hex(),
        " ".join(pairs),
        ":".join(pairs),
        repr(secret)[2:-1],
        repr(bytearray(secret))[12:-2],
        str(list(secret))[1:-1],
        str(int.from_bytes(secret, "big")),
        base64.b64encode(secret).decode().rstrip("="),
        base64.urlsafe_b64encode(secret).decode().rstrip("="),
        base64.b32encode(secret).decode().rstrip("="),
    ):
        yield from (text.encode(), text.upper().encode(), text.lower().encode())
    yield secret


def read(path: Path, text: str, **environ: str) -> Setup:
    config = path / "c.toml"
    config.write_text(text)
    config.chmod(0o600)
    return load(config, ciimodel.load(), environ)


# -- systemd credentials -------------------------------------------------------------------------------------------------


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name, secret in (("house.key", SYNTHETIC_KEY.hex()), ("house.auth", "F" * 32), ("broker", PASSWORD)):
        (folder / name).write_text(f"{secret}\n")
        (folder / name).chmod(0o400)
    return folder


def test_secrets_come_from_credentials(tmp_path: Path, credentials: Path) -> None:
    text = '[mqtt]\nusername = "u"\npassword_credential = "broker"\n' + METER
    text += 'key_credential = "house.key"\nauth_key_credential = "house.auth"\n'
    setup = read(tmp_path, text, CREDENTIALS_DIRECTORY=str(credentials))
    assert setup.broker.password == PASSWORD
    settings = setup.meters[0].settings
    assert (settings.key, settings.auth_key) == (SYNTHETIC_KEY, b"\xff" * 16)
    assert PASSWORD not in repr(setup)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "none cannot be read (No such file"),
        ("../c.toml", "cannot be the name of a credential"),
        ("..", "cannot be the name of a credential"),
        ("open", "everybody may read or write"),
    ],
)
def test_what_is_wrong_with_a_credential_is_said(
    tmp_path: Path, credentials: Path, name: str, words: str
) -> None:
    (credentials / "open").write_text("00" * 16)
    (credentials / "open").chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'{METER}key_credential = "{name}"\n', CREDENTIALS_DIRECTORY=str(credentials))
    assert words in str(caught.value)
    assert "meter[1].key_credential" in str(caught.value)


def test_a_credential_without_a_service_manager(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"CREDENTIALS_DIRECTORY is not set.*LoadCredential=house.key:"):
        read(tmp_path, f'{METER}key_credential = "house.key"\n')


def test_one_secret_in_two_places(tmp_path: Path, credentials: Path) -> None:
    text = f'{METER}key_credential = "house.key"\nkey_env = "KEY"\n'
    with pytest.raises(ConfigError, match=r"given 2 times\. Keep one of key_env, key_credential"):
        read(tmp_path, text, CREDENTIALS_DIRECTORY=str(credentials), KEY="00" * 16)


# -- nowhere else --------------------------------------------------------------------------------------------------------


@pytest.mark.broker
@pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)")
@pytest.mark.parametrize("right", [True, False])
def test_no_key_gets_into_log_topic_or_file(
    tmp_path: Path, broker: BrokerProcess, listen: Callable[[int], Listener], right: bool
) -> None:
    heard = listen(broker.port)
    meter = TcpMeter(simulated("lg-e570", key=SYNTHETIC_KEY, auth_key=SYNTHETIC_AUTH_KEY))
    key, auth_key = (SYNTHETIC_KEY, SYNTHETIC_AUTH_KEY) if right else (SYNTHETIC_AUTH_KEY, SYNTHETIC_KEY)
    block = f'port = "{meter.url}"\nid = "house"\nkey = "{key.hex()}"\nauth_key = "{auth_key.hex()}"'
    config = write_config(
        tmp_path, broker.port, block, mqtt=f'username = "u"\npassword = "{PASSWORD}"\nraw = true'
    )
    config.write_text(config.read_text().replace("[bridge]", '[bridge]\nlog_level = "debug"'))
    process = ServiceProcess(config)
    try:
        heard.wait("cii/v1/house/state" if right else "cii/v1/house/error", timeout_s=20)
        heard.wait("cii/v1/house/diag")
        config.write_text(config.read_text().replace('id = "house"', 'id = "House"'))
        process.reload()
        wait_until(lambda: "the old one goes on" in process.log, what="refusal")
    finally:
        status, _, log = process.terminate()
        meter.stop()
    assert status == 0
    places = [log.encode(), config.with_suffix(".db").read_bytes()]
    places += [f"{message.topic} {message.payload}".encode() for message in heard.messages]
    secrets = [form for secret in (SYNTHETIC_KEY, SYNTHETIC_AUTH_KEY) for form in forms(secret)]
    for place in places:
        assert not [form for form in (*secrets, PASSWORD.encode()) if form in place]


def test_no_core_file_is_made_and_no_other_process_may_look() -> None:
    program = (
        "import os, resource\nfrom ciibridge.service.secrets import never_dump\n"
        "before = os.stat('/proc/self/environ').st_uid\nnever_dump()\n"
        "import ctypes\nprint(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split() == ["0", "0", "0"]
