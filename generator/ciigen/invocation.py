"""What stands on top of a file that was made: of which meters it is, and the command line that makes it again."""

from __future__ import annotations

from ciigen.resolved import Resolved
from ciigen.target import COMMON_LIST, COMMON_METER, Selection


def command(target: str, view: str, selection: Selection) -> str:
    """``ciigen openhab --items --meter lg-e450``; options that say the default are left out."""
    default = Selection()
    words = ["ciigen", target, f"--{view}"]
    named = ("--meter", selection.meter), ("--operator", selection.operator), ("--from", selection.source)
    for option, value in named:
        words += [option, value] if value else []
    words += ["--all"] if selection.everything else []
    words += ["--prefix", selection.prefix] if selection.prefix else []
    for level in selection.ids if selection.ids != default.ids and not selection.live else ():
        words += ["--id", level]
    words += ["--lang", selection.lang] if selection.lang != default.lang else []
    for option, value in selection.options:
        words += [f"--{option}"] if value == "yes" else [f"--{option}", value]
    return " ".join(words)


def title(resolved: Resolved, selection: Selection) -> str:
    """``Landis+Gyr E450``, ``Smart meter of EKZ``: what a file is about."""
    if selection.live:
        return f"{len(selection.live)} live meter{'s' if len(selection.live) > 1 else ''}"
    model = resolved.meters[selection.meter] if selection.meter else None
    what = f"{model.manufacturer} {model.model}" if model else "Smart meter"
    if selection.everything:
        return f"{what} (every quantity of the profile)"
    if selection.operator:
        return f"{what} of {resolved.operators[selection.operator].full_name}"
    if model is None:
        return f"{what} with the list common to the Swiss operators ({COMMON_LIST} of {COMMON_METER})"
    return what
