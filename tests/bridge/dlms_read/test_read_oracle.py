"""gurux-dlms beside us: its client reads our simulated meter as we do, and its frames are ours."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from typing import Any

import pytest
from ciibridge.decode.dlms.shapes import CaptureObject
from ciibridge.dialogue.dlms import Access, Authentication
from ciibridge.dialogue.dlms.requests import Requests, Selection
from ciibridge.simulate.cosem import Client
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from ciibridge.simulate.objects import LOAD_PROFILE
from ciibridge.simulate.station import Station
from ciibridge.types import MeterTime, Number, Obis
from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication as Mechanism
from gurux_dlms.enums import InterfaceType, Security
from gurux_dlms.objects import GXDLMSProfileGeneric, GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureClient
from read_parts import AT, PASSWORD, SECURITY, asker, do, station, with_password

MECHANISMS = {
    "none": Mechanism.NONE,
    "low": Mechanism.LOW,
    "high": Mechanism.HIGH,
    "md5": Mechanism.HIGH_MD5,
    "sha1": Mechanism.HIGH_SHA1,
    "sha256": Mechanism.HIGH_SHA256,
    "gmac": Mechanism.HIGH_GMAC,
}


class Gurux:
    """A reader made of gurux-dlms alone, frames included."""

    def __init__(self, meter: Station, kind: str, *, ciphered: bool = False) -> None:
        self._meter = meter
        client = GXDLMSSecureClient(True, 1, 1, MECHANISMS[kind], PASSWORD.decode(), InterfaceType.HDLC)
        client.ciphering.systemTitle = b"CII\0\0\0\0\1"
        if ciphered or kind == "gmac":
            client.ciphering.blockCipherKey, client.ciphering.authenticationKey = KEY, AUTH_KEY
        if ciphered:
            client.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
        client.ciphering.invocationCounter = 1000
        client.setCtoSChallenge(bytes(16))
        self.client = client
        self.sent: list[bytes] = []

    def open(self) -> None:
        self.client.parseUAResponse(self._ask(self.client.snrmRequest()).data)
        self.client.parseAareResponse(self._ask(self.client.aarqRequest()).data)
        if self.client.isAuthenticationRequired:
            reply = self._ask(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(reply.data)

    def read(self, request: Any) -> Any:
        return self._ask(request).value

    def _ask(self, messages: Any) -> GXReplyData:
        reply = GXReplyData()
        for message in messages if isinstance(messages, list) else [messages]:
            self._exchange(message, reply)
        while reply.isMoreData():
            self._exchange(self.client.receiverReady(reply), reply)
        assert reply.error == 0
        return reply

    def _exchange(self, message: bytes, reply: GXReplyData) -> None:
        self.sent.append(bytes(message))
        said = self._meter.feed(bytes(message), AT)
        assert self.client.getData(GXByteBuffer(said), reply, GXReplyData())


@pytest.mark.parametrize("kind", MECHANISMS)
@pytest.mark.parametrize("ciphered", [False, True])
def test_gurux_reads_the_simulated_meter_as_we_do(kind: str, ciphered: bool) -> None:
    clients = {1: Client(kind, PASSWORD, ciphered=ciphered)}
    gurux = Gurux(station(clients, security=SECURITY), kind, ciphered=ciphered)
    ask = asker()
    ask.fill(AT - timedelta(hours=3), AT)
    ours = do(ask.round(AT), station())
    with redirect_stdout(io.StringIO()):  # it prints what it deciphers
        gurux.open()
        for register in ours.live[0].registers:
            if register.class_id == 3:
                theirs = GXDLMSRegister(".".join(map(str, register.obis)))
                value = gurux.read(gurux.client.read(theirs, 2))
                assert Number(int(value)) == register.value
                assert [int(part) for part in gurux.read(gurux.client.read(theirs, 3))] == [
                    register.scaler,
                    register.unit,
                ]
        profile = GXDLMSProfileGeneric(".".join(map(str, LOAD_PROFILE)))
        table = gurux.read(gurux.client.readRowsByEntry(profile, 60 * 96 - 11, 12))
    assert len(table) == len(ours.past) == 12
    for row, reading in zip(table, ours.past, strict=True):
        assert [int(value) for value in row[2:]] == [r.value.mantissa for r in reading.registers[1:]]  # type: ignore[union-attr]


def test_our_frames_are_those_of_gurux() -> None:
    gurux = Gurux(station({1: Client("low", PASSWORD)}), "low")
    gurux.open()
    gurux.read(gurux.client.read(GXDLMSRegister("1.1.1.8.0.255"), 2))
    wanted = CaptureObject(3, Obis(1, 1, 1, 8, 0), 2)
    ask = asker(with_password(Authentication.LOW), push_setups=(), objects=(wanted,))
    ours = do(ask.round(AT), station({1: Client("low", PASSWORD)}, with_list=False)).sent
    assert ours[0] == gurux.sent[0]  # SNRM
    # AARQ but for the services that we ask for less of (three octets), and the frame check
    theirs = gurux.sent[1]
    differing = [place for place in range(len(theirs)) if theirs[place] != ours[1][place]]
    conformance = theirs.index(b"\x5f\x1f\x04\x00") + 4
    assert len(theirs) == len(ours[1])
    assert set(differing) <= {*range(conformance, conformance + 3), len(theirs) - 3, len(theirs) - 2}
    apdu = gurux.sent[2][11:-3]
    assert any(apdu in frame for frame in ours)


def test_a_range_and_rows_by_number_are_asked_for() -> None:
    """Octets by hand from IEC 62056-6-2, 5.3.6.2.2: a Monday, once without deviation, once 120 minutes east."""
    begin = MeterTime(datetime.fromisoformat("2026-05-04T10:00"), None, None)
    end = MeterTime(datetime.fromisoformat("2026-05-04T12:00"), 120, None)
    requests = Requests(Access(), bytes(16))
    profile = CaptureObject(7, LOAD_PROFILE, 2)
    head = "C0 01 C1 00 07 01 00 63 01 00 FF 02 01 "
    assert requests.get(profile, Selection(begin, end)) == bytes.fromhex(
        head + "01 02 04  02 04 12 00 08 09 06 00 00 01 00 00 FF 0F 02 12 00 00"
        "09 0C 07 EA 05 04 01 0A 00 00 FF 80 00 00"
        "09 0C 07 EA 05 04 01 0C 00 00 FF FF 88 00"
        "01 00"
    )
    assert requests.get(profile, Selection(5, 9)) == bytes.fromhex(
        head + "02 02 04 06 00 00 00 05 06 00 00 00 09 12 00 01 12 00 00"
    )
