"""The application of a meter that is read: associations, GET with selections and blocks (IEC 62056-5-3).

    AARQ ─► AARE      reply_to_HLS ─► its proof      GET normal, with-list, next-block ─► values      RLRQ ─► RLRE

Written apart from the dialogue, with gurux-dlms for values and ciphering, so that the two prove each other. Objects are those of
``Objects``; who may enter is a table of clients.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.shapes import CaptureObject
from ciibridge.errors import ProtocolError
from ciibridge.security.glo import Keys, Opener
from ciibridge.simulate.encode import encode
from ciibridge.simulate.telegram import Piece, cipher
from ciibridge.types import Apdu, Obis

#: mechanism-name: last octet of 60 85 74 05 08 02 x (IEC 62056-5-3, 7.3.7.2).
MECHANISMS: Final = {"none": 0, "low": 1, "high": 2, "md5": 3, "sha1": 4, "gmac": 5, "sha256": 6}
_OID: Final = bytes.fromhex("608574050801")
_HIGH: Final = range(2, 7)
_AARQ: Final = 0x60
_RLRQ: Final = 0x62
_GET: Final = 0xC0
_ACTION: Final = 0xC3
_GLO: Final = {0xC8: 0xCC, 0xCB: 0xCF}  # glo-get-, glo-action-request → their responses
_GLO_INITIATE_RESPONSE: Final = 0x28
_NOT_OPENED: Final = 5  # service-error of an exception-response
_COUNTER_LOW: Final = 6
_DENIED: Final = 3
_BLOCK_UNAVAILABLE: Final = 14
_NOTHING_LONG: Final = 16
_CHALLENGE: Final = bytes(range(0x40, 0x50))  # of a simulated meter; a real one draws it
#: Conformance block, first bit on the left: block transfer with get, get, selective access, action; with-list or without.
_CONFORMANCE: Final = {True: bytes.fromhex("001215"), False: bytes.fromhex("001015")}
_PROOF: Final = Obis(0, 0, 40, 0, 0)
PUBLIC_CLIENT: Final = 16
COUNTER: Final = Obis(0, 0, 43, 1, 0)
_AES_128_OCTETS: Final = 16


class Asked(NamedTuple):
    """What a client wants: an attribute, and of a profile perhaps only some rows (selector 1: by time, 2: by number)."""

    attribute: CaptureObject
    selector: int = 0
    selection: Data | None = None


class Objects(Protocol):
    """The objects of a meter."""

    def get(self, asked: Asked, at: datetime) -> bytes | int:
        """Give the encoded value of an attribute at ``at``, or a data-access-result."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who may enter, and how."""

    authentication: str = "none"
    password: bytes = field(default=b"", repr=False)
    ciphered: bool = False
    sees: frozenset[Obis] | None = None  # None: everything


@dataclass(frozen=True, slots=True)
class Security:
    """Keys and names of a meter's ciphering."""

    key: bytes = field(repr=False)
    auth_key: bytes | None = field(repr=False)
    system_title: bytes = b"SIM\0\0\0\0\1"


