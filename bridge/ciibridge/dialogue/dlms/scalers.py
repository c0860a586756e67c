"""Scaler and unit of registers, read once and remembered (IEC 62056-6-2: attribute 3 of class 3 and 4, 4 of class 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ciibridge.decode.dlms.axdr import Data
from ciibridge.decode.dlms.shapes import CaptureObject as Attribute
from ciibridge.decode.dlms.values import scaler_unit
from ciibridge.dialogue import Part
from ciibridge.dialogue.dlms.association import Association
from ciibridge.types import Obis

#: Attribute that is the value, in nearly every class.
VALUE: Final = 2
#: Class → attribute with scaler and unit: register, extended register, demand register.
_ATTRIBUTE: Final = {3: 3, 4: 3, 5: 4}


class Scalers:
    """Scaler and unit by OBIS code."""

    def __init__(self) -> None:
        self._known: dict[Obis, tuple[int, int] | None] = {}

    def of(self, obis: Obis) -> tuple[int, int] | tuple[None, None]:
        """Give scaler and unit, or nothing where the meter does not tell."""
        return self._known.get(obis) or (None, None)

    def learn(self, association: Association, objects: Sequence[Attribute]) -> Part[None]:
        """Read those that are not known yet."""
        asked = [
            Attribute(item.class_id, item.obis, _ATTRIBUTE[item.class_id])
            for item in dict.fromkeys(objects)
            if item.class_id in _ATTRIBUTE and item.obis not in self._known
        ]
        asked = list(dict.fromkeys(asked))
        answers = yield from association.get_all(asked)
        for item, answer in zip(asked, answers, strict=True):
            self._known[item.obis] = scaler_unit(answer) if isinstance(answer, Data) else None
