"""[mqtt] of a configuration: where the broker is, how to be let in, and the first part of the topics.

``setup`` reads it as a part of the whole; commands that only talk to the broker read it alone, since whoever calls them need not be
allowed to read the keys of the meters.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ciimodel.catalogue import Resolved

from ciibridge.publish.broker import BrokerSettings
from ciibridge.service.config import MqttTable, Source
from ciibridge.service.findings import Finding, Key
from ciibridge.service.secrets import Secrets
from ciibridge.service.tls import Fault, read_tls

_SCHEMES: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Place:
    """Where topics are: a broker and a prefix. ``meters``: ids that the configuration names."""

    broker: BrokerSettings
    prefix: str
    meters: tuple[str, ...] = ()


def read_place(path: Path, catalogue: Resolved, environ: Mapping[str, str] = os.environ) -> Place:
    """Read the place from a configuration file. Raises ConfigError with all that is wrong with [mqtt]."""
    source = Source(path)
    config, findings = source.parse()
    if config is None:
        raise source.error(findings)
    place, faults = _place(config.mqtt, Secrets(path.parent, environ), catalogue)
    if faults:
        raise source.error(faults)
    meters = tuple(meter.id for meter in config.meter if meter.id is not None)
    return Place(place.broker, place.prefix, meters)


def make_place(
    mqtt: MqttTable, catalogue: Resolved, base: Path, environ: Mapping[str, str] = os.environ
) -> tuple[Place, list[Finding]]:
    """Make the place from options of a command; ``base``: the folder that relative paths start from. Gives what is wrong, too."""
    return _place(mqtt, Secrets(base, environ), catalogue)


def _place(mqtt: MqttTable, secrets: Secrets, catalogue: Resolved) -> tuple[Place, list[Finding]]:
    findings: list[Finding] = []

    def fault(at: Key, message: str, remedy: str) -> None:
        findings.append(Finding(at, message, remedy))

    place = Place(read_broker(mqtt, secrets, fault), read_prefix(mqtt, catalogue, fault))
    return place, findings + secrets.findings


def read_prefix(mqtt: MqttTable, catalogue: Resolved, fault: Fault) -> str:
    """Check the first part of the topics."""
    prefix = mqtt.prefix if mqtt.prefix is not None else catalogue.prefix
    if not re.fullmatch(catalogue.levels["prefix"], prefix):
        fault(
            ("mqtt", "prefix"),
            f"{prefix!r} cannot begin a topic",
            'Write one or more words, e.g. "cii" or "home/cii".',
        )
    return prefix


def read_broker(mqtt: MqttTable, secrets: Secrets, fault: Fault) -> BrokerSettings:
    """Check address, credentials and certificates; ``fault`` hears of what is wrong."""
    scheme, host, port = _address(mqtt.url, fault)
    password = secrets.find(mqtt, ("mqtt",), "password")
    if password is not None and mqtt.username is None:
        fault(("mqtt", "username"), "a password without a user name", "Add username.")
    tls, tls_files = read_tls(mqtt, secrets.path, fault, encrypted=scheme == "mqtts")
    return BrokerSettings(
        host=host,
        port=port,
        tls=tls,
        tls_files=tls_files,
        username=mqtt.username,
        password=password,
        protocol=mqtt.protocol,
        keepalive_s=mqtt.keepalive_s,
    )


def _address(url: str, fault: Fault) -> tuple[str, str, int]:
    at: Key = ("mqtt", "url")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        fault(at, "is no address", "Write mqtt://host or mqtts://host:port.")
        return "mqtt", "localhost", 1883
    if parts.username is not None or parts.password is not None:
        fault(
            at,
            "holds a user name or password",
            "Write them as username and password, so that no log shows them.",
        )
    elif parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        fault(at, f"{url!r} is no address of a broker", "Write mqtt://host or mqtts://host:port.")
    return parts.scheme, parts.hostname or "", port or _SCHEMES.get(parts.scheme, 1883)
