"""The programming mode, in which single data is read (IEC 62056-21, 6.5): gate, questions, break. Every answer has a BCC here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ciibridge.dialogue import DialogueError, Part, Send
from ciibridge.dialogue.iec62056.exchange import (
    ACK,
    BLOCK,
    BREAK,
    NAK,
    PARTIAL,
    TIMES,
    answered,
    ask,
    checked,
    hear,
    whole,
)
from ciibridge.dialogue.iec62056.sign_on import Identification, acknowledge
from ciibridge.framing.iec62056 import ETX, STX, block_check

if TYPE_CHECKING:  # ``asking`` lists this package among the ways
    from ciibridge.dialogue.asking import Asking

#: An entry of ``read``: F001, 1.8.0 or R5:1.8.0(); the command is R2 for names of sets, else R5.
READ: Final = re.compile(
    r"(?:(R[1-6]):)?([A-Z][0-9A-F]{3}|[0-9CFLP]{1,3}(?:[-.:*&][0-9CFLP]{1,3}){1,6})(\([^()!/]{0,64}\))?"
)
READ_WORDS: Final = (
    "the name of a data set, e.g. F001, or a code, e.g. 1.8.0, or R5:1.8.0() with the command; "
    "P.01 for the load profile that fills gaps"
)
_SET_NAME: Final = re.compile(r"[A-Z][0-9A-F]{3}")
_MOST_BLOCKS: Final = 4096  # of one answer


def sets(asking: Asking, meter: Identification) -> Part[bytes]:
    """Read single data sets: one telegram of all of them."""
    if not meter.bidirectional:
        raise DialogueError("refused", "the meter only gives its readout (mode A or B): leave `read` out")
    sent = yield from acknowledge(asking, meter, "1")
    lines = b""
    try:
        yield from _enter(asking, sent)
        for entry in asking.read:
            lines += yield from _set(asking, entry)
    except DialogueError:
        yield Send(BREAK)
        raise
    yield Send(BREAK)
    body = lines + b"!\r\n\x03"
    return bytes((STX,)) + body + bytes((block_check(body),))


def _enter(asking: Asking, sent: bytes) -> Part[None]:
    """Pass the gate of the programming mode: the meter's P0, which some leave out, and the password if one is set."""
    yield from hear(sent, whole)
    if asking.password is None:
        return
    for _ in range(TIMES):
        answer = yield from ask(_command("P1", f"({asking.password})"), answered)
        if answer.startswith(ACK):
            return
        if not answer.startswith(NAK):
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
    try:
        block = yield from checked(asking, question)
    except DialogueError as error:
        raise DialogueError(error.code, f"{name}: {error}") from error
    return _lines(block.group(1), name)


def programming(asking: Asking, meter: Identification) -> Part[None]:
    """Go over to the programming mode, in which single data is read. Raises ``DialogueError``; ``leave`` ends it."""
    if not meter.bidirectional:
        raise DialogueError("refused", "the meter only gives its readout (mode A or B)")
    sent = yield from acknowledge(asking, meter, "1")
    yield from _enter(asking, sent)


def leave() -> Part[None]:
    """End the programming mode."""
    yield Send(BREAK)


def data_block(asking: Asking, command: str, body: str) -> Part[str]:
    """Ask for data in the programming mode; give the text of all blocks, each with a good BCC. Raises ``DialogueError``."""
    text = ""
    question = _command(command, body)
    for _ in range(_MOST_BLOCKS):
        block = yield from checked(asking, question, PARTIAL if command == "R6" else BLOCK)
        text += block.group(1).decode("latin-1")
        if block.group(2)[0] == ETX:
            return text
        question = ACK
    raise DialogueError("too_long", f"the answer has not ended after {_MOST_BLOCKS} blocks")


def _lines(data: bytes, name: str) -> bytes:
    """Take the data lines out of an answer; a bare value gets the name it was asked under."""
    lines = data.partition(b"!")[0].strip(b"\r\n\0 ")
    return (name.encode() if lines.startswith(b"(") else b"") + lines + b"\r\n"


def _command(command: str, body: str) -> bytes:
    block = f"{command}\x02{body}\x03".encode("ascii", "replace")
    return b"\x01" + block + bytes((block_check(block),))
