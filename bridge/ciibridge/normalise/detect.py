"""Which meter model sends these telegrams: the catalogue's facts of the wire against the evidence of a reading.

Each fact a model states is compared with what was seen. A fact that fits adds its weight. A fact that a model cannot
send differently (its FLAG id, its device names, its A-XDR types, how it cuts an APDU) excludes it; a setting that an
operator may have changed (an address, the deviation of the clock) only counts against it, and so does a meter type
that nobody has seen yet. A model is proposed only if something ties it to the maker: FLAG id (IEC 62056-21), device
name, meter type, identification line, SML server id, list name or HDLC addresses; the FLAG id of an M-Bus device stands in the
header of its telegrams, beside a version and a device type that are those of one model. Models closer together than
``_MARGIN`` are not told apart: then they are all candidates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from ciimodel.catalogue import Meter

from ciibridge.normalise.registry import Registry
from ciibridge.types import MeterTime, Obis, Reading

_DEVICE_NAME: Final = Obis(0, 0, 42, 0, 0)
_DEVICE_TYPE: Final = "device_type"  # the quantity: makers send it under different codes
_LIST_NAME: Final = (0, 2, 129)  # OBIS list version identifier, groups C to E; B differs
_MARGIN: Final = 2
#: Protocol of an interface → kind of its telegrams; the others are alike in what they show.
_KINDS: Final = {"dsmr-p1": "text", "iec62056-21": "text", "mbus": "records"}
_BINARY: Final = "binary"


class SeenType(NamedTuple):
    """A register of a known quantity and the A-XDR type it was sent with."""

    quantity: str
    family: str
    type: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a reading shows of the model that sent it; None: not seen."""

    address: tuple[str, str] | None  # destination, source: octets as on the wire, hex
    transfer: str
    octets: int  # of the APDU
    flag: str | None
    device_name: str | None
    deviation: str | None
    list_object: str | None
    list_name: str | None
    types: tuple[SeenType, ...]
    identification: str | None = None  # line of a text telegram; then nothing of DLMS shows in it
    sml_server: str | None = None  # hex, lower case
    device_type: str | None = None
    kind: str = _BINARY  # of the protocol: text, records or binary
    device: tuple[int, int] | None = None  # version and device type of the header of M-Bus telegrams

    @classmethod
    def of(cls, reading: Reading, registry: Registry) -> Evidence:
        """Collect the evidence of one reading; positional values must have their OBIS codes already."""
        device_name: str | None = None
        device_type: str | None = None
        list_name = reading.list_name
        times = [reading.time] if reading.time else []
        types: list[SeenType] = []
        for register in reading.registers:
            if register.obis == _DEVICE_NAME and isinstance(register.value, str) and register.value:
                device_name = register.value
            elif isinstance(register.value, MeterTime):
                times.append(register.value)
            elif isinstance(register.value, str):
                if any(q.name == _DEVICE_TYPE for q in registry.find(register.obis).quantities):
                    device_type = register.value
                elif register.obis[2:5] == _LIST_NAME:  # of a positional list; others name themselves
                    list_name = list_name or register.value
            elif register.type:
                match = registry.find(register.obis)
                types += [SeenType(q.name, q.family, register.type) for q in match.quantities[:1] if q.unit]
        apdu = reading.apdu
        if reading.identification is not None:
            return cls(
                address=None,
                transfer=apdu.transfer,
                octets=len(apdu.data),
                flag=reading.identification[:3].upper()
                or None,  # the third letter may be small (IEC 62056-21)
                device_name=device_name,
                deviation=None,
                list_object=None,
                list_name=None,
                types=(),
                identification=reading.identification,
                kind="text",
            )
        title = apdu.system_title[:3].decode("ascii", "replace") if apdu.system_title else device_name
        device = reading.device
        if device is not None and not (device.master or device.alone):
            device = None  # one of several that answer a master: a sub-meter, not the meter of the line
        if device is not None:
            title = device.id
        deviations = {"unspecified" if t.deviation_min is None else "given" for t in times}
        return cls(
            address=(apdu.destination.lower(), apdu.source.lower()) if apdu.destination else None,
            transfer=apdu.transfer,
            octets=len(apdu.data),
            flag=title[:3] if title and title[:3].isalpha() else None,
            device_name=device_name,
            deviation=deviations.pop() if len(deviations) == 1 else None,
            list_object=reading.list_object,
            list_name=list_name,
            types=tuple(types),
            sml_server=reading.server_id.hex() if reading.server_id else None,
            device_type=device_type,
            kind="records" if reading.shape == "records" else _BINARY,
            device=(device.version, device.type) if device is not None else None,
        )


class Verdict(NamedTuple):
    """The recognised model, or those it cannot be told from; neither: nothing in the catalogue fits."""

    model: str | None
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fact:
    """One comparison: True fits, False contradicts, None says nothing."""

    compare: Callable[[Meter, Evidence], bool | None]
    weight: int
    against: int | None  # taken off when it contradicts; None: the model is excluded
    ties: bool = False  # is alone enough to propose the model


def _one_of(stated: Iterable[object], seen: object | None) -> bool | None:
    stated = tuple(stated)
    return seen in stated if stated and seen is not None else None


