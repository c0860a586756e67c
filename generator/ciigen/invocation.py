"""The command line that makes a file, for its header: whoever finds the file can make it again."""

from __future__ import annotations

from ciigen.target import Selection


def command(target: str, view: str, selection: Selection) -> str:
    """``ciigen openhab --items --meter lg-e450``; options that say the default are left out."""
    default = Selection()
    words = ["ciigen", target, f"--{view}"]
    for option, value in (("--meter", selection.meter), ("--operator", selection.operator)):
        words += [option, value] if value else []
    words += ["--all"] if selection.everything else []
    for level in selection.ids if selection.ids != default.ids else ():
        words += ["--id", level]
    words += ["--lang", selection.lang] if selection.lang != default.lang else []
    return " ".join(words)
