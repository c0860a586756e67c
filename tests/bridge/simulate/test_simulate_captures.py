"""The proof that the simulator sends what meters send: the values of a capture, encoded again, are the octets of it.

The list comes from the catalogue, not from the capture: so this is also the proof that types, order, addresses and the
cutting into frames in schema/meters are those of the real meter.
"""

from __future__ import annotations

from collections.abc import Sequence

import ciimodel
import pytest
from captures import Capture, capture
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.notification import Notification, parse
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.reassembly import Reassembler
from ciibridge.normalise.positional import obis_of
from ciibridge.simulate.frames import frames
from ciibridge.simulate.telegram import Element, Piece, ScalerUnit, body, cipher, notification
from ciibridge.types import Apdu, Frame
from ciimodel.catalogue import Meter, PushList, Wire

CATALOGUE = ciimodel.load()


def apdu_of(octets: bytes) -> Apdu:
    """The last whole APDU of a recording."""
    framer, reassembler = HdlcFramer(), Reassembler()
    found = []
    for frame in [*framer.feed(octets), *framer.finish()]:
        if isinstance(frame, Frame):
            found += [item for item in reassembler.feed(frame) if isinstance(item, Apdu)]
    return found[-1]


def find(meter_id: str, list_id: str) -> tuple[Meter, PushList]:
    meter = CATALOGUE.meters[meter_id]
    return meter, next(pushed for pushed in meter.lists if pushed.id == list_id)


def wire_of(meter: Meter, apdu: Apdu) -> Wire:
    """The facts of the line with the address pair of the capture first."""
    assert meter.wire is not None
    link = next(
        h for h in meter.wire.hdlc if (h.destination, h.source) == (apdu.destination.upper(), apdu.source)
    )
    return meter.wire.model_copy(update={"hdlc": [link]})


def values_of(pushed: PushList, content: Notification) -> list[Data]:
    """The value of each element of the list, found by the shape the catalogue says."""
    data = list(content.body.elements)
    if pushed.name:
        assert data.pop(0).value == pushed.name.encode()
    if pushed.shape == "pairs":
        bare = [data.pop(0)] if pushed.elements[0].obis == "0-0:1.0.0" else []
        return bare + data[1::2]
    if pushed.shape == "triplets":
        return [structure.elements[1] for structure in data]
    return data


def types_of(meter: Meter, pushed: PushList) -> list[str]:
    """A-XDR types as the catalogue has them; the array of a push-list is not one of its registers."""
    if pushed.types:
        return list(pushed.types)
    types = []
    for element in pushed.elements:
        quantity = CATALOGUE.quantities.get(element.quantity or "")
        fact = quantity and (meter.registers.get(quantity.name) or meter.registers.get(quantity.family))
        types.append(fact.type if fact else "octet-string")
    return types


def elements_of(meter: Meter, pushed: PushList, content: Notification) -> list[Element]:
    values = values_of(pushed, content)
    elements = []
    for place, (element, type_name) in enumerate(zip(pushed.elements, types_of(meter, pushed), strict=True)):
        scaler_unit = None
        if pushed.shape == "triplets" and len(content.body.elements[place].elements) == 3:
            pair = content.body.elements[place].elements[2].elements
            scaler_unit = ScalerUnit(int(str(pair[0].value)), int(str(pair[1].value)))
        value = values[place].value
        assert not isinstance(value, float)
        if isinstance(value, tuple):
            value = None  # the array of capture objects, made from the catalogue's list
        elif type_name == "visible-string":
            assert isinstance(value, bytes)
            value = value.decode()
        obis = obis_of(element.obis) if element.obis else None
        elements.append(
            Element(obis, element.class_id or 0, element.attribute, type_name, value, scaler_unit)
        )
    return elements


def encoded_again(meter: Meter, pushed: PushList, plain: bytes) -> Sequence[Piece]:
    content = parse(plain)
    invoke_id = int.from_bytes(plain[1:5], "big")
    return notification(
        invoke_id, content.date_time, body(pushed.shape, elements_of(meter, pushed, content), pushed.name)
    )


