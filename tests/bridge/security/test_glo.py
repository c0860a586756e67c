"""AES-GCM as meters use it: real telegrams, synthetic ones, and every way a key can be wrong."""

from __future__ import annotations

import pytest
from captures import Capture, capture, load_captures
from ciibridge.errors import ConfigError, SecurityError
from ciibridge.framing.hdlc import HdlcFramer
from ciibridge.framing.reassembly import Reassembler
from ciibridge.security.ciphered import is_ciphered
from ciibridge.security.glo import Keys, Opener, ReplayGuard
from ciibridge.types import PROBLEMS, Apdu, Frame
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

KEY = bytes(range(0x10, 0x20))
AUTH_KEY = bytes(range(0xD0, 0xE0))
TITLE = b"LGZ\x67\x73\x00\x11\x22"
PUSH = bytes.fromhex("0f00d7dd820c07ea0504010b2714ff800000020209060100010700ff060000001c")
TAGGED = bytes.fromhex("0f40000000090c07e60102070e2512ff80000002010600001015")
TIMELESS = bytes.fromhex("0f4000000000010102011101")
EVENT = bytes.fromhex("c20000010000600b00ff021101")
CIPHERED = [
    one for one in load_captures("dlms-hdlc") if one.facts["structure"].get("ciphered") and one.facts["key"]
]
SECRET = [
    one
    for one in load_captures("dlms-hdlc")
    if one.facts["structure"].get("ciphered") and not one.facts["key"]
]


def apdu_of(one: Capture) -> Apdu:
    reassembler = Reassembler()
    for frame in HdlcFramer().feed(one.data):
        assert isinstance(frame, Frame)
        for apdu in reassembler.feed(frame):
            assert isinstance(apdu, Apdu)
            return apdu
    raise AssertionError(one.name)


def seal(
    plain: bytes,
    *,
    control: int = 0x30,
    key: bytes = KEY,
    auth_key: bytes = AUTH_KEY,
    counter: int = 1,
    title: bytes = TITLE,
    tag: int = 0xDB,
) -> Apdu:
    """A ciphered APDU, made with the GCM mode object (the code under test uses the AEAD interface)."""
    nonce = title + counter.to_bytes(4, "big")
    encryptor = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    additional = bytes([control]) + auth_key
    if control & 0x10:
        encryptor.authenticate_additional_data(additional if control & 0x20 else additional + plain)
    text = encryptor.update(plain) if control & 0x20 else plain
    encryptor.finalize()
    body = bytes([control]) + nonce[8:] + text + (encryptor.tag[:12] if control & 0x10 else b"")
    length = bytes([len(body)]) if len(body) < 0x80 else b"\x82" + len(body).to_bytes(2, "big")
    return Apdu(bytes([tag, 8]) + title + length + body, 77, "cf", "03", "blocks")


def refused(apdu: Apdu, keys: Keys) -> SecurityError:
    with pytest.raises(SecurityError) as raised:
        Opener(keys).open(apdu)
    error = raised.value
    assert error.code in PROBLEMS
    return error


@pytest.mark.parametrize("one", CIPHERED, ids=lambda one: one.name)
def test_captures_open(one: Capture) -> None:
    structure = one.facts["structure"]
    plain = Opener(Keys(one.key, one.auth_key)).open(apdu_of(one))
    assert plain.encrypted
    assert plain.authenticated == (one.auth_key is not None)
    assert plain.system_title == bytes.fromhex(structure["system_title"])
    assert plain.invocation_counter == structure["invocation_counter"]
    assert plain.data[0] == 0x0F
    # The encryption key alone opens it as well.
    alone = Opener(Keys(one.key)).open(apdu_of(one))
    assert alone.data == plain.data
    assert not alone.authenticated


@pytest.mark.parametrize("one", [*CIPHERED, *SECRET], ids=lambda one: one.name)
def test_captures_without_a_key_and_with_a_wrong_one(one: Capture) -> None:
    missing = refused(apdu_of(one), Keys())
    assert missing.code == "key_missing"
    serial = one.facts["structure"]["system_title"]
    assert serial[6:].lower() not in str(missing).lower()  # not the whole system title
    assert refused(apdu_of(one), Keys(KEY[::-1], AUTH_KEY)).code == "key_wrong"


@pytest.mark.parametrize("one", [one for one in CIPHERED if one.auth_key], ids=lambda one: one.name)
def test_captures_with_swapped_keys(one: Capture) -> None:
    error = refused(apdu_of(one), Keys(one.auth_key, one.key))
    assert error.code == "key_wrong"
    assert "swapped" in str(error)


