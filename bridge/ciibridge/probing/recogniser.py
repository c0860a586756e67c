"""Octets heard with one line setting → what is known of the meter. Pure: the time is given.

    octets ──► a beginning of some telegram? ──► the line of that protocol ──► good frames: the setting is proved
                (framing.sniff)                       (pipeline)              ──► readings, or a key is missing
         └──► octets that cannot come from a meter: another setting (quality)

A telegram that listening began in the middle of ends at a pause; what was heard before one is then forgotten. Keys are tried as
given; where they do not fit the telegrams, what would fit is tried too, so that the report can say what is wrong with them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.framing.sniff import sniff
from ciibridge.normalise.registry import Registry
from ciibridge.pipeline import LINES
from ciibridge.probing import quality
from ciibridge.probing.decoder import Decoder
from ciibridge.probing.envelopes import Envelope, could_send, envelopes
from ciibridge.probing.hearing import Hearing, KeyState, Quality
from ciibridge.probing.lists import SeenList, by_list_only, same
from ciibridge.security.glo import Keys

#: A silence in which a telegram does not go on. Blocks of one telegram follow each other without such a pause.
_PAUSE: Final = timedelta(seconds=0.3)
#: Octets kept to look again with another protocol or key; beyond it, a proved line goes on without them.
_KEPT_OCTETS: Final = 1 << 20
_MESSAGES: Final = ":96.13."
_TWICE: Final = 2
#: Protocols without any checksum: only what can be decoded proves that it is one of them.
_UNCHECKED: Final = frozenset(("dlms-apdu", "dlms-wrapper"))


class Recogniser:
    """Listens with one line setting.

    ``timed``: octets come when the meter sends them; else, of a file, only the telegrams' own times count. ``protocol``: what a
    person says it is; else it is seen.
    """

    def __init__(
        self, catalogue: Resolved, keys: Keys, *, timed: bool = True, protocol: str | None = None
    ) -> None:
        self._catalogue = catalogue
        #: Messages of the operator to the customer: nobody else's business, and nothing to compare.
        self._private = {
            q.name for q in catalogue.quantities.values() if any(_MESSAGES in code for code in q.obis)
        }
        self._registry = Registry(catalogue.quantities.values())
        self._keys = keys
        self._timed = timed
        self._protocol = protocol
        self._kept: list[tuple[bytes, datetime]] = []
        self._kept_octets = 0
        self._paused = False  # what is kept begins behind a pause
        self._last: datetime | None = None
        self._decoder: Decoder | None = None
        self._wrong_keys: KeyState | None = None
        self.octets = 0
        self.line_errors = 0

    def feed(self, octets: bytes, now: datetime, line_errors: int = 0) -> None:
        """Take octets as they come; ``line_errors``: how many the driver counted with them."""
        self.octets += len(octets)
        self.line_errors += line_errors
        if self._timed and self._last is not None and now - self._last > _PAUSE and not self._proved:
            self._kept.clear()
            self._kept_octets = 0
            self._decoder = None
            self._paused = True
        self._last = now
        if self._kept_octets < _KEPT_OCTETS:
            self._kept.append((octets, now))
            self._kept_octets += len(octets)
        if self._decoder is not None:
            self._decoder.feed(octets, now)
            self._several()
        if not self._proved:
            self._look()
        self._reconsider_keys()

    def finish(self) -> None:
        """End it: what needed no more octets comes out."""
        if self._decoder is not None and self._last is not None:
            self._decoder.finish(self._last)
            self._reconsider_keys(final=True)

    @property
    def _proved(self) -> bool:
        decoder = self._decoder
        if decoder is None:
            return False
        told = decoder.pipeline.diagnostics(_EPOCH)
        if self._timed and decoder.protocol in _UNCHECKED:
            return bool(decoder.lists)
        return told.frames_ok > 0

    @property
    def quality(self) -> Quality:
        """How good it is what was heard up to now."""
        if not self.octets:
            return Quality.SILENT
        if self._decoder is not None and self._decoder.lists:
            return Quality.TELEGRAMS
        if self._proved:
            return Quality.FRAMES
        hopeless = self._timed and self.octets > 2 * quality.LONGEST_HALF
        if quality.bad_line(self.line_errors, self.octets) or hopeless:
            return Quality.GARBAGE
        if self._decoder is not None:
            return Quality.BEGINNING
        too_long = self._kept_octets > (quality.ENOUGH_OF_A_BURST if self._paused else quality.LONGEST_HALF)
        if too_long or quality.too_fast(self._octets()):
            return Quality.GARBAGE
        return Quality.OCTETS

    @property
    def telegrams(self) -> int:
        """Count whole telegrams, also those that no key opens."""
        if self._decoder is None:
            return 0
        told = self._decoder.pipeline.diagnostics(_EPOCH)
        return told.telegrams_ok + told.decrypt_failed

    @property
    def complete(self) -> bool:
        """Whether every list that came has come twice; or, where no key fits, whether it failed twice."""
        decoder = self._decoder
        if decoder is None:
            return False
        if not decoder.lists:
            problems = decoder.pipeline.diagnostics(_EPOCH).problems
            return sum(problems.get(code, 0) for code, _ in _KEY_PROBLEMS) >= _TWICE
        return all(decoder.intervals.of(key) is not None for key in decoder.lists)

    def glance(self) -> Hearing:
        """Tell in a few words what is known now; cheap enough for every octet."""
        decoder = self._decoder
        if decoder is None:
            return Hearing(self.quality, self.octets, self.line_errors)
        told = decoder.pipeline.diagnostics(self._last or _EPOCH)
        return Hearing(
            self.quality,
            self.octets,
            self.line_errors,
            decoder.protocol,
            told.frames_ok,
            told.frames_bad,
            told.telegrams_ok,
        )

    def hearing(self) -> Hearing:
        """Tell what is known now."""
        decoder = self._decoder
        if decoder is None:
            return Hearing(self.quality, self.octets, self.line_errors)
        told = decoder.pipeline.diagnostics(self._last or _EPOCH)
        envelope = next(envelopes(decoder.protocol, self._octets()), None) if self._proved else None
        key = self._key_state(envelope)
        last = decoder.last
        model, candidates = decoder.pipeline.model, last.candidates if last else ()
        if model or candidates or decoder.devices:
            pass  # a device of a bus says who it is, or is not in the catalogue
        elif decoder.lists:
            readings = [seen.snapshot.reading for seen in decoder.lists.values() if seen.snapshot.reading]
            candidates = by_list_only(readings, decoder.protocol, self._catalogue, self._registry)
        elif envelope is not None:
            candidates = could_send(envelope, decoder.protocol, self._catalogue.meters.values())
        if len(candidates) == 1:
            model, candidates = candidates[0], ()
        snapshots = [seen.snapshot for seen in decoder.lists.values()]
        return Hearing(
            quality=self.quality,
            octets=self.octets,
            line_errors=self.line_errors,
            protocol=decoder.protocol,
            frames_ok=told.frames_ok,
            frames_bad=told.frames_bad,
            telegrams=told.telegrams_ok,
            encrypted=self._encrypted(key),
            authenticated=any(s.reading is not None and s.reading.apdu.authenticated for s in snapshots),
            key=key,
            flag=envelope.flag if envelope else None,
            model=model,
            candidates=candidates,
            lists=self._lists(decoder, (model,) if model else candidates),
            values={name: value for s in snapshots for name, value in s.values.items()},
            texts={
                name: text for s in snapshots for name, text in s.texts.items() if name not in self._private
            },
            channels={n: values for s in snapshots for n, values in s.channels.items()},
            submeters={n: who for s in snapshots for n, who in s.submeters.items()},
            identity={name: text for s in snapshots for name, text in s.identity.items()},
            unknown=tuple(sorted({code for s in snapshots for code in s.unknown})),
            problems=dict(told.problems),
            messages=dict(decoder.messages),
            clock_offset_s=told.clock_offset_s,
        )

    def _octets(self) -> bytes:
        return b"".join(octets for octets, _ in self._kept)

    def _look(self) -> None:
        """See which protocol it is, as long as nothing is proved; a later look may know better."""
        protocol = self._protocol or sniff(self._octets())
        if protocol is None or protocol not in LINES:
            return
        if self._decoder is None or self._decoder.protocol != protocol:
            self._decoder = self._decoded(protocol, self._keys)

    def _several(self) -> None:
        """Where a second device answers on the line, none of them is alone."""
        decoder = self._decoder
        if decoder is not None and decoder.alone and len(decoder.devices) > 1:
            self._decoder = self._decoded(decoder.protocol, decoder.keys, alone=False)

    def _decoded(self, protocol: str, keys: Keys, *, alone: bool = True) -> Decoder:
        decoder = Decoder(self._catalogue, protocol, keys, timed=self._timed, alone=alone)
        for octets, now in self._kept:
            decoder.feed(octets, now)
        return decoder

    def _reconsider_keys(self, *, final: bool = False) -> None:
        """Where the keys do not fit the telegrams, go on with what fits; what is wrong with them is remembered."""
        decoder = self._decoder
        if decoder is None or decoder.lists or self._wrong_keys is not None:
            return
        problems = decoder.pipeline.diagnostics(_EPOCH).problems
        keys = self._keys
        choices = (
            ("not_encrypted", KeyState.SUPERFLUOUS, replace(keys, key=None, auth_key=None)),
            ("not_authentic", KeyState.AUTH_WRONG, replace(keys, auth_key=None)),
            ("key_wrong", KeyState.SWAPPED, replace(keys, key=keys.auth_key, auth_key=keys.key)),
            ("key_wrong", KeyState.OTHER, replace(keys, key=keys.auth_key, auth_key=None)),
        )
        for code, state, other in choices:
            if code not in problems or (code == "key_wrong" and other.key is None):
                continue
            again = self._decoded(decoder.protocol, other)
            if final and self._last is not None:
                again.finish(self._last)
            if again.lists:
                self._decoder, self._wrong_keys = again, state
                return

    def _key_state(self, envelope: Envelope | None) -> KeyState | None:
        decoder = self._decoder
        if decoder is None:
            return None
        if self._wrong_keys is KeyState.AUTH_WRONG and envelope is not None and not envelope.tagged:
            return KeyState.NO_TAG
        if self._wrong_keys is not None:
            return self._wrong_keys
        if decoder.lists:
            opened = any(
                s.snapshot.reading and s.snapshot.reading.apdu.encrypted for s in decoder.lists.values()
            )
            return KeyState.RIGHT if opened else KeyState.NOT_NEEDED
        problems = decoder.pipeline.diagnostics(_EPOCH).problems
        return next((state for code, state in _KEY_PROBLEMS if code in problems), None)

    @staticmethod
    def _encrypted(key: KeyState | None) -> bool | None:
        return None if key is None else key not in {KeyState.NOT_NEEDED, KeyState.SUPERFLUOUS}

    def _lists(self, decoder: Decoder, models: tuple[str, ...]) -> tuple[SeenList, ...]:
        meters = [self._catalogue.meters[model] for model in models]
        found = []
        for (name, codes), seen in decoder.lists.items():
            known = same(codes, meters)
            found.append(
                SeenList(
                    object=name,
                    ids=tuple(dict.fromkeys(pushed.id for pushed in known)),
                    title=known[0].title if known else {},
                    telegrams=seen.telegrams,
                    interval_s=decoder.intervals.of((name, codes)),
                    codes=codes,
                )
            )
        return tuple(found)


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_KEY_PROBLEMS: Final = (
    ("key_missing", KeyState.MISSING),
    ("key_wrong", KeyState.WRONG),
    ("not_authentic", KeyState.AUTH_WRONG),
)
