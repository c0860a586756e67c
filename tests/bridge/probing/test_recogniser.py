"""The pure part of probing: every meter that can be simulated, every capture, wrong speeds, wrong keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from captures import Capture
from ciibridge.errors import ConfigError
from ciibridge.probing.attempts import attempts, fixed, given, line_name
from ciibridge.probing.hearing import Hearing, KeyState, Quality
from ciibridge.probing.lists import same
from ciibridge.probing.quality import too_fast
from ciibridge.probing.recogniser import Recogniser
from ciibridge.probing.report import Outcome
from ciibridge.security.glo import Keys
from ciibridge.simulate import SimulatedMeter
from ciimodel.catalogue import Link
from hypothesis import given as forall
from hypothesis import strategies as st
from probing_parts import AUTH_KEY, CATALOGUE, KEY, START, Line, link_of, probe, simulated
from uart import heard
from walk import CAPTURES, DECODED, MODELS, outcome_of, walked


def assert_named(hearing: Hearing, meter: str, pushed: str) -> None:
    """The meter is named; and if others are too, then only such as send the same codes and do not say who they are."""
    assert meter in hearing.models
    for other in set(hearing.models) - {meter}:
        assert all(same(one.codes, [CATALOGUE.meters[other]]) for one in hearing.lists), other
    assert all(pushed in one.ids for one in hearing.lists)


@pytest.mark.parametrize("name", [" ".join(pair) for pair in simulated()])
def test_every_meter_that_can_be_simulated_is_named(name: str) -> None:
    meter, _, pushed = name.partition(" ")
    simulator = SimulatedMeter(CATALOGUE, meter, lists=(pushed,))
    line = link_of(meter)
    if simulator.interval_s > 10:  # it is not waited for; a recording of it is long enough
        recogniser = Recogniser(CATALOGUE, Keys())
        for moment in (START, START + timedelta(seconds=simulator.interval_s)):
            recogniser.feed(simulator.telegrams(moment), moment)
        assert_named(recogniser.hearing(), meter, pushed)
        return
    report, _, _ = probe(Line(simulator, line, cut=100), (fixed(CATALOGUE, line),))
    assert report.outcome is Outcome.FOUND
    assert_named(report.hearing, meter, pushed)
    assert report.line == line
    assert all(one.interval_s == pytest.approx(simulator.interval_s, abs=0.5) for one in report.hearing.lists)


def test_one_device_of_a_bus_is_the_meter_and_two_are_not() -> None:
    electric, water = (SimulatedMeter(CATALOGUE, model) for model in ("emu-professional-375", "gwf-mtkcoder"))
    recogniser = Recogniser(CATALOGUE, Keys())
    recogniser.feed(electric.telegrams(START), START)
    hearing = recogniser.hearing()
    assert (hearing.model, hearing.channels) == ("emu-professional-375", {})
    assert "voltage_l3" in hearing.values
    recogniser.feed(water.telegrams(START), START + timedelta(seconds=1))
    hearing = recogniser.hearing()
    assert (hearing.model, hearing.candidates, hearing.values) == (None, (), {})
    assert {who.model for who in hearing.submeters.values()} == {"emu-professional-375", "gwf-mtkcoder"}


@pytest.mark.parametrize("meter", ["lg-e450", "iskra-am550", "lg-e360", "kamstrup-omnipower", "lg-e360-dsmr"])
@pytest.mark.parametrize("cut", [0, 150])
def test_the_line_settings_are_found(meter: str, cut: int) -> None:
    line = link_of(meter)
    report, search, seconds = probe(Line(SimulatedMeter(CATALOGUE, meter), line, cut=cut))
    assert (report.outcome, report.line, report.model) == (Outcome.FOUND, line, meter)
    assert seconds < 2 * sum(attempt.listen_s for attempt in attempts(CATALOGUE))
    wrong = [
        one.hearing.quality
        for one in search.tried
        if one.attempt.line and one.attempt.line.baudrate != line.baudrate
    ]
    assert set(wrong) <= {Quality.GARBAGE, Quality.SILENT}


@pytest.mark.parametrize("meter", [meter for meter, _ in simulated()])
def test_a_hint_is_tried_first(meter: str) -> None:
    interfaces = [one for one in CATALOGUE.meters[meter].interfaces if one.mode == "push"]
    if interfaces:
        assert attempts(CATALOGUE, meter=meter)[0].line in [one.link for one in interfaces]


@pytest.mark.parametrize("operator", CATALOGUE.operators)
def test_the_meters_of_the_operator_are_tried_first(operator: str) -> None:
    first = attempts(CATALOGUE, operator=operator)[0]
    served = {(entry.meter, entry.interface) for entry in CATALOGUE.operators[operator].meters}
    pushing = {(place.meter.id, place.interface.id) for one in attempts(CATALOGUE) for place in one.places}
    if not served & pushing:
        return
    assert served & {(place.meter.id, place.interface.id) for place in first.places}


def test_a_right_hint_saves_the_search() -> None:
    line = Line(SimulatedMeter(CATALOGUE, "lg-e360"), link_of("lg-e360"))
    _, search, seconds = probe(line, attempts(CATALOGUE, meter="lg-e360"))
    assert len(search.tried) == 1
    assert seconds < 12


def test_waiting_follows_from_intervals_and_speed() -> None:
    for attempt in attempts(CATALOGUE):
        assert attempt.line is not None
        bits = 1 + attempt.line.bytesize + (attempt.line.parity != "none") + attempt.line.stopbits
        assert attempt.octet_s == pytest.approx(bits / attempt.line.baudrate)
        often = [[p.interval_s for p in place.meter.lists if p.interval_s <= 30] for place in attempt.places]
        longest = max(max(intervals, default=10.0) for intervals in often)
        assert attempt.listen_s == pytest.approx(longest + attempt.telegram_s + 1.0)
        assert 100 * attempt.octet_s < attempt.telegram_s < 5000 * attempt.octet_s


def test_three_lists_each_with_its_interval() -> None:
    simulator = SimulatedMeter(CATALOGUE, "lg-e450", operator="regionalwerke-baden")
    report, _, seconds = probe(Line(simulator, link_of("lg-e450")), watch_s=1900.0)
    intervals = {one.ids[0]: one.interval_s for one in report.hearing.lists}
    assert intervals == {"rwb": 5, "rwb-tariffs": 60, "rwb-channels": 900}
    assert [candidate.id for candidate in report.operators if candidate.fits] == [
        "ebl",
        "regionalwerke-baden",
    ]
    assert 1900 <= seconds < 1920
    assert report.hearing.channels


def test_without_watching_it_ends_as_soon_as_it_is_clear() -> None:
    simulator = SimulatedMeter(CATALOGUE, "lg-e450", operator="regionalwerke-baden")
    _, _, seconds = probe(Line(simulator, link_of("lg-e450")))
    assert seconds < 15


def test_silence() -> None:
    report, search, seconds = probe(None)
    assert report.outcome is Outcome.NOTHING
    assert [one.hearing.quality for one in search.tried] == [Quality.SILENT] * len(attempts(CATALOGUE))
    assert seconds == pytest.approx(sum(attempt.listen_s for attempt in attempts(CATALOGUE)))


def test_a_line_that_no_meter_has_is_heard_twice_and_given_up() -> None:
    odd = Link(baudrate=57600, bytesize=8, parity="none", stopbits=1)
    report, search, _ = probe(Line(SimulatedMeter(CATALOGUE, "lg-e450"), odd))
    assert report.outcome is Outcome.NO_FRAMES
    assert len(search.tried) > len(attempts(CATALOGUE))
    assert report.line is None


@pytest.mark.parametrize("meter", sorted({meter for meter, _ in simulated()}))
@pytest.mark.parametrize("listening", [attempt.line for attempt in attempts(CATALOGUE)], ids=line_name)
def test_a_wrong_speed_is_never_taken_for_a_telegram(meter: str, listening: Link) -> None:
    sent = link_of(meter)
    if listening.baudrate == sent.baudrate:
        return
    octets, errors = heard(SimulatedMeter(CATALOGUE, meter).telegrams(START), sent, listening)
    recogniser = Recogniser(CATALOGUE, Keys())
    recogniser.feed(octets, START, errors)
    assert recogniser.quality in {Quality.GARBAGE, Quality.OCTETS, Quality.SILENT, Quality.BEGINNING}
    unaided = Recogniser(CATALOGUE, Keys())  # a driver that counts nothing
    for second in range(0, 60, 10):
        unaided.feed(octets, START + timedelta(seconds=second))
    assert unaided.quality is not Quality.FRAMES
    assert unaided.quality is not Quality.TELEGRAMS


def test_the_uart_hears_what_was_sent_with_the_right_settings() -> None:
    for attempt in attempts(CATALOGUE):
        assert attempt.line is not None
        octets = bytes(range(1 << attempt.line.bytesize))
        assert heard(octets, attempt.line, attempt.line) == (octets, 0)


def test_a_line_slower_than_we_listen_shows_in_the_octets() -> None:
    meter = SimulatedMeter(CATALOGUE, "lg-e450")
    octets, _ = heard(meter.telegrams(START), link_of("lg-e450"), link_of("iskra-am550"))
    assert too_fast(octets)
    assert not any(too_fast(capture.data) for capture in CAPTURES)


# -- keys ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "given_keys", "state", "values"),
    [
        (Keys(), Keys(), KeyState.NOT_NEEDED, True),
        (Keys(), Keys(KEY), KeyState.SUPERFLUOUS, True),
        (Keys(KEY), Keys(), KeyState.MISSING, False),
        (Keys(KEY), Keys(KEY), KeyState.RIGHT, True),
        (Keys(KEY), Keys(AUTH_KEY), KeyState.WRONG, False),
        (Keys(KEY), Keys(KEY, AUTH_KEY), KeyState.NO_TAG, True),
        (Keys(KEY, AUTH_KEY), Keys(KEY), KeyState.RIGHT, True),
        (Keys(KEY, AUTH_KEY), Keys(KEY, AUTH_KEY), KeyState.RIGHT, True),
        (Keys(KEY, AUTH_KEY), Keys(KEY, KEY), KeyState.AUTH_WRONG, True),
        (Keys(KEY, AUTH_KEY), Keys(AUTH_KEY, KEY), KeyState.SWAPPED, True),
        (Keys(KEY), Keys(AUTH_KEY, KEY), KeyState.OTHER, True),
    ],
)
@pytest.mark.parametrize("meter", ["lg-e570", "lg-e360-dsmr"])
def test_what_is_wrong_with_the_keys(
    meter: str, sent: Keys, given_keys: Keys, state: KeyState, values: bool
) -> None:
    simulator = SimulatedMeter(CATALOGUE, meter, key=sent.key, auth_key=sent.auth_key)
    report, _, seconds = probe(Line(simulator, link_of(meter)), keys=given_keys)
    assert report.hearing.key is state
    assert bool(report.hearing.values) is values
    assert report.outcome is (Outcome.FOUND if values else Outcome.KEY)
    assert report.model == meter, "also without the key"
    assert report.hearing.encrypted is (sent.key is not None)
    assert seconds < 2 * sum(attempt.listen_s for attempt in attempts(CATALOGUE))
    assert report.hearing.authenticated is (
        sent.auth_key is not None
        and state in {KeyState.RIGHT, KeyState.SWAPPED}
        and given_keys.auth_key is not None
    )


# -- captures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_every_capture(capture: Capture) -> None:
    """What the table of all captures says becomes of it, and the models it is recognised as, is what probing finds."""
    recogniser = Recogniser(CATALOGUE, Keys(capture.key, capture.auth_key), timed=False)
    recogniser.feed(capture.data, START)
    recogniser.finish()
    hearing = recogniser.hearing()
    outcome = outcome_of(capture)
    assert (hearing.quality is Quality.TELEGRAMS) == (outcome == DECODED)
    assert (hearing.key is KeyState.MISSING) == (outcome == "key_missing")
    if outcome == DECODED:
        assert hearing.protocol == walked(capture.name).protocol
        assert list(hearing.models) == MODELS.get(capture.name, list(hearing.models))


@forall(st.lists(st.binary(max_size=300), max_size=8), st.booleans())
def test_no_octets_upset_it(chunks: list[bytes], timed: bool) -> None:
    recogniser = Recogniser(CATALOGUE, Keys(KEY, AUTH_KEY), timed=timed)
    for number, chunk in enumerate(chunks):
        recogniser.feed(chunk, START + timedelta(seconds=number))
        recogniser.glance()
    recogniser.finish()
    assert recogniser.hearing().octets == sum(map(len, chunks))


def test_one_octet_at_a_time_gives_the_same() -> None:
    octets = SimulatedMeter(CATALOGUE, "lg-e450").telegrams(START)
    whole, single = (Recogniser(CATALOGUE, Keys(), timed=False) for _ in range(2))
    whole.feed(octets, START)
    for octet in octets:
        single.feed(bytes((octet,)), START)
    for recogniser in (whole, single):
        recogniser.finish()
    assert single.hearing() == whole.hearing()


def test_a_simulator_that_cannot_is_no_meter() -> None:
    with pytest.raises(ConfigError):
        SimulatedMeter(CATALOGUE, "no-such-meter")
    assert given(CATALOGUE, "x").line is None
