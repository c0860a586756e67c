"""The few words of the openHAB files that are not labels of quantities, in the languages of the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "meter": {"en": "Smart meter", "de": "Smart Meter", "fr": "Compteur intelligent", "it": "Contatore"},
    "submeter": {
        "en": "{label}, channel {n}",
        "de": "{label}, Kanal {n}",
        "fr": "{label}, canal {n}",
        "it": "{label}, canale {n}",
    },
    "now": {"en": "Now", "de": "Jetzt", "fr": "Maintenant", "it": "Adesso"},
    "registers": {"en": "Registers", "de": "Zählerstände", "fr": "Index", "it": "Registri"},
    "tariffs": {"en": "Tariffs", "de": "Tarife", "fr": "Tarifs", "it": "Tariffe"},
    "phases": {"en": "Phases", "de": "Phasen", "fr": "Phases", "it": "Fasi"},
    "submeters": {
        "en": "Other meters",
        "de": "Weitere Zähler",
        "fr": "Autres compteurs",
        "it": "Altri contatori",
    },
    "more": {"en": "More", "de": "Weiteres", "fr": "Divers", "it": "Altro"},
    "charts": {"en": "Charts", "de": "Diagramme", "fr": "Graphiques", "it": "Grafici"},
    "power": {"en": "Power", "de": "Leistung", "fr": "Puissance", "it": "Potenza"},
    "voltage": {"en": "Voltage", "de": "Spannung", "fr": "Tension", "it": "Tensione"},
    "current": {"en": "Current", "de": "Strom", "fr": "Courant", "it": "Corrente"},
    "kept_live": {
        "en": "Smart meter: live values kept",
        "de": "Smart Meter: aufgezeichnete Momentanwerte",
        "fr": "Compteur : valeurs instantanées enregistrées",
        "it": "Contatore: valori istantanei registrati",
    },
    "kept_meter": {
        "en": "Smart meter: registers kept",
        "de": "Smart Meter: aufgezeichnete Zählerstände",
        "fr": "Compteur : index enregistrés",
        "it": "Contatore: registri registrati",
    },
}


def word(key: str, lang: str) -> str:
    """Give the word in ``lang``, in English where a language was added to the schema and not yet here."""
    return WORDS[key].get(lang, WORDS[key]["en"])