@pytest.mark.parametrize("plain", [PUSH, TAGGED, TIMELESS, EVENT, PUSH[:-5] + b"\x09\x81\xc8" + bytes(200)])
@pytest.mark.parametrize("tag", [0xDB, 0xDC])
@pytest.mark.parametrize("control", [0x20, 0x30, 0x10, 0x21, 0x31, 0x22, 0x32, 0x00, 0x60, 0x70])
def test_round_trip(control: int, tag: int, plain: bytes) -> None:
    key = KEY * 2 if control & 0x0F == 2 else KEY
    opened = Opener(Keys(key, AUTH_KEY)).open(
        seal(plain, control=control, key=key, tag=tag, counter=0x01020304)
    )
    assert opened == Apdu(
        plain,
        77,
        "cf",
        "03",
        "blocks",
        system_title=TITLE,
        invocation_counter=0x01020304,
        authenticated=bool(control & 0x10),
        encrypted=bool(control & 0x20),
    )


def test_plain_telegrams_pass_and_are_marked() -> None:
    apdu = Apdu(PUSH, 0)
    assert not is_ciphered(apdu)
    assert Opener(Keys(KEY)).open(apdu) is apdu
    assert not apdu.encrypted
    assert Opener(Keys()).open(Apdu(b"", 0)) == Apdu(b"", 0)


def test_authenticated_only_is_readable_without_a_key() -> None:
    opened = Opener(Keys()).open(seal(PUSH, control=0x10))
    assert opened.data == PUSH
    assert not opened.authenticated


@pytest.mark.parametrize("control", [0x30, 0x31, 0x10])
def test_wrong_authentication_key(control: int) -> None:
    assert refused(seal(PUSH, control=control), Keys(KEY, AUTH_KEY[::-1])).code == "not_authentic"


@pytest.mark.parametrize("control", [0x30, 0x10])
@pytest.mark.parametrize("position", [-1, -12, -13, -20])
def test_forged_octet(control: int, position: int) -> None:
    sealed = seal(PUSH, control=control)
    forged = bytearray(sealed.data)
    forged[position] ^= 1
    assert refused(Apdu(bytes(forged), 0), Keys(KEY, AUTH_KEY)).code == "not_authentic"


def test_swapped_keys() -> None:
    error = refused(seal(PUSH), Keys(AUTH_KEY, KEY))
    assert error.code == "key_wrong"
    assert "`key` and `auth_key` are swapped" in str(error)


def test_wrong_key_is_not_called_swapped() -> None:
    error = refused(seal(PUSH), Keys(KEY[::-1], AUTH_KEY))
    assert error.code == "key_wrong"
    assert "swapped" not in str(error)
    assert "LGZ" in str(error)


def test_suite_needs_its_length_of_key() -> None:
    assert refused(seal(PUSH, control=0x32, key=KEY * 2), Keys(KEY)).code == "key_wrong"
    assert refused(seal(PUSH), Keys(KEY * 2)).code == "key_wrong"


@pytest.mark.parametrize("control", [0xA0, 0xB0, 0x33, 0x2F])
def test_compression_and_unknown_suites_are_unsupported(control: int) -> None:
    assert refused(seal(PUSH, control=control), Keys(KEY)).code == "unsupported_security"


@pytest.mark.parametrize("tag", [0xC8, 0xCF, 0xD0, 0xD7, 0xDF])
def test_other_ciphered_apdus_are_unsupported(tag: int) -> None:
    apdu = seal(PUSH, tag=tag)
    assert is_ciphered(apdu)
    assert refused(apdu, Keys(KEY)).code == "unsupported_security"


@pytest.mark.parametrize("tag", [0xDB, 0xDC])
def test_a_system_title_that_the_telegram_leaves_out(tag: int) -> None:
    whole = seal(PUSH, tag=tag)
    octets = bytes([tag, 0]) + whole.data[2 + len(TITLE) :]
    opened = Opener(Keys(KEY, AUTH_KEY, TITLE)).open(Apdu(octets, 77))
    assert (opened.data, opened.authenticated, opened.system_title) == (PUSH, True, TITLE)
    error = refused(Apdu(octets, 77), Keys(KEY, AUTH_KEY))
    assert (error.code, "`system_title`" in str(error)) == ("key_missing", True)
    assert refused(Apdu(octets, 77), Keys(KEY, AUTH_KEY, bytes(8))).code == "key_wrong"
    with pytest.raises(ConfigError, match="system_title: 3 octets"):
        Keys(KEY, system_title=b"LGZ")


@pytest.mark.parametrize("control", [0x10, 0x20, 0x30, 0x11, 0x21, 0x31, 0x12, 0x22, 0x32])
def test_every_suite_and_policy(control: int) -> None:
    key, auth_key = (KEY * 2, AUTH_KEY * 2) if control & 0x0F == 2 else (KEY, AUTH_KEY)
    sealed = seal(PUSH, control=control, key=key, auth_key=auth_key)
    opened = Opener(Keys(key, auth_key)).open(sealed)
    assert (opened.data, opened.authenticated) == (PUSH, bool(control & 0x10))
    assert opened.encrypted is bool(control & 0x20)


