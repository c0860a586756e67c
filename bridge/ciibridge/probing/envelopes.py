"""What ciphered telegrams show without their key: the envelope. Octets → who sent them, and how they are protected. Pure.

    DLMS, P1   DB 08 | system title | length | SC | …      maker, and whether an authentication tag is there
    M-Bus      header: maker, device type; configuration word

So a meter whose key is still on its way can be named, or the handful of models it cannot be told from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from ciimodel.catalogue import Meter

from ciibridge.decode.mbus import header
from ciibridge.errors import ProtocolError
from ciibridge.framing.apdu import ApduFramer
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.mbus import MbusFramer
from ciibridge.framing.mbus_transport import MbusTransport
from ciibridge.framing.p1 import P1Framer
from ciibridge.framing.reassembly import Reassembler
from ciibridge.framing.wrapper import WrapperFramer
from ciibridge.lines.parts import Assembler, Framer
from ciibridge.normalise.detect import Evidence, recognise
from ciibridge.security.ciphered import is_ciphered, parse
from ciibridge.types import Apdu, Frame, Problem

_FLAG_LETTERS: Final = 3


class Envelope(NamedTuple):
    """What one ciphered telegram shows."""

    apdu: Apdu
    flag: str | None  # FLAG id of the maker; None: it is not to be seen
    tagged: bool  # carries an authentication tag


def envelopes(protocol: str, octets: bytes) -> Iterator[Envelope]:
    """Find the ciphered telegrams in ``octets``."""
    return _READERS.get(protocol, _nothing)(octets)


def could_send(envelope: Envelope, protocol: str, meters: Iterable[Meter]) -> tuple[str, ...]:
    """Name the models that could have sent it; none: no model of the catalogue has this maker."""
    speaking = [meter for meter in meters if any(i.protocol == protocol for i in meter.interfaces)]
    if protocol not in _SEEN_BY_ITS_FRAMES:
        return tuple(m.id for m in speaking if m.wire is not None and envelope.flag in m.wire.flag)
    seen = Evidence(
        address=(envelope.apdu.destination, envelope.apdu.source) if envelope.apdu.destination else None,
        transfer=envelope.apdu.transfer,
        octets=len(envelope.apdu.data),
        flag=envelope.flag,
        device_name=None,
        deviation=None,
        list_object=None,
        list_name=None,
        types=(),
    )
    verdict = recognise(seen, [_without_type(meter) for meter in speaking])
    return (verdict.model,) if verdict.model else verdict.candidates


def _without_type(meter: Meter) -> Meter:
    """Leave out by what a model is told from its twin in plain telegrams: the ciphertext hides it."""
    return meter.model_copy(
        update={"wire": meter.wire and meter.wire.model_copy(update={"device_type": None})}
    )


def _nothing(_octets: bytes) -> Iterator[Envelope]:
    return iter(())


def _glo(apdus: Iterable[Apdu | Problem]) -> Iterator[Envelope]:
    for apdu in apdus:
        if isinstance(apdu, Problem) or not is_ciphered(apdu):
            continue
        try:
            parts = parse(apdu.data)
        except ProtocolError:  # nothing of it can be read; the line says why
            yield Envelope(apdu, None, tagged=False)
            continue
        flag = parts.title[:_FLAG_LETTERS].decode("latin-1")
        yield Envelope(apdu, flag if flag.isalpha() and flag.isascii() else None, bool(parts.tag))


def _dlms(framer: Framer, assembler: Assembler, octets: bytes) -> Iterator[Envelope]:
    for frame in (*framer.feed(octets), *framer.finish()):
        if isinstance(frame, Frame):
            yield from _glo(assembler.feed(frame))


def _p1(octets: bytes) -> Iterator[Envelope]:
    framer = P1Framer()
    frames = (*framer.feed(octets), *framer.finish())
    return _glo(Apdu(frame.information, frame.offset) for frame in frames if isinstance(frame, Frame))


def _mbus(octets: bytes) -> Iterator[Envelope]:
    framer = MbusFramer()
    for frame in (*framer.feed(octets), *framer.finish()):
        if isinstance(frame, Problem) or header.is_command(frame):
            continue
        try:
            head = header.read(frame)
        except ProtocolError:  # what is no reading has no envelope; the line reports it
            continue
        letters = head.device.id[:_FLAG_LETTERS]
        apdu = Apdu(frame.information, frame.offset, encrypted=bool(head.configuration))
        yield Envelope(apdu, letters if letters.isalpha() else None, tagged=False)


_SEEN_BY_ITS_FRAMES: Final = frozenset(("dlms-hdlc", "dlms-mbus", "dlms-wrapper", "dlms-apdu"))
_READERS: Final[Mapping[str, Callable[[bytes], Iterator[Envelope]]]] = {
    "dlms-hdlc": lambda octets: _dlms(HdlcFramer(), Reassembler(), octets),
    "dlms-mbus": lambda octets: _dlms(MbusFramer(), MbusTransport(), octets),
    "dlms-wrapper": lambda octets: _dlms(WrapperFramer(), Reassembler(), octets),
    "dlms-apdu": lambda octets: _dlms(ApduFramer(), Reassembler(), octets),
    "dsmr-p1": _p1,
    "mbus": _mbus,
}