PLAIN = [
    ("lg-e450", "vse2026", "lg-e450-ch-vse2026"),
    ("lg-e450", "ekz-2021", "lg-e450-ch-2021-two-pushes"),
    ("lg-e450", "ch-2022", "lg-e450-ch-2022-serial-across-blocks"),
    ("lg-e450", "rwb", "lg-e450-ch-baden-gbt"),
    ("lg-e570", "vse2026", "lg-e570-ch-vse2026-load-64bit"),
    ("lg-e360", "vse2026", "lg-e360-ch-vse2026"),
    ("iskra-am550", "ch-2020", "iskra-am550-ch-2020-segmented"),
    ("iskra-am550", "romande", "iskra-550-registers-scaler-unit-segmented"),
    ("iskra-am550", "si-5s", "iskra-am550-si-ljubljana-5s"),
    ("iskra-am550", "si-15min", "iskra-am550-si-ljubljana-2025-15min"),
    ("iskra-am550", "si-1phase", "iskra-am550-si-1phase"),
    ("kamstrup-omnipower", "han-10s", "kamstrup-omnipower-no-list1-10s"),
    ("kamstrup-omnipower", "han-10s", "kamstrup-omnipower-se-list1"),
    ("kamstrup-omnipower", "han-hourly", "kamstrup-omnipower-no-list2-hourly"),
    ("kamstrup-omnipower", "han-hourly", "kamstrup-omnipower-se-list2-hourly"),
]


@pytest.mark.parametrize(("meter_id", "list_id", "name"), PLAIN, ids=[name for *_, name in PLAIN])
def test_the_very_octets_of_the_capture(meter_id: str, list_id: str, name: str) -> None:
    meter, pushed = find(meter_id, list_id)
    recorded = capture(f"dlms-hdlc/{name}.bin").data
    apdu = apdu_of(recorded)
    pieces = encoded_again(meter, pushed, apdu.data)
    assert b"".join(piece.octets for piece in pieces).hex(" ") == apdu.data.hex(" ")
    sent = frames(pieces, wire_of(meter, apdu))
    # One recording has two pushes, the first of them cut off: its second push is compared.
    assert recorded.endswith(sent) if name.endswith("two-pushes") else recorded == sent


CIPHERED = [
    ("lg-e450", "at-pairs", "lg-e450-encrypted-authenticated-flat-pairs", True),
    ("lg-e450", "at-pairs", "lg-e450-ch-encrypted-no-push-list", True),
    ("lg-e450", "burgenland", "lg-e450-at-burgenland-encrypted-no-obis", True),
    ("kamstrup-omnipower", "consumer", "kamstrup-omnipower-encrypted-authenticated", True),
    # Every block of the E570 has room for 116 octets, not only the first; the catalogue cannot say that.
    ("lg-e570", "ch-2024", "lg-e570-ch-encrypted", False),
]


def header(ciphered: bytes) -> tuple[bytes, int, int]:
    """System title, security control and invocation counter of a general-glo-ciphering APDU."""
    at = 11 if ciphered[10] < 0x80 else 11 + (ciphered[10] & 0x7F)
    return ciphered[2:10], ciphered[at], int.from_bytes(ciphered[at + 1 : at + 5], "big")


def opened(recording: Capture, apdu: Apdu) -> bytes:
    from ciibridge.security.glo import Keys, Opener

    return Opener(Keys(recording.key, recording.auth_key)).open(apdu).data


@pytest.mark.parametrize(
    ("meter_id", "list_id", "name", "framed"), CIPHERED, ids=[row[2] for row in CIPHERED]
)
def test_the_very_octets_of_a_ciphered_capture(meter_id: str, list_id: str, name: str, framed: bool) -> None:
    meter, pushed = find(meter_id, list_id)
    recording = capture(f"dlms-hdlc/{name}.bin")
    assert recording.key is not None
    apdu = apdu_of(recording.data)
    title, control, counter = header(apdu.data)
    pieces = encoded_again(meter, pushed, opened(recording, apdu))
    auth_key = recording.auth_key
    if control == 0x30 and auth_key is None:
        auth_key = bytes(
            16
        )  # not published: all but the tag, which is the last twelve octets, can be compared
    sent = cipher(pieces, title, counter, recording.key, auth_key)
    ours = b"".join(piece.octets for piece in sent)
    if control == 0x30 and recording.auth_key is None:
        assert ours[:-12] == apdu.data[:-12]
        sent = [Piece(apdu.data, whole=False)]
    else:
        assert ours.hex(" ") == apdu.data.hex(" ")
    if framed:
        assert frames(sent, wire_of(meter, apdu)) == recording.data
