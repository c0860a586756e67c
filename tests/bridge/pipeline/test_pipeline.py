"""``feed`` takes anything and raises nothing; what it counts, and which settings it refuses."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import ciibridge
import ciimodel
import pytest
from captures import Capture, capture, load_captures
from ciibridge.errors import ConfigError
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.listing import Listing
from ciibridge.publish.messages import Messages
from ciibridge.simulate import SimulatedMeter
from ciibridge.types import PROBLEMS, Problem, Snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

NOW: Final = datetime(2026, 5, 4, 9, 39, 22, tzinfo=UTC)
PLAIN: Final = "dlms-hdlc/lg-e450-ch-vse2026.bin"
CIPHERED: Final = "dlms-hdlc/lg-e570-ch-encrypted.bin"
CAPTURES: Final = [c for c in load_captures("dlms-hdlc") if len(c.data) < 1000]


def pipeline(*, counters: dict[bytes, int] | None = None, **more: object) -> Pipeline:
    return Pipeline(ciimodel.load(), MeterSettings(**more), counters=counters)  # type: ignore[arg-type]


def codes(found: list[Snapshot | Problem]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]


def check(found: list[Snapshot | Problem]) -> None:
    """Everything that comes out can be published and printed."""
    messages, listing = Messages(ciimodel.load()), Listing(ciimodel.load())
    for item in found:
        if isinstance(item, Problem):
            assert item.code in PROBLEMS
            assert item.message
            assert item.hint
            assert item.offset >= 0
        else:
            assert item.meter
            assert item.ts.tzinfo is UTC
            for message in messages.snapshot(item):
                assert message.payload or "/text/" in message.topic
                if message.content_type == "application/json":
                    json.loads(message.payload)
            json.loads(listing.write(item))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Capture, bytes]:
    """A recording with octets changed, lost and added."""
    recording = draw(st.sampled_from(CAPTURES))
    data = bytearray(recording.data)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        lost = draw(st.integers(0, 20))
        data[at : at + lost] = draw(st.binary(max_size=20))
    return recording, bytes(data)


@settings(max_examples=300, deadline=None)
@given(damaged(), st.integers(1, 700))
def test_no_damage_raises(case: tuple[Capture, bytes], piece: int) -> None:
    recording, data = case
    line = pipeline(key=recording.key, auth_key=recording.auth_key)
    found: list[Snapshot | Problem] = []
    for number, begin in enumerate(range(0, len(data), piece)):
        found += line.feed(data[begin : begin + piece], NOW + timedelta(seconds=number))
    found += line.finish()
    check(found)
    report = line.diagnostics(NOW)
    assert report.octets == len(data)
    assert sum(report.problems.values()) == len(codes(found))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_octets_raise(pieces: list[bytes]) -> None:
    line = pipeline()
    for piece in pieces:
        check(line.feed(piece, NOW))
    check(line.finish())


def test_every_code_that_is_raised_has_a_remedy() -> None:
    """The stable codes stand in one table; a new one in the source must be added there."""
    source = Path(ciibridge.__path__[0])
    pattern = re.compile(r'(?:Problem|SecurityError|DecodeError|FramingError)\(\s*"([a-z_]+)"')
    used = {
        code for file in source.rglob("*.py") for code in pattern.findall(file.read_text(encoding="utf-8"))
    }
    assert len(used) > 15
    assert used <= set(PROBLEMS)


def test_diagnostics_of_a_good_line() -> None:
    line = pipeline(clock="meter")
    before = line.diagnostics(NOW)
    assert (before.link, before.octets, before.last_rx, dict(before.intervals)) == ("waiting", 0, None, {})
    data = capture(PLAIN).data
    for number in range(4):
        line.feed(data, NOW + timedelta(seconds=5 * number))
    report = line.diagnostics(NOW + timedelta(seconds=16))
    assert (report.link, report.telegrams_ok, report.frames_ok, report.frames_bad) == ("ok", 4, 16, 0)
    assert report.octets == 4 * len(data)
    assert report.last_rx == NOW + timedelta(seconds=15)
    assert report.intervals == {"0-8:25.9.0": 5.0}
    assert report.stale_after_s == 30.0
    assert report.telegrams_per_minute == pytest.approx(11.25)
    assert (report.withheld, report.replayed, report.decrypt_failed, dict(report.problems)) == (0, 0, 0, {})
    assert (line.meter, line.model) == (capture(PLAIN).facts["expect"]["meter_id"].lower(), "lg-e450")
    assert line.diagnostics(NOW + timedelta(seconds=46)).link == "stale"


def test_diagnostics_of_a_locked_meter() -> None:
    line = pipeline()
    line.feed(capture(CIPHERED).data, NOW)
    report = line.diagnostics(NOW)
    assert (report.link, report.decrypt_failed, report.telegrams_ok) == ("key_missing", 1, 0)
    assert report.problems == {"key_missing": 1}
    assert line.meter is None


def test_the_clock_offset_is_the_meters_minus_ours() -> None:
    line = pipeline()
    (snapshot,) = line.feed(capture(PLAIN).data, datetime(2026, 5, 4, 9, 39, 25, tzinfo=UTC))
    assert isinstance(snapshot, Snapshot)
    assert snapshot.clock_offset_s == -4.0
    assert line.diagnostics(NOW).clock_offset_s == -4.0


class TestLessProtectedThanTheKeysSay:
    """A forged telegram need not be encrypted, unless somebody insists (ADR 9)."""

    def test_a_plain_telegram_is_refused_where_a_key_is_configured(self) -> None:
        line = pipeline(key=bytes(16), clock="meter")
        assert codes(line.feed(capture(PLAIN).data, NOW)) == ["not_encrypted"]
        assert line.diagnostics(NOW).link == "not_authentic"
        assert line.meter is None

    def test_a_telegram_without_tag_is_refused_where_an_authentication_key_is_configured(self) -> None:
        recording = capture("dlms-hdlc/lg-e570-ch-encrypted.bin")  # security control 0x20: no tag
        line = pipeline(key=recording.key, auth_key=bytes(16), clock="meter")
        (problem,) = line.feed(recording.data, NOW)
        assert isinstance(problem, Problem)
        assert problem.code == "not_authentic"
        assert "Remove `auth_key`" in problem.message

    @pytest.mark.parametrize("required", [True, False])
    def test_the_configuration_decides_whether_a_tag_is_demanded(self, required: bool) -> None:
        recording = capture("dlms-hdlc/lg-e570-ch-encrypted.bin")  # without tag
        keys = {"key": recording.key, "auth_key": bytes(16)}
        line = pipeline(**keys, require_authentication=required, clock="meter", id="house")
        found = line.feed(recording.data, NOW)
        assert codes(found) == (["not_authentic"] if required else [])
        assert [item for item in found if isinstance(item, Snapshot)] == ([] if required else found)
        assert line.diagnostics(NOW).problems == ({"not_authentic": 1} if required else {})

    def test_counters_outlast_the_pipeline_and_a_new_key_begins_anew(self) -> None:
        recording = capture("dlms-hdlc/lg-e570-ch-encrypted.bin")
        counters: dict[bytes, int] = {}
        for expected in ([], ["replayed"]):
            line = pipeline(counters=counters, key=recording.key, clock="meter", id="house")
            assert codes(line.feed(recording.data, NOW)) == expected
        assert len(counters) == 1
        other = SimulatedMeter(ciimodel.load(), "lg-e570", key=bytes(16))
        pipeline(counters=counters, key=bytes(16), clock="meter").feed(other.telegrams(NOW), NOW)
        assert len(counters) == 2, "another key, another row of counters"


def test_problems_say_where_in_the_stream() -> None:
    line = Pipeline(ciimodel.load().model_copy(update={"meters": {}}), MeterSettings())
    noise = b"\x00" * 10
    telegram = capture("dlms-hdlc/kaifa-ma304-no-list1.bin").data
    found = line.feed(noise + telegram, NOW) + line.finish()
    problems = {item.code: item.offset for item in found if isinstance(item, Problem)}
    assert problems == {"noise": 0, "unknown_layout": 10}


def test_no_message_holds_a_key_or_a_serial_number() -> None:
    for recording in load_captures("dlms-hdlc"):
        secret = recording.key or bytes(range(16))
        line = pipeline(key=bytes(reversed(secret)), auth_key=secret)
        found = line.feed(recording.data, NOW) + line.finish()
        text = " ".join(item.message + item.hint for item in found if isinstance(item, Problem))
        title = recording.facts["structure"].get("system_title") or "no title"
        for hidden in (secret.hex(), bytes(reversed(secret)).hex(), title):
            assert hidden.lower() not in text.lower()


def test_the_end_of_nothing() -> None:
    assert pipeline().finish() == []


def test_a_meter_without_identity_is_named_after_three_telegrams() -> None:
    recording = capture("dlms-hdlc/lg-e450-ch-encrypted-no-push-list.bin")
    line = pipeline(key=recording.key, clock="meter", id="cellar")
    (snapshot,) = line.feed(recording.data, NOW)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.meter == "cellar"
    line = pipeline(key=recording.key, clock="meter")
    assert line.feed(recording.data, NOW) == []
    problem, snapshot = line.finish()
    assert isinstance(problem, Problem)
    assert isinstance(snapshot, Snapshot)
    assert (problem.code, snapshot.meter) == ("no_identity", "lg-e450")


@pytest.mark.parametrize(
    ("more", "words"), [({"model": "lg-e451"}, "lg-e450"), ({"zone": "Mars"}, "zone = 'Mars'")]
)
def test_wrong_settings_are_found_before_the_first_octet(more: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        pipeline(**more)


def test_a_protocol_nobody_reads() -> None:
    with pytest.raises(ConfigError, match=r"protocol = .morse.*dlms-hdlc"):
        Pipeline(ciimodel.load(), MeterSettings(), "morse")


# -- what a dialogue gives -------------------------------------------------------------------------------------------------


def one_of(protocol: str) -> bytes:
    """A recording of a protocol that is whole and plain."""
    return next(
        c.data
        for c in load_captures(protocol)
        if c.name
        in {
            PLAIN,
            "mbus/abb-f95.bin",
            "iec62056-21/lg-e350-zmf100-lf-lf.txt",  # its end shows only by what comes next
            "dsmr-p1/kaifa-v42.txt",
        }
    )


@pytest.mark.parametrize("protocol", ["dlms-hdlc", "mbus", "iec62056-21", "dsmr-p1"])
def test_a_whole_telegram_waits_for_nothing_and_the_next_one_comes_as_well(protocol: str) -> None:
    octets = one_of(protocol)
    line = Pipeline(ciimodel.load(), MeterSettings(id="house", clock="meter"), protocol)
    for seq in range(1, 4):
        snapshots = [item for item in line.telegram(octets, NOW) if isinstance(item, Snapshot)]
        assert [snapshot.seq for snapshot in snapshots] == [seq]
    assert codes(line.telegram(octets[: len(octets) // 2], NOW))
    assert any(isinstance(item, Snapshot) for item in line.telegram(octets, NOW))
    assert line.diagnostics(NOW).octets == 4 * len(octets) + len(octets) // 2


def test_a_reading_that_was_decoded_elsewhere() -> None:
    here, there = pipeline(id="house", clock="meter"), pipeline(id="house", clock="meter")
    (snapshot,) = [i for i in here.feed(capture(PLAIN).data, NOW) if isinstance(i, Snapshot)]
    assert snapshot.reading is not None
    (same,) = [i for i in there.take(snapshot.reading, NOW) if isinstance(i, Snapshot)]
    assert (same.values, same.ts) == (snapshot.values, snapshot.ts)
    assert there.diagnostics(NOW).link == "ok"
    past = pipeline(id="house", clock="meter")
    past.take(snapshot.reading, NOW, past=True)
    assert past.diagnostics(NOW).link == "waiting"


def test_a_problem_of_a_dialogue_is_counted_and_gets_its_hint() -> None:
    line = pipeline()
    problem = line.report(Problem("no_answer", "nothing came"), NOW)
    assert problem.hint == PROBLEMS["no_answer"]
    assert line.diagnostics(NOW).problems == {"no_answer": 1}
