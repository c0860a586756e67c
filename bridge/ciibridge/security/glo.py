"""Ciphered Apdu → plain Apdu: AES-GCM, and the guard against replayed telegrams (IEC 62056-5-3, 5.3.8 and 8.3).

What a ciphered APDU consists of stands in ``ciphered``. AES-GCM with nonce = system title ‖ IC and additional data =
SC ‖ authentication key ‖ the fields of general-ciphering with their lengths (‖ plaintext where it is authenticated only), tag
cut to 12 octets. All suites cipher alike; suite 2 has 256-bit keys.

The encryption key alone opens every telegram. The authentication key only verifies the tag: without it nobody knows
who sent the telegram. Whether a key is right shows in the result, which must begin like a push, or like whatever else
the meter sends.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ciibridge.errors import ConfigError, SecurityError
from ciibridge.security.ciphered import (
    AUTHENTICATED,
    ENCRYPTED,
    SUITE,
    SUITES,
    Ciphered,
    is_ciphered,
    parse,
)
from ciibridge.security.keys import KEY_OCTETS, TITLE_OCTETS
from ciibridge.types import Apdu

_TAG_OCTETS: Final = 12
_GCM_TAG_OCTETS: Final = 16
#: Meters the replay guard remembers. A line has one; a bus a few.
_TITLES: Final = 64
#: A line's digest: so much of the key alone, the rest of system title and key.
_MARK_OCTETS: Final = 8
_DIGEST_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one meter; not shown in any text. ``system_title``: eight octets, where the telegrams leave it out."""

    key: bytes | None = field(default=None, repr=False)
    auth_key: bytes | None = field(default=None, repr=False)
    system_title: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, key in (("key", self.key), ("auth_key", self.auth_key)):
            if key is not None and len(key) not in KEY_OCTETS:
                raise ConfigError(f"{name}: {len(key)} octets, a key has {' or '.join(map(str, KEY_OCTETS))}")
        if self.system_title is not None and len(self.system_title) != TITLE_OCTETS:
            raise ConfigError(f"system_title: {len(self.system_title)} octets, it has {TITLE_OCTETS}")


def begins_like_a_push(plain: bytes) -> bool:
    """Whether deciphering gave a push: for a wrong key, once in millions.

    data-notification with its date-time (absent, plain, or tagged as Kamstrup and Kaifa do) and a structure or array
    behind it; or event-notification with its optional time.
    """
    if plain[:1] == b"\x0f":
        body = {b"\x00": 6, b"\x0c": 18, b"\x09": 19}.get(plain[5:6], len(plain))
        return plain[body : body + 1] in (b"\x01", b"\x02")
    if plain[:1] == b"\xc2":
        attribute = {b"\x00": 2, b"\x01": 15}.get(
            plain[1:2], len(plain)
        )  # class 2, logical name 6 (ends in FF), …
        return plain[attribute : attribute + 1] == b"\x00" and plain[attribute + 7 : attribute + 8] == b"\xff"
    return False


class Opener:
    """Opens the telegrams of one meter; keeps nothing but its keys. ``plausible`` tells a plaintext from garbage.

    A plain APDU passes through as it is: ``Apdu.encrypted`` and ``Apdu.authenticated`` of the result say what it was
    worth, and the caller decides whether a plain one is welcome where a key is configured.
    """

    def __init__(self, keys: Keys, plausible: Callable[[bytes], bool] = begins_like_a_push) -> None:
        self._plausible = plausible
        self._auth_key = keys.auth_key
        self._system_title = keys.system_title
        self._cipher = AESGCM(keys.key) if keys.key else None
        self._key_octets = len(keys.key or b"")
        # A second cipher only to recognise that the two keys were swapped.
        self._swapped = AESGCM(keys.auth_key) if keys.auth_key else None

    def open(self, apdu: Apdu) -> Apdu:
        """Give the plain APDU with what is known of its origin.

        Raises ``SecurityError`` with code key_missing, key_wrong, not_authentic, unsupported_security or bad_apdu.
        """
        if not is_ciphered(apdu):
            return apdu
        ciphered = parse(apdu.data)
        if not ciphered.title:
            ciphered = self._titled(ciphered)
        plain = ciphered.text
        authenticated = False
        if ciphered.control & (ENCRYPTED | AUTHENTICATED):
            plain, authenticated = self._decipher(ciphered)
        return Apdu(
            plain,
            apdu.offset,
            apdu.destination,
            apdu.source,
            apdu.transfer,
            ciphered.title,
            int.from_bytes(ciphered.counter, "big"),
            authenticated,
            bool(ciphered.control & ENCRYPTED),
        )

    def _titled(self, ciphered: Ciphered) -> Ciphered:
        if self._system_title is None:
            raise SecurityError(
                "key_missing",
                "the telegram leaves out the system title of the meter, without which no key opens it: set `system_title` "
                "and `key`",
            )
        return ciphered._replace(title=self._system_title)

    def _decipher(self, ciphered: Ciphered) -> tuple[bytes, bool]:
        """Plaintext, and whether its tag was verified."""
        encrypted = bool(ciphered.control & ENCRYPTED)
        if self._cipher is None:
            if encrypted:
                raise SecurityError(
                    "key_missing", f"the meter {ciphered.maker} encrypts and no key is configured"
                )
            return ciphered.text, False
        suite = ciphered.control & SUITE
        if self._key_octets != SUITES[suite]:
            message = f"security suite {suite} has keys of {SUITES[suite]} octets, the configured one has "
            raise SecurityError("key_wrong", f"{message}{self._key_octets}")
        nonce = ciphered.title + ciphered.counter
        plain = _counter_mode(self._cipher, nonce, ciphered.text) if encrypted else ciphered.text
        if not self._plausible(plain):
            self._refuse(ciphered, nonce)
        if self._auth_key is None or not ciphered.tag:
            return plain, False
        if not hmac.compare_digest(_tag(self._cipher, nonce, ciphered, plain, self._auth_key), ciphered.tag):
            raise SecurityError(
                "not_authentic", "the telegram opens, but its authentication tag does not fit"
            )
        return plain, True

    def _refuse(self, ciphered: Ciphered, nonce: bytes) -> None:
        if not ciphered.control & ENCRYPTED:
            raise SecurityError("bad_apdu", "the authenticated APDU is not what the meter sends", offset=0)
        if self._swapped and self._plausible(_counter_mode(self._swapped, nonce, ciphered.text)):
            message = "the authentication key opens the telegram: `key` and `auth_key` are swapped"
            raise SecurityError("key_wrong", message)
        raise SecurityError("key_wrong", f"the key does not open the telegrams of the meter {ciphered.maker}")


