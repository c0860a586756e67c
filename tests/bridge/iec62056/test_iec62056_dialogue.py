"""What is said to a meter: modes A to E, sets, passwords, echoes, damage; and who does not answer."""

from __future__ import annotations

from typing import Any

import ciimodel
import pytest
from ciibridge.dialogue import Listen, Send
from ciibridge.dialogue.asking import Asking, no_access
from ciibridge.dialogue.iec62056 import READ, Reader, enter_hdlc
from ciibridge.dialogue.iec62056.readout import asker
from ciibridge.errors import ConfigError
from ciibridge.types import PROBLEMS, Number
from dialogue_parts import SETS, Heard, play, station
from hypothesis import given, settings
from hypothesis import strategies as st
from iec62056_parts import NOW, run, snapshots, with_parity

CATALOGUE = ciimodel.load()
READOUT = "".join(f"{line}\r\n" for line in SETS[""]).encode() + b"!\r\n\x03"


def ask(meter: Any, *, echo: bool = False, spoil: Any = None, **asking: Any) -> Heard:
    how = Asking(**{"no_access": no_access(CATALOGUE), **asking})
    options = {"spoil": spoil} if spoil else {}
    return play(Reader(how).round(NOW), meter, baudrate=how.baudrate, echo=echo, **options)


def good(heard: Heard) -> bytes:
    assert heard.error is None, heard.error
    (telegram,) = heard.telegrams
    assert snapshots(run(telegram))[0].meter == "10000001"
    return telegram


@pytest.mark.parametrize("echo", [False, True])
def test_mode_c_changes_to_the_speed_that_the_meter_proposes(*, echo: bool) -> None:
    heard = ask(station(), echo=echo)
    assert READOUT in good(heard)
    assert heard.sent == [b"/?!\r\n", b"\x06060\r\n"]
    assert heard.speeds == [300, 19200]
    assert heard.telegrams[0].startswith(b"/LGZ6ZMF100AC.M23\r\n\x02")


@pytest.mark.parametrize(
    ("proposed", "speed"), list(zip("0123456", (300, 600, 1200, 2400, 4800, 9600, 19200), strict=True))
)
def test_every_speed(proposed: str, speed: int) -> None:
    heard = ask(station(f"LGZ{proposed}ZMF100"))
    good(heard)
    assert heard.speeds == ([300] if speed == 300 else [300, speed])


def test_a_line_that_cannot_change_stays_where_it_is() -> None:
    heard = ask(station(), can_change=False)
    good(heard)
    assert heard.sent[-1] == b"\x06000\r\n"
    assert heard.speeds == [300]


def test_a_line_that_is_fixed_at_another_speed_says_so() -> None:
    """Current loops are often fixed at 9600 baud."""
    heard = ask(station("LGZ6ZMD120", called_at=9600), can_change=False, baudrate=9600)
    good(heard)
    assert heard.sent[-1] == b"\x06050\r\n"
    assert heard.speeds == [9600]


def test_mode_a_and_b_need_no_acknowledgement() -> None:
    heard = ask(station("ACE\\ACE1000"))
    assert heard.sent == [b"/?!\r\n"]
    assert heard.speeds == [300]
    good(heard)
    heard = ask(station("SIEC2WX5"))
    assert heard.sent == [b"/?!\r\n"]
    assert heard.speeds == [300, 1200 * 2]
    good(heard)
    heard = ask(station("SIEC2WR5"), can_change=False)
    assert heard.error is not None
    assert heard.error.code == "line_fixed"


def test_an_address_and_a_call_that_wakes() -> None:
    heard = ask(station(), addresses=("10000001",), wake_up=True)
    good(heard)
    assert heard.sent[0] == bytes(66)
    assert heard.sent[1] == b"/?10000001!\r\n"
    assert heard.paused_s >= 1.5
    heard = ask(station(), addresses=("99999999",))
    assert heard.error is not None
    assert heard.error.code == "no_answer"
    assert "99999999" not in str(heard.error)


def test_nobody_there() -> None:
    for echo in (False, True):
        heard = ask(None, echo=echo)
        assert heard.error is not None
        assert heard.error.code == "no_answer"
        assert len(heard.sent) == 3
        assert heard.paused_s > 3
        assert not heard.telegrams


def test_parity_bits_on_a_line_set_to_eight_bits() -> None:
    good(ask(station(), spoil=lambda said, _: with_parity(said)))


def damage(said: bytes) -> bytes:
    return said.replace(b"219", b"218")


