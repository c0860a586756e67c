"""A report as a person reads it on a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ciimodel.catalogue import Quantity, Resolved

from ciibridge.normalise.identity import shortened
from ciibridge.probing.attempts import line_name
from ciibridge.probing.hearing import Hearing, Quality
from ciibridge.probing.report import Outcome, Report
from ciibridge.probing.search import Tried
from ciibridge.types import Measured, Number

_KILO: Final = 3
_HEADLINE: Final = {
    Outcome.FOUND: "Found",
    Outcome.KEY: "Found, but for the key",
    Outcome.NOT_UNDERSTOOD: "Good frames, but no values come out of them",
    Outcome.NO_FRAMES: "Octets arrive, but with none of these settings they are telegrams",
    Outcome.NOTHING: "Nothing arrives",
}


def tried_line(one: Tried) -> str:
    """Say in a line what an attempt heard."""
    hearing = one.hearing
    errors = f", {hearing.line_errors} line errors" if hearing.line_errors else ""
    return (
        f"{one.attempt.name:<12} {one.seconds:5.1f} s  {hearing.octets:>6} octets{errors}: {_heard(hearing)}"
    )


def _heard(hearing: Hearing) -> str:
    match hearing.quality:
        case Quality.SILENT:
            return "silence"
        case Quality.OCTETS:
            return "too few to judge by"
        case Quality.GARBAGE:
            return "no telegrams, so these are not the meter's settings"
        case Quality.BEGINNING:
            return f"begins like {hearing.protocol}, but no frame is good"
        case Quality.FRAMES:
            return f"{hearing.protocol}, {hearing.frames_ok} good frames"
        case _:
            return f"{hearing.protocol}, {hearing.telegrams} telegrams"


def report_lines(report: Report, catalogue: Resolved, lang: str) -> Iterator[str]:
    """Write all of a report but the advice and the configuration."""
    yield _headline(report, catalogue)
    if report.outcome in {Outcome.NOTHING, Outcome.NO_FRAMES}:
        return
    hearing = report.hearing
    yield _row(
        "line", line_name(report.line) if report.line else report.best.attempt.name if report.best else ""
    )
    yield _row("protocol", _protocol(report))
    if report.meter_id:
        yield _row("calls itself", shortened(report.meter_id))
    yield _row("encrypted", _encrypted(hearing))
    for one in hearing.lists:
        every = f"every {one.interval_s:g} s" if one.interval_s else "came once"
        name = " or ".join(one.ids) or "not in the catalogue"
        told = f"{one.object}, " if one.object else ""
        yield _row("list", f"{told}{every}, {len(one.codes)} objects: {name}")
    fitting = [candidate for candidate in report.operators if candidate.fits]
    for candidate in fitting or report.operators:
        doubt = "" if candidate.fits else ", with other lists or protection"
        yield _row("operator", f"{candidate.id} ({candidate.name}; {candidate.status}){doubt}")
    yield _row("frames", f"{hearing.frames_ok} good, {hearing.frames_bad} damaged")
    if hearing.values or hearing.channels:
        yield ""
        yield "Compare with the display of the meter:"
        yield from _quantities(report, catalogue, lang)
    if hearing.unknown:
        yield f"  codes that the profile does not know: {', '.join(hearing.unknown)}"


def _headline(report: Report, catalogue: Resolved) -> str:
    names = " or ".join(
        f"{catalogue.meters[model].manufacturer} {catalogue.meters[model].model} ({model})"
        for model in report.hearing.models
    )
    maker = f"a meter of {report.hearing.flag}" if report.hearing.flag else "a meter"
    who = names or f"{maker} that is not in the catalogue"
    silent = report.outcome in {Outcome.NOTHING, Outcome.NO_FRAMES}
    return f"{_HEADLINE[report.outcome]}{'.' if silent else f': {who}'}"


def _row(name: str, text: str) -> str:
    return f"  {name:<12} {text}"


def _protocol(report: Report) -> str:
    kinds = " or ".join(dict.fromkeys(interface.kind for _, interface in report.interfaces))
    return f"{report.hearing.protocol} ({kinds})" if kinds else str(report.hearing.protocol)


def _encrypted(hearing: Hearing) -> str:
    if hearing.encrypted is None:
        return "not known"
    if not hearing.encrypted:
        return "no"
    tag = ", authentic" if hearing.authenticated else ""
    return f"yes{tag}; the key is {hearing.key}"


def _quantities(report: Report, catalogue: Resolved, lang: str) -> Iterator[str]:
    hearing = report.hearing
    for name, value in hearing.values.items():
        yield _quantity(name, value, catalogue, lang)
    for channel, values in sorted(hearing.channels.items()):
        for name, value in values.items():
            yield _quantity(name, value, catalogue, lang, f"sub-meter {channel}: ")
    for name, text in hearing.texts.items():
        yield f"  {name:<28} {text}"


def _quantity(name: str, value: Measured, catalogue: Resolved, lang: str, before: str = "") -> str:
    quantity = catalogue.quantities.get(name)
    label = quantity.label.get(lang, name) if quantity else name
    code = f"{value.obis.c}.{value.obis.d}.{value.obis.e}" if value.obis else "derived"
    return f"  {before + name:<28} {code:<8} {_amount(value, quantity, catalogue):>18}  {label}"


def _amount(value: Measured, quantity: Quantity | None, catalogue: Resolved) -> str:
    """Write an amount as displays do: what is counted in thousands of the unit."""
    unit = catalogue.units.get(value.unit)
    kilo = next((s for s, power in unit.spellings.items() if power == _KILO), None) if unit else None
    if quantity is None or quantity.kind != "cumulative" or kilo is None:
        return f"{value.number} {value.unit if value.unit != '1' else ''}".rstrip()
    return f"{Number(value.number.mantissa, value.number.exponent - _KILO)} {kilo}"