def seal(octets: bytes, plain: bytes, title: bytes, keys: Keys) -> bytes:
    """Make a ciphered APDU like ``octets``: another plaintext of the same length, another system title, other keys.

    For recordings that are published: the counter stays, so the keys must be known to everybody anyway. Raises ``SecurityError``
    where ``octets`` are no ciphered APDU with a title in it.
    """
    parts = parse(octets)
    if not parts.title:
        raise SecurityError("bad_apdu", "a ciphered telegram without system title cannot be sealed anew")
    begin, end = parts.title_at, parts.title_at + TITLE_OCTETS
    octets = octets[:begin] + title + octets[end:]
    parts = parse(octets)
    key = keys.key or b""
    cipher = AESGCM(key * (SUITES[parts.control & SUITE] // (len(key) or 1)))
    nonce = title + parts.counter
    text = _counter_mode(cipher, nonce, plain) if parts.control & ENCRYPTED else plain
    tag = _tag(cipher, nonce, parts, plain, keys.auth_key or b"") if parts.tag else b""
    return octets[: len(octets) - len(parts.text) - len(parts.tag)] + text + tag


def key_mark(key: bytes) -> bytes:
    """Give the octets with which the lines of all meters with this key begin."""
    return hmac.digest(key, b"key of invocation counters", "sha256")[:_MARK_OCTETS]


class ReplayGuard:
    """Remembers the last invocation counter of each meter, and refuses what is not newer.

    Ask it after ``Opener.open``, and tell it with ``accept`` when the telegram was read to its end: one that does not open, or is
    garbage behind its first octets, must not move the counter. Forged with the highest one, it would silence the meter for good.

    ``counters`` is where it remembers, kept over restarts by whoever gives it: digest of system title and key → counter. It
    begins with ``key_mark``, by which the counters of a meter are found again without its system title.
    A meter begins anew with a new key (IEC 62056-5-3, 5.3.3.7: a nonce is used once a key), and so does the digest; it also
    keeps serial number and key out of what is stored. Only with a key: nobody else proves who sends, and could fill it.
    """

    def __init__(self, key: bytes | None = None, counters: MutableMapping[bytes, int] | None = None) -> None:
        self._key = key
        self._counters: MutableMapping[bytes, int] = {} if counters is None or key is None else counters
        self._lines: dict[bytes, bytes] = {}  # system title → digest

    def check(self, apdu: Apdu) -> None:
        """Raise ``SecurityError`` (replayed) unless the counter is greater than the last one; plain APDUs pass."""
        title, counter = apdu.system_title, apdu.invocation_counter
        if title is None or counter is None:
            return
        last = self._counters.get(self._line(title))
        if last is not None and counter <= last:
            raise SecurityError("replayed", f"invocation counter {counter} after {last}")

    def accept(self, apdu: Apdu) -> None:
        """Remember the counter of a telegram."""
        if apdu.system_title is not None and apdu.invocation_counter is not None:
            self._counters[self._line(apdu.system_title)] = apdu.invocation_counter

    def _line(self, title: bytes) -> bytes:
        if (known := self._lines.get(title)) is not None:
            return known
        if len(self._lines) >= _TITLES:
            self._counters.pop(self._lines.pop(next(iter(self._lines))), None)
        key = self._key or b""
        line = (key_mark(key) + hmac.digest(key, b"invocation counter of " + title, "sha256"))[
            :_DIGEST_OCTETS
        ]
        self._lines[title] = line
        return line


def _counter_mode(cipher: AESGCM, nonce: bytes, text: bytes) -> bytes:
    """Decrypt without a look at the tag.

    In counter mode encrypting and decrypting are the same, so GCM encryption of the ciphertext gives the plaintext (and
    a tag that means nothing). It keeps the expanded key from one telegram to the next; a CTR cipher object would not.
    """
    return cipher.encrypt(nonce, text, None)[:-_GCM_TAG_OCTETS]


def _tag(cipher: AESGCM, nonce: bytes, ciphered: Ciphered, plain: bytes, auth_key: bytes) -> bytes:
    """Compute the tag the meter should have sent: ``AESGCM.decrypt`` knows only uncut tags of 16 octets."""
    additional = bytes((ciphered.control,)) + auth_key + ciphered.bound
    if ciphered.control & ENCRYPTED:
        sealed = cipher.encrypt(nonce, plain, additional)
    else:
        sealed = cipher.encrypt(nonce, b"", additional + plain)
    return sealed[-_GCM_TAG_OCTETS:][:_TAG_OCTETS]
