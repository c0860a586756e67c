"""A UART, bit by bit: what one hears who listens with other line settings than those it is sent with."""

from __future__ import annotations

from ciimodel.catalogue import Link


def _bits(octets: bytes, line: Link) -> list[int]:
    """The levels of the line, one for each bit time; idle is 1."""
    levels = [1]
    for octet in octets:
        data = [octet >> bit & 1 for bit in range(line.bytesize)]
        parity = {"none": [], "even": [sum(data) & 1], "odd": [1 - (sum(data) & 1)]}[line.parity]
        levels += [0, *data, *parity, *[1] * line.stopbits]
    return [*levels, 1, 1]


def heard(octets: bytes, sent: Link, listening: Link) -> tuple[bytes, int]:
    """What a receiver makes of it: octets, and how many framing and parity errors its driver counts."""
    levels = _bits(octets, sent)
    ratio = sent.baudrate / listening.baudrate  # sent bit times in one of ours
    found, errors = bytearray(), 0
    at, end = 0.0, float(len(levels))

    def level(time: float) -> int:
        return levels[int(time)] if time < end else 1

    while True:
        while at < end and level(at):  # wait for a start bit
            at = float(int(at) + 1)
        if at >= end:
            return bytes(found), errors
        if level(at + ratio / 2):  # a spike: no start bit
            at += ratio / 2
            continue
        data = [level(at + ratio * (1.5 + bit)) for bit in range(listening.bytesize)]
        behind = 1.5 + listening.bytesize
        if listening.parity != "none":
            odd = listening.parity == "odd"
            errors += (sum(data) & 1) ^ odd != level(at + ratio * behind)
            behind += 1
        stop = level(at + ratio * behind)
        errors += not stop
        found.append(sum(bit << n for n, bit in enumerate(data)))
        at += ratio * behind
        if not stop:  # a receiver waits for the line to be idle again
            while at < end and not level(at):
                at = float(int(at) + 1)
