"""How a DLMS meter lets somebody in: addresses, authentication, keys (IEC 62056-5-3, 4.2 and 5.2; IEC 62056-46, 6.4.2).

    client   16 public · 1 management · others as the operator says
    server   logical device (upper address), and on a bus or with many makers a physical one (lower address)

None of it can be guessed: the operator gives client, authentication and secret, or keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ciibridge.errors import ConfigError
from ciibridge.security.keys import KEY_OCTETS
from ciibridge.types import Obis

PUBLIC_CLIENT: Final = 16
#: System title of this client unless the operator gave one: three letters of the maker, and a number.
CLIENT_TITLE: Final = b"CII\0\0\0\0\1"
#: Invocation counter of the frames that a client sends (IEC 62056-6-2, 6.2.37).
COUNTER: Final = Obis(0, 0, 43, 1, 0)
_TITLE_OCTETS: Final = 8
_ADDRESS_OCTETS: Final = (0, 1, 2, 4)
_SEVEN_BITS: Final = 0x7F
_FOURTEEN_BITS: Final = 0x3FFF


class Authentication(StrEnum):
    """Authentication mechanisms (IEC 62056-5-3, 7.3.7.2), by the names of the configuration."""

    NONE = "none"
    LOW = "low"  # password
    HIGH = "high"  # as the maker does it; AES-128 with the secret
    MD5 = "md5"
    SHA1 = "sha1"
    GMAC = "gmac"  # with the keys of the ciphering
    SHA256 = "sha256"


#: Mechanisms whose secret is ``password``.
WITH_PASSWORD: Final = frozenset(Authentication) - {Authentication.NONE, Authentication.GMAC}


@dataclass(frozen=True, slots=True)
class Access:
    """How to enter one meter. Secrets are never part of the representation.

    With ``key`` requests and answers are ciphered, with ``auth_key`` also authenticated. The length of the keys is that of the
    security suite: 16 octets are suite 0, 32 are suite 2.
    ``counter`` is the object that holds the last invocation counter of this client; the public client reads it first.
    Raises ConfigError when parts do not fit each other.
    """

    client: int = PUBLIC_CLIENT
    server: int = 1
    physical: int | None = None  # lower address; None: only the upper one is used
    address_octets: int = 0  # of the server address; 0: as few as hold it
    authentication: Authentication = Authentication.NONE
    password: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    auth_key: bytes | None = field(default=None, repr=False)
    client_title: bytes = CLIENT_TITLE  # of this client
    counter: Obis | None = COUNTER
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        for key, fault in self._faults():
            raise ConfigError(f"{key}: {fault}")

    def _faults(self) -> list[tuple[str, str]]:
        faults = []
        if not 1 <= self.client <= _SEVEN_BITS:
            faults.append(
                ("address", f"{self.client} is no client address: write 1 to {_SEVEN_BITS}, e.g. 16")
            )
        if self.address_octets not in _ADDRESS_OCTETS:
            faults.append(("address", "a server address has 1, 2 or 4 octets"))
        most = _SEVEN_BITS if self.address_octets in (1, 2) else _FOURTEEN_BITS
        faults += [
            ("address", f"{address} is no server address: write 0 to {most}")
            for address in (self.server, self.physical or 0)
            if not 0 <= address <= most
        ]
        if self.physical is not None and self.address_octets == 1:
            faults.append(("address", "an address of one octet has no lower part: leave one of the two out"))
        if self.authentication in WITH_PASSWORD and not self.password:
            faults.append(("password", f"is missing, and authentication is {self.authentication}"))
        if self.authentication is Authentication.GMAC and not (self.key and self.auth_key):
            faults.append(("auth_key", "authentication gmac needs key and auth_key"))
        if self.auth_key and not self.key:
            faults.append(("key", "is missing: requests are never authenticated only"))
        sizes = {len(key) for key in (self.key, self.auth_key) if key}
        if sizes - set(KEY_OCTETS) or len(sizes) > 1:
            digits = " or ".join(str(2 * octets) for octets in KEY_OCTETS)
            faults.append(("key", f"give key and auth_key of {digits} digits, both alike (suite 0 or 2)"))
        if len(self.client_title) != _TITLE_OCTETS:
            faults.append(("client_title", f"write {2 * _TITLE_OCTETS} hexadecimal digits"))
        return faults

    @property
    def ciphered(self) -> bool:
        """Whether requests and answers are ciphered."""
        return self.key is not None

    def public(self) -> Access:
        """Give the access of the public client to the same meter, which needs no secret."""
        return Access(
            server=self.server,
            physical=self.physical,
            address_octets=self.address_octets,
            timeout_s=self.timeout_s,
        )