def test_a_wrong_bcc_is_asked_for_again() -> None:
    heard = ask(station(), spoil=lambda said, number: damage(said) if number == 1 else said)
    assert b"219" in good(heard)
    assert heard.sent[-1] == b"\x15"
    assert heard.sent.count(b"\x15") == 1
    heard = ask(station(), spoil=lambda said, _: damage(said))
    assert heard.error is not None
    assert heard.error.code == "bad_checksum"
    assert heard.sent.count(b"\x15") == 2
    assert not heard.telegrams


def test_a_meter_that_falls_silent_or_stops() -> None:
    def falls_silent(said: bytes, number: int) -> bytes:
        return b"" if number else said

    heard = ask(station(), spoil=falls_silent)
    assert heard.error is not None
    assert heard.error.code == "no_answer"
    heard = ask(station(), spoil=lambda said, number: said[:20] if number else said)
    assert heard.error is not None
    assert heard.error.code == "incomplete"
    heard = ask(station(), spoil=lambda _said, _: b"\x81\x82\x83 rubbish")
    assert heard.error is not None
    assert heard.error.code == "noise"


def unopened(said: bytes) -> bytes:
    """The same, its STX damaged."""
    return said.replace(b"\x02", b"B", 1)


@pytest.mark.parametrize("read", [(), ("F001",)])
@pytest.mark.parametrize(
    "piece", [unopened, lambda said: said[:-1], lambda said: said.replace(b"\x03", b"C")]
)
def test_data_whose_frame_is_damaged_is_asked_for_again(read: tuple[str, ...], piece: Any) -> None:
    """Without STX, ETX or BCC nothing proves that the octets are right, and 9 would be as good as 1."""
    number = 2 if read else 1

    def forged(said: bytes) -> bytes:
        return piece(said.replace(b"219", b"919"))

    heard = ask(station(), read=read, spoil=lambda said, n: forged(said) if n == number else said)
    assert b"219" in good(heard)
    assert heard.sent.count(b"\x15") == 1
    heard = ask(station(), read=read, spoil=lambda said, n: forged(said) if n >= number else said)
    assert heard.error is not None
    assert heard.error.code in ("bad_checksum", "incomplete")
    assert heard.telegrams == []


def test_a_meter_whose_readouts_have_a_bcc_is_not_believed_without() -> None:
    plain = lambda said, n: said.strip(b"\x02").partition(b"\x03")[0] if n == 1 else said  # noqa: E731
    reader = Reader(Asking())
    first = play(reader.round(NOW), station(), spoil=plain)  # some meters of mode C have none
    assert b"219" in good(first)
    assert b"219" in good(play(reader.round(NOW), station()))
    later = play(reader.round(NOW), station(), spoil=lambda said, n: plain(said, 1) if n else said)
    assert later.error is not None
    assert (later.error.code, later.telegrams) == ("bad_checksum", [])


def test_nak_is_said_into_silence() -> None:
    """An octet that became ETX ends the answer too early: what still comes of it is no answer to NAK."""
    dialogue = Reader(Asking(can_change=False)).round(NOW)
    whole = station().feed(b"\x06000\r\n", NOW) or b"\x021.8.0(1*kWh)\r\n!\r\n\x03\x7f"
    step, heard = next(dialogue), []
    answers = iter((b"/LGZ0ZMF\r\n", whole[:6] + b"\x03" + whole[7:8], whole[8:], b""))
    while len(heard) < 8:
        heard.append(step)
        step = dialogue.send(next(answers, b"") if isinstance(step, Listen) else b"")
    at = heard.index(Send(b"\x15"))
    before = heard[at - 1]
    assert isinstance(before, Listen)
    assert 0.2 <= before.idle_s <= 1.5
    assert before.enough is None


# -- single data sets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [False, True])
def test_sets_become_one_telegram(*, echo: bool) -> None:
    """As a TD-3511 is read: 01 52 32 02 46 30 30 31 03 16 is R2 of F001, and 01 42 30 03 71 the end."""
    heard = ask(station("SIE6TD3511"), read=("F001", "F009"), echo=echo)
    (snapshot,) = snapshots(run(good(heard)))
    assert snapshot.values["energy_import"].number == Number(219_252)
    assert str(snapshot.values["voltage_l1"].number) == "230.1"
    assert heard.sent == [
        b"/?!\r\n",
        b"\x06061\r\n",
        bytes.fromhex("01523202463030310316"),
        bytes.fromhex("0152320246303039031e"),
        bytes.fromhex("0142300371"),
    ]
    assert heard.speeds == [300, 19200]


def test_single_values_with_and_without_their_code() -> None:
    heard = ask(station(), read=("R5:F001", "1.7.0", "2.7.0()"))
    (snapshot,) = snapshots(run(good(heard)))
    assert str(snapshot.values["power_import"].number) == "386"
    assert str(snapshot.values["power_export"].number) == "0"
    assert heard.sent[3] == b"\x01R5\x021.7.0()\x03" + b"\x51"


