"""What is a name, what is not, and what stands in its place. Default: a text that nobody knows to be harmless is a name.

    identity    LGZ1030612345678 → LGZ1030600000001     the lead by which the model is recognised stays, then zeros and a number
    message     to the customer → blanks
    harmless    type of the meter, name of the list, tariff, version, counter: stays
    short       three characters name nobody: stays

One name has one replacement wherever and however it is written: the number is that of its last eight digits, so a device name and
the serial number inside it agree. Numbers, units and times are no texts and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ciimodel.catalogue import Quantity, Resolved

from ciibridge.normalise.registry import Registry
from ciibridge.types import Number, Reading, Value

#: Texts of the catalogue's kind "identity of the meter" that name a kind of meter, not one meter.
_KINDS: Final = frozenset(
    (
        "device_type",
        "push_list_version",
        "protocol_version",
        "manufacturer",
        "firmware_version",
        "channel_type",
        "power_failure_log",
    )
)
_MESSAGES: Final = ":96.13."
_SHORT: Final = 4
_SAME_DIGITS: Final = 8
_BLANK: Final = b"\0 "
#: The maker's letters before a number: LGZ, 1KFM, or behind the two octets that open a server id.
_MAKER: Final = re.compile(r"\d?[A-Za-z]{3}|\d [A-Za-z]{3}")
_MAKER_IN_OCTETS: Final = re.compile(rb".{0,2}[A-Z]{3}", re.DOTALL)


class Words:
    """The words of one recording. ``kept``: characters (octets) of an identity that stay behind its maker's letters."""

    def __init__(self, catalogue: Resolved, readings: Iterable[Reading], kept: int) -> None:
        self._kept = kept
        self._registry = Registry(catalogue.quantities.values())
        wires = [meter.wire for meter in catalogue.meters.values() if meter.wire]
        self._patterns = [p for w in wires for p in (w.device_name, w.device_type, w.identification) if p]
        self._server_patterns = [w.sml_server for w in wires if w.sml_server]
        #: Quantities that are messages to the customer.
        self.messages = {
            q.name for q in catalogue.quantities.values() if any(_MESSAGES in code for code in q.obis)
        }
        self.private: set[bytes] = set()
        self.numbers: set[int] = set()  # identities that are sent as numbers
        self._blank: set[bytes] = set()
        self._harmless: set[bytes] = {name.encode() for w in wires for name in w.list_name}
        self._counter: dict[str, int] = {}
        for reading in readings:
            self._learn(reading)

    def _learn(self, reading: Reading) -> None:
        """Sort the texts of a telegram."""
        for register in reading.registers:
            match = self._registry.find(register.obis)
            quantity = match.quantities[0] if match.quantities else None
            self._sort(register.value, quantity)
        if reading.list_name:
            self._harmless.add(reading.list_name.encode())
        if reading.server_id:
            self.private.add(reading.server_id)
        if reading.device and reading.device.id:
            self.private.add(reading.device.id.encode())

    def _sort(self, value: Value, quantity: Quantity | None) -> None:
        if isinstance(value, Number):
            if quantity is not None and _names_a_meter(quantity):
                self.numbers.add(value.mantissa)
            return
        content = _content(value)
        if not content or quantity is None:
            return
        if quantity.name in self.messages:
            self._blank.add(content)
        elif _names_a_meter(quantity):
            self.private.add(content)
        else:
            self._harmless.add(content)

    # -- what stands in its place ----------------------------------------------------------------------------------------

    def replace(self, octets: bytes) -> bytes:
        """Give what stands in place of a text or of octets, of the same length; perhaps the same."""
        content = octets.strip(_BLANK)
        if content in self._blank:
            return b" " * len(octets)
        known = content in self._harmless and content not in self.private
        if known or len(content) < _SHORT:
            return octets
        at = octets.index(content)
        end = at + len(content)
        written = all(0x20 <= octet < 0x7F for octet in content)
        new = self._text(content.decode("ascii")).encode() if written else self._octets(content)
        return octets[:at] + new + octets[end:]

    def title(self, title: bytes) -> bytes:
        """Give a system title of the same maker."""
        return title[:3] + self._tail(title[3:])

    def digits(self, digits: str) -> str:
        """Give another number of as many digits."""
        return self._numbered(["0"] * len(digits), self.number(digits)) if digits.strip("0") else digits

    def number(self, digits: str) -> int:
        """Count the identities, from 1, by their last digits."""
        key = digits[-_SAME_DIGITS:].lstrip("0")
        return self._counter.setdefault(key, len(self._counter) + 1)

    def identification(self, text: str) -> str:
        """Give an identification line: numbers of six digits and more in it are serial numbers."""
        return re.sub(r"(?<=.{4})\d{6,}", lambda found: self.digits(found.group()), text)

    def _text(self, text: str) -> str:
        lead = self._lead(text)
        digits = re.sub(r"\D", "", text)
        if digits and not digits.strip("0"):  # nobody's number: a placeholder
            return text
        tail = [
            "0" if c.isdigit() else "A" if c.isupper() else "a" if c.islower() else c for c in text[lead:]
        ]
        return text[:lead] + self._numbered(tail, self.number(digits or text))

    def _lead(self, text: str) -> int:
        """Tell how much of an identity stays: as little as its model is recognised by."""
        if text.encode() not in self.private:
            return 0
        found = _MAKER.match(text)
        least = min((found.end() if found else 0) + self._kept, len(text))
        fitting = [pattern for pattern in self._patterns if re.search(pattern, text)]
        for lead in range(least, max(least, len(text) - _SHORT) + 1):
            candidate = text[:lead] + re.sub(r"\d", "0", text[lead:])
            if all(re.search(pattern, candidate) for pattern in fitting):
                return lead
        return least

    def _octets(self, content: bytes) -> bytes:
        """Replace octets that are no text: a server id, a key, a signature."""
        maker = _MAKER_IN_OCTETS.match(content) if content in self.private else None
        lead = min(
            (maker.end() if maker else 0) + (self._kept if content in self.private else 0), len(content)
        )
        fitting = [pattern for pattern in self._server_patterns if re.search(pattern, content.hex())]
        while lead < len(content) - 2 and not all(
            re.search(pattern, (content[:lead] + bytes(len(content) - lead)).hex()) for pattern in fitting
        ):
            lead += 1
        return content[:lead] + self._tail(content[lead:])

    def _tail(self, octets: bytes) -> bytes:
        if not any(octets):
            return octets
        number = self.number(str(int.from_bytes(octets[-4:], "big")))
        return (number % (1 << 8 * len(octets))).to_bytes(len(octets), "big")

    @staticmethod
    def _numbered(characters: list[str], number: int) -> str:
        """Write a number into the last digits."""
        digits = str(number)
        places = [n for n, character in enumerate(characters) if character == "0"]
        for place, digit in zip(reversed(places), reversed(digits), strict=False):
            characters[place] = digit
        return "".join(characters)


def _names_a_meter(quantity: Quantity) -> bool:
    """Whether a quantity says which meter, or which customer, it is."""
    return quantity.place == "meta" and quantity.name not in _KINDS and quantity.unit is None


def _content(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode("latin-1", "replace").strip(_BLANK)
    return value.strip(_BLANK) if isinstance(value, bytes) else b""
