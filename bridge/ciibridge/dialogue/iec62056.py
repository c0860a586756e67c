r"""IEC 62056-21: what is said to a meter with an optical head or a current loop (IEC 62056-21:2002, 6.3 to 6.6).

    /?<address>! CR LF ►
                       ◄ /XXXZ<identification> CR LF        Z says the mode and the speed
    A  (no Z)          ◄ data                               at 300 baud
    B  (A…I)           ◄ data                               at the speed of Z
    C  (0…9)   06 0 Z 0 CR LF ►                             then both change to the speed of Z
                       ◄ STX data ! CR LF ETX BCC           15 (NAK) ► has it repeated
               06 0 Z 1 CR LF ►                             the same for single data sets ("programming mode")
                       ◄ 01 P0 STX (…) ETX BCC
               01 P1 STX (password) ETX BCC ►  ◄ 06         where the meter wants one
               01 R2 STX F001 ETX BCC ►  ◄ STX data ETX BCC
               01 B0 ETX BCC ►                              the end
    E  (\2)    06 2 Z 2 CR LF ►                             then HDLC, 8N1, at the speed of Z: ``enter_hdlc``
    D                                                       pushes by itself: nothing to say

A reading head may give back what it sends: our own octets in an answer are taken off. Where the line cannot change its
speed, the meter is told to stay at the one it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from ciibridge.dialogue import Change, Dialogue, DialogueError, Listen, Octets, Part, Pause, Send
from ciibridge.errors import ConfigError
from ciibridge.framing.iec62056 import ETX, STX, block_check, without_parity

if TYPE_CHECKING:  # ``asking`` lists this module among the ways
    from ciibridge.dialogue.asking import Asking

ADDRESS: Final = re.compile(r"[0-9A-Za-z ]{1,32}")
ADDRESS_WORDS: Final = "the device address, up to 32 letters and digits, as printed on the meter"
#: An entry of ``read``: F001, 1.8.0 or R5:1.8.0(); the command is R2 for names of sets, else R5.
READ: Final = re.compile(
    r"(?:(R[1-6]):)?([A-Z][0-9A-F]{3}|[0-9CFLP]{1,3}(?:[-.:*&][0-9CFLP]{1,3}){1,6})(\([^()!/]{0,64}\))?"
)
READ_WORDS: Final = (
    "the name of a data set, e.g. F001, or a code, e.g. 1.8.0, or R5:1.8.0() with the command; "
    "P.01 for the load profile that fills gaps"
)

_SPEEDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200)
_MODE_B: Final = "ABCDEF"  # from 600 baud on
_ACK: Final = b"\x06"
_NAK: Final = b"\x15"
_BREAK: Final = b"\x01B0\x03\x71"
_MOST_BLOCKS: Final = 4096  # of one answer
_TIMES: Final = 3  # that something is asked before the meter is given up
#: Reaction time of the meter, 1.5 s at most, and what comes on top: adapters, and the first character at 300 baud.
_REACTION_S: Final = 2.2
_GAP_S: Final = 1.6  # between two characters, 1.5 s at most
_SILENCE_S: Final = 1.6  # after which a meter has forgotten a broken exchange
_SETTLE_S: Final = 0.05  # between the last octet and the change of speed; the meter waits 200 ms
_HDLC_SETTLE_S: Final = 0.4
#: Waking a meter on battery (annex B): NUL for 2.2 s at 300 baud, then silence.
_WAKE: Final = bytes(66)
_WAKE_PAUSE_S: Final = 1.6

_IDENTIFICATION: Final = re.compile(rb"/([A-Za-z]{3})([\x20-\x7e])(?:\\([0-9]))?([^\r\n]{0,40})\r*\n")
_BLOCK: Final = re.compile(rb"\x02([^\x03]*)(\x03)(.)", re.DOTALL)
#: The same, or a part of it, which ends with EOT; ACK fetches the next one (R6).
_PARTIAL: Final = re.compile(rb"\x02([^\x03\x04]*)([\x03\x04])(.)", re.DOTALL)
_PLAIN_END: Final = re.compile(rb"![\r\n]+\Z")
_FAULT: Final = re.compile(rb"\A\s*\(?(ER(?:ROR|\d\d)[^()]*)\)?\s*\Z")
#: Faults of the line; the others are an answer.
_WORTH_REPEATING: Final = ("bad_checksum", "incomplete", "noise", "no_answer")
_SET_NAME: Final = re.compile(r"[A-Z][0-9A-F]{3}")


class Identification(NamedTuple):
    """What a meter says of itself when it is called."""

    line: bytes  # the whole line, with its end
    speed: str  # Z
    escape: str  # the digit behind the backslash: 2 for mode E
    behind: bytes  # what came with it: the data of mode A

    @property
    def baudrate(self) -> int | None:
        """The speed it proposes; None: it stays where it is (mode A)."""
        if self.speed.isdigit():
            return _SPEEDS[int(self.speed)] if int(self.speed) < len(_SPEEDS) else None
        place = _MODE_B.find(self.speed)
        return None if place < 0 else _SPEEDS[1 + place]

    @property
    def bidirectional(self) -> bool:
        """Mode C or E: it waits for an acknowledgement."""
        return self.speed.isdigit()


def asker(asking: Asking) -> Reader:
    """Make who asks. Raises ConfigError when the settings do not fit each other."""
    if len(asking.addresses) > 1:
        raise ConfigError("address: two addresses are two meters: Write a block [[meter]] for each")
    return Reader(asking)


class Reader:
    """Asks a meter for its readout, or for the data sets that are named."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def round(self, now: datetime) -> Dialogue:  # noqa: ARG002 - a readout is always of now
        """Call the meter, and take what it has."""
        meter = yield from sign_on(self._asking, "".join(self._asking.addresses))
        if self._asking.read:
            data = yield from _sets(self._asking, meter)
        else:
            data = yield from _readout(self._asking, meter)
        yield Octets(meter.line + data)


