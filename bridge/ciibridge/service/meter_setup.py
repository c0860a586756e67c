"""One block [[meter]] of the configuration: checked, its secrets read, and what is left out taken from the schema.

Line settings come from the file, else from the meter model in the schema, else they are those of the wired M-Bus interface of
most Swiss meters, with a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from ciimodel.catalogue import Interface, Meter, PushList, Resolved

from ciibridge.dialogue.asking import WAYS, Asking, no_access
from ciibridge.errors import ConfigError
from ciibridge.interfaces import at_operator
from ciibridge.lines.parts import Guarded
from ciibridge.normalise.settings import DEFAULT_ZONE, MeterSettings
from ciibridge.pipeline import LINES
from ciibridge.security.keys import parse_key, parse_system_title
from ciibridge.service.config import MeterTable
from ciibridge.service.findings import Findings, Key
from ciibridge.service.secrets import Secrets
from ciibridge.transport import LinkSettings, is_recording, open_transport

#: Line settings where neither model nor file says any, if not those of the wired M-Bus interface.
_USUAL: Final = {"iec62056-21": LinkSettings(baudrate=300, bytesize=7, parity="even")}
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
    shared: bool = False  # other meters are asked through the same port


class MeterCheck:
    """Goes through the blocks of the meters; what is wrong goes to ``findings``. ``notes`` are remarks for the log."""

    def __init__(self, catalogue: Resolved, secrets: Secrets, findings: Findings) -> None:
        self._catalogue = catalogue
        self._secrets = secrets
        self._findings = findings
        self.notes: list[str] = []

    def setup(self, at: Key, table: MeterTable) -> MeterSetup:
        """Build what one meter is read with; worth nothing if there are findings."""
        model = self._findings.known(at, "model", table.model, self._catalogue.meters)
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
        self._findings.known(at, "operator", table.operator, self._catalogue.operators)
        if table.id is not None:
            self._findings.level((*at, "id"), self._catalogue.levels["meter"], table.id)
        quantities = self._catalogue.quantities
        for name in table.scalers:
            self._findings.known(
                (*at, "scalers"), name, name, quantities | {q.family: q for q in quantities.values()}
            )
        try:
            settings.find_zone()
        except ConfigError:
            self._findings.fault(
                (*at, "zone"), f"{settings.zone!r} is no time zone", 'Write e.g. "Europe/Zurich".'
            )
        interface = self._interface(at, table, model)
        link = self._link(table, interface)
        try:
            open_transport(table.port, link)
        except ConfigError as error:
            self._findings.fault(
                (*at, "port"), str(error), 'Write e.g. "/dev/ttyUSB0" or "tcp://192.168.1.20:4001".'
            )
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
            self._findings.fault(at, f"telegrams of {protocol} have no authentication tag", "Leave it out.")
        elif settings.auth_key is None or settings.key is None:
            self._findings.fault(at, "without both keys no tag can be checked", "Set key and auth_key.")

    def _asking(
        self, at: Key, table: MeterTable, known: Interface | None, setup: MeterSetup
    ) -> Asking | None:
        """Tell how the meter is asked: when the file says how often, or its model must be asked; None: it pushes."""
        password = self._secrets.find(table, at, "password")
        told = known.read if known is not None else None
        recording = is_recording(table.port)
        if recording and table.every_s is not None:
            self._findings.fault(
                (*at, "every_s"), "a recording cannot be asked", "Leave it out to play the recording once."
            )
            return None
        if table.every_s is None and (recording or known is None or known.mode == "push"):
            for name, value in (("address", table.address), ("read", table.read), ("password", password)):
                if value and not recording:
                    self._findings.fault(
                        (*at, name), "is for a meter that is asked, and this one is not", "Set every_s too."
                    )
            return None
        way = WAYS.get(setup.protocol)
        if way is None:
            remedy = (
                f"It can be done with {', '.join(WAYS)}." if WAYS else "Leave every_s out: it is listened to."
            )
            self._findings.fault(
                (*at, "every_s"), f"meters that speak {setup.protocol} cannot be asked", remedy
            )
            return None
        found = len(self._findings.all)
        self._findings.match((*at, "address"), table.address, way.address, way.address_words)
        self._findings.match((*at, "read"), table.read, way.read, way.read_words)
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
        if len(self._findings.all) == found:
            try:
                way.asker(asking)
            except ConfigError as error:
                key, _, fault = str(error).partition(": ")
                message, _, remedy = fault.partition(": ")
                self._findings.fault(
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

    def _key(self, table: MeterTable, at: Key, stem: str) -> bytes | None:
        return self._octets(self._secrets.find(table, at, stem), at, stem, parse_key)

    def _octets(
        self, text: str | None, at: Key, stem: str, parse: Callable[[str, str], bytes]
    ) -> bytes | None:
        if text is None:
            return None
        try:
            return parse(text, stem)
        except ConfigError as error:
            message, _, remedy = str(error).removeprefix(f"{stem}: ").partition(". ")
            self._findings.fault((*at, stem), message, remedy)
            return None

    def _protocol(self, at: Key, table: MeterTable, interface: Interface | None) -> str:
        if table.protocol is not None:
            self._findings.known(at, "protocol", table.protocol, LINES)
            return table.protocol
        if interface is None:
            return next(iter(LINES))
        if interface.protocol not in LINES:
            self._findings.fault(
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
            self.notes.append(
                f"{table.port}: neither model nor baudrate is set, so it is read with 2400 baud 8E1 (wired M-Bus interface); "
                "P1 ports often have 115200 8N1"
            )
        return link

    def _interface(self, at: Key, table: MeterTable, model: Meter | None) -> Interface | None:
        """Choose the interface that is read: the configured one, the operator's for this model, else the model's first."""
        wanted = table.interface
        if model is None:
            if wanted is not None:
                self._findings.fault(
                    (*at, "interface"), "is one of a model, and no model is set", "Set model too."
                )
            return None
        operator = self._catalogue.operators.get(table.operator or "")
        if wanted is None and operator:
            wanted = next((entry.interface for entry in operator.meters if entry.meter == model.id), None)
        interfaces = {one.id: at_operator(one, model.id, operator) for one in model.interfaces}
        if wanted is None:
            return next(iter(interfaces.values()), None)
        return self._findings.known(at, "interface", wanted, interfaces)
