"""One row a protocol: what a simulated meter answers to who asks it.

    dlms-hdlc     association, GET, load profile                 station, cosem, objects
    dlms-wrapper  the same over TCP                              wrapper, cosem, objects
    iec62056-21   sign-on, readout, data sets, load profile      iec62056, profile
    mbus          a bus with one device an address               bus

Octets of a reader in, octets of the meter out. Meters that push need none of this; some of them answer as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from ciibridge.simulate import iec62056, station, wrapper
from ciibridge.simulate.bus import Bus, Device
from ciibridge.simulate.cosem import PUBLIC_CLIENT, Client, Cosem
from ciibridge.simulate.identity import flag, identification
from ciibridge.simulate.meter import SimulatedMeter
from ciibridge.simulate.objects import MeterObjects
from ciibridge.simulate.profile import LoadProfile


class Answering(Protocol):
    """The meter's end of a line on which it is asked."""

    def feed(self, octets: bytes, at: datetime) -> bytes:
        """Take octets of the line; give what is said to them at ``at`` (aware)."""


def _cosem(meter: SimulatedMeter) -> Cosem:
    return Cosem(MeterObjects(meter), {PUBLIC_CLIENT: Client()})


def _wrapper(meters: Sequence[SimulatedMeter], _addresses: Sequence[int]) -> Answering:
    return wrapper.Station(_cosem(meters[0]))


def _dlms(meters: Sequence[SimulatedMeter], _addresses: Sequence[int]) -> Answering:
    meter = meters[0]
    return station.Station(
        _cosem(meter),
        station.LOGICAL_DEVICE,
        identification=f"/{flag(meter.meter)}5\\2{meter.meter.model}",
    )


def _iec62056(meters: Sequence[SimulatedMeter], _addresses: Sequence[int]) -> Answering:
    meter = meters[0]
    sets = {pushed.id.upper(): pushed for pushed in meter.meter.lists}

    def content(name: str, at: datetime) -> list[str] | None:
        """Give the readout, a set (a list of its name), or one register."""
        wanted = [sets[name]] if name in sets else meter.meter.lists
        lines = [line for pushed in wanted for line in iec62056.data_lines(meter, pushed, at)]
        if not name or name in sets:
            return list(dict.fromkeys(lines))
        return [line for line in lines if line.partition("(")[0] == name] or None

    called_at = meter.interface.link.baudrate
    return iec62056.Station(
        identification(meter.meter),
        content,
        serial=f"{meter.number}",
        called_at=called_at,
        rows=LoadProfile(meter).lines,
    )


def _bus(meters: Sequence[SimulatedMeter], addresses: Sequence[int]) -> Answering:
    return Bus([Device(meter, address) for meter, address in zip(meters, addresses, strict=True)])


#: Protocol of an interface in the catalogue → who answers for these meters; only a bus has more than one.
STATIONS: Final[Mapping[str, Callable[[Sequence[SimulatedMeter], Sequence[int]], Answering]]] = {
    "dlms-hdlc": _dlms,
    "dlms-wrapper": _wrapper,
    "iec62056-21": _iec62056,
    "mbus": _bus,
}
