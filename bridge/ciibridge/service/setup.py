"""From the configuration file to what the service runs with: values checked, secrets read, defaults filled in.

Everything that is wrong is found before anything starts, and all of it is said at once. Line settings come from the file,
else from the meter model in the schema, else they are those of the wired M-Bus interface of most Swiss meters, with a note.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ciimodel.catalogue import Interface, Meter, PushList, Resolved

from ciibridge.dialogue.asking import WAYS, Asking, no_access
from ciibridge.errors import ConfigError
from ciibridge.lines.parts import Guarded
from ciibridge.normalise.identity import topic_level
from ciibridge.normalise.settings import DEFAULT_ZONE, MeterSettings
from ciibridge.pipeline import LINES
from ciibridge.publish.broker import BrokerSettings
from ciibridge.publish.dialect import Spoken
from ciibridge.security.keys import parse_key, parse_system_title
from ciibridge.service.address import read_broker, read_prefix
from ciibridge.service.config import Config, MeterTable, Source
from ciibridge.service.dialects import dialects
from ciibridge.service.findings import Finding, Key, choose
from ciibridge.service.home_assistant import HomeAssistantSetup, home_assistant
from ciibridge.service.runtime import runtime_copy
from ciibridge.service.secrets import Secrets, readable_by_all
from ciibridge.service.state import state_folder
from ciibridge.transport import LinkSettings, is_recording, open_transport

_T = TypeVar("_T")
#: Line settings where neither model nor file says any, if not those of the wired M-Bus interface.
_USUAL: Final = {"iec62056-21": LinkSettings(baudrate=300, bytesize=7, parity="even")}
#: Hours after which what is remembered goes to the card: with a copy in the runtime folder, and without one (ADR 36).
_COPY_H: Final = 24
_NO_COPY_H: Final = 1
_SERIAL: Final = re.compile(r"(serial|rfc2217)://|[^:]*$|[A-Za-z]:\\|COM\d+$")


@dataclass(frozen=True, slots=True)
class MeterSetup:
    """One meter: where its bytes come from, and how they are to be understood."""

    port: str
    link: LinkSettings
    settings: MeterSettings
    protocol: str = "dlms-hdlc"
    interface: str | None = None  # id in the model's file
    asking: Asking | None = None  # how it is to be asked; None: it sends by itself


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
    findings += check.findings + check.secrets.findings
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
        self.findings: list[Finding] = []
        self._notes: list[str] = []

    def setup(self, path: Path) -> Setup:
        """Build what the service runs with; worth nothing if there are findings."""
        config, mqtt = self._config, self._config.mqtt
        if not config.meter:
            self._fault((), "no meter is configured", 'Add a block [[meter]] with at least port = "…".')
        bridge_id = config.bridge.id or topic_level(socket.gethostname()) or "bridge"
        self._level(("bridge", "id"), "bridge", bridge_id)
        prefix = read_prefix(mqtt, self._catalogue, self._fault)
        broker = read_broker(mqtt, self.secrets, self._fault)
        meters = tuple(self._meter(("meter", number), table) for number, table in enumerate(config.meter))
        self._twins(
            "port", lambda table: table.port, "Two readers of one port steal each other's bytes: keep one."
        )
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
            home_assistant=home_assistant(config, prefix, self._catalogue, self._fault),
            dialects=dialects(config.dialect, self._catalogue, self._fault),
            store=self._store(bridge_id),
            metrics=self._metrics(),
            notes=tuple(self._notes),
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
            self._fault(("metrics", "listen"), f"{table.listen!r} is no host:port", 'Write "127.0.0.1:9464".')
            return None
        return host, port

    def _store(self, bridge_id: str) -> Store:
        table = self._config.outbox
        if table.path is not None:
            path: Path | None = self.secrets.path(table.path)
            if path is not None and path.is_dir():
                self._fault(
                    ("outbox", "path"), f"{path} is a folder", f"Name a file in it: {path / 'state.db'}"
                )
        else:
            folder = state_folder(self._environ)
            path = folder / f"{bridge_id}.db" if folder is not None else None
        copy = None if path is None else runtime_copy(self._environ, path)
        hours = table.remember_h or (_NO_COPY_H if copy is None else _COPY_H)
        return Store(path, table.megabytes * 1_000_000, table.days * 86_400.0, copy, hours * 3600.0)

    # -- [[meter]] ---------------------------------------------------------------------------------------------------

    def _meter(self, at: Key, table: MeterTable) -> MeterSetup:
        model = self._known(at, "model", table.model, self._catalogue.meters)
        settings = MeterSettings(
            model=table.model,
            operator=table.operator,
            id=table.id,
            key=self._key(table, at, "key"),
            auth_key=self._key(table, at, "auth_key"),
            system_title=self._octets(table.system_title, at, "system_title", parse_system_title),
            require_authentication=table.require_authentication,
            zone=table.zone,
            clock=table.clock,
            scalers=table.scalers,
        )
        self._known(at, "operator", table.operator, self._catalogue.operators)
        if table.id is not None:
            self._level((*at, "id"), "meter", table.id)
        quantities = self._catalogue.quantities
        for name in table.scalers:
            self._known((*at, "scalers"), name, name, quantities | {q.family: q for q in quantities.values()})
        try:
            settings.find_zone()
        except ConfigError:
            self._fault((*at, "zone"), f"{settings.zone!r} is no time zone", 'Write e.g. "Europe/Zurich".')
        interface = self._interface(at, table, model)
        link = self._link(table, interface)
        try:
            open_transport(table.port, link)
        except ConfigError as error:
            self._fault((*at, "port"), str(error), 'Write e.g. "/dev/ttyUSB0" or "tcp://192.168.1.20:4001".')
        protocol = self._protocol(at, table, interface)
        if table.require_authentication:
            self._authentication(at, settings, protocol)
        setup = MeterSetup(table.port, link, settings, protocol, table.interface)
        asking = self._asking(at, table, interface, setup)
        if (
            asking is not None and protocol == "mbus"
        ):  # who answers is told by address, or is the meter itself (ADR 12)
            alone = len(asking.addresses) <= 1
            setup = replace(setup, settings=replace(settings, addresses=asking.addresses, alone=alone))
        return replace(setup, asking=asking)

    def _authentication(self, at: Key, settings: MeterSettings, protocol: str) -> None:
        at = (*at, "require_authentication")
        if not isinstance(LINES[protocol](settings), Guarded):
            self._fault(at, f"telegrams of {protocol} have no authentication tag", "Leave it out.")
        elif settings.auth_key is None or settings.key is None:
            self._fault(at, "without both keys no tag can be checked", "Set key and auth_key.")

    def _asking(
        self, at: Key, table: MeterTable, known: Interface | None, setup: MeterSetup
    ) -> Asking | None:
        """Tell how the meter is asked: when the file says how often, or its model must be asked; None: it pushes."""
        password = self.secrets.find(table, at, "password")
        told = known.read if known is not None else None
        recording = is_recording(table.port)
        if recording and table.every_s is not None:
            self._fault(
                (*at, "every_s"), "a recording cannot be asked", "Leave it out to play the recording once."
            )
            return None
        if table.every_s is None and (recording or known is None or known.mode == "push"):
            for name, value in (("address", table.address), ("read", table.read), ("password", password)):
                if value and not recording:
                    self._fault(
                        (*at, name), "is for a meter that is asked, and this one is not", "Set every_s too."
                    )
            return None
        way = WAYS.get(setup.protocol)
        if way is None:
            remedy = (
                f"It can be done with {', '.join(WAYS)}." if WAYS else "Leave every_s out: it is listened to."
            )
            self._fault((*at, "every_s"), f"meters that speak {setup.protocol} cannot be asked", remedy)
            return None
        found = len(self.findings)
        self._match(at, "address", table.address, way.address, way.address_words)
        self._match(at, "read", table.read, way.read, way.read_words)
        asking = Asking(
            every_s=table.every_s or (told.every_s if told else Asking().every_s),
            addresses=table.address,
            read=table.read or tuple(told.sets if told else ()),
            password=password,
            key=setup.settings.key,
            auth_key=setup.settings.auth_key,
            authentication=table.authentication,
            client_title=self._octets(table.client_title, at, "client_title", parse_system_title),
            lists=self._lists(table),
            zone=self._zone(setup.settings),
            wake_up=told is not None and told.wake_up,
            no_access=no_access(self._catalogue),
            baudrate=setup.link.baudrate,
        )
        if len(self.findings) == found:
            try:
                way.asker(asking)
            except ConfigError as error:
                key, _, fault = str(error).partition(": ")
                message, _, remedy = fault.partition(": ")
                self._fault(
                    (*at, key), message, f"{remedy[:1].upper()}{remedy[1:]}." if remedy else "Add it."
                )
        return asking

    def _lists(self, table: MeterTable) -> tuple[PushList, ...]:
        """Give the lists of the model, first those that the operator uses."""
        model = self._catalogue.meters.get(table.model or "")
        operator = self._catalogue.operators.get(table.operator or "")
        if model is None:
            return ()
        served = operator.meters if operator else []
        used = [name for entry in served if entry.meter == model.id for name in entry.lists]
        return tuple(sorted(model.lists, key=lambda pushed: pushed.id not in used))

    def _zone(self, settings: MeterSettings) -> ZoneInfo:
        try:
            return settings.find_zone(self._catalogue.meters.get(settings.model or ""))
        except ConfigError:  # told already
            return ZoneInfo(DEFAULT_ZONE)

    def _match(
        self, at: Key, name: str, values: tuple[str, ...], pattern: re.Pattern[str], words: str
    ) -> None:
        for value in values:
            if not pattern.fullmatch(value):
                self._fault((*at, name), f"{value!r} is not possible", f"Write {words}.")

    def _key(self, table: MeterTable, at: Key, stem: str) -> bytes | None:
        return self._octets(self.secrets.find(table, at, stem), at, stem, parse_key)

    def _octets(
        self, text: str | None, at: Key, stem: str, parse: Callable[[str, str], bytes]
    ) -> bytes | None:
        if text is None:
            return None
        try:
            return parse(text, stem)
        except ConfigError as error:
            message, _, remedy = str(error).removeprefix(f"{stem}: ").partition(". ")
            self._fault((*at, stem), message, remedy)
            return None

    def _protocol(self, at: Key, table: MeterTable, interface: Interface | None) -> str:
        if table.protocol is not None:
            self._known(at, "protocol", table.protocol, LINES)
            return table.protocol
        if interface is None:
            return next(iter(LINES))
        if interface.protocol not in LINES:
            self._fault(
                (*at, "model"),
                f"{table.model} speaks {interface.protocol} on {interface.id}, which is not supported yet",
                f"Supported: {', '.join(LINES)}.",
            )
        return interface.protocol

    def _link(self, table: MeterTable, known: Interface | None) -> LinkSettings:
        usual = _USUAL.get(table.protocol or "", LinkSettings())
        default = usual if known is None else LinkSettings(**known.link.model_dump())
        link = LinkSettings(
            baudrate=table.baudrate or default.baudrate,
            bytesize=table.bytesize or default.bytesize,
            parity=table.parity or default.parity,
            stopbits=table.stopbits or default.stopbits,
        )
        unknown = known is None and table.protocol not in _USUAL
        if unknown and table.baudrate is None and _SERIAL.match(table.port):
            self._notes.append(
                f"{table.port}: neither model nor baudrate is set, so it is read with 2400 baud 8E1 (wired M-Bus interface); "
                "P1 ports often have 115200 8N1"
            )
        return link

    def _interface(self, at: Key, table: MeterTable, model: Meter | None) -> Interface | None:
        """Choose the interface that is read: the configured one, the operator's for this model, else the model's first."""
        wanted = table.interface
        if model is None:
            if wanted is not None:
                self._fault((*at, "interface"), "is one of a model, and no model is set", "Set model too.")
            return None
        if wanted is None and (operator := self._catalogue.operators.get(table.operator or "")):
            wanted = next((entry.interface for entry in operator.meters if entry.meter == model.id), None)
        interfaces = {interface.id: interface for interface in model.interfaces}
        if wanted is None:
            return next(iter(interfaces.values()), None)
        return self._known(at, "interface", wanted, interfaces)

    # -- findings ----------------------------------------------------------------------------------------------------

    def _known(self, at: Key, name: str, value: str | None, known: Mapping[str, _T]) -> _T | None:
        if value is None or value in known:
            return known.get(value or "")
        self._fault((*at, name), f"{value!r} is not in the schema", choose(value, known))
        return None

    def _level(self, at: Key, level: str, value: str) -> None:
        if not re.fullmatch(self._catalogue.levels[level], value):
            proposal = topic_level(value) or "home"
            self._fault(
                at,
                f"{value!r} cannot be a part of a topic (a-z, 0-9, _, -, at most 64)",
                f"Write e.g. {proposal!r}.",
            )

    def _twins(self, name: str, value: Callable[[MeterTable], str | None], remedy: str) -> None:
        seen: dict[str, int] = {}
        for number, table in enumerate(self._config.meter):
            if (text := value(table)) is None:
                continue
            if text in seen:
                self._fault(("meter", number, name), f"meter[{seen[text] + 1}] has the same", remedy)
            seen.setdefault(text, number)

    def _fault(self, at: Key, message: str, remedy: str) -> None:
        self.findings.append(Finding(at, message, remedy))
