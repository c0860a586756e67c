"""A simulated meter: what a model of the catalogue would push at a moment, as the octets on its line.

    household (W, V, Wh …)  →  **elements of a list**  →  telegram, as the protocol of the interface has it (``writers``)

Everything about the model (lists, types, powers of ten, addresses, blocks) is read from the catalogue, so a meter that
is added to the schema can be simulated without a line of code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final
from zoneinfo import ZoneInfo

from ciimodel.catalogue import Interface, Meter, PushElement, PushList, Quantity, RegisterFact, Resolved

from ciibridge.errors import ConfigError
from ciibridge.normalise.positional import obis_of
from ciibridge.normalise.settings import DEFAULT_ZONE, MeterSettings
from ciibridge.security.keys import KEY_OCTETS
from ciibridge.simulate import p1
from ciibridge.simulate.encode import Plain, date_time
from ciibridge.simulate.household import Household
from ciibridge.simulate.identity import device_name, device_type, flag, list_name, system_title
from ciibridge.simulate.measure import measure
from ciibridge.simulate.submeters import sub_meter
from ciibridge.simulate.telegram import Element, Piece, ScalerUnit, cipher
from ciibridge.simulate.writers import WRITERS
from ciibridge.types import Obis

#: A-XDR type by COSEM class and attribute where the catalogue gives none.
_TYPES: Final[dict[tuple[int, int], str]] = {
    (1, 2): "octet-string",
    (3, 2): "double-long-unsigned",
    (4, 2): "double-long-unsigned",
    (4, 3): "scaler-unit",
    (8, 2): "octet-string",
    (40, 1): "octet-string",
    (72, 6): "octet-string",
    (72, 9): "unsigned",
}
#: What stands at a place without meaning for us.
_MEANINGLESS: Final[dict[str, Plain]] = {
    "octet-string": b"",
    "visible-string": "",
    "utf8-string": "",
    "null-data": None,
}
_WRAPPER: Final = "dlms-wrapper"
_NAME_OCTETS: Final = 16  # of a logical device name
_COUNTER_START: Final = datetime(2024, 1, 1, tzinfo=UTC)


class SimulatedMeter:
    """One meter of a model. Not pure: it counts its telegrams, as the invocation counter of a ciphered one must rise.

    ``interface``: id of the interface that is simulated; else the one the operator uses, else the first.
    ``operator``: push the lists of this operator, interleaved by their intervals; ``lists``: these lists; neither: the
    first list of the model. ``interval_s`` replaces the interval of the list that comes most often. With ``key`` the
    telegrams are ciphered, with ``auth_key`` also authenticated. ``serial`` is the logical device name.

    Raises ConfigError when the catalogue has no such thing, or the model cannot be simulated.
    """

    def __init__(
        self,
        catalogue: Resolved,
        meter_id: str,
        *,
        interface: str | None = None,
        operator: str | None = None,
        lists: tuple[str, ...] = (),
        interval_s: float | None = None,
        key: bytes | None = None,
        auth_key: bytes | None = None,
        general: bool = False,
        wrapper: bool = False,
        serial: str | None = None,
        seed: int = 0,
    ) -> None:
        meter = MeterSettings(model=meter_id).find_model(catalogue)
        if meter is None:
            raise ConfigError("no meter model is given")
        self.interface: Final = _interface(catalogue, meter, interface, operator)
        self.protocol: Final = _WRAPPER if wrapper else self.interface.protocol
        if wrapper and self.interface.protocol != "dlms-hdlc":
            raise ConfigError(
                f"{meter_id} does not speak DLMS in HDLC frames, and only such a one is put in the wrapper of TCP"
            )
        if self.protocol not in WRITERS:
            raise ConfigError(
                f"{meter_id} speaks {self.protocol} on {self.interface.id}, and the simulator only {', '.join(WRITERS)}"
            )
        if self.protocol == "dlms-hdlc" and (meter.wire is None or not meter.wire.hdlc):
            raise ConfigError(
                f"{meter_id} cannot be simulated: schema/meters/{meter_id}.yaml has no HDLC addresses (wire)"
            )
        _check(key, auth_key, serial, self.protocol)
        if general and (key is None or not self.protocol.startswith("dlms-")):
            raise ConfigError(
                "general-ciphering is a way of DLMS to encrypt: take a meter that pushes DLMS, and give a key"
            )
        self.meter: Final = meter
        self.lists: Final = _chosen(catalogue, meter, operator, lists)
        self.interval_s: Final = interval_s or min(pushed.interval_s for pushed in self.lists)
        self.household: Final = Household(seed, meter.phases or 3)
        self.device_name: Final = serial or device_name(meter, seed + 1)
        self.number: Final = 10_000_001 + seed
        self.catalogue: Final = catalogue
        self.wire: Final = meter.wire
        self._keys = (key, auth_key) if key else None
        self._general = general
        self.system_title: Final = system_title(meter, self.device_name)
        self.zone: Final = ZoneInfo(meter.zone or DEFAULT_ZONE)
        self.counter = 0  # of telegrams

    @property
    def ciphered(self) -> bool:
        """Whether the telegrams are ciphered."""
        return self._keys is not None

    def telegrams(self, at: datetime) -> bytes:
        """Everything the meter pushes at ``at`` (aware): the lists due in this interval, one telegram after another.

        The list that comes most often is always due. Raises ConfigError when a list asks for what a household has not.
        """
        return b"".join(self.telegram(pushed, at) for pushed in self.due(at))

    def due(self, at: datetime) -> list[PushList]:
        """Choose the lists that are due in the interval that ``at`` falls into; intervals are aligned to the clock."""
        step = round(self.interval_s * 1000)
        slot = int(at.timestamp() * 1000) // step * step
        shortest = min(pushed.interval_s for pushed in self.lists)
        return [
            pushed
            for pushed in self.lists
            if pushed.interval_s == shortest or slot % max(round(pushed.interval_s * 1000), step) < step
        ]

    def telegram(self, pushed: PushList, at: datetime) -> bytes:
        """One telegram of one list, as the octets on the line."""
        self.counter = max(self.counter + 1, int((at - _COUNTER_START).total_seconds()))
        try:
            return WRITERS[self.protocol](self, pushed, at)
        except ValueError as error:
            raise ConfigError(
                f"{self.meter.id} cannot be simulated on {self.interface.id}: {error}"
            ) from error

    @property
    def key(self) -> bytes | None:
        """Encryption key."""
        return self._keys[0] if self._keys else None

    def cipher(self, apdu: list[Piece]) -> list[Piece]:
        """Cipher an APDU as DLMS does, when the meter has a key."""
        if self._keys is None:
            return apdu
        counter = self.counter % (1 << 32)
        return cipher(apdu, self.system_title, counter, *self._keys, general=self._general)

    def lines(self, pushed: PushList, at: datetime) -> list[str]:
        """Write the data lines of a DSMR-P1 telegram with the values of the household at ``at``."""
        lines = []
        for place, element in enumerate(pushed.elements, start=1):
            with _naming(self.meter, pushed, place, element):
                if element.obis is not None:
                    lines.append(p1.line(obis_of(element.obis), *self._entries(element, at)))
        return lines

    def _entries(self, element: PushElement, at: datetime) -> list[str]:
        """Give what stands in the parentheses of a data line."""
        obis = obis_of(element.obis or "")
        quantity = self.catalogue.quantities.get(element.quantity or "")
        local = at.astimezone(self.zone)
        if channel := sub_meter(obis):
            return channel.entries(obis, local)
        if quantity is None:
            return [""]
        if quantity.kind == "timestamp":
            return p1.moment(obis, local)
        if quantity.unit is not None:
            return p1.amount(obis, measure(self.household, at, obis), quantity, local)
        if quantity.states:
            state = self._state(quantity, at)
            return [next((raw for raw, known in quantity.raw_states.items() if known == state), state)]
        if quantity.name == "power_failure_log":
            return p1.failures(local)
        return [p1.text(obis, self.text(quantity, obis))]

    def elements(self, pushed: PushList, at: datetime) -> list[Element]:
        """Fill the elements of a list with the values of the household at ``at``."""
        elements = []
        for place, element in enumerate(pushed.elements):
            with _naming(self.meter, pushed, place + 1, element):
                type_name = pushed.types[place] if pushed.types else self._type(element)
                elements.append(self._element(element, type_name, at))
        return elements

    def _element(self, pushed: PushElement, type_name: str, at: datetime) -> Element:
        class_id = pushed.class_id or 0
        if pushed.obis is None:
            return Element(None, class_id, pushed.attribute, type_name, _MEANINGLESS.get(type_name, 0))
        obis = obis_of(pushed.obis)
        quantity = self.catalogue.quantities.get(pushed.quantity or "")
        scaler_unit = None
        value: Plain | ScalerUnit
        if class_id == 40:
            value = bytes(obis) if pushed.attribute == 1 else None
        elif channel := sub_meter(obis):
            value = channel.value(obis, pushed.attribute, at)
        elif quantity is None:
            value = _MEANINGLESS.get(type_name, 0)
        elif quantity.unit is None:
            value = self._text(quantity, type_name, at)
        else:
            scaler = self._scaler(quantity)
            scaler_unit = ScalerUnit(scaler, self.catalogue.units[quantity.unit].dlms or 0)
            value = measure(self.household, at, obis).raw(scaler)
        return Element(obis, class_id, pushed.attribute, type_name, value, scaler_unit)

    def fact(self, quantity: Quantity) -> RegisterFact | None:
        """Tell how this model sends a quantity, where the catalogue says so."""
        return self.meter.registers.get(quantity.name) or self.meter.registers.get(quantity.family)

    def _type(self, pushed: PushElement) -> str:
        quantity = self.catalogue.quantities.get(pushed.quantity or "")
        fact = self.fact(quantity) if quantity else None
        if fact and fact.type:
            return fact.type
        found = _TYPES.get((pushed.class_id or 0, pushed.attribute))
        return found or "null-data"

    def _scaler(self, quantity: Quantity) -> int:
        fact = self.fact(quantity)
        return quantity.scaler if fact is None or fact.scaler is None else fact.scaler

    def _text(self, quantity: Quantity, type_name: str, at: datetime) -> Plain:
        """Give what is no number: identities, the clock, states, messages."""
        if quantity.kind == "timestamp":
            return self.clock(at)
        if quantity.states:
            return _raw_state(quantity, self._state(quantity, at), type_name)
        text = self.text(quantity)
        return int(text) if type_name == "double-long-unsigned" else text

    def text(self, quantity: Quantity, obis: Obis | None = None) -> str:
        """Give the text the meter shows for a quantity that is one."""
        if quantity.name == "protocol_version":
            versions = _VERSIONS.get(obis[2:5] if obis else (), _DSMR_VERSIONS)
            return versions[self.wire is None or self.wire.checksum]
        return _TEXTS.get(quantity.name, _number)(self)

    def _state(self, quantity: Quantity, at: datetime) -> str:
        tariff = self.household.at(at).tariff
        return tariff if tariff in quantity.states else "connected"

    def clock(self, at: datetime) -> bytes:
        """Say what the meter's clock shows: a COSEM date-time, twelve octets."""
        return date_time(
            at.astimezone(self.zone), deviation=self.wire is not None and self.wire.deviation == "given"
        )


