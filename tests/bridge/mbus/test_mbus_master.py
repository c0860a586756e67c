"""The master of an M-Bus against simulated devices: readouts, selection, searches, and everything that can go wrong."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final, TypeVar

import ciimodel
import pytest
from ciibridge.dialogue import Change, DialogueError, Listen, Note, Octets, Pause, Send, Step
from ciibridge.dialogue.asking import WAYS, Asking
from ciibridge.dialogue.mbus import ADDRESS, READ, Line, Master, target
from ciibridge.dialogue.mbus_search import Found, anybody, primary, secondary
from ciibridge.errors import ConfigError
from ciibridge.framing.mbus import long_frames
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.simulate import SimulatedMeter
from ciibridge.simulate.bus import Bus, Device
from ciibridge.simulate.identity import SYNTHETIC_KEY
from ciibridge.types import Problem, Snapshot
from ciimodel.catalogue import Meter, PushElement, Resolved
from hypothesis import given, settings
from hypothesis import strategies as st

NOON: Final = datetime(2026, 5, 4, 10, 40, 15, tzinfo=UTC)
CATALOGUE: Final = ciimodel.load()
ELECTRIC: Final = CATALOGUE.meters["kamstrup-382"]
T = TypeVar("T")
Answer = Callable[[bytes], bytes]


def sub_meter(medium: str, channel: int, flag: str, lists: int = 1) -> Meter:
    """A device that counts water, gas or heat, with so many telegrams of one readout."""
    codes = (f"0-{channel}:24.1.0", f"0-{channel}:96.1.0", f"0-{channel}:24.2.1")
    elements = [PushElement(obis=code, class_id=3, attribute=2, quantity=None) for code in codes]
    pushed = [
        ELECTRIC.lists[0].model_copy(update={"id": f"part{n}", "elements": elements}) for n in range(lists)
    ]
    wire = ELECTRIC.wire.model_copy(update={"flag": [flag], "devices": []}) if ELECTRIC.wire else None
    return ELECTRIC.model_copy(update={"medium": medium, "lists": pushed, "wire": wire})


WATER: Final = sub_meter("water", 2, "GWF")
#: The same to a selection; its answers have another length, so that both at once are never a good frame.
WATER_2: Final = sub_meter("water", 2, "GWF", lists=2)
HEAT: Final = sub_meter("heat", 3, "LUG", lists=3)


def catalogue(meter: Meter) -> Resolved:
    return CATALOGUE.model_copy(update={"meters": {meter.id: meter}})


def device(
    meter: Meter = ELECTRIC,
    address: int = 1,
    number: int = 10_000_001,
    fabrication: str = "",
    **options: Any,
) -> Device:
    names = tuple(pushed.id for pushed in meter.lists)
    made = SimulatedMeter(catalogue(meter), meter.id, lists=names, seed=number - 10_000_001, **options)
    return Device(made, address, fabrication)


def bus(*devices: Device) -> Answer:
    line = Bus(devices)
    return lambda octets: line.feed(octets, NOON)


@dataclass
class Conversation:
    """What a dialogue did."""

    telegrams: list[bytes] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)
    speeds: list[int] = field(default_factory=list)
    error: DialogueError | None = None
    result: Any = None


def talk(
    dialogue: Generator[Step, bytes, T], answer: Answer, *, echo: bool = False, piece: int = 1 << 20
) -> Conversation:
    """Do the steps; what comes is given in pieces until the dialogue has enough, as a port does."""
    done = Conversation()
    waiting = b""
    back: bytes | None = None  # a generator that begins takes nothing
    for _ in range(200_000):
        try:
            step = next(dialogue) if back is None else dialogue.send(back)
        except StopIteration as end:
            done.result = end.value
            return done
        except DialogueError as error:
            done.error = error
            return done
        back = b""
        match step:
            case Send():
                done.said.append(step.data)
                waiting = (step.data if echo else b"") + answer(step.data)
            case Listen():
                came = b""
                while waiting and not (step.enough and came and step.enough(came)):
                    came, waiting = came + waiting[:piece], waiting[piece:]
                back = came
            case Octets():
                done.telegrams.append(step.data)
            case Note():
                done.notes.append(step.problem)
            case Change():
                done.speeds.append(step.baudrate)
            case Pause():
                pass
    raise AssertionError("the dialogue does not end")


def ask(
    answer: Answer, *addresses: str, echo: bool = False, piece: int = 1 << 20, **options: Any
) -> Conversation:
    asking = Asking(addresses=addresses, baudrate=2400, **options)
    return talk(Master(asking).round(NOON), answer, echo=echo, piece=piece)


def snapshots(telegrams: list[bytes], **options: Any) -> list[Snapshot]:
    pipeline = Pipeline(CATALOGUE, MeterSettings(**({"id": "bus"} | options)), "mbus")
    found = [item for telegram in telegrams for item in pipeline.feed(telegram, NOON)] + pipeline.finish()
    assert [item for item in found if isinstance(item, Problem) and item.code != "model_unknown"] == []
    return [item for item in found if isinstance(item, Snapshot)]


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("piece", [1, 3, 1 << 20])
@pytest.mark.parametrize(
    "address", [(), ("7",), ("254",), ("10000001",), ("1000FFFF",), ("KAM10000001",), ("100000012D2C0102",)]
)
def test_one_device(address: tuple[str, ...], piece: int, *, echo: bool) -> None:
    done = ask(bus(device(address=7)), *address, echo=echo, piece=piece)
    assert (done.error, done.notes, len(done.telegrams)) == (None, [], 1)
    [snapshot] = snapshots(done.telegrams, alone=True, id=None)
    assert snapshot.meter == "kam10000001"
    assert {"energy_import", "power_import"} <= set(snapshot.values)


def test_several_devices_become_sub_meters_with_their_own_channels() -> None:
    line = bus(device(WATER, 5, 10_000_002), device(HEAT, 0, 10_000_003), device(ELECTRIC, 130, 10_000_004))
    addresses = ("10000003", "5", "130")
    done = ask(line, *addresses)
    assert (done.error, done.notes, len(done.telegrams)) == (
        None,
        [],
        5,
    )  # the heat meter has three telegrams
    last = snapshots(done.telegrams, addresses=addresses)[-1]
    assert {n: meter.id for n, meter in last.submeters.items()} == {
        1: "LUG10000003",  # the lowest that is free
        2: "KAM10000004",
        5: "GWF10000002",  # its primary address
    }
    # A device that is silent does not move the others, whoever answers first.
    reverse = snapshots(done.telegrams[:2:-1], addresses=addresses)[-1]
    assert {n: meter.id for n, meter in reverse.submeters.items()} == {2: "KAM10000004", 5: "GWF10000002"}


def test_a_device_that_does_not_answer_costs_a_note() -> None:
    done = ask(bus(device(address=1), device(WATER, 3, 10_000_002)), "1", "2", "3")
    assert (len(done.telegrams), done.error) == (2, None)
    assert [(note.code, note.message) for note in done.notes] == [
        ("no_answer", "the device at address 2 does not answer")
    ]


@pytest.mark.parametrize(
    ("addresses", "said"), [((), "the device does not answer"), (("4",), "address 4 does not")]
)
def test_nobody_answers(addresses: tuple[str, ...], said: str) -> None:
    done = ask(lambda _: b"", *addresses)
    assert done.error is not None
    assert (done.error.code, said in str(done.error)) == ("no_answer", True)
    assert done.said.count(done.said[-1]) == 3


def test_none_of_several_answers() -> None:
    done = ask(lambda _: b"", "4", "10000009")
    assert done.error is not None
    assert str(done.error) == "none of 2 devices answers; the device …0009 does not answer"


def test_all_telegrams_with_a_frame_count_bit_that_changes() -> None:
    done = ask(bus(device(HEAT, 9)), "9")
    assert len(done.telegrams) == 3
    assert [said[1] for said in done.said] == [0x40, 0x7B, 0x5B, 0x7B]


def test_lost_and_spoilt_answers_are_asked_for_again() -> None:
    line = bus(device(HEAT, 9))
    calls = 0

    def bad(octets: bytes) -> bytes:
        nonlocal calls
        calls += 1
        said = line(octets)
        if calls % 3 == 1:
            return b""
        return said[:-3] + b"\0" + said[-2:] if calls % 3 == 2 else said

    done = ask(bad, "9")
    assert (done.error, len(set(done.telegrams))) == (None, 3)
    # The bit stays as it is until the answer was good, so no telegram is skipped.
    kinds = [said[1] for said in done.said if said[1] != 0x40]
    assert [kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind] == [0x7B, 0x5B, 0x7B]


def test_a_device_that_does_not_acknowledge_its_reset() -> None:
    line = bus(device(HEAT, 9))
    master = Master(Asking(addresses=("9",), baudrate=2400))
    deaf = lambda octets: b"" if octets[1] == 0x40 else line(octets)  # noqa: E731
    first, second = talk(master.round(NOON), deaf), talk(master.round(NOON), deaf)
    assert (len(first.telegrams), len(second.telegrams)) == (3, 3)
    bits = [said[1] for done in (first, second) for said in done.said if said[1] != 0x40]
    assert all(a != b for a, b in pairwise(bits))


def test_two_devices_where_one_was_expected() -> None:
    done = ask(bus(device(address=1), device(WATER, 2, 10_000_002)))
    assert done.error is not None
    assert (done.error.code, "name them in `address`" in str(done.error)) == ("collision", True)


def test_another_device_answers() -> None:
    one = bus(device(address=1))
    done = ask(lambda octets: one(b"\x10\x5b\x01\x5c\x16") if octets[1] in (0x5B, 0x7B) else b"\xe5", "6")
    assert done.error is not None
    assert (done.error.code, "address 1 answers" in str(done.error)) == ("refused", True)


def test_a_device_without_data() -> None:
    done = ask(lambda _: b"\xe5", "6")
    assert done.error is not None
    assert (done.error.code, "nothing to give" in str(done.error)) == ("refused", True)


def test_a_device_that_always_has_more() -> None:
    [frame] = long_frames(bus(device(HEAT, 9))(b"\x10\x7b\x09\x84\x16"))
    done = ask(lambda octets: b"\xe5" if octets[1] == 0x40 else frame.raw, "9")
    assert len(done.telegrams) == 64
    assert done.error is not None
    assert done.error.code == "refused"


def test_an_error_of_the_application_is_reported_by_the_line() -> None:
    body = bytes.fromhex("08 01 70 08")
    frame = bytes((0x68, 4, 4, 0x68)) + body + bytes((sum(body) & 0xFF, 0x16))
    done = ask(lambda octets: b"\xe5" if octets[1] == 0x40 else frame, "1")
    pipeline = Pipeline(CATALOGUE, MeterSettings(id="bus"), "mbus")
    [problem] = pipeline.feed(done.telegrams[0], NOON)
    assert isinstance(problem, Problem)
    assert (problem.code, "busy" in problem.message) == ("device_error", True)


def test_encrypted_telegrams_of_one_readout() -> None:
    done = ask(bus(device(HEAT, 9, key=SYNTHETIC_KEY)), "9", key=SYNTHETIC_KEY)
    assert len(done.telegrams) == 3
    assert len(snapshots(done.telegrams, key=SYNTHETIC_KEY)) == 3


def test_reset_and_speed_only_when_they_are_asked_for() -> None:
    done = ask(bus(device(address=3)), "3", read=("reset:50", "baud:9600"))
    assert (done.error, len(done.telegrams), done.speeds) == (None, 1, [9600, 2400])
    commands = [said[6:-2] for said in done.said if said[:1] == b"\x68"]
    assert commands == [b"\x50\x50", b"\xbd", b"\xbb"]
    fixed = ask(bus(device(address=3)), "3", read=("baud:9600",), can_change=False)
    assert fixed.error is not None
    assert (fixed.error.code, fixed.telegrams) == ("line_fixed", [])


def test_selection_octets() -> None:
    assert target("12345678").selection.hex() == "78563412ffffffff"
    assert target("KAM12345678").selection.hex() == "785634122d2cffff"
    assert target("123456782D2C0104").selection.hex() == "785634122d2c0104"
    assert target("12345678/87654321").selection.hex() == "78563412ffffffff0c7821436587"
    assert target("250").primary == 250
    said = ask(lambda _: b"", "12345678").said[1]
    assert said.hex() == "680b0b6853fd5278563412ffffffff" + f"{sum(said[4:-2]) & 0xFF:02x}16"


@pytest.mark.parametrize(
    "text", ["251", "252", "253", "255", "01", "1234567", "ABC123", "12345678G", "KAM1234567F", "-1"]
)
def test_what_is_no_address(text: str) -> None:
    assert ADDRESS.fullmatch(text) is None


@pytest.mark.parametrize(
    ("text", "good"), [("reset", True), ("baud:9600", True), ("baud:9601", False), ("F001", False)]
)
def test_words_of_read(text: str, *, good: bool) -> None:
    assert bool(READ.fullmatch(text)) is good
    assert WAYS["mbus"].read is READ


def line_of() -> Line:
    return Line(Asking(baudrate=2400))


def test_search_of_primary_addresses() -> None:
    told: list[float] = []
    done = talk(
        primary(line_of(), tell=lambda _, part: told.append(part)),
        bus(
            device(address=0),
            device(WATER, 17, 10_000_002),
            device(HEAT, 250, 10_000_003),
            device(address=17),
        ),
    )
    found = done.result
    assert [(one.address, one.collision) for one in found] == [(0, False), (17, True), (250, False)]
    assert (found[0].device.id, found[2].device.id) == ("KAM10000001", "LUG10000003")
    assert (len(told), told[-1]) == (251, 1.0)


def test_search_of_secondary_addresses() -> None:
    numbers = (10_000_001, 10_000_002, 10_000_102, 90_000_001, 10_200_002)
    told: list[float] = []
    done = talk(
        secondary(line_of(), lambda _, part: told.append(part)),
        bus(*(device(WATER, 0, number) for number in numbers)),
    )
    assert sorted(one.device.id for one in done.result) == sorted(f"GWF{number}" for number in numbers)
    assert all(ADDRESS.fullmatch(one.secondary) for one in done.result)
    assert told == sorted(told)
    assert abs(told[-1] - 1.0) < 1e-9
    for one in done.result:  # and what was found can be asked
        again = ask(bus(*(device(WATER, 0, number) for number in numbers)), one.secondary)
        assert len(again.telegrams) == 1


def test_search_where_two_devices_have_one_number() -> None:
    done = talk(secondary(line_of()), bus(device(WATER), device(WATER_2), device(WATER, number=20_000_000)))
    assert [one.collision for one in done.result] == [True, False]


def test_devices_with_one_number_are_told_apart_by_their_type() -> None:
    line = bus(device(WATER), device(HEAT), device(WATER, number=20_000_000))
    told: list[float] = []
    found = talk(secondary(line_of(), lambda _, part: told.append(part)), line).result
    assert sorted(one.device.id for one in found) == ["GWF10000001", "GWF20000000", "LUG10000001"]
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


MADE: Final = ("00004711", "00004712", "90000000")


def test_the_same_device_twice_is_told_apart_by_its_fabrication_number() -> None:
    line = bus(*(device(m, fabrication=made) for m, made in zip((WATER, WATER_2, WATER), MADE, strict=True)))
    found = talk(secondary(line_of()), line).result
    assert [one.secondary.partition("/")[2] for one in found] == list(MADE)
    for one in found:
        assert ADDRESS.fullmatch(one.secondary)
        assert len(ask(line, one.secondary).telegrams) in (1, 2)
    mixed = bus(device(WATER, fabrication="00004711"), device(WATER_2))  # the second never heard of it
    assert len(ask(mixed, "10000001/00004711").telegrams) == 1
    assert [one.collision for one in talk(secondary(line_of()), mixed).result] == [False]


def test_devices_that_look_at_no_fabrication_number_do_not_prolong_the_search() -> None:
    deaf = bus(device(WATER), device(WATER_2))

    def cut(octets: bytes) -> bytes:
        """A selection without its record, which such devices pass over."""
        if b"\x0c\x78" not in octets[6:]:
            return deaf(octets)
        body = octets[4:15]
        return deaf(b"\x68\x0b\x0b\x68" + body + bytes((sum(body) & 0xFF, 0x16)))

    done = talk(secondary(line_of()), cut)
    assert [one.collision for one in done.result] == [True]
    assert len(done.said) < 300


def test_one_number_twice_in_one_block() -> None:
    with pytest.raises(ConfigError, match=r"address: devices with one number .* with the same port"):
        WAYS["mbus"].asker(Asking(addresses=("10000001/00004711", "10000001/00004712")))


def test_a_bus_with_nobody_and_with_one() -> None:
    assert talk(secondary(line_of()), lambda _: b"").result == ()
    assert talk(anybody(line_of()), lambda _: b"").result is None
    found = talk(anybody(line_of()), bus(device(address=44))).result
    assert isinstance(found, Found)
    assert (found.address, found.secondary) == (44, "100000012D2C0102")
    assert talk(anybody(line_of()), bus(device(address=1), device(WATER, 2))).result == Found(254)


@given(
    st.lists(st.binary(max_size=30), max_size=40), st.sampled_from([(), ("1",), ("12345678",), ("1", "2")])
)
@settings(max_examples=80, deadline=None)
def test_any_answers_end_in_a_dialogue_error_or_in_peace(
    said: list[bytes], addresses: tuple[str, ...]
) -> None:
    answers = iter(said)
    done = ask(lambda _: next(answers, b""), *addresses)
    assert done.error is None or done.error.code in ("no_answer", "refused", "collision")


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\xe5", b""]), max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_answers_end_a_search(said: list[bytes]) -> None:
    answers = iter(said)
    talk(secondary(line_of()), lambda _: next(answers, b""))
    talk(primary(line_of(), range(20)), lambda _: next(answers, b""))
