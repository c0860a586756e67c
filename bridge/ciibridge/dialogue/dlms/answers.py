"""What a meter answers: AARE, get- and action-response, exceptions (IEC 62056-5-3, 7.2, 7.3 and 8.3).

    C4 | 01 | invoke-id | 00 data  or 01 data-access-result                 get-response-normal
    C4 | 02 | invoke-id | last | block number (4) | 00 length raw  or 01 …  get-response-with-datablock
    C4 | 03 | invoke-id | count | 00 data  or 01 …  for each                get-response-with-list
    C7 | 01 | invoke-id | result | 01 00 data                               action-response-normal
    D8 | state-error | service-error [| invocation counter (4)]             exception-response
    61 | length | A1 context | A2 result | A3 diagnostic | A4 title | AA challenge | BE initiate-response    AARE

Everything raises DialogueError where it is not as the standard says. Values stay A-XDR octets here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ciibridge.decode.dlms import axdr
from ciibridge.dialogue import DialogueError
from ciibridge.errors import DecodeError

GET: Final = 0xC4
ACTION: Final = 0xC7
_EXCEPTION: Final = 0xD8
_SERVICE_ERROR: Final = 0x0E
_AARE: Final = 0x61
_INITIATE: Final = 0x08
_NORMAL: Final = 1
_BLOCK: Final = 2
_LIST: Final = 3
_INVOCATION_COUNTER: Final = 6
_DECIPHERING: Final = 5

#: data-access-result (IEC 62056-5-3, 7.3.9).
ACCESS_RESULTS: Final = {
    1: "hardware fault",
    2: "temporary failure",
    3: "read-write denied",
    4: "object undefined",
    9: "object class inconsistent",
    11: "object unavailable",
    12: "type unmatched",
    13: "scope of access violated",
    14: "data block unavailable",
    15: "long get aborted",
    16: "no long get in progress",
    19: "data block number invalid",
    250: "other reason",
}
#: result-source-diagnostic of the ACSE user (7.3.7.2) → what is wrong, and the code of the problem.
_DIAGNOSTICS: Final = {
    1: ("no reason given", "not_associated"),
    2: ("application context not supported: it wants ciphering, or none", "not_associated"),
    3: ("calling AP title not recognised: it does not know this system title", "not_associated"),
    11: ("authentication mechanism not recognised", "not_associated"),
    12: ("authentication mechanism required", "not_associated"),
    13: ("authentication failure: wrong password or key", "access_denied"),
    14: ("authentication required", "not_associated"),
}
_EXCEPTIONS: Final = {
    1: "operation not possible",
    2: "service not supported",
    3: "other reason",
    4: "PDU too long",
    _DECIPHERING: "deciphering error",
    _INVOCATION_COUNTER: "invocation counter error",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """The meter does not give an attribute: data-access-result."""

    code: int

    def __str__(self) -> str:
        return ACCESS_RESULTS.get(self.code, f"data-access-result {self.code}")


Result = bytes | Refused  # A-XDR octets, or why not


class Block(NamedTuple):
    """One block of a long answer."""

    last: bool
    number: int
    raw: Result


class Accepted(NamedTuple):
    """What an AARE grants."""

    challenge: bytes  # of the meter; empty without high level security
    pending: bool  # the second half of high level security is still to come
    system_title: bytes
    conformance: int  # bit 0 is the first one of the standard, as gurux-dlms counts them
    pdu_octets: int  # largest APDU the meter takes


def get_response(apdu: bytes) -> Result | Block | list[Result]:
    """Read a get-response: one result, one block of a long one, or a list of results."""
    _expect(apdu, GET, "get-response")
    kind, body = apdu[1], apdu[3:]
    if kind == _NORMAL:
        return _result(body, 0)[0]
    if kind == _BLOCK and len(body) >= 7:
        number, tag, rest = int.from_bytes(body[1:5], "big"), body[5], body[6:]
        if tag:
            return Block(last=True, number=number, raw=Refused(rest[0]))
        size, begin = _length(rest, 0)
        if size != len(rest) - begin:
            raise _bad(f"a block announces {size} octets and has {len(rest) - begin}")
        return Block(bool(body[0]), number, rest[begin:])
    if kind == _LIST and body:
        return results(body)
    raise _bad(f"get-response of kind {kind}")


def results(octets: bytes) -> list[Result]:
    """Read the results of a get-response-with-list, from their count on."""
    count, position = _length(octets, 0)
    found: list[Result] = []
    for _ in range(count):
        result, position = _result(octets, position)
        found.append(result)
    return found


def action_response(apdu: bytes) -> bytes:
    """Read the A-XDR octets that a method returned. Raises DialogueError (access_denied) when it refused."""
    _expect(apdu, ACTION, "action-response")
    if apdu[1] != _NORMAL or len(apdu) < 4:
        raise _bad("an action-response that is not normal")
    if apdu[3]:
        raise DialogueError(
            "access_denied", f"the meter refuses the proof of the secret (action-result {apdu[3]})"
        )
    if len(apdu) < 6 or apdu[4] != 1 or apdu[5]:
        raise _bad("an action-response without return parameters")
    return _result(apdu, 5)[0]  # type: ignore[return-value]  # its tag is 0, as just seen


def refuse(apdu: bytes, code: str = "refused") -> None:
    """Raise DialogueError (``code``) when the answer is an exception or a confirmed service error."""
    if apdu[:1] == bytes([_EXCEPTION]) and len(apdu) >= 3:
        text = _EXCEPTIONS.get(apdu[2], f"service error {apdu[2]}")
        if apdu[2] == _INVOCATION_COUNTER:
            told = f"; it expects more than {int.from_bytes(apdu[3:7], 'big')}" if len(apdu) >= 7 else ""
            raise DialogueError("counter_low", f"the invocation counter is too low for the meter{told}")
        if apdu[2] == _DECIPHERING:
            raise DialogueError("key_wrong", "the meter cannot open our request (deciphering error)")
        raise DialogueError(code, f"the meter answers with an exception: {text}")
    if apdu[:1] == bytes([_SERVICE_ERROR]):
        raise DialogueError(code, f"the meter answers with a confirmed service error ({apdu[1:4].hex()})")


def aare(apdu: bytes) -> tuple[Accepted, bytes]:
    """Read an AARE: what it grants (conformance and PDU still missing), and its initiate-response, maybe ciphered.

    Raises DialogueError (not_associated, access_denied) with the diagnostic when the association is rejected.
    """
    if apdu[:1] != bytes([_AARE]):
        raise _bad(f"an APDU with tag {apdu[:1].hex() or 'none'} where the AARE should be")
    result: int | None = None
    diagnostic, by_user = 0, True
    challenge = title = information = b""
    for tag, content in _fields(apdu):
        if tag == 0xA2:
            result = content[-1]
        elif tag == 0xA3:
            diagnostic, by_user = content[-1], content[0] == 0xA1
        elif tag == 0xA4:
            title = content[2:]
        elif tag == 0xAA:
            challenge = content[2:]
        elif tag == 0xBE:
            information = content[2:]
    if result is None:
        raise _bad("an AARE without result")
    if result:
        raise _rejected(result, diagnostic, by_user=by_user)
    if diagnostic == 13:  # accepted and failed: some meters say both
        raise _rejected(result, diagnostic, by_user=by_user)
    return Accepted(challenge, diagnostic == 14, title, 0, 0), information


def initiate(octets: bytes) -> tuple[int, int]:
    """Read conformance and PDU size of a plain initiate-response.

    08 | 00 or 01 quality | 06 version | 5F 1F 04 00 conformance (3) | PDU size (2) | VAA name (2)
    """
    refuse(octets)
    begin = octets.find(b"\x5f\x1f\x04\x00")
    body = octets[begin + 4 : begin + 9]
    if octets[:1] != bytes([_INITIATE]) or begin < 0 or len(body) != 5:
        raise _bad("an AARE without initiate-response")
    bits = int(f"{int.from_bytes(body[:3], 'big'):024b}"[::-1], 2)
    return bits, int.from_bytes(body[3:], "big")


def _rejected(result: int, diagnostic: int, *, by_user: bool) -> DialogueError:
    text, code = _DIAGNOSTICS.get(diagnostic, (f"diagnostic {diagnostic}", "not_associated"))
    if not by_user:
        text, code = (
            {2: "no common ACSE version"}.get(diagnostic, f"ACSE diagnostic {diagnostic}"),
            "not_associated",
        )
    how = {1: "permanently", 2: "for now"}.get(result, "")
    return DialogueError(code, f"the meter rejects the association {how}: {text}".replace(" :", ":"))


def _fields(apdu: bytes) -> Iterator[tuple[int, bytes]]:
    """Walk the fields of an AARE (BER, tag of one octet); each content is not empty."""
    size, position = _length(apdu, 1)
    if size > len(apdu) - position:
        raise _bad(f"the AARE announces {size} octets and has {len(apdu) - position}")
    end = position + size
    while position < end:
        tag = apdu[position]
        size, begin = _length(apdu, position + 1)
        content = apdu[begin : begin + size]
        if len(content) != size or not content:
            raise _bad(f"field {tag:02X} of the AARE is cut off")
        yield tag, content
        position = begin + size


def _result(octets: bytes, position: int) -> tuple[Result, int]:
    """Read a Get-Data-Result, and the index behind it."""
    tag = octets[position : position + 1]
    if tag == b"\x01" and len(octets) > position + 1:
        return Refused(octets[position + 1]), position + 2
    if tag != b"\0":
        raise _bad(f"a result begins with {tag.hex() or 'nothing'}")
    try:
        end = axdr.read(octets, position + 1).end
    except DecodeError as error:
        raise _bad(f"{error} (octet {error.offset})") from error
    return octets[position + 1 : end], end


def _length(octets: bytes, position: int) -> tuple[int, int]:
    try:
        return axdr.length(octets, position)
    except (IndexError, DecodeError) as error:
        raise _bad("a length is cut off") from error


def _expect(apdu: bytes, tag: int, name: str) -> None:
    refuse(apdu)
    if len(apdu) < 4 or apdu[0] != tag:
        raise _bad(f"an APDU that begins with {apdu[:1].hex() or 'nothing'} where a {name} should be")


def _bad(message: str) -> DialogueError:
    return DialogueError("bad_apdu", f"the meter's answer is not as the standard says: {message}")