def test_truncated() -> None:
    whole = seal(PUSH).data
    for length in range(1, len(whole)):
        assert refused(Apdu(whole[:length], 0), Keys(KEY, AUTH_KEY)).code == "bad_apdu"


@pytest.mark.parametrize(
    "octets",
    [
        "db07" + TITLE.hex() + "0520000000010f",  # system title of 7 octets
        "db08" + TITLE.hex() + "042000000001",  # shorter than its header
        "db08" + TITLE.hex() + "0630000000010f",  # shorter than its tag
        "db08" + TITLE.hex() + "802000000001",  # a length without octets
    ],
)
def test_impossible_headers(octets: str) -> None:
    assert refused(Apdu(bytes.fromhex(octets), 0), Keys(KEY, AUTH_KEY)).code == "bad_apdu"


@pytest.mark.parametrize(
    "plain", [b"", b"\x0f", PUSH[:5], b"\xc2\x01", b"\x00" * 40, PUSH[:18] + b"\x06\0\0\0\0"]
)
def test_what_does_not_begin_like_a_push_has_the_wrong_key(plain: bytes) -> None:
    assert refused(seal(plain, control=0x20), Keys(KEY)).code == "key_wrong"


def test_keys_are_in_no_text() -> None:
    keys = Keys(KEY, AUTH_KEY)
    assert repr(keys) == "Keys()"
    for apdu in (seal(PUSH, key=KEY[::-1]), seal(PUSH, auth_key=KEY)):
        error = refused(apdu, keys)
        for secret in (KEY, AUTH_KEY):
            assert secret.hex() not in str(error).lower()
            assert repr(secret) not in str(error)


@pytest.mark.parametrize("octets", [0, 5, 15, 17, 24])
def test_keys_of_impossible_length(octets: int) -> None:
    with pytest.raises(ConfigError, match=f"auth_key: {octets} octets"):
        Keys(KEY, bytes(octets))


def take(guard: ReplayGuard, apdu: Apdu) -> None:
    """Admit a telegram that turns out to be good."""
    guard.check(apdu)
    guard.accept(apdu)


def test_replay_guard() -> None:
    guard = ReplayGuard()
    opener = Opener(Keys(KEY, AUTH_KEY))
    other = b"ISK\x67\x73\x00\x11\x22"
    for counter, title in ((5, TITLE), (6, TITLE), (9, TITLE), (1, other), (10, TITLE), (2, other)):
        take(guard, opener.open(seal(PUSH, counter=counter, title=title)))
    for counter, title in ((10, TITLE), (6, TITLE), (0, TITLE), (2, other)):
        with pytest.raises(SecurityError) as raised:
            take(guard, opener.open(seal(PUSH, counter=counter, title=title)))
        assert raised.value.code == "replayed"
    take(guard, opener.open(seal(PUSH, counter=11)))  # a refused one does not move the counter
    for _ in range(3):
        take(guard, Apdu(PUSH, 0))  # plain ones have no counter


def test_replay_guard_is_bounded() -> None:
    guard = ReplayGuard()
    for number in range(1000):
        take(guard, Apdu(PUSH, 0, system_title=number.to_bytes(8, "big"), invocation_counter=1))
    assert len(guard._lines) == len(guard._counters) == 64
    with pytest.raises(SecurityError):
        take(guard, Apdu(PUSH, 0, system_title=(999).to_bytes(8, "big"), invocation_counter=1))


def test_invocation_counter_of_consecutive_telegrams_rises() -> None:
    """The two 0x30 captures with both keys come from different meters: the guard lets both pass."""
    guard = ReplayGuard()
    for name in ("kamstrup-omnipower-encrypted-authenticated", "lg-e450-encrypted-authenticated-flat-pairs"):
        one = capture(f"dlms-hdlc/{name}.bin")
        opened = Opener(Keys(one.key, one.auth_key)).open(apdu_of(one))
        take(guard, opened)
        with pytest.raises(SecurityError, match="invocation counter"):
            take(guard, opened)


@given(st.sampled_from([0xDB, 0xDC, 0xDD, 0xC8, 0x0F]), st.binary(max_size=60))
@settings(max_examples=150)
def test_any_octets_raise_nothing_else(tag: int, rest: bytes) -> None:
    for octets in (bytes([tag]) + rest, bytes([tag, 8]) + TITLE + bytes([len(rest)]) + rest):
        try:
            code, opened = "", Opener(Keys(KEY, AUTH_KEY)).open(Apdu(octets, 0))
        except SecurityError as error:
            code, opened = error.code, Apdu(octets, 0)
        assert not code or code in PROBLEMS
        assert not opened.encrypted  # nobody guesses a ciphered push with its tag


def test_a_telegram_that_is_not_accepted_does_not_move_the_counter() -> None:
    guard = ReplayGuard()
    opener = Opener(Keys(KEY, AUTH_KEY))
    guard.check(opener.open(seal(PUSH, counter=2**32 - 1)))
    take(guard, opener.open(seal(PUSH, counter=5)))
