"""The whole of it: decode, replace, decode again, compare.

The proof is part of the work: a redacted recording is given out only if it decodes to the same values and none of the names is in
it any more. How much of an identity must stay for that (a model is recognised by its lead, a fault of a series by the range of
its numbers) is tried: as little as possible first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.framing.sniff import sniff
from ciibridge.pipeline import ClockPolicy, MeterSettings, Pipeline
from ciibridge.recording.container import Header, Piece
from ciibridge.recording.forms import Recording
from ciibridge.recording.redact import dlms, files, lines, records
from ciibridge.recording.redact.patch import Patch, RedactionError
from ciibridge.recording.redact.words import Words
from ciibridge.security.glo import Keys
from ciibridge.types import Snapshot

_Rewrite = Callable[[bytes, Words, Keys, Keys], Iterator[Patch]]
_PROTOCOLS: Final[Mapping[str, _Rewrite]] = {
    **{name: partial(dlms.rewrite, framing) for name, framing in dlms.FRAMINGS.items()},
    "dsmr-p1": lines.rewrite_p1,
    "iec62056-21": lines.rewrite_iec62056,
    "mbus": records.rewrite,
    "sml": files.rewrite,
}
#: Octets that no name is made of: flags, idle, line ends, fill, acknowledgement.
_IDLE: Final = frozenset(b"\x00\x7e\xff\r\n\xe5")
#: Characters of an identity that may have to stay behind its maker's letters.
_MOST_KEPT: Final = 5
_LEAST_NAME: Final = 6
_ANY_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)
_ANYBODY: Final = "meter"


@dataclass(frozen=True, slots=True)
class Redacted:
    """A recording that may be published; its telegrams open with the test keys."""

    pieces: tuple[Piece, ...]
    protocol: str
    telegrams: int
    names: int  # identities that were replaced
    zeroed: int  # octets outside of good telegrams that became zeros
    encrypted: bool

    def header(self, original: Header, test_keys: Keys) -> Header:
        """Say in the first line what has been done."""
        told: dict[str, object] = {
            "names": f"{self.names} replaced",
            "messages": "blanked",
            "values": "as the meter sent them",
            "octets_zeroed": self.zeroed,
        }
        if self.encrypted and test_keys.key is not None:
            told |= {"key": test_keys.key.hex(), "auth_key": (test_keys.auth_key or b"").hex()}
        return replace(original, protocol=self.protocol, redacted=told)


def redact(
    recording: Recording, catalogue: Resolved, keys: Keys, test_keys: Keys, *, protocol: str | None = None
) -> Redacted:
    """Redact a recording. Raises RedactionError: nothing of it may be given out, and why."""
    octets = recording.octets
    protocol = protocol or recording.protocol or sniff(octets)
    if protocol is None or protocol not in _PROTOCOLS:
        raise RedactionError("no telegram of a protocol that can be redacted; nothing is given out")
    before = _decoded(catalogue, octets, protocol, keys)
    if not before:
        raise RedactionError(
            "nothing in it can be decoded, so nobody knows what in it is a name (is the --key missing?); nothing is given out"
        )
    ciphered = _encrypted(before)
    for kept in range(_MOST_KEPT + 1):
        words = Words(catalogue, [s.reading for s in before if s.reading], kept)
        new, zeroed = _rewritten(octets, _PROTOCOLS[protocol](octets, words, keys, test_keys))
        after = _decoded(catalogue, new, protocol, test_keys if ciphered else Keys())
        if _measured(before, words) != _measured(after, words):
            continue
        if leak := _leak(catalogue, words, new, after):
            raise RedactionError(f"{leak} would still be in it; nothing is given out")
        return Redacted(
            _cut(new, recording.pieces),
            protocol,
            len(after),
            len(words.private | {str(n).encode() for n in words.numbers}),
            zeroed,
            ciphered,
        )
    raise RedactionError("its values would change with the names; nothing is given out")


def _decoded(catalogue: Resolved, octets: bytes, protocol: str, keys: Keys) -> list[Snapshot]:
    """Decode it; with the authentication key only where it fits, as nobody needs it to read."""
    for auth_key in dict.fromkeys((keys.auth_key, None)):
        settings = MeterSettings(
            id=_ANYBODY,
            key=keys.key,
            auth_key=auth_key,
            system_title=keys.system_title,
            clock=ClockPolicy.METER,
        )
        pipeline = Pipeline(catalogue, settings, protocol)
        found = pipeline.feed(octets, _ANY_DAY) + pipeline.finish()
        if snapshots := [item for item in found if isinstance(item, Snapshot)]:
            return snapshots
    return []


def _encrypted(snapshots: Sequence[Snapshot]) -> bool:
    return any(
        s.reading is not None and (s.reading.apdu.encrypted or s.reading.apdu.authenticated)
        for s in snapshots
    )


def _rewritten(octets: bytes, patches: Iterator[Patch]) -> tuple[bytes, int]:
    """Put patches in place; what lies outside of them becomes zeros. Gives the octets, and how many were zeroed."""
    new = bytearray(octet if octet in _IDLE else 0 for octet in octets)
    covered = bytearray(len(octets))
    for patch in patches:
        end = patch.offset + len(patch.octets)
        new[patch.offset : end] = patch.octets
        covered[patch.offset : end] = b"\1" * len(patch.octets)
    zeroed = sum(not known and octet not in _IDLE for known, octet in zip(covered, octets, strict=True))
    return bytes(new), zeroed


def _measured(snapshots: Sequence[Snapshot], words: Words) -> list[tuple[object, ...]]:
    """Collect all that is measured: values, sub-meters, states, model, time; all but the messages that become blanks."""
    return [
        (
            s.values,
            s.channels,
            s.channel_texts,
            {name: text for name, text in s.texts.items() if name not in words.messages},
            s.model,
            s.candidates,
            s.list,
            s.ts,
        )
        for s in snapshots
    ]


def _leak(catalogue: Resolved, words: Words, octets: bytes, after: Sequence[Snapshot]) -> str:
    """Look for the names: in the octets in every form, and in what is decoded from them. Gives what was found, shortened."""
    left = Words(catalogue, [s.reading for s in after if s.reading], 0)
    for name in words.private:
        if len(name) < _LEAST_NAME or not name.strip(b"0\0 "):
            continue
        changed = words.replace(name) != name
        if changed and (name in left.private or any(form in octets for form in _forms(name))):
            return f"{name[:3].decode('latin-1')}…"
    return ""


def _forms(name: bytes) -> Iterator[bytes]:
    """Write a name in every form that a telegram may hold it in."""
    yield name
    yield name.hex().encode()
    yield name.hex().upper().encode()
    digits = bytes(octet for octet in name if 0x30 <= octet <= 0x39)
    if len(digits) >= 8 and name.isalnum():
        last = digits[-8:].decode()
        yield bytes.fromhex(last)
        yield bytes.fromhex(last)[::-1]


def _cut(octets: bytes, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Cut the octets as the pieces were."""
    cut, position = [], 0
    for piece in pieces:
        cut.append(Piece(piece.at_s, octets[position : position + len(piece.octets)]))
        position += len(piece.octets)
    return tuple(cut)
