"""One exchange with a meter: something is said, heard until it is enough, and judged (IEC 62056-21, 6.3 and 6.4).

    question ►  ◄ STX data ETX BCC         NAK ►  ◄ the same once more, where the BCC is wrong

NAK is said into silence only: octets of the answer may still be on their way when its end was damaged.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ciibridge.dialogue import DialogueError, Listen, Part, Send
from ciibridge.framing.iec62056 import ETX, STX, block_check, without_parity

if TYPE_CHECKING:  # ``asking`` lists this package among the ways
    from ciibridge.dialogue.asking import Asking

ACK: Final = b"\x06"
NAK: Final = b"\x15"
BREAK: Final = b"\x01B0\x03\x71"
TIMES: Final = 3  # that something is asked before the meter is given up
#: Reaction time of the meter, 1.5 s at most, and what comes on top: adapters, and the first character at 300 baud.
_REACTION_S: Final = 2.2
_GAP_S: Final = 1.6  # between two characters, 1.5 s at most
SILENCE_S: Final = 1.6  # after which a meter has forgotten a broken exchange
#: Silence before NAK: reaction time is 200 to 1500 ms for both sides, and the octets of a meter come closer together than this.
_QUIET_S: Final = 0.3

BLOCK: Final = re.compile(rb"\x02([^\x03]*)(\x03)(.)", re.DOTALL)
#: The same, or a part of it, which ends with EOT; ACK fetches the next one (R6).
PARTIAL: Final = re.compile(rb"\x02([^\x03\x04]*)([\x03\x04])(.)", re.DOTALL)
_PLAIN_END: Final = re.compile(rb"![\r\n]+\Z")
#: The end of data whose STX was damaged.
_UNOPENED: Final = re.compile(rb"\A[^\x02]*![\r\n]*\x03.", re.DOTALL)
_FAULT: Final = re.compile(rb"\A\s*\(?(ER(?:ROR|\d\d)[^()]*)\)?\s*\Z")
#: Faults of the line; the others are an answer.
WORTH_REPEATING: Final = ("bad_checksum", "incomplete", "noise", "no_answer")


def ask(question: bytes, enough: Callable[[bytes], bool]) -> Part[bytes]:
    """Send, and hear what comes, without our own octets."""
    yield Send(question)
    return (yield from hear(question, enough))


def hear(sent: bytes, enough: Callable[[bytes], bool]) -> Part[bytes]:
    """Hear what comes behind what was ``sent``, without parity bits and echo."""
    came = yield Listen(_REACTION_S, _GAP_S, lambda came: enough(without(sent, came)))
    return without(sent, came)


def without(sent: bytes, came: bytes) -> bytes:
    """Take off parity bits and the echo of what was sent."""
    came = without_parity(came)
    return came.replace(sent, b"", 1) if sent else came


def again(enough: Callable[[bytes], bool]) -> Part[bytes]:
    """Have the answer repeated (NAK), once the line is silent."""
    yield Listen(_QUIET_S, _QUIET_S)
    return (yield from ask(NAK, enough))


def checked(asking: Asking, question: bytes, form: re.Pattern[bytes] = BLOCK) -> Part[re.Match[bytes]]:
    """Ask, and have the answer repeated until there is one whose BCC is right. Raises ``DialogueError``."""
    came = yield from ask(question, lambda came: whole(came, form))
    for attempt in range(TIMES):
        block = form.search(came)
        fault = fault_of(asking, came, form)
        if fault is None and block is not None:
            return block
        fault = fault or DialogueError("incomplete", f"{len(came)} octets came without a BCC")
        if fault.code not in WORTH_REPEATING or attempt == TIMES - 1:
            raise fault
        came = yield from again(lambda came: whole(came, form))
    raise AssertionError("a loop of at least one round ends inside")


# -- when it is enough, and what is wrong with it --------------------------------------------------------------------------


def whole(came: bytes, form: re.Pattern[bytes] = BLOCK) -> bool:
    """Whether a block with its BCC is there, or a word of one character."""
    return form.search(came) is not None or came in (ACK, NAK)


def answered(came: bytes) -> bool:
    """Whether a password was answered."""
    return came[:1] in (ACK, NAK) or whole(came) or came.startswith(BREAK)


def complete(came: bytes, *, with_bcc: bool) -> bool:
    """Whether a readout is at its end. ``with_bcc``: ETX and BCC may follow its last line, even where STX is not to be seen."""
    if BLOCK.search(came) is not None or _UNOPENED.search(came) is not None:
        return True
    return not with_bcc and STX not in came and _PLAIN_END.search(came) is not None


def fault_of(asking: Asking, came: bytes, form: re.Pattern[bytes] = BLOCK) -> DialogueError | None:
    """Say what is wrong with an answer that should hold data; None: nothing."""
    if not came.strip(b"\0\x7f\r\n"):
        return DialogueError("no_answer", "the meter falls silent when it should send its data")
    if came.startswith(NAK):
        return DialogueError("refused", "the meter does not understand the question (NAK)")
    block = form.search(came)
    if block is None:
        if b"(" not in came:
            return DialogueError("noise", f"{len(came)} octets came, which are no data")
        if STX in came and ETX not in came and _PLAIN_END.search(came.rstrip(b"\0\x7f")) is None:
            return DialogueError("incomplete", f"the data ends after {len(came)} octets, without ETX and BCC")
        if ETX in came:
            what = (
                "the BCC behind the data is missing" if STX in came else "the STX before the data is damaged"
            )
            return DialogueError("bad_checksum", f"{what}, so nothing proves the {len(came)} octets")
        return None  # without BCC: modes A and B, and some of mode C
    if block.group(3)[0] & 0x7F != block_check(block.group(1) + block.group(2)):
        return DialogueError("bad_checksum", f"the BCC of {len(block.group(1))} octets is wrong")
    if refusal := _FAULT.match(block.group(1)):
        word = refusal.group(1).decode("ascii", "replace")
        code = "access_denied" if word in asking.no_access else "refused"
        return DialogueError(code, f"the meter answers {word}")
    return None