def test_a_password() -> None:
    heard = ask(station(password="1234"), read=("F001",), password="1234")
    good(heard)
    assert b"\x01P1\x02(1234)\x03\x65" in heard.sent
    for wrong in ({"password": "9999"}, {}):
        heard = ask(station(password="1234"), read=("F001",), **wrong)
        assert heard.error is not None
        assert heard.error.code == "access_denied"
        assert "9999" not in str(heard.error)
        assert heard.sent[-1] == b"\x01B0\x03\x71"
        assert not heard.telegrams


def test_which_answers_mean_that_a_password_is_wanted_stands_in_the_schema() -> None:
    assert "ER09" in no_access(CATALOGUE)
    heard = ask(station(password="1234"), read=("F001",), no_access=())
    assert (heard.error is not None, heard.error and heard.error.code) == (True, "refused")
    assert "ER10" in str(heard.error)


def test_a_set_that_the_meter_does_not_have() -> None:
    heard = ask(station(), read=("F001", "F777"))
    assert heard.error is not None
    assert heard.error.code == "refused"
    assert "F777: the meter answers ER23" in str(heard.error)
    assert heard.sent[-1] == b"\x01B0\x03\x71"


def test_a_meter_without_p0() -> None:
    good(ask(station(), read=("F001",), spoil=lambda said, number: b"" if number == 1 else said))


def test_a_damaged_set_is_asked_for_again() -> None:
    heard = ask(station(), read=("F001",), spoil=lambda said, n: damage(said) if n == 2 else said)
    assert b"219" in good(heard)
    assert heard.sent.count(b"\x15") == 1


def test_sets_of_a_meter_that_cannot() -> None:
    heard = ask(station("ACE\\ACE1000"), read=("F001",))
    assert heard.error is not None
    assert heard.error.code == "refused"


# -- HDLC ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [False, True])
def test_mode_e_ends_in_hdlc(*, echo: bool) -> None:
    heard = play(enter_hdlc(Asking()), station("LGZ5\\2ZMD4104407.B31"), echo=echo)
    assert heard.error is None
    assert heard.result == 9600
    assert heard.sent == [b"/?!\r\n", b"\x06252\r\n"]
    assert heard.speeds == [300, 9600]
    assert heard.form == (8, "none")


def test_mode_e_where_it_is_not_possible() -> None:
    assert play(enter_hdlc(Asking()), station()).error.code == "refused"  # type: ignore[union-attr]
    fixed = play(enter_hdlc(Asking(can_change=False)), station("LGZ5\\2ZMD"))
    assert fixed.error is not None
    assert fixed.error.code == "line_fixed"
    assert play(enter_hdlc(Asking()), None).error.code == "no_answer"  # type: ignore[union-attr]


def test_a_meter_of_mode_e_gives_its_readout_as_one_of_mode_c() -> None:
    good(ask(station("LGZ5\\2ZMD4104407.B31")))


# -- settings, and anything ------------------------------------------------------------------------------------------------


def test_one_meter_one_address() -> None:
    assert asker(Asking(addresses=("1",)))
    with pytest.raises(ConfigError, match=r"^address: .* two"):
        asker(Asking(addresses=("1", "2")))


@pytest.mark.parametrize(
    "entry", ["F001", "F009", "1.8.0", "1-0:1.8.0", "R5:1.8.0()", "R1:0.9.1(1)", "C.1.0", "P.01"]
)
def test_what_can_be_read(entry: str) -> None:
    assert READ.fullmatch(entry)


@pytest.mark.parametrize("entry", ["", "W1:1.8.0(0)", "f001", "1.8.0(", "F001\r\n", "/?!", "1.8.0(a)(b)"])
def test_what_cannot_be_read(entry: str) -> None:
    """Nothing is ever written into a meter."""
    assert not READ.fullmatch(entry)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["LGZ6ZMF", "SIEC2WR5", "ACE\\X", "LGZ5\\2ZMD"]),
    st.sampled_from([(), ("F001",), ("1.7.0", "F009")]),
    st.lists(st.binary(max_size=30), max_size=6),
    st.booleans(),
)
def test_whatever_comes_it_ends_with_a_telegram_or_a_declared_error(
    identification: str,
    read: tuple[str, ...],
    answers: list[bytes],
    echo: bool,
) -> None:
    def spoil(said: bytes, number: int) -> bytes:
        return answers[number] if number < len(answers) else said

    heard = ask(station(identification), read=read, echo=echo, spoil=spoil)
    assert bool(heard.telegrams) is (heard.error is None)
    assert heard.error is None or heard.error.code in PROBLEMS
    assert len(heard.sent) < 40
