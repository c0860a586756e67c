"""general-ciphering (IEC 62056-5-3): every field, every kind of key, the tag as gurux-dlms binds it, and both ways to the line."""

from __future__ import annotations

import ciimodel
import pytest
from ciibridge.errors import SecurityError
from ciibridge.framing.apdu import ApduFramer
from ciibridge.lines import LINES
from ciibridge.normalise import MeterSettings
from ciibridge.probing.envelopes import envelopes
from ciibridge.recording.redact.dlms import rewrite_apdu
from ciibridge.recording.redact.words import Words
from ciibridge.security.glo import Keys, Opener
from ciibridge.types import PROBLEMS, Apdu, Frame, Problem, Reading
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from gurux_dlms.AesGcmParameter import AesGcmParameter
from gurux_dlms.enums import Security
from gurux_dlms.GXDLMSChippering import GXDLMSChippering
from gurux_dlms.objects.enums.SecuritySuite import SecuritySuite
from hypothesis import given
from hypothesis import strategies as st

KEY = bytes(range(0x10, 0x20))
AUTH_KEY = bytes(range(0xD0, 0xE0))
TITLE = b"LGZ\x67\x73\x00\x11\x22"
CLIENT = b"CII\x00\x00\x00\x00\x01"
PUSH = bytes.fromhex("0f00d7dd820c07ea0504010b2714ff800000020209060100010700ff060000001c")
COUNTER = 0x01020304
IDENTIFIED = b"\x01\x00\x00"
WRAPPED = b"\x01\x01\x00\x18" + bytes(24)
AGREED = b"\x01\x02\x01\x01\x40" + bytes(64)


def string(octets: bytes) -> bytes:
    assert len(octets) < 0x10000
    length = bytes([len(octets)]) if len(octets) < 0x80 else b"\x82" + len(octets).to_bytes(2, "big")
    return length + octets


def header(
    *, title: bytes = TITLE, recipient: bytes = CLIENT, time: bytes = b"", other: bytes = b""
) -> bytes:
    """The fields before key-info, as they are sent and as the tag binds them."""
    fields = COUNTER.to_bytes(8, "big"), title, recipient, time, other
    return b"".join(string(field) for field in fields)


def seal(
    plain: bytes = PUSH,
    *,
    control: int = 0x30,
    key: bytes = KEY,
    auth_key: bytes = AUTH_KEY,
    fields: bytes | None = None,
    key_info: bytes = IDENTIFIED,
) -> bytes:
    bound = header() if fields is None else fields
    nonce = TITLE + COUNTER.to_bytes(4, "big")
    additional = bytes([control]) + auth_key + bound
    if control & 0x20:
        sealed = AESGCM(key).encrypt(nonce, plain, additional)
        text, tag = sealed[:-16], sealed[-16:-4]
    else:
        text, tag = plain, AESGCM(key).encrypt(nonce, b"", additional + plain)[:12]
    body = bytes([control]) + nonce[8:] + text + (tag if control & 0x10 else b"")
    return b"\xdd" + bound + key_info + string(body)


def refused(octets: bytes, keys: Keys | None = None) -> SecurityError:
    with pytest.raises(SecurityError) as raised:
        Opener(keys or Keys(KEY, AUTH_KEY)).open(Apdu(octets, 0))
    assert raised.value.code in PROBLEMS
    return raised.value


@pytest.mark.parametrize("control", [0x10, 0x20, 0x30, 0x11, 0x21, 0x31, 0x12, 0x22, 0x32, 0x70])
@pytest.mark.parametrize("key_info", [b"\0", IDENTIFIED, b"\x01\x00\x01"])
@pytest.mark.parametrize("plain", [PUSH, PUSH[:-5] + b"\x09\x81\xc8" + bytes(200)])
def test_it_opens_where_the_key_is_known(control: int, key_info: bytes, plain: bytes) -> None:
    key, auth_key = (KEY * 2, AUTH_KEY * 2) if control & 0x0F == 2 else (KEY, AUTH_KEY)
    octets = seal(plain, control=control, key=key, auth_key=auth_key, key_info=key_info)
    opened = Opener(Keys(key, auth_key)).open(Apdu(octets, 7))
    assert opened == Apdu(
        plain,
        7,
        system_title=TITLE,
        invocation_counter=COUNTER,
        authenticated=bool(control & 0x10),
        encrypted=bool(control & 0x20),
    )


