"""ciimodel.topics, as generated now: build, subscribe, match."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from ciigen.installed import read_resolved
from ciigen.resolved import Resolved
from ciigen.targets.asyncapi.carried import carried, example_topic
from ciigen.targets.python import TARGET
from hypothesis import given
from hypothesis import strategies as st

RESOLVED = read_resolved()


@pytest.fixture(scope="module")
def topics() -> Iterator[ModuleType]:
    module = ModuleType("generated_topics_alone")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    exec(TARGET.tree(RESOLVED)["ciimodel/topics.py"], module.__dict__)
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def resolved() -> Resolved:
    return RESOLVED


def test_every_topic_is_there_with_its_facts(resolved: Resolved, topics: ModuleType) -> None:
    assert list(topics.TOPICS) == list(resolved.topics)
    for name, topic in resolved.topics.items():
        generated = topics.TOPICS[name]
        assert getattr(topics, name.upper()) is generated
        for fact in ("name", "path", "qos", "retain", "expiry_s", "payload", "content_type"):
            assert getattr(generated, fact) == getattr(topic, fact)
        assert generated.kinds == tuple(kind.value for kind in topic.kinds)
    assert resolved.version == topics.PROFILE
    assert resolved.prefix == topics.PREFIX


@pytest.mark.parametrize("prefix", ["cii", "house/cellar"])
def test_the_example_of_every_topic_is_recognised(
    resolved: Resolved, topics: ModuleType, prefix: str
) -> None:
    recognised = 0
    for name, topic in resolved.topics.items():
        if topic.kinds and not carried(resolved, topic):
            continue  # no quantity of this version has this topic
        received = example_topic(resolved, topic).replace(resolved.prefix, prefix, 1)
        match = topics.match(received, prefix)
        assert match is not None, received
        assert match.name == name
        assert getattr(topics, name)(**match.levels, prefix=prefix) == received
        recognised += 1
    assert recognised >= 10


def test_every_quantity_is_told_live_from_counter(resolved: Resolved, topics: ModuleType) -> None:
    for topic in resolved.topics.values():
        for quantity in carried(resolved, topic):
            levels = {"meter": "m", "channel": "2"} | dict.fromkeys(("quantity", "item"), quantity.name)
            received = topic.path.format(prefix="cii", **levels)
            assert topics.match(received).name == topic.name, received


def test_a_quantity_of_a_newer_version_counts_as_live(topics: ModuleType) -> None:
    match = topics.match("cii/v1/m/value/power_of_tomorrow")
    assert match == ("value_live", {"meter": "m", "quantity": "power_of_tomorrow"})


@pytest.mark.parametrize(
    "received",
    [
        "cii/v2/m/state",
        "other/v1/m/state",
        "cii2/v1/m/state",
        "cii/v1/M/state",
        "cii/v1/m/state/",
        "cii/v1/m/state\n",
        "cii/v1//state",
        "cii/v1/m/value/Power",
        "cii/v1/m/value",
        "cii/v1/m/channel/0/state",
        "cii",
        "",
    ],
)
def test_what_is_not_of_the_profile_is_none(topics: ModuleType, received: str) -> None:
    assert topics.match(received) is None


@given(received=st.text(alphabet="ci/v1_m+#state{}1\n", max_size=40))
def test_no_text_breaks_match(topics: ModuleType, received: str) -> None:
    match = topics.match(received)
    assert match is None or topics.TOPICS[match.name].at(**match.levels) == received


@pytest.mark.parametrize(
    ("function", "levels", "bad"),
    [
        ("state", {"meter": "LGZ"}, "meter 'LGZ'"),
        ("state", {"meter": "a/b"}, "meter 'a/b'"),
        ("state", {"meter": "+"}, r"meter '\+'"),
        ("state", {"meter": "m", "prefix": "a/#"}, "prefix 'a/#'"),
        ("value_live", {"meter": "m", "quantity": "1.7.0"}, r"quantity '1\.7\.0'"),
        ("channel_state", {"meter": "m", "channel": "0"}, "channel '0'"),
    ],
)
def test_a_bad_level_is_refused_with_its_pattern(
    topics: ModuleType, function: str, levels: dict[str, str], bad: str
) -> None:
    with pytest.raises(ValueError, match=f"{bad} is no topic level: it must match"):
        getattr(topics, function)(**levels)


def test_filters_subscribe_to_all_meters(topics: ModuleType) -> None:
    assert topics.STATE.filter() == "cii/v1/+/state"
    assert topics.CHANNEL_VALUE_COUNTER.filter("a/b") == "a/b/v1/+/channel/+/value/+"
