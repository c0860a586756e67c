"""SML messages: the octets of a file → readings (BSI TR-03109-1 annex IV b, SML 1.04 clause 5).

A file is a row of messages, mostly PublicOpen, GetList and PublicClose:

    list of 6   transaction · group · abort on error · body · CRC · 00
                                                       └ of the message from its first octet to here, X-25 or Kermit
    body        list of 2: tag · content
    0701        GetList: client · server id · list name · sensor time · entries · signature · gateway time
    entry       list of 7: OBIS code · status · time · unit · scaler · value · signature

Each entry brings its unit (DLMS enumeration) and scaler, so a value list explains itself. What is wrong with one message
costs that message and no other.
"""

from __future__ import annotations

from typing import Final

from ciibridge.decode.sml.tlv import END, LIST, OCTETS, UNSIGNED, Element, parse
from ciibridge.decode.sml.values import obis_of, seconds_index, time_of, value_of
from ciibridge.errors import DecodeError
from ciibridge.framing.crc import checksum, kermit
from ciibridge.types import Apdu, Frame, Number, Problem, Reading, Register

_GET_LIST: Final = 0x0701
_ATTENTION: Final = 0xFF01
_MESSAGE_ELEMENTS: Final = 6
_GET_LIST_ELEMENTS: Final = 7
_ENTRY_ELEMENTS: Final = 7
_CRC_OCTETS: Final = 2


def read(frame: Frame) -> list[Reading | Problem]:
    """Read an SML file: a reading for each value list in it, and what was wrong. Never raises."""
    found: list[Reading | Problem] = []
    octets = frame.information
    position = 0
    while position < len(octets):
        if octets[position] == 0:  # fill that was not counted
            position += 1
            continue
        try:
            message = _parts(octets, position)
        except DecodeError as error:  # where this message ends is not known, so neither where the next begins
            found.append(_problem(error, frame))
            return found
        position = message.end
        try:
            reading = _message(message, octets, frame)
        except DecodeError as error:
            found.append(_problem(error, frame))
        else:
            found += [reading] if reading is not None else []
    if not found:
        found.append(Problem("unknown_format", "the SML file holds no value list", frame.offset))
    return found


def _parts(octets: bytes, position: int) -> Element:
    """Read the message at ``position`` as a tree."""
    message = parse(octets, position)
    if message.type != LIST or len(message.elements) != _MESSAGE_ELEMENTS:
        raise DecodeError("bad_apdu", "no SML message where one should begin", offset=position)
    *_, body, _crc, end = message.elements
    if end.type != END or body.type != LIST or len(body.elements) != 2:
        raise DecodeError("bad_apdu", "an SML message without body or end", offset=position)
    return message


def _message(message: Element, octets: bytes, frame: Frame) -> Reading | None:
    """Read one message; None: it is none with values."""
    *_, body, crc, _end = message.elements
    if not _intact(octets[message.offset : body.end], crc):
        raise DecodeError("bad_checksum", "the CRC of an SML message is wrong", offset=message.offset)
    tag, content = body.elements
    if tag.integer == _GET_LIST:
        return _value_list(content, octets[message.offset : message.end], frame)
    if tag.integer == _ATTENTION:
        raise DecodeError(
            "unknown_format", "the meter sends an error message (SML Attention)", offset=body.offset
        )
    return None


def _intact(covered: bytes, crc: Element) -> bool:
    """Whether the CRC fits; leading zero octets of it may have been left out, as of any number."""
    sent = crc.octets.rjust(_CRC_OCTETS, b"\0")
    return crc.type == UNSIGNED and sent in (checksum(covered), kermit(covered))


def _value_list(content: Element, message: bytes, frame: Frame) -> Reading:
    if content.type != LIST or len(content.elements) != _GET_LIST_ELEMENTS:
        raise DecodeError("bad_apdu", "a GetList response without seven elements", offset=content.offset)
    _client, server, name, sensor_time, entries, _signature, _gateway_time = content.elements
    server_id = server.octets if server.type == OCTETS else b""
    if entries.type != LIST:
        raise DecodeError("bad_apdu", "a GetList response without entries", offset=entries.offset)
    list_name = obis_of(name)
    return Reading(
        registers=tuple(_register(entry) for entry in entries.elements),
        shape="sml",
        apdu=Apdu(message, frame.offset),
        time=time_of(sensor_time),
        list_object=str(list_name) if list_name is not None else None,
        server_id=server_id or None,
    )


def _register(entry: Element) -> Register:
    if entry.type != LIST or len(entry.elements) != _ENTRY_ELEMENTS:
        raise DecodeError("bad_apdu", "an entry without seven elements", offset=entry.offset)
    code, status, captured, unit, scaler, value, _signature = entry.elements
    obis = obis_of(code)
    if obis is None:
        raise DecodeError("bad_apdu", "an entry without an OBIS code of six octets", offset=code.offset)
    sent = value_of(value)
    power = scaler.integer
    if power is None and unit.integer is not None and isinstance(sent, Number):
        power = 0  # SML 1.04: a scaler that is left out is 1
    return Register(
        obis,
        sent,
        type=_type(value),
        scaler=power,
        unit=unit.integer,
        captured=time_of(captured),
        status=status.integer,
        octets=len(value.octets) if value.integer is not None else 0,
    )


def _type(value: Element) -> str:
    """Name the type. Its width is not part of it: the same register is longer or shorter with its value."""
    if value.type == LIST:
        return "time" if seconds_index(value.elements[-1]) is None else "seconds-index"
    return value.type


def _problem(error: DecodeError, frame: Frame) -> Problem:
    where = f" (octet {error.offset} of the SML file)" if error.offset else ""
    return Problem(error.code, f"{error}{where}", frame.offset)
