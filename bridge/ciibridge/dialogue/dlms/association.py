"""An association with a meter: opened, used for GETs, and closed whatever happened (IEC 62056-5-3, 4.2 and 7.2).

    SNRM UA │ AARQ AARE │ [ reply_to_HLS ] │ GET … │ RLRQ RLRE │ DISC UA

Where requests are ciphered, the public client reads the invocation counter first, in an association of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ciibridge.decode.dlms import axdr
from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.shapes import CaptureObject
from ciibridge.dialogue import DialogueError, Part
from ciibridge.dialogue.dlms.access import Access, Authentication
from ciibridge.dialogue.dlms.answers import (
    Accepted,
    Block,
    Refused,
    Result,
    aare,
    action_response,
    get_response,
    initiate,
    refuse,
    results,
)
from ciibridge.dialogue.dlms.link import ApduLink, HdlcLink
from ciibridge.dialogue.dlms.requests import RELEASE, Requests, Selection
from ciibridge.errors import DecodeError, ProtocolError

Attribute = CaptureObject
_DATA: Final = 1
_VALUE: Final = 2
#: Blocks of one answer; at 128 octets each far more than a load profile has.
_MOST_BLOCKS: Final = 20_000
_LONGEST: Final = 1 << 21
#: Errors after which the meter hears nothing any more.
_GONE: Final = frozenset(("no_answer", "hung_up"))
_MOST_COUNTER: Final = 0xFFFFFFFF


class Association:
    """One association. ``open`` it, then ask, then ``close`` it."""

    def __init__(
        self,
        access: Access,
        random: Callable[[int], bytes],
        opening: Callable[[], Part[object]] | None = None,
        link: Callable[[Access], ApduLink] = HdlcLink,
    ) -> None:
        """``random`` gives as many random octets as asked for, for the challenge; ``opening`` is said before HDLC begins.

        ``link`` makes what carries the APDUs.
        """
        self._opening = opening
        self._access = access
        self._random = random
        self._link = link(access)
        self._make_link = link
        self._requests: Requests | None = None
        self._connected = self._associated = False

    def open(self) -> Part[None]:
        """Connect and associate. Raises DialogueError (no_answer, refused, access_denied …) with the remedy."""
        counter = (yield from self._counter()) if self._access.ciphered else 0
        self._requests = Requests(self._access, self._random(16), counter)
        if self._opening is not None:
            yield from self._opening()
        self._connected = True
        yield from self._link.open()
        answer = yield from self._link.exchange(self._requests.associate())
        self._associated = answer[:1] == b"\x61"
        refuse(answer, "not_associated")
        grant, information = aare(answer)
        if grant.system_title:
            self._requests.title(grant.system_title)
        conformance, pdu_octets = initiate(self._requests.opened(information))
        grant = Accepted(grant.challenge, grant.pending, grant.system_title, conformance, pdu_octets)
        self._requests.accepted(grant)
        high = self._access.authentication not in (Authentication.NONE, Authentication.LOW)
        if high or grant.pending:
            yield from self._prove(grant)

    def close(self, error: ProtocolError | None = None) -> Part[None]:
        """Release and disconnect, also after an ``error``; a meter that does not answer that is left alone."""
        if self._associated and (error is None or error.code not in _GONE):
            with suppress(DialogueError):  # to disconnect ends it anyway
                yield from self._link.exchange(RELEASE)
        if self._connected:
            yield from self._link.close()

    def get(self, wanted: Attribute, selection: Selection | None = None) -> Part[Data | Refused]:
        """Read one attribute, in blocks where it is long."""
        requests = self._asking
        result = yield from self._result(requests.get(wanted, selection))
        if isinstance(result, list):
            raise DialogueError("bad_apdu", "the meter answers one GET with a list")
        return _value(result)

    def get_all(self, wanted: Sequence[Attribute]) -> Part[list[Data | Refused]]:
        """Read several attributes, several at a time where the meter can."""
        requests, found = self._asking, list[Data | Refused]()
        size = requests.most_in_list
        while size > 1 and len(found) < len(wanted):
            part = wanted[len(found) : len(found) + size]
            result = yield from self._result(requests.get_list(part), in_list=True)
            if not isinstance(result, list) or len(result) != len(part):
                break  # it promised with-list and cannot: the rest one by one
            found += [_value(one) for one in result]
        for one in wanted[len(found) :]:
            found.append((yield from self.get(one)))
        return found

    @property
    def _asking(self) -> Requests:
        if self._requests is None:
            raise DialogueError("not_associated", "nothing is asked before the association")
        return self._requests

    def _result(self, request: bytes, *, in_list: bool = False) -> Part[Result | list[Result]]:
        """Send a GET and put the blocks of its answer together."""
        answer = get_response((yield from self._exchange(request)))
        raw, number = b"", None
        while isinstance(answer, Block):
            if number is not None and answer.number != number + 1:
                raise DialogueError("bad_apdu", f"block {answer.number} follows block {number}")
            if isinstance(answer.raw, Refused):
                return answer.raw
            number, raw = answer.number, raw + answer.raw
            if answer.last:
                return results(raw) if in_list else raw
            if len(raw) > _LONGEST or not answer.raw:
                raise DialogueError("bad_apdu", f"a long answer does not end ({len(raw)} octets)")
            answer = get_response((yield from self._exchange(self._asking.next_block(number))))
        return answer

    def _exchange(self, request: bytes) -> Part[bytes]:
        answer = yield from self._link.exchange(request)
        if not answer:
            raise DialogueError("bad_apdu", "the meter's answer is empty")
        return self._asking.opened(answer)

    def _prove(self, grant: Accepted) -> Part[None]:
        """Second half of high level security: each side proves that it knows the secret."""
        if not grant.challenge:
            raise DialogueError(
                "not_associated", "the meter gives no challenge: it knows another authentication"
            )
        if self._access.authentication in (Authentication.NONE, Authentication.LOW):
            raise DialogueError("not_associated", "the meter wants high level security: set `authentication`")
        proof = action_response((yield from self._exchange(self._asking.prove())))
        value = _value(proof)
        if not isinstance(value, Data) or not isinstance(value.value, bytes):
            raise DialogueError("bad_apdu", "the meter's proof is no octet-string")
        self._asking.proven(value.value)

    def _counter(self) -> Part[int]:
        """Read the last invocation counter as the public client, and give the next one."""
        code = self._access.counter
        if code is None:
            return 1
        public = Association(self._access.public(), self._random, self._opening, self._make_link)
        try:
            yield from public.open()
            value = yield from public.get(Attribute(_DATA, code, _VALUE))
        except ProtocolError as error:
            yield from public.close(error)
            raise
        yield from public.close()
        if isinstance(value, Data) and type(value.value) is int and 0 <= value.value < _MOST_COUNTER:
            return value.value + 1
        raise DialogueError("counter_low", f"the invocation counter {code} cannot be read: {value}")


def _value(result: Result) -> Data | Refused:
    """Read the A-XDR octets of a result, all of them."""
    if isinstance(result, Refused):
        return result
    try:
        data = axdr.read(result)
    except DecodeError as error:
        raise DialogueError("bad_apdu", f"a value of the meter breaks the standard: {error}") from error
    if data.end != len(result):
        raise DialogueError("bad_apdu", f"{len(result) - data.end} octets follow a value of the meter")
    return data
