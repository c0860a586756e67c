"""The requests of an association, made by the client of gurux-dlms (IEC 62056-5-3).

gurux writes every APDU that goes to the meter: AARQ, the proof of high level security, GET with its selections, with-list and
next-block, ciphered when keys are given. What comes back is read by ``answers``: the reader of gurux 1.0.203 prints to
standard output, accepts a rejected association without a diagnostic and cuts integers (ADR 13).

gurux-dlms takes 0.1 s and 16 MB to import, so it is imported with the first request and not before.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from ciibridge.decode.dlms.shapes import CaptureObject
from ciibridge.dialogue import DialogueError
from ciibridge.dialogue.dlms.access import Access, Authentication
from ciibridge.dialogue.dlms.answers import Accepted
from ciibridge.security.gate import Gate
from ciibridge.security.glo import Keys
from ciibridge.types import Apdu, MeterTime, Obis

#: Release of an association without ciphered user information: RLRQ, reason normal.
RELEASE: Final = b"\x62\x03\x80\x01\x00"
_MOST_IN_LIST: Final = 10
_LIST_OVERHEAD: Final = 32  # of a with-list request: header, and what ciphering adds
_ATTRIBUTE_OCTETS: Final = 10
_GLO: Final = (b"\x28", b"\xcc", b"\xcf")  # glo-initiate-, -get-, -action-response
_ANSWERS: Final = (b"\x08", b"\x0e", b"\xc4", b"\xc7", b"\xd8")  # how what is opened begins
_ERRORS: Final = (b"\x0e", b"\xd8")  # confirmed-service-error, exception-response: always plain
_NO_LIMIT: Final = 0xFFFF
_SHORTEST_PDU: Final = 128
#: Octets of a key → security suite. Suite 1 has keys like suite 0, and signatures for whatever else it has.
_SUITES: Final = {16: 0, 32: 2}


class Selection(NamedTuple):
    """Rows of a profile: from and to, as times of the meter's own clock or as numbers of entries (from 1)."""

    begin: MeterTime | int
    end: MeterTime | int


class Requests:
    """Makes the APDUs of one association; keeps what gurux must remember (invoke id, block number, counter)."""

    def __init__(self, access: Access, challenge: bytes, counter: int = 0) -> None:
        """``challenge``: random octets for high level security; ``counter``: the next invocation counter."""
        gurux = _gurux()
        self._access = access
        self._gurux = gurux
        client = gurux.client(
            useLogicalNameReferencing=True,
            clientAddress=access.client,
            serverAddress=access.server,
            forAuthentication=gurux.mechanisms[access.authentication],
            password=access.password,
            interfaceType=gurux.enums.InterfaceType.PDU,
        )
        conformance = gurux.enums.Conformance
        client.proposedConformance = (
            conformance.GET
            | conformance.ACTION
            | conformance.SELECTIVE_ACCESS
            | conformance.MULTIPLE_REFERENCES
            | conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
        )
        client.setCtoSChallenge(challenge)
        ciphering = client.ciphering
        ciphering.systemTitle = access.client_title
        ciphering.invocationCounter = counter
        if access.key:
            security = gurux.enums.Security
            ciphering.securitySuite = gurux.suites(_SUITES[len(access.key)])
            ciphering.blockCipherKey = access.key
            ciphering.authenticationKey = access.auth_key or bytes(len(access.key))
            ciphering.security = (
                security.AUTHENTICATION_ENCRYPTION if access.auth_key else security.ENCRYPTION
            )
        self._client = client
        self._gate = Gate(Keys(access.key, access.auth_key), lambda plain: plain[:1] in _ANSWERS)
        self._title = b""

    def associate(self) -> bytes:
        """Make the AARQ."""
        return self._one(self._client.aarqRequest())

    def accepted(self, grant: Accepted) -> None:
        """Take over what the meter granted."""
        settings = self._client.settings
        settings.setStoCChallenge(bytearray(grant.challenge))
        if grant.system_title:
            settings.sourceSystemTitle = grant.system_title
            self._title = grant.system_title
        self._client.negotiatedConformance = grant.conformance
        # gurux would cut a request that does not fit in two; ours are shorter than any meter's limit.
        settings.maxPduSize = max(grant.pdu_octets, _SHORTEST_PDU) if grant.pdu_octets else _NO_LIMIT
        settings.connected = self._gurux.connected

    def title(self, title: bytes) -> None:
        """Note the system title of the meter, before anything of it is opened."""
        self._title = title

    def prove(self) -> bytes:
        """Make the second request of high level security: method reply_to_HLS_authentication."""
        with _of_the_challenge():
            return self._one(self._client.getApplicationAssociationRequest())

    def proven(self, proof: bytes) -> None:
        """Check the meter's proof, an octet-string. Raises DialogueError (access_denied) when it is not the meter."""
        gurux, settings, mechanism = self._gurux, self._client.settings, self._access.authentication
        counter, secret = 0, self._access.password
        if mechanism is Authentication.GMAC:
            counter, secret = int.from_bytes(proof[1:5], "big"), settings.sourceSystemTitle
        elif mechanism is Authentication.SHA256:
            titles = bytes(settings.sourceSystemTitle or b"") + self._access.client_title
            challenges = bytes(settings.ctoSChallenge) + bytes(settings.stoCChallenge)
            secret = (self._access.password or b"") + titles + challenges
        with _of_the_challenge():
            expected = gurux.secure(settings, self._client.ciphering, counter, settings.ctoSChallenge, secret)
        if not hmac.compare_digest(bytes(expected), bytes(proof)):
            raise DialogueError(
                "access_denied",
                "what answers does not know the secret: it is not the meter, or the secret differs",
            )

    def get(self, wanted: CaptureObject, selection: Selection | None = None) -> bytes:
        """Make a GET of one attribute; ``selection``: rows of a profile only."""
        if selection is None:
            return self._one(self._client.read(_Named.of(wanted), wanted.attribute))
        return self._one(self._rows(wanted.obis, selection))

    def get_list(self, wanted: Sequence[CaptureObject]) -> bytes:
        """Make a GET of several attributes; no more than ``most_in_list``."""
        return self._one(self._client.readList([(_Named.of(item), item.attribute) for item in wanted])[0])

    @property
    def most_in_list(self) -> int:
        """Attributes the meter takes in one GET: 1 when it cannot do with-list."""
        bit = int(self._gurux.enums.Conformance.MULTIPLE_REFERENCES)
        if not int(self._client.negotiatedConformance) & bit:
            return 1
        room = (int(self._client.settings.maxPduSize) - _LIST_OVERHEAD) // _ATTRIBUTE_OCTETS
        return max(1, min(_MOST_IN_LIST, room))

    def next_block(self, received: int) -> bytes:
        """Ask for the block behind the one with the number ``received``."""
        self._client.settings.blockIndex = received
        return bytes(self._client.receiverReady(self._gurux.enums.RequestTypes.DATABLOCK))

    def opened(self, apdu: bytes) -> bytes:
        """Give the plain answer. Raises SecurityError for one that does not open or is too little protected."""
        if self._access.key is None or apdu[:1] in _ERRORS:
            return apdu
        # Service-specific ciphering is general-glo-ciphering without the title that both sides know.
        general = apdu if apdu[:1] not in _GLO else b"\xdb\x08" + self._title + apdu[1:]
        plain = self._gate.admit(Apdu(general, 0))
        self._gate.accept(plain)
        return plain.data

    def _rows(self, obis: Obis, selection: Selection) -> Any:
        gurux = self._gurux
        profile = gurux.profile(_dotted(obis))
        if isinstance(selection.begin, int) and isinstance(selection.end, int):
            count = selection.end - selection.begin + 1
            return self._client.readRowsByEntry(profile, selection.begin, count)
        times = [self._time(time) for time in selection if isinstance(time, MeterTime)]
        return self._client.readRowsByRange(profile, *times)

    def _time(self, time: MeterTime) -> Any:
        """Write a time as the meter's clock does: with its deviation, or without."""
        gurux = self._gurux
        written = gurux.date_time(_aware(time))
        written.skip = gurux.enums.DateTimeSkips.MILLISECOND
        written.dayOfWeek = time.local.isoweekday()
        if time.deviation_min is None:
            written.skip |= gurux.enums.DateTimeSkips.DEVITATION
        return written

    def _one(self, messages: Any) -> bytes:
        if len(messages) != 1:
            raise DialogueError("refused", "the meter takes no APDU as long as this request")
        return bytes(messages[0])


