"""Names in Home Assistant that are not labels of quantities, in the languages of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "meter": {"en": "Smart meter", "de": "Smart Meter", "fr": "Compteur", "it": "Contatore"},
    "submeter": {
        "en": "{label}, channel {n}",
        "de": "{label}, Kanal {n}",
        "fr": "{label}, canal {n}",
        "it": "{label}, canale {n}",
    },
    "link": {
        "en": "Link to the meter",
        "de": "Verbindung zum Zähler",
        "fr": "Liaison avec le compteur",
        "it": "Collegamento con il contatore",
    },
}