class Cosem:
    """One meter. ``clients``: address → what it may; ``pdu_octets``: the largest APDU it sends."""

    def __init__(
        self,
        objects: Objects,
        clients: Mapping[int, Client],
        *,
        security: Security | None = None,
        pdu_octets: int = 0x0200,
        with_list: bool = True,
        counter: int = 0,
    ) -> None:
        self._objects = objects
        self._clients = clients
        self._security = security
        self._opener = (
            Opener(Keys(security.key, security.auth_key), lambda plain: plain[0] in (1, _GET, _ACTION))
            if security
            else None
        )
        self._pdu_octets = pdu_octets
        self._with_list = with_list
        self.counter = counter  # the highest invocation counter of a client so far
        self._own_counter = 0
        self._client: Client | None = None
        self._associated = False
        self._title = b""
        self._challenge = b""
        self._long: list[bytes] = []
        self._block = 0

    def connected(self, client: int) -> None:
        """Take note that a client has connected, or has gone (0)."""
        self._client = self._clients.get(client)
        self._associated = False

    def answer(self, apdu: bytes, at: datetime) -> bytes:
        """Answer one APDU."""
        tag = apdu[0] if apdu else 0
        if tag == _AARQ:
            return self._associate(apdu)
        if tag == _RLRQ:
            self._associated = False
            return b"\x63\x03\x80\x01\x00"
        client = self._client
        if client is None:
            return b"\xd8\x01\x01"
        if client.ciphered:
            if tag not in _GLO:
                return b"\xd8\x01\x02"
            opened = self._open(apdu)
            if isinstance(opened, int):
                return self._exception(opened)
            return self._sealed(_GLO[tag], self._serve(opened, client, at))
        return self._serve(apdu, client, at)

    # -- association -----------------------------------------------------------------------------------------------------

    def _associate(self, aarq: bytes) -> bytes:
        fields = dict(_fields(aarq))
        client = self._client
        self._title = fields.get(0xA6, b"")[2:]
        mechanism = fields.get(0x8B, b"\0")[-1]
        self._challenge = fields.get(0xAC, b"")[2:]
        ciphered = fields.get(0xA1, b"")[-1:] == b"\3"
        if client is None:
            return self._aare(1, 1, ciphered=ciphered)
        if ciphered is not client.ciphered:
            return self._aare(1, 2, ciphered=ciphered)
        if mechanism != MECHANISMS[client.authentication]:
            return self._aare(1, 14 if not mechanism else 11, ciphered=ciphered)
        if mechanism == 1 and self._challenge != client.password:
            return self._aare(1, 13, ciphered=ciphered)
        if ciphered:
            opened = self._open(fields.get(0xBE, b"")[2:])
            if isinstance(opened, int):
                return self._exception(opened)
        self._associated = mechanism not in _HIGH
        return self._aare(
            0,
            14 if mechanism in _HIGH else 0,
            ciphered=ciphered,
            high=mechanism in _HIGH,
            mechanism=mechanism,
        )

    def _aare(
        self, result: int, diagnostic: int, *, ciphered: bool, high: bool = False, mechanism: int = 0
    ) -> bytes:
        body = b"\xa1\x09\x06\x07" + _OID + (b"\3" if ciphered else b"\1")
        body += b"\xa2\x03\x02\x01" + bytes([result]) + b"\xa3\x05\xa1\x03\x02\x01" + bytes([diagnostic])
        if self._security is not None:
            body += b"\xa4\x0a\x04\x08" + self._security.system_title
        if high:
            body += b"\x88\x02\x07\x80\x89\x07" + _OID[:-1] + bytes([2, mechanism])
            body += b"\xaa" + bytes([2 + len(_CHALLENGE), 0x80, len(_CHALLENGE)]) + _CHALLENGE
        if not result:
            conformance = _CONFORMANCE[self._with_list]
            initiate = (
                b"\x08\x00\x06\x5f\x1f\x04\x00" + conformance + self._pdu_octets.to_bytes(2, "big") + b"\0\7"
            )
            if ciphered:
                initiate = self._sealed(_GLO_INITIATE_RESPONSE, initiate)
            body += b"\xbe" + bytes([2 + len(initiate), 4, len(initiate)]) + initiate
        return b"\x61" + bytes([len(body)]) + body

    def _prove(self, body: bytes, client: Client) -> bytes:
        """Answer reply_to_HLS_authentication: check the client's proof, give ours."""
        try:
            proof = axdr.read(body).value
        except ProtocolError:
            proof = None
        if proof != self._proof(client, self._title, _CHALLENGE, proof if isinstance(proof, bytes) else b""):
            return b"\3"
        self._associated = True
        title = self._security.system_title if self._security else b""
        self._own_counter += 1
        suite = 2 if self._security and len(self._security.key) > _AES_128_OCTETS else 0
        counter = bytes([0x10 | suite]) + self._own_counter.to_bytes(4, "big")
        return b"\0\1\0" + encode("octet-string", self._proof(client, title, self._challenge, counter))

    def _proof(self, client: Client, sender: bytes, challenge: bytes, like: bytes) -> bytes:
        """Make what proves the secret; ``like`` begins with security control and counter (GMAC)."""
        kind, secret = client.authentication, client.password
        if kind == "high":
            block = Cipher(algorithms.AES(secret.ljust(16, b"\0")), modes.ECB())  # noqa: S305  as IEC 62056-5-3 leaves it to makers
            return block.encryptor().update(challenge)
        if kind in ("md5", "sha1"):
            return hashlib.new(kind, challenge + secret).digest()
        if kind == "sha256":
            own = self._security.system_title if self._security else b""
            receiver = own if sender == self._title else self._title
            other = self._challenge if challenge == _CHALLENGE else _CHALLENGE
            return hashlib.sha256(secret + sender + receiver + challenge + other).digest()
        if kind == "gmac" and self._security is not None:
            additional = like[:1] + (self._security.auth_key or b"") + challenge
            tag = AESGCM(self._security.key).encrypt(sender + like[1:5], b"", additional)[:12]
            return like[:5] + tag
        return b""

    # -- ciphering -------------------------------------------------------------------------------------------------------

    def _open(self, apdu: bytes) -> bytes | int:
        """Open a request; service-error 5 when it does not open, 6 when its counter is too low."""
        if self._opener is None or len(self._title) != 8:
            return _NOT_OPENED
        try:
            plain = self._opener.open(Apdu(b"\xdb\x08" + self._title + apdu[1:], 0))
        except (ProtocolError, IndexError):
            return _NOT_OPENED
        if (plain.invocation_counter or 0) <= self.counter:
            return _COUNTER_LOW
        self.counter = plain.invocation_counter or 0
        return plain.data

    def _exception(self, error: int) -> bytes:
        told = self.counter.to_bytes(4, "big") if error == _COUNTER_LOW else b""
        return b"\xd8\x02" + bytes([error]) + told

    def _sealed(self, tag: int, apdu: bytes) -> bytes:
        if self._security is None:
            return apdu
        self._own_counter += 1
        security = self._security
        (piece,) = cipher(
            [Piece(apdu)], security.system_title, self._own_counter, security.key, security.auth_key
        )
        return bytes([tag]) + piece.octets[10:]  # without the tag and title of general-glo-ciphering

    # -- services --------------------------------------------------------------------------------------------------------

    def _serve(self, apdu: bytes, client: Client, at: datetime) -> bytes:
        tag, kind = apdu[0], apdu[1] if len(apdu) > 1 else 0
        head = apdu[1:3]
        if (
            tag == _ACTION
            and kind == 1
            and apdu[3:12] == b"\0\x0f" + bytes(_PROOF) + b"\1"
            and len(apdu) > 13
        ):
            return b"\xc7" + head + self._prove(apdu[13:], client)
        if tag != _GET:
            return b"\xd8\x01\x02"
        if kind == 2:
            return self._next(head[1:], int.from_bytes(apdu[3:7], "big"))
        if kind == 1:
            result, _ = self._result(apdu, 3, client, at)
            return self._sized(head[1:], result, result)
        if kind == 3 and self._with_list:
            count, position = axdr.length(apdu, 3)
            results = b""
            for _ in range(count):
                result, position = self._result(apdu, position, client, at)
                results += result
            return self._sized(head[1:], bytes([count]) + results, b"", listed=True)
        return b"\xd8\x01\x02"

    def _result(self, apdu: bytes, position: int, client: Client, at: datetime) -> tuple[bytes, int]:
        """Serve one attribute descriptor; its Get-Data-Result, and the index behind it."""
        class_id = int.from_bytes(apdu[position : position + 2], "big")
        obis = Obis(*apdu[position + 2 : position + 8])
        attribute, selected = apdu[position + 8], apdu[position + 9]
        position += 10
        asked = Asked(CaptureObject(class_id, obis, attribute))
        if selected:
            selection = axdr.read(apdu, position + 1)
            asked = asked._replace(selector=apdu[position], selection=selection)
            position = selection.end
        if not self._associated or (client.sees is not None and obis not in client.sees):
            return bytes([1, _DENIED]), position
        if obis == COUNTER:
            return b"\0" + encode("double-long-unsigned", self.counter), position
        value = self._objects.get(asked, at)
        return (bytes([1, value]) if isinstance(value, int) else b"\0" + value), position

    def _sized(self, invoke_id: bytes, whole: bytes, result: bytes, *, listed: bool = False) -> bytes:
        """Answer at once, or begin blocks when it is too long for one APDU."""
        room = self._pdu_octets - 32
        if len(whole) <= room:
            return (b"\xc4\x03" + invoke_id + whole) if listed else b"\xc4\x01" + invoke_id + result
        raw = whole if listed else whole[1:]  # the tag of the result is that of the block
        self._long = [raw[begin : begin + room] for begin in range(0, len(raw), room)]
        self._block = 0
        return self._next(invoke_id, 0)

    def _next(self, invoke_id: bytes, received: int) -> bytes:
        if not self._long:
            return b"\xc4\x02" + invoke_id + b"\1" + received.to_bytes(4, "big") + bytes([1, _NOTHING_LONG])
        if received != self._block:
            return (
                b"\xc4\x02" + invoke_id + b"\1" + received.to_bytes(4, "big") + bytes([1, _BLOCK_UNAVAILABLE])
            )
        part = self._long.pop(0)
        self._block += 1
        size = encode("octet-string", part)[1:]  # length and content
        last = bytes([not self._long])
        return b"\xc4\x02" + invoke_id + last + self._block.to_bytes(4, "big") + b"\0" + size


def _fields(aarq: bytes) -> list[tuple[int, bytes]]:
    """Walk the fields of an AARQ; all are shorter than 128 octets."""
    found, position = [], 2
    while position + 2 <= len(aarq):
        size = aarq[position + 1]
        found.append((aarq[position], aarq[position + 2 : position + 2 + size]))
        position += 2 + size
    return found