@contextmanager
def _naming(meter: Meter, pushed: PushList, place: int, element: PushElement) -> Iterator[None]:
    """Say which element of the catalogue it was that a household cannot serve."""
    try:
        yield
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"{meter.id}, list {pushed.id}, element {place} ({element.obis}): {error}"
        ) from error


def _interface(catalogue: Resolved, meter: Meter, name: str | None, operator: str | None) -> Interface:
    """Choose where the meter speaks: on the named interface, the one that the operator uses, else on its first one."""
    known = {interface.id: interface for interface in meter.interfaces}
    if name is not None and name not in known:
        raise ConfigError(f"{meter.id} has no interface {name!r}: it has {', '.join(known)}")
    found = MeterSettings(operator=operator).find_operator(catalogue)
    used = [served.interface for served in found.meters if served.meter == meter.id] if found else []
    wanted = [name] if name is not None else used
    chosen = [known[one] for one in wanted if one in known] or list(known.values())
    if not chosen:
        raise ConfigError(f"{meter.id} has no interface in schema/meters/{meter.id}.yaml")
    return chosen[0]


def _check(key: bytes | None, auth_key: bytes | None, serial: str | None, protocol: str) -> None:
    if auth_key and not key:
        raise ConfigError("auth_key without key: a telegram is never authenticated only; give the key too")
    # Mode 5 of M-Bus records knows AES-128 only.
    known = KEY_OCTETS if protocol != "mbus" else KEY_OCTETS[:1]
    sizes = {len(given) for given in (key, auth_key) if given}
    if sizes - set(known) or len(sizes) > 1:
        digits = " or ".join(str(2 * octets) for octets in known)
        raise ConfigError(f"give keys of {digits} digits, both alike (security suite 0 or 2)")
    if serial is not None and not (
        serial.isascii() and serial.isprintable() and 0 < len(serial) <= _NAME_OCTETS
    ):
        raise ConfigError(f"serial: write 1 to {_NAME_OCTETS} letters and digits, e.g. LGZ1030600000001")