@contextmanager
def _of_the_challenge() -> Iterator[None]:
    """Turn what gurux raises on the challenge of a meter, which is whatever comes up, into the declared error."""
    try:
        yield
    except Exception as error:
        message = f"no proof can be made of the meter's challenge ({type(error).__name__})"
        raise DialogueError("bad_apdu", message) from error


class _Named(NamedTuple):
    """What gurux wants to know of an object."""

    name: str
    logicalName: str  # noqa: N815  the name gurux asks for
    objectType: int  # noqa: N815

    @classmethod
    def of(cls, wanted: CaptureObject) -> _Named:
        return cls(_dotted(wanted.obis), _dotted(wanted.obis), wanted.class_id)


@dataclass(frozen=True, slots=True)
class _Gurux:
    """What is used of gurux-dlms."""

    client: Any
    enums: Any
    suites: Any
    mechanisms: dict[Authentication, Any]
    connected: Any
    secure: Any
    profile: Any
    date_time: Any


def _gurux() -> _Gurux:
    from gurux_dlms import enums  # noqa: PLC0415  see the top
    from gurux_dlms.ConnectionState import ConnectionState  # noqa: PLC0415
    from gurux_dlms.GXDateTime import GXDateTime  # noqa: PLC0415
    from gurux_dlms.GXSecure import GXSecure  # noqa: PLC0415
    from gurux_dlms.objects import GXDLMSProfileGeneric  # noqa: PLC0415
    from gurux_dlms.objects.enums import SecuritySuite  # noqa: PLC0415
    from gurux_dlms.secure import GXDLMSSecureClient  # noqa: PLC0415

    mechanisms = enums.Authentication
    return _Gurux(
        GXDLMSSecureClient,
        enums,
        SecuritySuite,
        {
            Authentication.NONE: mechanisms.NONE,
            Authentication.LOW: mechanisms.LOW,
            Authentication.HIGH: mechanisms.HIGH,
            Authentication.MD5: mechanisms.HIGH_MD5,
            Authentication.SHA1: mechanisms.HIGH_SHA1,
            Authentication.GMAC: mechanisms.HIGH_GMAC,
            Authentication.SHA256: mechanisms.HIGH_SHA256,
        },
        ConnectionState.HDLC | ConnectionState.DLMS,
        GXSecure.secure,
        GXDLMSProfileGeneric,
        GXDateTime,
    )


def _dotted(obis: Obis) -> str:
    """Write a logical name as gurux does: six groups with dots."""
    return ".".join(str(group) for group in obis)


def _aware(time: MeterTime) -> datetime:
    """Give a time its deviation, if it has one."""
    if time.deviation_min is None:
        return time.local
    return time.local.replace(tzinfo=timezone(timedelta(minutes=time.deviation_min)))