def test_the_tag_is_bound_as_gurux_binds_it() -> None:
    settings = AesGcmParameter(0xDD, TITLE, KEY, AUTH_KEY)
    settings.security = Security.AUTHENTICATION_ENCRYPTION
    settings.securitySuite = SecuritySuite.SUITE_1
    settings.recipientSystemTitle = CLIENT
    settings.invocationCounter = COUNTER
    additional = bytes(GXDLMSChippering.getAuthenticatedData(settings, 0x31, PUSH))
    assert additional == b"\x31" + AUTH_KEY + header()


@pytest.mark.parametrize(
    "fields",
    [
        header(recipient=b""),
        header(time=bytes.fromhex("07ea0504010b2714ff800000")),
        header(other=b"any" * 60),
        b"\0" + header()[9:],
    ],
)
def test_every_field_may_be_there_or_not_and_the_tag_proves_it(fields: bytes) -> None:
    octets = seal(fields=fields)
    opened = Opener(Keys(KEY, AUTH_KEY)).open(Apdu(octets, 0))
    assert (opened.data, opened.authenticated) == (PUSH, True)
    other = seal(fields=header(other=b"something else"))
    forged = b"\xdd" + fields + other[1 + len(header(other=b"something else")) :]
    assert refused(forged).code == "not_authentic"


def test_a_system_title_that_is_left_out() -> None:
    octets = seal(fields=header(title=b""))
    assert Opener(Keys(KEY, AUTH_KEY, TITLE)).open(Apdu(octets, 0)).data == PUSH
    assert "`system_title`" in str(refused(octets))


@pytest.mark.parametrize(
    ("key_info", "code", "word"),
    [
        (WRAPPED, "unsupported_security", "master key"),
        (AGREED, "unsupported_security", "ECDH"),
        (b"\x01\x00\x02", "unsupported_security", "names the key 2"),
        (b"\x01\x03\x00", "bad_apdu", "none"),
        (b"\x02\x00\x00", "bad_apdu", "none"),
    ],
)
def test_other_keys_are_refused_with_the_reason(key_info: bytes, code: str, word: str) -> None:
    error = refused(seal(key_info=key_info))
    assert (error.code, word in str(error)) == (code, True)


def test_wrong_keys() -> None:
    assert refused(seal(), Keys()).code == "key_missing"
    assert refused(seal(), Keys(KEY[::-1], AUTH_KEY)).code == "key_wrong"
    assert refused(seal(), Keys(KEY, AUTH_KEY[::-1])).code == "not_authentic"
    assert "swapped" in str(refused(seal(), Keys(AUTH_KEY, KEY)))
    assert refused(seal(control=0xB0)).code == "unsupported_security"


def test_truncated() -> None:
    octets = seal()
    for length in range(1, len(octets)):
        assert refused(octets[:length]).code == "bad_apdu"


@given(st.binary(max_size=80), st.integers(0, 120))
def test_any_octets_raise_nothing_else(rest: bytes, cut: int) -> None:
    for octets in (b"\xdd" + rest, seal()[:cut] + rest):
        try:
            code, opened = "", Opener(Keys(KEY, AUTH_KEY)).open(Apdu(octets, 0))
        except SecurityError as error:
            code, opened = error.code, Apdu(octets, 0)
        assert not code or code in PROBLEMS
        assert not opened.authenticated or opened.data == PUSH


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_line_reads_it(size: int) -> None:
    settings = MeterSettings(key=KEY, auth_key=AUTH_KEY)
    line = LINES["dlms-apdu"](settings)
    octets = seal()
    found: list[Reading | Problem] = []
    for at in range(0, len(octets), size):
        found += line.feed(octets[at : at + size])
    found += line.finish()
    (reading,) = found
    assert isinstance(reading, Reading)
    assert reading.apdu.authenticated
    (again,) = line.feed(octets)
    assert isinstance(again, Problem)
    assert again.code == "replayed"


def test_its_maker_is_seen_without_a_key() -> None:
    (seen,) = envelopes("dlms-apdu", seal())
    assert (seen.flag, seen.tagged) == ("LGZ", True)


def test_it_is_redacted_with_its_title() -> None:
    words = Words(ciimodel.load(), (), 0)
    keys, test_keys = Keys(KEY, AUTH_KEY), Keys(bytes(16), bytes(range(16)))
    octets = seal()
    new = rewrite_apdu(Apdu(octets, 0), words, keys, test_keys)
    assert len(new) == len(octets)
    assert TITLE not in new
    opened = Opener(test_keys).open(Apdu(new, 0))
    assert (opened.authenticated, opened.data) == (True, PUSH)
    (frame,) = ApduFramer().feed(new)
    assert isinstance(frame, Frame)
