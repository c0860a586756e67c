"""The HDLC recordings of real meters through the whole line: model, identity, what is published, keys.

That each decodes and agrees with its source and with a peer is proved in tests/bridge/proof.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import ciimodel
import pytest
from captures import Capture, capture, load_captures
from ciibridge.framing.crc import checksum
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.listing import Listing
from ciibridge.publish.messages import Messages
from ciibridge.types import Problem, Snapshot
from ciimodel.catalogue import Resolved

NOW: Final = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
HDLC: Final = load_captures("dlms-hdlc")
SOUND: Final = [c for c in HDLC if not c.facts["damaged"]]


def locked(recording: Capture) -> bool:
    """It is ciphered and nobody published the key."""
    return bool(recording.facts["structure"].get("ciphered")) and recording.key is None


OURS: Final = [c for c in SOUND if not locked(c)]
LOCKED: Final = [c for c in SOUND if locked(c)]


def names(captures: list[Capture]) -> Any:
    return pytest.mark.parametrize("recording", captures, ids=lambda c: c.name.split("/")[1])


def settings(recording: Capture) -> MeterSettings:
    return MeterSettings(key=recording.key, auth_key=recording.auth_key, clock="meter")


def run(
    recording: Capture, *more: bytes, piece: int = 1 << 20, catalogue: Resolved | None = None
) -> list[Snapshot | Problem]:
    pipeline = Pipeline(catalogue or ciimodel.load(), settings(recording))
    found: list[Snapshot | Problem] = []
    data = recording.data + b"".join(more)
    for begin in range(0, len(data), piece):
        found += pipeline.feed(data[begin : begin + piece], NOW)
    return found + pipeline.finish()


def snapshots(found: list[Snapshot | Problem]) -> list[Snapshot]:
    return [item for item in found if isinstance(item, Snapshot)]


def codes(found: list[Snapshot | Problem]) -> list[str]:
    return [item.code for item in found if isinstance(item, Problem)]


def listing(recording: Capture, snapshot: Snapshot) -> dict[str, Any]:
    text = Listing(ciimodel.load(), settings(recording)).write(snapshot)
    return dict(json.loads(text, parse_float=Decimal, parse_int=Decimal))


@names(OURS)
def test_what_is_published_agrees_with_the_telegram(recording: Capture) -> None:
    """Each value of ``state`` is its register times a power of ten, exactly; derived ones are the sums they claim."""
    messages = Messages(ciimodel.load(), settings(recording))
    for snapshot in snapshots(run(recording)):
        state = json.loads(messages.state(snapshot), parse_float=Decimal, parse_int=Decimal)
        by_code = listing(recording, snapshot)["values"]
        for name, measured in snapshot.values.items():
            if measured.obis is not None:
                assert state["values"][name] == by_code[str(measured.obis)]["value"]
        assert not snapshot.unknown, "a supported meter sends nothing the profile does not know"
        if "power_net" in snapshot.derived:
            values = state["values"]
            assert values["power_net"] == values["power_import"] - values["power_export"]


@names(LOCKED)
def test_without_the_key_it_says_so(recording: Capture) -> None:
    found = run(recording)
    assert codes(found) == ["key_missing"]
    assert snapshots(found) == []
    pipeline = Pipeline(ciimodel.load(), settings(recording))
    pipeline.feed(recording.data, NOW)
    assert pipeline.diagnostics(NOW).link == "key_missing"


@names(OURS)
def test_a_meter_the_catalogue_does_not_have_gives_readings_or_says_why_not(recording: Capture) -> None:
    found = run(recording, catalogue=ciimodel.load().model_copy(update={"meters": {}}))
    if not snapshots(found):
        assert set(codes(found)) == {"unknown_layout"}
    for snapshot in snapshots(found):
        assert (snapshot.model, snapshot.candidates) == (None, ())
        assert snapshot.values


def test_the_same_list_in_wh_and_in_ten_wh() -> None:
    """Kamstrup sends one list in two units; only the type number in it tells which."""
    energies = {}
    for country in ("no", "se"):
        (snapshot,) = snapshots(run(capture(f"dlms-hdlc/kamstrup-omnipower-{country}-list2-hourly.bin")))
        number = snapshot.values["energy_import"].number
        energies[country] = (number.mantissa, number.exponent)
    assert energies == {"no": (8582328, 1), "se": (32014158, 0)}


def test_a_meter_that_names_itself_in_every_fifth_telegram_has_that_name_from_the_first() -> None:
    found = snapshots(run(capture("dlms-hdlc/kaifa-ma304-no-stream-16-frames.bin")))
    assert [len(snapshot.identity) for snapshot in found] == [0, 0, 0, 0, 3] * 3 + [0]
    assert {snapshot.meter for snapshot in found} == {found[4].identity["serial_manufacturer"]}


def test_a_type_number_nobody_has_seen_is_not_guessed() -> None:
    recording = capture("dlms-hdlc/kamstrup-omnipower-no-list2-hourly.bin")
    octets = bytearray(recording.data)
    place = octets.index(b"BN243")
    octets[place : place + 2] = b"AN"
    octets[-3:-1] = checksum(bytes(octets[1:-3]))
    found = Pipeline(ciimodel.load(), MeterSettings(clock="meter")).feed(bytes(octets), NOW)
    (snapshot,) = snapshots(found)
    assert snapshot.candidates == ("kamstrup-omnipower", "kamstrup-omnipower-se")
    assert "energy_import" not in snapshot.values
    assert str(snapshot.unknown["1-1:1.8.0"]) == "8582328"
    assert set(codes(found)) == {"model_ambiguous"}


@names([c for c in SOUND if c.key])
def test_the_wrong_key_is_told_from_no_key(recording: Capture) -> None:
    assert recording.key is not None
    wrong = MeterSettings(key=bytes(reversed(recording.key)), clock="meter")
    pipeline = Pipeline(ciimodel.load(), wrong)
    assert codes(pipeline.feed(recording.data, NOW)) == ["key_wrong"]
    assert pipeline.diagnostics(NOW).link == "key_wrong"


@names([c for c in SOUND if c.auth_key])
def test_the_tag_is_checked(recording: Capture) -> None:
    (snapshot,) = snapshots(run(recording))
    assert snapshot.reading is not None
    assert (snapshot.reading.apdu.encrypted, snapshot.reading.apdu.authenticated) == (True, True)
    forged = MeterSettings(key=recording.key, auth_key=bytes(16), clock="meter")
    pipeline = Pipeline(ciimodel.load(), forged)
    assert codes(pipeline.feed(recording.data, NOW)) == ["not_authentic"]
    assert pipeline.diagnostics(NOW).link == "not_authentic"


def test_a_replayed_telegram_is_refused() -> None:
    recording = capture("dlms-hdlc/lg-e570-ch-encrypted.bin")
    found = run(recording, recording.data)
    assert len(snapshots(found)) == 1
    assert codes(found) == ["replayed"]
