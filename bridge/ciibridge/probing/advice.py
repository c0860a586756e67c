"""What to check when it does not work, in the order in which it is worth it: the catalogue's own words. Pure.

The catalogue knows how each operator switches the interface on, which cable each meter wants and what it is known for; what is
general stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ciimodel.catalogue import Meter, Operator, Resolved

from ciibridge.probing.hearing import KeyState
from ciibridge.probing.report import Outcome, Report

_FALLBACK: Final = "en"
_FEW: Final = 4


def advice(report: Report, catalogue: Resolved, lang: str) -> tuple[str, ...]:
    """Say what to do next; nothing where all is well."""
    return tuple(_STEPS[report.outcome](_Advisor(report, catalogue, lang)))


@dataclass(frozen=True, slots=True)
class _Advisor:
    """One report, in one language."""

    report: Report
    catalogue: Resolved
    lang: str

    @property
    def operator(self) -> Operator | None:
        """The operator that the person named."""
        return self.catalogue.operators.get(self.report.hint_operator or "")

    @property
    def meter(self) -> Meter | None:
        """The meter that the person named."""
        return self.catalogue.meters.get(self.report.hint_meter or "")

    def say(self, text: Mapping[str, str]) -> str:
        """Choose the language."""
        return text.get(self.lang) or text.get(_FALLBACK, "")

    def nothing(self) -> Iterator[str]:
        """Not one octet came: from the plug to the meter."""
        yield "Is it the right port? Unplug the adapter: its name must vanish from /dev/serial/by-id."
        yield from self._switched_on()
        yield from self._cables()
        yield from self._only_answering()
        for entry in self.operator.not_possible if self.operator else ():
            yield f"{entry.meter}: {self.say(entry.reason)}"

    def _switched_on(self) -> Iterator[str]:
        operator = self.operator
        if operator is None:
            yield (
                "Has your network operator switched the interface on? Most leave it off until a customer asks "
                "(--operator says how with yours)."
            )
            return
        entries = [entry for entry in operator.meters if self.report.hint_meter in (None, entry.meter)]
        for text in dict.fromkeys(self.say(entry.activation) for entry in entries if entry.activation):
            yield f"Has {operator.name} switched the interface on? {text}"
        yield from (self.say(note) for note in operator.notes)

    def _cables(self) -> Iterator[str]:
        """Say which cable the meter wants, or the kinds that the likely ones want."""
        if (meter := self.meter) is not None:
            pushing = [interface for interface in meter.interfaces if interface.mode == "push"]
            for interface in pushing or meter.interfaces:
                yield (
                    f"Is it the cable for the {meter.manufacturer} {meter.model}? "
                    f"{self.say(interface.connector)}: {self.say(interface.cable)}."
                )
            for caveat in meter.caveats:
                yield f"Known of the {meter.model}: {self.say(caveat)}"
            return
        kinds: dict[str, str] = {}
        for one in self.report.tried:
            for place in one.attempt.places:
                kinds.setdefault(place.interface.kind, self.say(place.interface.cable))
        for kind, cable in kinds.items():
            yield f"Is it the cable for the meter? {kind}: {cable}."

    def _only_answering(self) -> Iterator[str]:
        """Name the meters that only answer."""
        meters = [self.meter] if self.meter else list(self.catalogue.meters.values())
        silent = [m for m in meters if m.interfaces and all(one.mode == "poll" for one in m.interfaces)]
        if silent:
            names = ", ".join(f"{meter.manufacturer} {meter.model}" for meter in silent[:_FEW])
            yield f"Does the meter only answer? {names} must be asked; whoever only listens hears nothing."

    def no_frames(self) -> Iterator[str]:
        """Octets came, and with no setting a good frame."""
        if all(one.attempt.line is None for one in self.report.tried):
            yield (
                "The line settings belong to the device at the other end: set them there (`ciibridge meters` lists "
                "those of all meters)."
            )
        yield "Is the signal upside down? P1 cables must invert it; an adapter for M-Bus does not."
        yield "Is the cable long, or the adapter fed too weakly? Try another one, and another supply."
        yield from self._cables()
        yield self._record("")

    def key(self) -> Iterator[str]:
        """All is known but the key."""
        hearing = self.report.hearing
        yield _KEYS.get(hearing.key or KeyState.MISSING, _KEYS[KeyState.MISSING])
        for candidate in self.report.operators:
            entries = [e for e in self.catalogue.operators[candidate.id].meters if e.meter in hearing.models]
            for text in dict.fromkeys(self.say(entry.key) for entry in entries if entry.key):
                yield f"{candidate.name}: {text}"

    def not_understood(self) -> Iterator[str]:
        """Good frames that give no values."""
        if self.report.only_knocked:
            yield (
                "A meter answers DLMS on this port (to SNRM of client 16). What it gives is asked for in an association: your "
                "operator says with which client, and with which password or keys. Nothing was tried, as meters lock themselves."
            )
            return
        for code, message in self.report.hearing.messages.items():
            yield f"{code}: {message}"
        yield f"{self._record('')} (it holds the number of your meter)"

    def found(self) -> Iterator[str]:
        """Values come: what is still worth a look."""
        report, hearing = self.report, self.report.hearing
        if hearing.key is KeyState.SUPERFLUOUS:
            yield "A key was given, but the meter does not encrypt: leave it out, or the bridge refuses the telegrams."
        elif hearing.key not in {KeyState.NOT_NEEDED, KeyState.RIGHT, None}:
            yield f"The key is {hearing.key}."
        if not hearing.models:
            yield "The model is not in the catalogue: compare the values with the display."
            yield self._record(" --redact")
        elif report.model is None:
            yield (
                f"Whether it is {' or '.join(hearing.candidates)}, these telegrams do not tell: compare the values with the "
                "display, and set `model`."
            )
        elif report.hint_meter not in {None, report.model}:
            yield f"You said {report.hint_meter}; these telegrams are those of {report.model}."
        if report.model is not None:
            yield from (self.say(caveat) for caveat in self.catalogue.meters[report.model].caveats)
        if report.meter_id is None:
            yield "The telegrams do not say which meter it is: give it an `id`, above all where there are several."
        if hearing.frames_bad:
            frames = hearing.frames_ok + hearing.frames_bad
            yield f"{hearing.frames_bad} of {frames} frames were damaged: single ones are normal."

    def _record(self, option: str) -> str:
        return f"Send us a recording: ciibridge record {self.report.port} port.jsonl --seconds 60{option}"


_KEYS: Final[Mapping[KeyState, str]] = {
    KeyState.MISSING: "The meter encrypts. Ask your network operator for the key (GUEK), and try again with --key.",
    KeyState.WRONG: "The key does not open the telegrams. Compare it with the operator's letter, digit by digit; of two keys, "
    "the encryption key (GUEK, GPK60) is --key, the authentication key (GAK, GPK61) --auth-key. Is it the letter for this meter?",
    KeyState.AUTH_WRONG: "The authentication key does not fit. It is not needed to read: leave --auth-key out.",
}
_STEPS: Final[Mapping[Outcome, Callable[[_Advisor], Iterator[str]]]] = {
    Outcome.FOUND: _Advisor.found,
    Outcome.KEY: _Advisor.key,
    Outcome.NOT_UNDERSTOOD: _Advisor.not_understood,
    Outcome.NO_FRAMES: _Advisor.no_frames,
    Outcome.NOTHING: _Advisor.nothing,
}
