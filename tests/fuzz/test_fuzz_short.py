"""The short form of the fuzzing: every input that is kept, and mutations of the good ones, the same in every run.

The long form is `make fuzz` (coverage-guided); what it found is in seeds/, and tests/fuzz/RESULTS.md says how long it ran.
"""

from __future__ import annotations

import random

import pytest
from captures import load_captures

from fuzz.seeds import FOLDER, kept, seeds
from fuzz.targets import TARGETS

#: Mutated inputs of each target; those whose one execution takes milliseconds get fewer.
MUTATIONS = 60
SLOW = 12
LONGEST = 2048


def mutated(octets: bytes, dice: random.Random) -> bytes:
    """Change, cut, repeat or insert a few octets."""
    data = bytearray(octets[:LONGEST])
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        at = dice.randrange(len(data))
        match dice.randrange(5):
            case 0:
                data[at] = dice.randrange(256)
            case 1:
                del data[at : at + dice.randrange(1, 32)]
            case 2:
                data[at:at] = data[at : at + dice.randrange(1, 64)]
            case 3:
                data[at] ^= 1 << dice.randrange(8)
            case _:
                data[at:at] = dice.randbytes(dice.randrange(1, 8))
    return bytes(data)


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_found_stays_mended(target: str) -> None:
    for octets in kept(target):
        TARGETS[target](octets)


@pytest.mark.parametrize("target", TARGETS)
def test_arbitrary_octets(target: str) -> None:
    dice = random.Random(target)
    grown = list(seeds(target))
    for octets in grown[:4]:
        TARGETS[target](octets)
    slow = target.startswith(("pipeline", "line", "decode-dlms", "config"))
    for _ in range(SLOW if slow else MUTATIONS):
        TARGETS[target](mutated(dice.choice(grown), dice))


def test_seeds_belong_to_a_target() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} <= set(TARGETS)


def test_no_seed_holds_a_telegram_of_a_real_meter() -> None:
    """Sixteen octets in a row from a capture would be one; what every telegram has (escape sequences, zeros) is not."""
    pieces = {
        one.data[at : at + 16]
        for one in load_captures()
        for at in range(0, len(one.data) - 16, 4)
        if len(set(one.data[at : at + 16])) > 8
    }
    for file in FOLDER.glob("*.txt"):
        for octets in kept(file.stem):
            found = [at for at in range(len(octets) - 15) if octets[at : at + 16] in pieces]
            assert not found, f"{file.name}: octet {found[0]}"
