"""Names in openHAB: ids of Things and channels, names of Items, and what may stand between quotes.

Sources: the grammars Thing.xtext, Items.xtext and Sitemap.xtext of openhab-core. An id of a Thing is
``[A-Za-z0-9_-]+`` and must not be a keyword of the grammar; an Item name is ``[A-Za-z_][A-Za-z0-9_]*``, so a hyphen of a
topic level becomes an underscore there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from ciigen.errors import TargetError, UsageError, did_you_mean
from ciigen.target import Selection

#: Words that the lexer of Thing.xtext never reads as an id.
KEYWORDS: Final = frozenset(
    [
        "Bridge",
        "Thing",
        "State",
        "Trigger",
        "Type",
        "Switch",
        "Rollershutter",
        "Number",
        "String",
        "Dimmer",
        "Contact",
        "DateTime",
        "Color",
        "Player",
        "Location",
        "Call",
        "Image",
        "true",
        "false",
    ]
)
EQUIPMENT: Final = "SmartMeter"
#: Topic level in files that are made without ``--id`` and ``--from``.
DEFAULT_LEVEL: Final = Selection().ids[0]
_ITEM_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Would end the string, start an escape, or be taken for the format of a label.
_NOT_IN_TEXT: Final = frozenset('"\\[]%\n\r\t')
#: Separate entries of ``options`` and ``allowedStates``.
_NOT_IN_OPTION: Final = frozenset(",=:")


def thing_id(level: str) -> str:
    """Id of the Thing of the meter whose topic level is ``level``."""
    return f"meter_{level}" if level in KEYWORDS else level


def thing_uid(level: str) -> str:
    """UID of that Thing; a channel of it is ``<uid>:<channel>``."""
    return f"mqtt:topic:{thing_id(level)}"


def equipment_names(levels: Iterable[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Topic level → name of the meter's group Item, with which the names of its Items begin.

    ``chosen`` are names that a user gave, by level. Otherwise ``SmartMeter_<level>``, ``SmartMeter`` for the level that files
    have where none is named. A name follows from its own meter alone: it must stay when another one comes or goes, since
    history, rules and links hang on it (ADR 34). Raises UsageError where two meters would be called the same.
    """
    names: dict[str, str] = {}
    for level in levels:
        name = chosen.get(level) or (
            EQUIPMENT if level == DEFAULT_LEVEL else f"{EQUIPMENT}_{level.replace('-', '_')}"
        )
        if other := next((known for known, taken in names.items() if taken == name), None):
            raise UsageError(
                f"the Items of the meters {other} and {level} would both be called {name}_…: give one of them another name, "
                f"--names {level}=NAME"
            )
        names[level] = name
    return names


def chosen_names(text: str | None, levels: Collection[str]) -> dict[str, str]:
    """Read ``lgz1=House,lgz2=Heat_Pump``: topic level → name (raises UsageError for a name or level that is none)."""
    chosen: dict[str, str] = {}
    for entry in text.split(",") if text else ():
        level, equals, name = (part.strip() for part in entry.partition("="))
        if not equals or not _ITEM_NAME.fullmatch(name):
            raise UsageError(
                f"--names {entry.strip()}: write ID=NAME, NAME of letters, digits and _, with no digit in front"
            )
        if level not in levels:
            raise UsageError(
                f"--names {entry.strip()}: {level} is none of the meters: {did_you_mean(level, levels)}"
            )
        chosen[level] = name
    return chosen


def item_suffix(quantity: str) -> str:
    """``power_import_l1`` → ``Power_Import_L1``."""
    return "_".join(part.capitalize() for part in quantity.split("_"))


def quotable(text: str, where: str) -> str:
    """``text``, if it can stand in a label (raises TargetError naming ``where`` otherwise)."""
    return _without(text, _NOT_IN_TEXT, where)


def option(text: str, where: str) -> str:
    """``text``, if it can stand in a list of options (raises TargetError naming ``where`` otherwise)."""
    return _without(quotable(text, where), _NOT_IN_OPTION, where)


def _without(text: str, forbidden: frozenset[str], where: str) -> str:
    if found := sorted(forbidden.intersection(text)):
        raise TargetError(
            f"openhab: {where}: {text!r} cannot be written in openHAB's files because of {' '.join(map(repr, found))}: "
            "change the label in the schema"
        )
    return text
