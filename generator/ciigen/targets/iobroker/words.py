"""Names of folders, devices and channels in ioBroker, in the languages of the schema.

All languages go into one file: ``common.name`` holds them side by side, and ioBroker shows that of its own setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ciigen.resolved import Text

#: ``{n}`` is the number of a tariff or channel, ``{phase}`` L1 … L3, ``{level}`` the topic level of the meter.
WORDS: Final[Mapping[str, Text]] = {
    "raw": {
        "en": "Smart meters (raw MQTT)",
        "de": "Smart Meter (MQTT roh)",
        "fr": "Compteurs (MQTT brut)",
        "it": "Contatori (MQTT grezzo)",
    },
    "meters": {"en": "Smart meters", "de": "Smart Meter", "fr": "Compteurs", "it": "Contatori"},
    "meter": {"en": "Smart meter", "de": "Smart Meter", "fr": "Compteur", "it": "Contatore"},
    "meter_of_many": {
        "en": "Smart meter {level}",
        "de": "Smart Meter {level}",
        "fr": "Compteur {level}",
        "it": "Contatore {level}",
    },
    "function": {"en": "Energy", "de": "Energie", "fr": "Énergie", "it": "Energia"},
    "info": {"en": "Information", "de": "Information", "fr": "Informations", "it": "Informazioni"},
    "power": {"en": "Power", "de": "Leistung", "fr": "Puissance", "it": "Potenza"},
    "energy": {"en": "Energy total", "de": "Energie gesamt", "fr": "Énergie totale", "it": "Energia totale"},
    "tariff": {
        "en": "Energy tariff {n}",
        "de": "Energie Tarif {n}",
        "fr": "Énergie tarif {n}",
        "it": "Energia tariffa {n}",
    },
    "phase": {
        "en": "Phase {phase}",
        "de": "Phase {phase}",
        "fr": "Phase {phase}",
        "it": "Fase {phase}",
    },
    "sub": {
        "en": "Other meter, channel {n}",
        "de": "Weiterer Zähler, Kanal {n}",
        "fr": "Autre compteur, canal {n}",
        "it": "Altro contatore, canale {n}",
    },
    "reachable": {"en": "Reachable", "de": "Erreichbar", "fr": "Joignable", "it": "Raggiungibile"},
    "time": {
        "en": "Time of the reading",
        "de": "Zeitpunkt der Ablesung",
        "fr": "Heure du relevé",
        "it": "Ora della lettura",
    },
    "link": {
        "en": "State of the link to the meter",
        "de": "Zustand der Verbindung zum Zähler",
        "fr": "État de la liaison avec le compteur",
        "it": "Stato del collegamento con il contatore",
    },
}


def words(key: str, **parts: object) -> Text:
    """Give the words of ``key`` in every language, with their parts filled in."""
    return {language: text.format(**parts) for language, text in WORDS[key].items()}