def sign_on(asking: Asking, address: str = "") -> Part[Identification]:
    """Call a meter; give its identification. Raises ``DialogueError`` (no_answer, noise) after three attempts."""
    request = b"/?" + address.encode("ascii") + b"!\r\n"
    came = b""
    for attempt in range(_TIMES):
        if attempt:
            yield Pause(_SILENCE_S)
        if asking.wake_up:
            yield Send(_WAKE)
            yield Pause(_WAKE_PAUSE_S)
        came = yield from _ask(request, _identified)
        if found := _IDENTIFICATION.search(came):
            _, speed, escape, _ = found.groups(default=b"")
            return Identification(found.group(), speed.decode(), escape.decode(), came[found.end() :])
    if came:
        raise DialogueError(
            "noise", f"{len(came)} octets came, which are no identification: speed or parity of the line?"
        )
    raise DialogueError(
        "no_answer", f"nobody answers to a call{f' of {len(address)} characters' if address else ''}"
    )


def enter_hdlc(asking: Asking, address: str = "") -> Part[int]:
    """Call a meter and go over to HDLC (mode E): afterwards the line is at the speed that is returned, 8N1.

    Raises ``DialogueError``: no_answer; refused where the meter offers no mode E; line_fixed where the line cannot change.
    """
    meter = yield from sign_on(asking, address)
    if meter.escape != "2":
        raise DialogueError("refused", "the meter does not offer HDLC on this interface (mode E)")
    if not asking.can_change:
        raise DialogueError("line_fixed", "HDLC by mode E needs a line whose speed and form can be changed")
    speed, baudrate = _speed(asking, meter)
    acknowledge = _ACK + f"2{speed}2\r\n".encode()
    yield Send(acknowledge)
    # Some meters give it back at the old speed, and so do some heads; others say nothing.
    yield Listen(_HDLC_SETTLE_S, 0.1, lambda came: without_parity(came).count(b"\n") > 1)
    yield Change(baudrate, bytesize=8, parity="none")
    yield Pause(_HDLC_SETTLE_S)
    return baudrate


def _speed(asking: Asking, meter: Identification) -> tuple[str, int]:
    """Choose the speed to go on with: the one the meter proposes, or the one that the line has."""
    baudrate = meter.baudrate
    if asking.can_change and baudrate is not None:
        return meter.speed, baudrate
    stays = asking.baudrate if asking.baudrate in _SPEEDS else _SPEEDS[0]
    return str(_SPEEDS.index(stays)), stays


