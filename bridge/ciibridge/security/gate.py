"""What every line does with an APDU before it decodes it: open it, refuse what is too little protected, or replayed."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from ciibridge.errors import SecurityError
from ciibridge.security.glo import Keys, Opener, ReplayGuard, begins_like_a_push
from ciibridge.types import Apdu


class Gate:
    """The gate of one meter's line: its keys and its last invocation counter."""

    def __init__(
        self,
        keys: Keys,
        plausible: Callable[[bytes], bool] = begins_like_a_push,
        *,
        require_authentication: bool | None = None,
    ) -> None:
        """``plausible``: whether octets begin like what this line decodes; tells a wrong key.

        ``require_authentication``: refuse telegrams without a tag; None: when there is a key to check it with.
        """
        self._opener = Opener(keys, plausible)
        self._key = keys.key
        self._replay = ReplayGuard(keys.key)
        self.has_key = keys.key is not None
        self._wants_authentic = (
            keys.auth_key is not None if require_authentication is None else require_authentication
        )

    def remember(self, counters: MutableMapping[bytes, int]) -> None:
        """Keep the invocation counters in ``counters`` from now on; see ``ReplayGuard``."""
        self._replay = ReplayGuard(self._key, counters)

    def admit(self, apdu: Apdu) -> Apdu:
        """Give the plain APDU with what is known of its origin; raises SecurityError when it is refused.

        ``accept`` it when it was read to its end.
        """
        plain = self._opener.open(apdu)
        self._demand(plain)
        self._replay.check(plain)
        return plain

    def accept(self, plain: Apdu) -> None:
        """Take note that an admitted APDU is what a meter sends: none with this counter, or a lower one, is admitted again."""
        self._replay.accept(plain)

    def _demand(self, apdu: Apdu) -> None:
        """Refuse what is less protected than the configured keys say it must be (ADR 9).

        Anybody who reaches the line can send a plain telegram, or leave the tag out of an encrypted one.
        """
        if self.has_key and not (apdu.encrypted or apdu.authenticated):
            raise SecurityError(
                "not_encrypted", "a key is configured, yet the telegram is plain; it is refused"
            )
        if self._wants_authentic and not apdu.authenticated:
            raise SecurityError(
                "not_authentic",
                "authentication is required, yet the telegram has no tag; it is refused. "
                "Remove `auth_key`, or set `require_authentication` to false, if the operator says that the meter only encrypts",
            )
