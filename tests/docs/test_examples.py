"""Every topic and every value of the profile has an example, and each is what its schema says."""

from __future__ import annotations

import json
from decimal import Decimal

import ciimodel
import pytest
from captures import ROOT
from ciibridge.types import Message
from example_page import TOLD, carries, quantities, topics
from jsonschema import Draft7Validator

CATALOGUE = ciimodel.load()
PAGE = (ROOT / "docs/reference/examples.md").read_text(encoding="utf-8")


def decoded(message: Message) -> object:
    """The payload as its JSON Schema means it: a document, a number, or a text."""
    text = message.payload.decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize("name", [name for name in CATALOGUE.topics if name != "raw"])
def test_a_topic_has_an_example_that_its_schema_accepts(name: str) -> None:
    topic = CATALOGUE.topics[name]
    if not carries(name):
        assert name not in topics()
        assert not [q for q in CATALOGUE.quantities.values() if q.channel_types and q.kind in topic.kinds]
        return
    message = topics()[name]
    schema = json.loads(
        (ROOT / f"generated/jsonschema/{topic.payload}.schema.json").read_text(encoding="utf-8")
    )
    Draft7Validator(schema).validate(decoded(message))
    assert (message.qos, message.retain, message.expiry_s) == (topic.qos, topic.retain, topic.expiry_s)
    assert f"`{message.topic}`, QoS {message.qos}" in PAGE


def test_raw_is_the_telegram_itself() -> None:
    assert topics()["raw"].payload.startswith(b"\x7e\xa0")


@pytest.mark.parametrize("name", CATALOGUE.quantities)
def test_a_quantity_has_an_example_that_its_schema_accepts(name: str) -> None:
    quantity, example = CATALOGUE.quantities[name], quantities()[name]
    assert f'<a id="{name}"></a>' in PAGE
    if quantity.unit is None:
        value = json.loads(example.value) if example.key else example.value
        assert value not in ("", None)
        if quantity.states:
            assert value in quantity.states
        return
    number = Decimal(example.value)
    for limit, fits in ((quantity.minimum, number.__ge__), (quantity.maximum, number.__le__)):
        assert limit is None or fits(Decimal(str(limit)))
    assert example.message.topic.endswith(f"/value/{name}")
    assert example.message.payload.decode() == example.value


def test_no_number_stands_for_another() -> None:
    """Values of one household at one moment fit together."""
    value = {
        name: Decimal(each.value)
        for name, each in quantities().items()
        if not each.key and CATALOGUE.quantities[name].unit
    }
    assert value["power_net"] == value["power_import"] - value["power_export"]
    own = {name for name, each in quantities().items() if each.meter == TOLD}
    sent = {name for meter in CATALOGUE.meters.values() for name in meter.quantities}
    assert not {name for name in own & sent if not CATALOGUE.quantities[name].channel_types}
    assert value["reactive_power_net"] == (
        value["reactive_power_q1"]
        + value["reactive_power_q2"]
        - value["reactive_power_q3"]
        - value["reactive_power_q4"]
    )
    assert all(300 < value[f"apparent_power_export_l{n}"] < 600 for n in (1, 2, 3))