def _acknowledge(asking: Asking, meter: Identification, choice: str) -> Part[bytes]:
    """Send the acknowledgement with option select message, and change; gives what was sent."""
    speed, baudrate = _speed(asking, meter)
    acknowledge = _ACK + f"0{speed}{choice}\r\n".encode()
    yield Send(acknowledge)
    if baudrate != asking.baudrate:
        yield Pause(_SETTLE_S)
        yield Change(baudrate)
    return acknowledge


def _readout(asking: Asking, meter: Identification) -> Part[bytes]:
    """Take the standard readout: the octets behind the identification line."""
    sent = b""
    if meter.bidirectional:
        sent = yield from _acknowledge(asking, meter, "0")
    elif meter.baudrate not in (None, asking.baudrate):
        if not asking.can_change:
            raise DialogueError(
                "line_fixed",
                f"the meter goes on at {meter.baudrate} baud (mode B), and the line cannot change",
            )
        yield Change(meter.baudrate or asking.baudrate)
    came = meter.behind
    if not _complete(came):
        came += yield from _hear(sent, lambda more: _complete(meter.behind + more))
    fault = _fault(asking, came)
    for _ in range(_TIMES - 1):
        if fault is None or fault.code not in _WORTH_REPEATING or not meter.bidirectional:
            break
        came = yield from _ask(_NAK, _complete)
        fault = _fault(asking, came)
    if fault is not None:
        raise fault
    return came


def _sets(asking: Asking, meter: Identification) -> Part[bytes]:
    """Read single data sets: one telegram of all of them."""
    if not meter.bidirectional:
        raise DialogueError("refused", "the meter only gives its readout (mode A or B): leave `read` out")
    sent = yield from _acknowledge(asking, meter, "1")
    lines = b""
    try:
        yield from _enter(asking, sent)
        for entry in asking.read:
            lines += yield from _set(asking, entry)
    except DialogueError:
        yield Send(_BREAK)
        raise
    yield Send(_BREAK)
    body = lines + b"!\r\n\x03"
    return bytes((STX,)) + body + bytes((block_check(body),))


def _enter(asking: Asking, sent: bytes) -> Part[None]:
    """Pass the gate of the programming mode: the meter's P0, which some leave out, and the password if one is set."""
    yield from _hear(sent, _whole)
    if asking.password is None:
        return
    for _ in range(_TIMES):
        answer = yield from _ask(_command("P1", f"({asking.password})"), _answered)
        if answer.startswith(_ACK):
            return
        if not answer.startswith(_NAK):
            break
    raise DialogueError("access_denied", "the meter does not accept the password")


def _set(asking: Asking, entry: str) -> Part[bytes]:
    """Read one data set: its lines, each with its line end."""
    found = READ.fullmatch(entry)
    if found is None:
        raise DialogueError("refused", f"{entry!r} cannot be read: write {READ_WORDS}")
    command, name, arguments = found.groups()
    is_set = _SET_NAME.fullmatch(name) is not None
    body = name + (arguments or ("" if is_set else "()"))
    question = _command(command or ("R2" if is_set else "R5"), body)
    came = yield from _ask(question, _whole)
    fault = _fault(asking, came)
    for _ in range(_TIMES - 1):
        if fault is None or fault.code not in _WORTH_REPEATING:
            break
        came = yield from _ask(_NAK, _whole)
        fault = _fault(asking, came)
    if fault is not None:
        raise DialogueError(fault.code, f"{name}: {fault}")
    return _lines(came, name)


def programming(asking: Asking, meter: Identification) -> Part[None]:
    """Go over to the programming mode, in which single data is read. Raises ``DialogueError``; ``leave`` ends it."""
    if not meter.bidirectional:
        raise DialogueError("refused", "the meter only gives its readout (mode A or B)")
    sent = yield from _acknowledge(asking, meter, "1")
    yield from _enter(asking, sent)


def leave() -> Part[None]:
    """End the programming mode."""
    yield Send(_BREAK)


