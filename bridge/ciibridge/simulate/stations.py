"""One row a protocol: what a simulated meter answers to who asks it.

    dlms-hdlc     association, GET, load profile                 station, cosem, objects
    iec62056-21   sign-on, readout, data sets                    iec62056
    mbus          a bus with one device an address               bus

Octets of a reader in, octets of the meter out. Meters that push need none of this; some of them answer as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from ciibridge.simulate import iec62056, station
from ciibridge.simulate.bus import Bus, Device
from ciibridge.simulate.cosem import PUBLIC_CLIENT, Client, Cosem
from ciibridge.simulate.identity import flag, identification
from ciibridge.simulate.meter import SimulatedMeter
from ciibridge.simulate.objects import MeterObjects
from ciibridge.simulate.writers import short_codes


class Answering(Protocol):
    """The meter's end of a line on which it is asked."""

    def feed(self, octets: bytes, at: datetime) -> bytes:
        """Take octets of the line; give what is said to them at ``at`` (aware)."""


def _dlms(meters: Sequence[SimulatedMeter], _addresses: Sequence[int]) -> Answering:
    meter = meters[0]
    return station.Station(
        Cosem(MeterObjects(meter), {PUBLIC_CLIENT: Client()}),
        station.LOGICAL_DEVICE,
        identification=f"/{flag(meter.meter)}5\\2{meter.meter.model}",
    )


def _iec62056(meters: Sequence[SimulatedMeter], _addresses: Sequence[int]) -> Answering:
    meter = meters[0]
    read = meter.interface.read
    sets = list(read.sets) if read else []

    def content(name: str, at: datetime) -> list[str] | None:
        """Give the readout, a set (the lines are shared out among the sets), or one register."""
        lines = short_codes([line for pushed in meter.lists for line in meter.lines(pushed, at)])
        if not name:
            return lines
        if name in sets:
            place = sets.index(name)
            return [line for n, line in enumerate(lines) if n * len(sets) // len(lines) == place]
        return [line for line in lines if line.partition("(")[0] == name] or None

    called_at = meter.interface.link.baudrate
    return iec62056.Station(
        identification(meter.meter), content, serial=f"{meter.number}", called_at=called_at
    )


def _bus(meters: Sequence[SimulatedMeter], addresses: Sequence[int]) -> Answering:
    return Bus([Device(meter, address) for meter, address in zip(meters, addresses, strict=True)])


#: Protocol of an interface in the catalogue → who answers for these meters; only a bus has more than one.
STATIONS: Final[Mapping[str, Callable[[Sequence[SimulatedMeter], Sequence[int]], Answering]]] = {
    "dlms-hdlc": _dlms,
    "iec62056-21": _iec62056,
    "mbus": _bus,
}
