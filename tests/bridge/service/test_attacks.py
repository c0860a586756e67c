"""What an attacker may try, against the running bridge and a real broker: on the meter's line, and from the network."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from mqtt_parts import BrokerProcess, Listener, wait_until
from service_parts import PtyMeter, Speech, TcpMeter, service_in_thread, simulated, write_config

pytest_plugins = ("mqtt_fixtures",)
NEEDS_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
OTHER_KEY = bytes(range(0x40, 0x50))


# -- on the line ---------------------------------------------------------------------------------------------------------


def genuine() -> Speech:
    return simulated("lg-e570", key=KEY, auth_key=AUTH_KEY)


#: What arrives → code of the event.
ATTACKS: dict[str, tuple[Callable[[], Speech], str]] = {
    "forged without the keys": (
        lambda: simulated("lg-e570", key=OTHER_KEY, auth_key=OTHER_KEY),
        "key_wrong",
    ),
    "forged with the encryption key alone": (
        lambda: simulated("lg-e570", key=KEY, auth_key=OTHER_KEY),
        "not_authentic",
    ),
    "downgraded to plain": (lambda: simulated("lg-e570"), "not_encrypted"),
    "downgraded to no tag": (lambda: simulated("lg-e570", key=KEY), "not_authentic"),
}


@contextmanager
def bridged(folder: Path, broker: BrokerProcess, speech: Speech) -> Iterator[tuple[TcpMeter, Listener]]:
    """A bridge with both keys, and a meter on its line that can be made to say something else."""
    heard, meter = Listener(broker.port), TcpMeter(speech, every_s=0.1)
    body = f'port = "{meter.url}"\nid = "house"\nkey = "{KEY.hex()}"\nauth_key = "{AUTH_KEY.hex()}"'
    try:
        with service_in_thread(write_config(folder, broker.port, body)):
            yield meter, heard
    finally:
        meter.stop()
        heard.stop()


@pytest.mark.broker
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_forged_or_downgraded_publishes_nothing(
    tmp_path: Path, broker: BrokerProcess, attack: str
) -> None:
    speech, code = ATTACKS[attack]
    with bridged(tmp_path, broker, speech()) as (meter, heard):
        assert json.loads(heard.wait("cii/v1/house/error", timeout_s=20).payload)["code"] == code
        time.sleep(0.5)  # several more of them
        assert not [
            one.topic for one in list(heard.messages) if "/state" in one.topic or "/value/" in one.topic
        ]
        assert "online" not in heard.payloads("cii/v1/house/availability")
        meter.say(genuine())
        heard.wait("cii/v1/house/state", timeout_s=20)  # the meter itself is not shut out


@pytest.mark.broker
def test_what_is_replayed_publishes_nothing(tmp_path: Path, broker: BrokerProcess) -> None:
    meter_itself = genuine()
    recorded = meter_itself()
    with bridged(tmp_path, broker, lambda: recorded) as (meter, heard):
        heard.wait("cii/v1/house/state", timeout_s=20)
        wait_until(
            lambda: any(
                json.loads(text)["code"] == "replayed" for text in heard.payloads("cii/v1/house/error")
            ),
            what="refusal",
        )
        time.sleep(0.5)
        assert len(heard.of("cii/v1/house/state")) == 1
        meter.say(meter_itself)
        wait_until(lambda: len(heard.of("cii/v1/house/state")) > 1, what="the next genuine one")


# -- from the network ----------------------------------------------------------------------------------------------------


def listening() -> set[str]:
    """Sockets of this process that others can reach: TCP in state LISTEN, and every bound UDP port."""
    inodes = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
        except FileNotFoundError:
            continue  # closed meanwhile
    found = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", ""), ("udp6", "")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3].startswith(state):
                found.add(f"{table} {fields[1]}")
    return found


@NEEDS_LINUX
@pytest.mark.broker
def test_nothing_listens(tmp_path: Path, broker: BrokerProcess) -> None:
    heard, meter = Listener(broker.port), PtyMeter(simulated())
    before = listening()
    try:
        with service_in_thread(write_config(tmp_path, broker.port, f'port = "{meter.path}"\nid = "house"')):
            heard.wait("cii/v1/house/state", timeout_s=20)
            assert listening() == before
            other = TcpMeter(simulated())  # one that does would be seen
            assert len(listening() - before) == 1
            other.stop()
    finally:
        meter.stop()
        heard.stop()