def data_block(asking: Asking, command: str, body: str) -> Part[str]:
    """Ask for data in the programming mode; give the text of all blocks, each with a good BCC. Raises ``DialogueError``."""
    text = ""
    question = _command(command, body)
    for _ in range(_MOST_BLOCKS):
        block = yield from _checked(asking, question, _PARTIAL if command == "R6" else _BLOCK)
        text += block.group(1).decode("latin-1")
        if block.group(2)[0] == ETX:
            return text
        question = _ACK
    raise DialogueError("too_long", f"the answer has not ended after {_MOST_BLOCKS} blocks")


def _checked(asking: Asking, question: bytes, form: re.Pattern[bytes]) -> Part[re.Match[bytes]]:
    """Ask, and have the answer repeated until its BCC is right."""
    fault: DialogueError | None = None
    for _ in range(_TIMES):
        came = yield from _ask(_NAK if fault else question, lambda came: _whole(came, form))
        block = form.search(came)
        fault = _fault(asking, came, form)
        if fault is None:
            if block is not None:
                return block
            fault = DialogueError("incomplete", f"{len(came)} octets came without a BCC")
        if fault.code not in _WORTH_REPEATING:
            break
    raise fault or DialogueError("no_answer", "the meter does not answer")


def _lines(came: bytes, name: str) -> bytes:
    """Take the data lines out of an answer; a bare value gets the name it was asked under."""
    block = _BLOCK.search(came)
    data = block.group(1) if block else came
    lines = data.partition(b"!")[0].strip(b"\r\n\0 ")
    return (name.encode() if lines.startswith(b"(") else b"") + lines + b"\r\n"


def _command(command: str, body: str) -> bytes:
    block = f"{command}\x02{body}\x03".encode("ascii", "replace")
    return b"\x01" + block + bytes((block_check(block),))


def _ask(question: bytes, enough: Callable[[bytes], bool]) -> Part[bytes]:
    """Send, and hear what comes, without our own octets."""
    yield Send(question)
    return (yield from _hear(question, enough))


def _hear(sent: bytes, enough: Callable[[bytes], bool]) -> Part[bytes]:
    came = yield Listen(_REACTION_S, _GAP_S, lambda came: enough(_without(sent, came)))
    return _without(sent, came)


def _without(sent: bytes, came: bytes) -> bytes:
    """Take off parity bits and the echo of what was sent."""
    came = without_parity(came)
    return came.replace(sent, b"", 1) if sent else came


# -- when it is enough, and what is wrong with it --------------------------------------------------------------------------


def _identified(came: bytes) -> bool:
    return _IDENTIFICATION.search(came) is not None


def _whole(came: bytes, form: re.Pattern[bytes] = _BLOCK) -> bool:
    """Whether a block with its BCC is there, or a word of one character."""
    return form.search(came) is not None or came in (_ACK, _NAK)


def _answered(came: bytes) -> bool:
    return came[:1] in (_ACK, _NAK) or _whole(came) or came.startswith(_BREAK)


def _complete(came: bytes) -> bool:
    """Whether a readout is at its end."""
    return _BLOCK.search(came) is not None or (STX not in came and _PLAIN_END.search(came) is not None)


def _fault(asking: Asking, came: bytes, form: re.Pattern[bytes] = _BLOCK) -> DialogueError | None:
    """Say what is wrong with an answer that should hold data; None: nothing."""
    if not came.strip(b"\0\x7f\r\n"):
        return DialogueError("no_answer", "the meter falls silent when it should send its data")
    if came.startswith(_NAK):
        return DialogueError("refused", "the meter does not understand the question (NAK)")
    block = form.search(came)
    if block is None:
        if b"(" not in came:
            return DialogueError("noise", f"{len(came)} octets came, which are no data")
        if STX in came and ETX not in came and b"!" not in came:
            return DialogueError("incomplete", f"the data ends after {len(came)} octets")
        return None  # without BCC: modes A and B, and some of mode C
    if block.group(3)[0] & 0x7F != block_check(block.group(1) + block.group(2)):
        return DialogueError("bad_checksum", f"the BCC of {len(block.group(1))} octets is wrong")
    if refusal := _FAULT.match(block.group(1)):
        word = refusal.group(1).decode("ascii", "replace")
        code = "access_denied" if word in asking.no_access else "refused"
        return DialogueError(code, f"the meter answers {word}")
    return None
