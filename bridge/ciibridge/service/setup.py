"""From the configuration file to what the service runs with: values checked, secrets read, defaults filled in.

Everything that is wrong is found before anything starts, and all of it is said at once. The blocks [[meter]] are
checked in ``meter_setup``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ciimodel.catalogue import Resolved

from ciibridge.normalise.identity import topic_level
from ciibridge.publish.broker import BrokerSettings
from ciibridge.publish.dialect import Spoken
from ciibridge.service.address import read_broker, read_prefix
from ciibridge.service.config import Config, MeterTable, Source
from ciibridge.service.dialects import dialects
from ciibridge.service.findings import Findings
from ciibridge.service.home_assistant import HomeAssistantSetup, home_assistant
from ciibridge.service.meter_setup import MeterCheck, MeterSetup
from ciibridge.service.runtime import runtime_copy
from ciibridge.service.secrets import Secrets, readable_by_all
from ciibridge.service.state import state_folder

#: Hours after which what is remembered goes to the card: with a copy in the runtime folder, and without one (ADR 36).
_COPY_H: Final = 24
_NO_COPY_H: Final = 1


@dataclass(frozen=True, slots=True)
class Store:
    """What may be kept on disk. ``path`` of the state file; None: there is no place for one, nothing outlasts the process."""

    path: Path | None
    octets: int = 100_000_000
    age_s: float = 31 * 86_400.0
    copy: Path | None = None  # of what is remembered, in the runtime folder; None: there is no such folder
    remember_s: float = 86_400.0  # so often it is written to ``path`` while the broker answers


@dataclass(frozen=True, slots=True)
class Setup:
    """All the service needs. ``notes`` are remarks for the log: nothing is wrong, something may be unexpected."""

    bridge_id: str
    log_level: str
    broker: BrokerSettings
    client_id: str
    prefix: str
    shared_connection: bool
    value_topics: bool
    raw: bool
    outbox: int
    meters: tuple[MeterSetup, ...]
    home_assistant: HomeAssistantSetup | None = None
    dialects: tuple[Spoken, ...] = ()
    store: Store = field(default_factory=lambda: Store(None))
    metrics: tuple[str, int] | None = None  # host and port for Prometheus; None: none is open
    notes: tuple[str, ...] = field(default=())


def load(path: Path, catalogue: Resolved, environ: Mapping[str, str] = os.environ) -> Setup:
    """Read and check a configuration file. Raises ConfigError that lists everything that is wrong with it."""
    source = Source(path)
    config, findings = source.parse()
    if config is None:
        raise source.error(findings)
    check = _Check(config, catalogue, Secrets(path.parent, environ), environ)
    setup = check.setup(path)
    findings += check.findings.all + check.secrets.findings
    if findings:
        raise source.error(findings)
    return setup


class _Check:
    """Goes through a configuration once and collects findings and notes."""

    def __init__(
        self, config: Config, catalogue: Resolved, secrets: Secrets, environ: Mapping[str, str]
    ) -> None:
        self._environ = environ
        self._config = config
        self._catalogue = catalogue
        self.secrets = secrets
        self.findings = Findings()
        self._notes: list[str] = []

    def setup(self, path: Path) -> Setup:
        """Build what the service runs with; worth nothing if there are findings."""
        config, mqtt = self._config, self._config.mqtt
        if not config.meter:
            self.findings.fault(
                (), "no meter is configured", 'Add a block [[meter]] with at least port = "…".'
            )
        bridge_id = config.bridge.id or topic_level(socket.gethostname()) or "bridge"
        self.findings.level(("bridge", "id"), self._catalogue.levels["bridge"], bridge_id)
        prefix = read_prefix(mqtt, self._catalogue, self.findings.fault)
        broker = read_broker(mqtt, self.secrets, self.findings.fault)
        check = MeterCheck(self._catalogue, self.secrets, self.findings)
        meters = tuple(check.setup(("meter", number), table) for number, table in enumerate(config.meter))
        meters = self._shared_ports(meters)
        self._twins("id", lambda table: table.id, "Give each meter its own id.")
        if self.secrets.inline and readable_by_all(path):
            self._notes.append(f"{path} holds a key or password and everybody may read it: chmod 600 {path}")
        return Setup(
            bridge_id=bridge_id,
            log_level=config.bridge.log_level,
            broker=broker,
            client_id=mqtt.client_id or f"ciibridge-{bridge_id}",
            prefix=prefix,
            shared_connection=mqtt.one_connection == "process",
            value_topics=mqtt.value_topics,
            raw=mqtt.raw,
            outbox=mqtt.outbox,
            meters=meters,
            home_assistant=home_assistant(config, prefix, self._catalogue, self.findings.fault),
            dialects=dialects(config.dialect, self._catalogue, self.findings.fault),
            store=self._store(bridge_id),
            metrics=self._metrics(),
            notes=(*check.notes, *self._notes),
        )

    def _metrics(self) -> tuple[str, int] | None:
        table = self._config.metrics
        if table is None:
            return None
        try:
            parts = urlsplit(f"//{table.listen}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host = port = None
        if not host or port is None or parts.path:
            self.findings.fault(
                ("metrics", "listen"), f"{table.listen!r} is no host:port", 'Write "127.0.0.1:9464".'
            )
            return None
        return host, port

    def _store(self, bridge_id: str) -> Store:
        table = self._config.outbox
        if table.path is not None:
            path: Path | None = self.secrets.path(table.path)
            if path is not None and path.is_dir():
                self.findings.fault(
                    ("outbox", "path"), f"{path} is a folder", f"Name a file in it: {path / 'state.db'}"
                )
        else:
            folder = state_folder(self._environ)
            path = folder / f"{bridge_id}.db" if folder is not None else None
        copy = None if path is None else runtime_copy(self._environ, path)
        hours = table.remember_h or (_NO_COPY_H if copy is None else _COPY_H)
        return Store(path, table.megabytes * 1_000_000, table.days * 86_400.0, copy, hours * 3600.0)

    def _shared_ports(self, meters: tuple[MeterSetup, ...]) -> tuple[MeterSetup, ...]:
        """Mark the meters that share a port: all of them are asked, in turn, and each by its own address."""
        users: dict[str, list[int]] = {}
        for number, meter in enumerate(meters):
            users.setdefault(meter.port, []).append(number)
        for numbers in users.values():
            for place, number in enumerate(numbers[1:], start=1):
                before = numbers[:place]
                first = f"meter[{before[0] + 1}] has the same"
                asking = meters[number].asking
                if asking is None or any(meters[other].asking is None for other in before):
                    self.findings.fault(
                        ("meter", number, "port"),
                        first,
                        "Two readers of one port steal each other's bytes: keep one. Meters that are asked (every_s) can share it.",
                    )
                    continue
                others = [asked.addresses for other in before if (asked := meters[other].asking)]
                taken = {one for addresses in others for one in addresses}
                if not asking.addresses or not all(others) or taken & set(asking.addresses):
                    self.findings.fault(
                        ("meter", number, "address"),
                        "two meters on one port answer to the same call",
                        "Give each its own address.",
                    )
        return tuple(replace(meter, shared=len(users[meter.port]) > 1) for meter in meters)

    def _twins(self, name: str, value: Callable[[MeterTable], str | None], remedy: str) -> None:
        seen: dict[str, int] = {}
        for number, table in enumerate(self._config.meter):
            if (text := value(table)) is None:
                continue
            if text in seen:
                self.findings.fault(("meter", number, name), f"meter[{seen[text] + 1}] has the same", remedy)
            seen.setdefault(text, number)
