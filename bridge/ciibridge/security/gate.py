"""What every line does with an APDU before it decodes it: open it, judge a plain one, refuse a replayed one."""

from __future__ import annotations

from collections.abc import Callable

from ciibridge.errors import SecurityError
from ciibridge.security.glo import Keys, Opener, ReplayGuard, begins_like_a_push
from ciibridge.types import Apdu, Problem


class Gate:
    """The gate of one meter's line: its keys, its last invocation counter, and what was said about plain telegrams."""

    def __init__(self, keys: Keys, plausible: Callable[[bytes], bool] = begins_like_a_push) -> None:
        """``plausible``: whether octets begin like what this line decodes; tells a wrong key."""
        self._opener = Opener(keys, plausible)
        self._replay = ReplayGuard()
        self._has_key = keys.key is not None
        self._wants_authentic = keys.auth_key is not None
        self._told_plain = False

    @property
    def has_key(self) -> bool:
        """Whether a key is configured."""
        return self._has_key

    def admit(self, apdu: Apdu) -> tuple[Apdu, list[Problem]]:
        """Give the plain APDU and what is to be said about it; raises SecurityError when it is refused."""
        plain = self._opener.open(apdu)
        remarks = self._judge_plain(plain) if self._has_key and not plain.encrypted else []
        self._replay.check(plain)
        return plain, remarks

    def _judge_plain(self, apdu: Apdu) -> list[Problem]:
        """Remark on a plain telegram where a key is configured; refuse it if authentic ones were asked for."""
        message = "a key is configured, yet the telegram is not encrypted"
        if self._wants_authentic and not apdu.authenticated:
            raise SecurityError(
                "not_encrypted", f"{message}; it is refused, because `auth_key` asks for authentic ones"
            )
        if self._told_plain:
            return []
        self._told_plain = True
        return [Problem("not_encrypted", message, apdu.offset)]