def _chosen(
    catalogue: Resolved, meter: Meter, operator: str | None, names: tuple[str, ...]
) -> tuple[PushList, ...]:
    """Choose the lists to push: those named, else those of the operator, else the first of the model."""
    known = {pushed.id: pushed for pushed in meter.lists}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=3)
            remedy = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(known)}"
            raise ConfigError(f"{meter.id} has no list {name!r}: {remedy}")
    if names:
        return tuple(known[name] for name in names)
    found = MeterSettings(operator=operator).find_operator(catalogue)
    if found is None:
        return (meter.lists[0],)
    pushed = [known[name] for served in found.meters if served.meter == meter.id for name in served.lists]
    if not pushed:
        served = ", ".join(sorted({served.meter for served in found.meters}))
        raise ConfigError(f"{found.id} has no {meter.id} in the catalogue, only {served}")
    # Lists of one push setup and one interval are configurations an operator had one after the other, newest first.
    return tuple({(p.object, p.interval_s): p for p in reversed(pushed)}.values())[::-1]


def _raw_state(quantity: Quantity, state: str, type_name: str) -> Plain:
    """Write a state as the meter does: a number of an enumeration, two octets, or the text."""
    raw = next((text for text, known in quantity.raw_states.items() if known == state), state)
    if type_name in ("octet-string", "visible-string"):
        return bytes.fromhex(raw) if len(raw) == 4 and raw.isdigit() else raw
    return int(raw)


#: Quantity → its text; what is not here is a number of eight digits. The lead of a GS1 number is the maker's.
_TEXTS: Final[dict[str, Callable[[SimulatedMeter], str]]] = {
    "device_name": lambda meter: meter.device_name,
    "device_type": lambda meter: device_type(meter.meter),
    "push_list_version": lambda meter: list_name(meter.meter) or _number(meter),
    "meter_gs1": lambda meter: f"{meter.number:016}",
    "message_text": lambda _: "simulated",
    "message_code": lambda _: "0",
    "manufacturer": lambda meter: flag(meter.meter),
    "firmware_version": lambda _: "01.02",
}
#: DSMR 2 and 3 come without a CRC, 5.0 with one; Belgium has numbers of its own.
_VERSIONS: Final[dict[tuple[int, ...], tuple[str, str]]] = {(96, 1, 4): ("50217", "50217")}
_DSMR_VERSIONS: Final = ("30", "50")


def _number(meter: SimulatedMeter) -> str:
    """Give a number of eight digits: what the operator or the maker prints on the meter."""
    return f"{meter.number:08}"
