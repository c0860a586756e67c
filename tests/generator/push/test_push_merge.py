"""Three ways to one: what a user did is kept, whatever it was; without that, everything becomes as wished."""

from __future__ import annotations

import pytest
from ciigen.push.merge import Value, adopted, merge
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("made", "wished", "there", "becomes"),
    [
        ("A", "B", "A", "B"),  # ours, and out of date
        ("A", "A", "A", "A"),
        ("A", "B", "C", "C"),  # renamed
        ("A", "A", "", ""),  # taken away
        ("A", "B", "B", "B"),  # already made, not yet recorded
        ("", "B", "", "B"),  # new in this version
        ("", "B", "C", "C"),  # new in this version, and the user has it
        ("A", "", "A", ""),  # no longer made
        ("A", "", "C", "C"),
    ],
)
def test_text(made: str, wished: str, there: str, becomes: str) -> None:
    merged = merge({"f": made}, {"f": wished}, {"f": there})
    yours = becomes != wished
    assert merged.fields["f"] == becomes
    assert merged.made["f"] == (made if yours else wished)
    assert merged.yours == (("f",) if yours else ())


@pytest.mark.parametrize(
    ("made", "wished", "there", "becomes"),
    [
        ("ab", "ab", "ab", "ab"),
        ("ab", "ac", "ab", "ac"),
        ("ab", "ab", "abx", "abx"),  # added
        ("ab", "ab", "a", "a"),  # taken away
        ("ab", "abc", "ax", "acx"),  # all at once
        ("a", "ab", "ab", "ab"),  # already made, not yet recorded
    ],
)
def test_sets(made: str, wished: str, there: str, becomes: str) -> None:
    merged = merge({"f": frozenset(made)}, {"f": frozenset(wished)}, {"f": frozenset(there)})
    assert merged.fields["f"] == frozenset(becomes)


VALUES = st.sampled_from(["", "a", "b", "c"])
SETS = st.frozensets(st.sampled_from("abc"))
FIELDS = st.fixed_dictionaries({"text": VALUES, "set": SETS})


@given(FIELDS, FIELDS, FIELDS)
def test_a_second_time_nothing_changes(
    made: dict[str, Value], wished: dict[str, Value], there: dict[str, Value]
) -> None:
    once = merge(made, wished, there)
    twice = merge(once.made, wished, once.fields)
    assert (twice.fields, twice.made) == (once.fields, once.made)


@given(FIELDS, FIELDS)
def test_what_nobody_touched_becomes_as_wished(made: dict[str, Value], wished: dict[str, Value]) -> None:
    assert merge(made, wished, made).fields == wished
    assert merge(None, wished, made).fields == wished


@given(FIELDS, FIELDS, FIELDS)
def test_a_record_that_was_not_written_is_made_up_for(
    made: dict[str, Value], wished: dict[str, Value], there: dict[str, Value]
) -> None:
    """A push that was cut off after the fields and before the record."""
    once = merge(made, wished, there)
    again = merge(made, wished, once.fields)
    assert again.fields == once.fields


def test_what_is_taken_over_keeps_its_name_and_its_groups() -> None:
    wished: dict[str, Value] = {"label": "A", "unit": "W", "tags": frozenset("t"), "groups": frozenset("g")}
    there: dict[str, Value] = {
        "label": "Mine",
        "unit": "kW",
        "tags": frozenset("u"),
        "groups": frozenset("m"),
    }
    record = adopted(wished, there, keep=("label",), join=("groups",))
    merged = merge(record, wished, there)
    assert merged.fields == {"label": "Mine", "unit": "W", "tags": frozenset("t"), "groups": frozenset("gm")}
    nameless = adopted(wished, {**there, "label": ""}, keep=("label",), join=("groups",))
    assert merge(nameless, wished, {**there, "label": ""}).fields["label"] == "A"