def _kind(meter: Meter, seen: Evidence) -> bool | None:
    """Compare the kind of protocol: what no interface of the model speaks was not sent by it."""
    spoken = {_KINDS.get(interface.protocol, _BINARY) for interface in meter.interfaces}
    return seen.kind in spoken if spoken else None


def _identification(meter: Meter, seen: Evidence) -> bool | None:
    if meter.wire is None or meter.wire.identification is None or not seen.identification:
        return None
    return re.search(meter.wire.identification, seen.identification, re.IGNORECASE) is not None


def _flag(meter: Meter, seen: Evidence) -> bool | None:
    return _one_of(meter.wire.flag, seen.flag) if meter.wire else None


def _device(meter: Meter, seen: Evidence) -> bool | None:
    return _one_of([(d.version, d.type) for d in meter.wire.devices], seen.device) if meter.wire else None


def _device_name(meter: Meter, seen: Evidence) -> bool | None:
    if meter.wire is None or meter.wire.device_name is None or seen.device_name is None:
        return None
    return re.search(meter.wire.device_name, seen.device_name) is not None


def _sml_server(meter: Meter, seen: Evidence) -> bool | None:
    if meter.wire is None or meter.wire.sml_server is None or seen.sml_server is None:
        return None
    return re.search(meter.wire.sml_server, seen.sml_server) is not None


def _device_type(meter: Meter, seen: Evidence) -> bool | None:
    """Compare the meter type. A telegram without one speaks against a model that sends it in all its lists."""
    if meter.wire is None or meter.wire.device_type is None:
        return None
    if seen.device_type is not None:
        return re.search(meter.wire.device_type, seen.device_type) is not None
    always = all(any(e.quantity == _DEVICE_TYPE for e in pushed.elements) for pushed in meter.lists)
    return False if always else None


def _list_name(meter: Meter, seen: Evidence) -> bool | None:
    return _one_of(meter.wire.list_name, seen.list_name) if meter.wire else None


def _address(meter: Meter, seen: Evidence) -> bool | None:
    pairs = [(h.destination.lower(), h.source.lower()) for h in meter.wire.hdlc] if meter.wire else []
    return _one_of(pairs, seen.address)


def _list_object(meter: Meter, seen: Evidence) -> bool | None:
    return _one_of([pushed.object for pushed in meter.lists if pushed.object], seen.list_object)


def _transfer(meter: Meter, seen: Evidence) -> bool | None:
    """Compare the cut. A short APDU goes in one frame whatever the model does with a long one, so it says nothing."""
    if meter.wire is None:
        return None
    largest = max((h.information_octets for h in meter.wire.hdlc), default=0)
    if seen.transfer == "single" and meter.wire.transfer != "single":
        return False if 0 < largest < seen.octets else None
    return seen.transfer == meter.wire.transfer


def _deviation(meter: Meter, seen: Evidence) -> bool | None:
    return _one_of([meter.wire.deviation], seen.deviation) if meter.wire and meter.wire.deviation else None


def _types(meter: Meter, seen: Evidence) -> bool | None:
    """Compare the A-XDR types. Most registers decide: one may differ in a firmware nobody has seen yet."""
    fits = 0
    differs = 0
    for register in seen.types:
        fact = meter.registers.get(register.quantity) or meter.registers.get(register.family)
        if fact is not None and fact.type is not None:
            fits += fact.type == register.type
            differs += fact.type != register.type
    return None if fits == differs else fits > differs


_FACTS: Final = (
    _Fact(_kind, 0, None),
    _Fact(_flag, 4, None, ties=True),
    _Fact(_device, 4, None),
    _Fact(_device_name, 4, None, ties=True),
    _Fact(_identification, 4, None, ties=True),
    _Fact(_sml_server, 4, None, ties=True),
    _Fact(_device_type, 4, 4, ties=True),
    _Fact(_list_name, 4, None, ties=True),
    _Fact(_address, 4, 1, ties=True),
    _Fact(_transfer, 1, None),
    _Fact(_types, 2, None),
    _Fact(_deviation, 1, 2),
    _Fact(_list_object, 1, 1),
)


def score(meter: Meter, seen: Evidence) -> int | None:
    """Tell how well ``meter`` fits; None: it is excluded, or nothing ties it to the telegram."""
    total = 0
    tied = False
    for fact in _FACTS:
        fits = fact.compare(meter, seen)
        if fits is None:
            continue
        if fits:
            total += fact.weight
            tied = tied or fact.ties
        elif fact.against is None:
            return None
        else:
            total -= fact.against
    return total if tied else None


def excludes(meter: Meter, seen: Evidence) -> bool:
    """Tell whether something that ``meter`` cannot send differently speaks against it."""
    return any(fact.against is None and fact.compare(meter, seen) is False for fact in _FACTS)


def recognise(seen: Evidence, meters: Iterable[Meter]) -> Verdict:
    """Find the model that fits best among ``meters``, or the candidates that fit about as well."""
    scores = {meter.id: s for meter in meters if (s := score(meter, seen)) is not None}
    if not scores:
        return Verdict(None)
    best = max(scores.values())
    near = tuple(sorted(model for model, s in scores.items() if s > best - _MARGIN))
    return Verdict(near[0]) if len(near) == 1 else Verdict(None, near)
