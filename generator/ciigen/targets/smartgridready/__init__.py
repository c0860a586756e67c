"""Output ``smartgridready``: the product description (EID) of a meter, by which an energy manager with SmartGridready reads it.

Place in the line: render.

    functional.py   which functional profile and data point a quantity is        eid.xml.j2   the XML

Elements stand in the order of the XSD (SmartGridready/SGrSpecifications, SchemaDatabase/SGr/Product/Product.xsd); each text is there
in all languages, whatever ``--lang`` says, which is what the XSD has four places for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ciigen.errors import UsageError
from ciigen.invocation import command
from ciigen.resolved import Resolved, Text
from ciigen.target import Selection, Target, View
from ciigen.targets.smartgridready.functional import CONSUMER, profiles
from ciigen.templates import filled
from ciigen.topics import base
from ciigen.wording import phrase

#: Type in the description of what whoever installs it is asked for; the rest are texts.
_TYPES: Final = {"broker_port": "int32", "broker_tls": "boolean", "broker_tls_verify": "boolean"}
_ASKED: Final = (
    "broker_host", "broker_port", "broker_tls", "broker_tls_verify", "broker_username", "broker_password", "topic_path",
)  # fmt: skip


def _eid(resolved: Resolved, selection: Selection) -> str:
    if len(selection.ids) > 1:
        raise UsageError(
            f"a product description is of one meter: choose one with --id ({', '.join(selection.ids)})"
        )
    (level,) = selection.ids
    one = selection.of(level)
    settings = resolved.consumers[CONSUMER].settings
    model = resolved.meters[one.meter] if one.meter else None

    def words(key: str, **parts: object) -> Text:
        return phrase(resolved, CONSUMER, key, **parts)

    defaults = {**settings, "topic_path": base(resolved, level)}
    major, minor = resolved.version.split(".")
    return filled(
        __name__,
        "eid.xml.j2",
        {
            "command": command(CONSUMER, "eid", selection),
            # the handler of the association takes it as MQTT client id, which must differ between two meters of a model
            "name": f"{model.manufacturer} {model.model} {level}" if model else f"Smart meter {level}",
            "manufacturer": model.manufacturer if model else None,
            "device": words("device", version=resolved.version),
            "version": (major, minor, "0"),
            "settings": settings,
            "asked": [(key, _TYPES.get(key, "string"), defaults[key], words(key)) for key in _ASKED],
            "information": words(str(settings["information"]).lower()),
            "id_point": words("id_point"),
            "time_point": words("time_point"),
            "profiles": profiles(resolved, one),
        },
    )


_VIEWS: Final[Mapping[str, View]] = {
    "eid": View(".xml", "Product description (EID) of one meter.", _eid),
}


class SmartGridready:
    """Product descriptions for energy managers with SmartGridready."""

    name = CONSUMER
    help = "SmartGridready: product description of a meter (EID)"
    views = _VIEWS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """``<meter>.xml`` for every meter model of which a functional profile is known to be sent."""
        return {
            f"{meter}.xml": _eid(resolved, Selection(meter=meter))
            for meter in resolved.meters
            if profiles(resolved, Selection(meter=meter), required=False)
        }


TARGET: Target = SmartGridready()
