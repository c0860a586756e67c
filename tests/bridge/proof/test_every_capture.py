"""Every capture of a real meter, through the sniffed path: it decodes and agrees, or ``outcomes.yaml`` says what it does instead.

capture → sniff → Pipeline → snapshots ─┬─ what the source asserts   (asserted.py)
                                        └─ what a peer reads         (peers.py)
"""

from __future__ import annotations

from typing import Any, Final

import ciimodel
import pytest
from asserted import asserts, differences
from captures import Capture, capture
from ciibridge.types import PROBLEMS
from peers import PEERS
from walk import CAPTURES, COVERED, DECODED, GOOD, MODELS, OUTCOMES, REFUSED, outcome_of, row, walk, walked

READ: Final = [c for c in CAPTURES if outcome_of(c) == DECODED]
KEYS: Final = {
    "outcome", "problems", "expectation_wrong", "not_comparable", "peer_cannot", "peer_differs", "why"
}  # fmt: skip


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("one", captures, ids=lambda c: c.name)


def test_the_table_speaks_of_captures_in_its_own_words() -> None:
    assert len(CAPTURES) == 161
    assert set(OUTCOMES) <= {c.name for c in CAPTURES}
    for name, told in OUTCOMES.items():
        assert set(told) <= KEYS, name
        assert told.get("outcome", DECODED) in (*REFUSED, DECODED), name
        assert told, name


def test_only_damage_a_missing_key_and_an_error_answer_are_reasons() -> None:
    for one in CAPTURES:
        outcome = outcome_of(one)
        if outcome == "key_missing":
            assert one.key is None, one.name
        if outcome == "damaged":
            assert row(one)["why"], one.name
        if outcome == DECODED and one.facts["damaged"]:
            assert row(one)["why"], f"{one.name} is damaged, says captures.json, and yet decodes: say why"


@names(CAPTURES)
def test_what_comes_out_is_what_the_table_says(one: Capture) -> None:
    result = walked(one.name)
    assert bool(result.snapshots) == (outcome_of(one) == DECODED)
    reported = [p for p in result.problems if p.code != "no_identity"]
    assert [f"{p.code} at {p.offset}" for p in reported] == row(one).get("problems", [])
    for problem in result.problems:
        assert problem.code in PROBLEMS
        assert problem.message
        assert problem.hint
        assert 0 <= problem.offset < len(one.data)


@names(READ)
def test_the_model_is_recognised_or_not(one: Capture) -> None:
    candidates = tuple(MODELS.get(one.name, ()))
    for snapshot in walked(one.name).snapshots:
        recognised = (snapshot.model,) if snapshot.model else snapshot.candidates
        devices = tuple(who.model for who in snapshot.submeters.values() if who.model)
        assert (recognised or devices) == candidates


def test_every_model_with_captures_of_its_own_is_in_the_catalogue() -> None:
    assert set(MODELS) <= {c.name for c in READ}
    assert {model for each in MODELS.values() for model in each} <= set(ciimodel.load().meters)


def test_each_meter_of_the_captures_has_a_file_or_a_reason() -> None:
    """The octets say which file it is, or their source does; what has none is no meter of a household."""
    everything = {c.name for c in CAPTURES}
    assert not set(MODELS) & set(COVERED)
    assert set(MODELS) | set(COVERED) == everything
    assert {told["model"] for told in COVERED.values() if "model" in told} <= set(ciimodel.load().meters)
    for name, told in COVERED.items():
        assert set(told) in ({"model"}, {"why"}), name
        assert all(told.values()), name


@names([c for c in READ if asserts(c)])
def test_it_agrees_with_all_that_its_source_asserts(one: Capture) -> None:
    known = {**row(one).get("expectation_wrong", {}), **row(one).get("not_comparable", {})}
    found = differences(one)
    assert {place: text for place, text in found.items() if place not in known} == {}
    assert set(known) <= set(found), "what the table excuses is not there any more"


@names([c for c in READ if c.facts["family"] in PEERS])
def test_another_decoder_reads_the_same(one: Capture) -> None:
    peer = PEERS[one.facts["family"]]
    compared = peer.compare(one, walked(one.name).snapshots)
    if "peer_cannot" in row(one):
        assert compared.cannot, f"{peer.name} reads it now"
        return
    assert not compared.cannot, f"{peer.name}: {compared.cannot}"
    known = row(one).get("peer_differs", {})
    assert {place: text for place, text in compared.differing.items() if place not in known} == {}
    assert set(known) <= set(compared.differing), "what the table excuses is not there any more"


@names(CAPTURES)
def test_octet_by_octet_is_the_same_as_at_once(one: Capture) -> None:
    protocol_known = walked(one.name)
    assert walk(one.data, one.key, one.auth_key, piece=1) == protocol_known


@names([c for c in CAPTURES if outcome_of(c) in ("damaged", "error_answer")])
def test_behind_it_a_good_telegram_comes_out(one: Capture) -> None:
    good = capture(GOOD[one.facts["family"]])
    (alone,) = walked(good.name).snapshots
    result = walk(one.data + good.data, good.key)
    (snapshot,) = result.snapshots
    assert (snapshot.values, snapshot.channels) == (alone.values, alone.channels)
    assert result.codes, "and the damage is reported"


def test_the_good_ones_are_good() -> None:
    assert set(GOOD) == {c.facts["family"] for c in CAPTURES}
    for name in GOOD.values():
        assert not capture(name).facts["damaged"]
        assert walked(name).codes in ([], ["no_identity"])
        assert len(walked(name).snapshots) == 1
