"""Names in openHAB: ids of Things and channels, names of Items, and what may stand between quotes.

Sources: the grammars Thing.xtext, Items.xtext and Sitemap.xtext of openhab-core. An id of a Thing is
``[A-Za-z0-9_-]+`` and must not be a keyword of the grammar; an Item name is ``[A-Za-z_][A-Za-z0-9_]*``, so a hyphen of a
topic level becomes an underscore there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ciigen.errors import TargetError

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
#: Would end the string, start an escape, or be taken for the format of a label.
_NOT_IN_TEXT: Final = frozenset('"\\[]%\n\r\t')
#: Separate entries of ``options`` and ``allowedStates``.
_NOT_IN_OPTION: Final = frozenset(",=:")


def thing_id(level: str) -> str:
    """Id of the Thing of the meter whose topic level is ``level``."""
    return f"meter_{level}" if level in KEYWORDS else level


def equipment_names(levels: Iterable[str]) -> dict[str, str]:
    """Topic level → name of the meter's group Item, with which the names of its Items begin.

    ``SmartMeter`` where there is one meter; with more, ``SmartMeter_<level>``, numbered where two levels differ in a
    hyphen only.
    """
    listed = list(levels)
    if len(listed) == 1:
        return {listed[0]: EQUIPMENT}
    names: dict[str, str] = {}
    for level in listed:
        name = base = f"{EQUIPMENT}_{level.replace('-', '_')}"
        number = 1
        while name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[level] = name
    return names


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
