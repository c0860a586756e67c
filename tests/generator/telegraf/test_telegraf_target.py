"""Inputs for Telegraf: TOML with the keys that mqtt_consumer and json_v2 document, and paths that a telegram has."""

from __future__ import annotations

import tomllib
from typing import Any, Final

import ciimodel
import pytest
from ciigen.errors import UsageError
from ciigen.installed import read_resolved
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.telegraf import TARGET

#: docs.influxdata.com/telegraf: plugin mqtt_consumer, parser json_v2 (1.34).
INPUT: Final = {
    "servers", "topics", "qos", "persistent_session", "client_id", "topic_tag", "data_format", "topic_parsing", "json_v2",
}  # fmt: skip
PARSER: Final = {"measurement_name", "timestamp_path", "timestamp_format", "field"}


@pytest.fixture(scope="module")
def resolved() -> Resolved:
    return read_resolved()


def inputs(resolved: Resolved, selection: Selection) -> list[dict[str, Any]]:
    text = TARGET.views["conf"].render(resolved, selection)
    found: list[dict[str, Any]] = tomllib.loads(text)["inputs"]["mqtt_consumer"]
    return found


def test_each_model_is_toml_with_documented_keys_and_fields_that_exist(resolved: Resolved) -> None:
    for meter in resolved.meters:
        for one in inputs(resolved, Selection(meter=meter)):
            assert set(one) == INPUT
            (topics,) = one["topic_parsing"]
            assert len({topic.count("/") for topic in (*one["topics"], topics["topic"], topics["tags"])}) == 1
            (parser,) = one["json_v2"]
            assert set(parser) == PARSER
            for field in parser["field"]:
                where, _, name = field["path"].partition(".")
                quantity = resolved.quantities[name]
                assert where == {"value": "values", "text": "texts"}[quantity.place]
                assert field["type"] == {"value": "float", "text": "string"}[quantity.place]
                assert field["optional"] is True


def test_a_meter_of_which_nothing_is_known_says_so(resolved: Resolved) -> None:
    silent = resolved.meters["lg-e450"].model_copy(update={"lists": (), "quantities": ()})
    without = resolved.model_copy(update={"meters": {**resolved.meters, "lg-e450": silent}})
    with pytest.raises(UsageError, match="take all with --all"):
        inputs(without, Selection(meter="lg-e450"))
    assert "lg-e450.conf" not in TARGET.tree(without)


def test_sub_meters_have_an_input_and_a_tag_of_their_own(resolved: Resolved) -> None:
    own, below = inputs(resolved, Selection(everything=True))
    assert below["topics"] == ["cii/v1/+/channel/+/state", "cii/v1/+/channel/+/history"]
    assert below["topic_parsing"][0]["tags"] == "_/_/meter/_/channel/_"
    assert own["client_id"] != below["client_id"]
    mine, theirs = ({field["path"] for field in one["json_v2"][0]["field"]} for one in (own, below))
    assert "values.volume_gas" in theirs
    assert not mine & theirs


def test_named_meters_are_subscribed_by_name(resolved: Resolved) -> None:
    (one,) = inputs(resolved, Selection(ids=("house", "flat")))
    assert one["topics"] == [
        "cii/v1/house/state", "cii/v1/house/history", "cii/v1/flat/state", "cii/v1/flat/history",
    ]  # fmt: skip


def test_everything_is_every_value_and_text_of_the_profile(resolved: Resolved) -> None:
    paths = {
        field["path"]
        for one in inputs(resolved, Selection(everything=True))
        for field in one["json_v2"][0]["field"]
    }
    names = {name for name, q in ciimodel.load().quantities.items() if q.place == "value"}
    assert {path.partition(".")[2] for path in paths} >= names
