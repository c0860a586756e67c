"""Encrypted M-Bus telegrams, mode 5: AES-128-CBC (EN 13757-7, 7.6; OMS volume 2).

    configuration word   bits 8-12: mode      bits 4-7: encrypted blocks of 16 octets; what follows them is plain
    initialisation       manufacturer 2 | identification number 4 | version 1 | device type 1 | access number 8 times

The plaintext begins with two idle fillers 2F 2F: the only sign that the key is right. There is no authentication.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ciibridge.errors import SecurityError

_BLOCK: Final = 16
_PLAIN_BEGINS: Final = b"\x2f\x2f"
_MODE_5: Final = 5
#: Modes with another scheme: DES (2, 3), CBC and CMAC with derived keys (7), CTR (8), GCM and CCM (9, 10), TLS (13).
_UNSUPPORTED: Final = frozenset((2, 3, 7, 8, 9, 10, 13))


def encrypted_octets(configuration: int, body: bytes) -> int:
    """Tell how many octets of ``body`` are encrypted; 0: it is plain.

    Raises ``SecurityError`` (unsupported_security). Devices older than the modes have any signature in that word, so one
    of another mode counts only where nothing shows that the body is plain.
    """
    mode, blocks = configuration >> 8 & 0x1F, configuration >> 4 & 0x0F
    octets = blocks * _BLOCK
    if mode not in _UNSUPPORTED | {_MODE_5} or not 0 < octets <= len(body) or body.startswith(_PLAIN_BEGINS):
        return 0
    if mode != _MODE_5:
        raise SecurityError("unsupported_security", f"encryption mode {mode} is not supported")
    return octets


def decipher(body: bytes, octets: int, address: bytes, access: int, key: bytes | None) -> bytes:
    """Give the plaintext of ``body``, whose first ``octets`` are encrypted.

    ``address``: the eight octets of the secondary address in the order above. Raises ``SecurityError``: key_missing,
    key_wrong, or unsupported_security where the header lacks the address.
    """
    if not address:
        raise SecurityError("unsupported_security", "an encrypted telegram without address is not supported")
    if key is None:
        raise SecurityError("key_missing", "the meter encrypts and no key is configured")
    if len(key) != _BLOCK:
        raise SecurityError(
            "key_wrong", f"mode 5 has keys of {_BLOCK} octets, the configured one has {len(key)}"
        )
    start = address + bytes((access,)) * (_BLOCK - len(address))
    # The mode is the standard's choice, not ours; what it protects is read, never sent.
    reader = Cipher(algorithms.AES(key), modes.CBC(start)).decryptor()
    plain = reader.update(body[:octets]) + reader.finalize()
    if not plain.startswith(_PLAIN_BEGINS):
        raise SecurityError("key_wrong", "the key does not open the telegram")
    return plain + body[octets:]
