"""What is fuzzed: a row a target. Name → what is done with one input, and the good telegrams from which inputs grow.

All good telegrams are the simulator's: synthetic serials and keys.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

import ciimodel
from ciibridge.decode.ascii import iec62056 as ascii_iec62056
from ciibridge.decode.ascii import p1 as ascii_p1
from ciibridge.decode.ascii import profile as ascii_profile
from ciibridge.decode.dlms import LayoutBook, decode
from ciibridge.decode.mbus import decode as decode_records
from ciibridge.decode.mbus import header
from ciibridge.decode.sml.messages import read as read_sml
from ciibridge.dialogue.asking import WAYS, Asking, Backfilling
from ciibridge.errors import ConfigError, DecodeError, ProtocolError, SecurityError
from ciibridge.framing import apdu, hdlc, iec62056, mbus, p1, sml, wrapper
from ciibridge.framing.sniff import sniff
from ciibridge.lines import LINES
from ciibridge.normalise import ClockPolicy, MeterSettings
from ciibridge.normalise.clock import moved, to_utc
from ciibridge.pipeline import Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.recording.container import Reader
from ciibridge.security.glo import Keys, Opener
from ciibridge.service.config import Source
from ciibridge.simulate.meter import SimulatedMeter
from ciibridge.types import Apdu, Frame, Problem, Reading, Register, Snapshot

from fuzz.oracles import NOW, chunking, later, only, recovers, split, talk

Target = Callable[[bytes], None]
KEY = bytes(range(16))
AUTH_KEY = bytes(range(16, 32))

#: Framer → most octets held, and most that one piece of garbage may announce before a good frame can come out.
FRAMERS = {
    "dlms-hdlc": (hdlc.HdlcFramer, 0x800 + 2, 0x800),
    "mbus": (mbus.MbusFramer, mbus.LONGEST_FRAME, mbus.LONGEST_FRAME),
    "sml": (sml.SmlFramer, sml.LONGEST_FILE + 32, sml.LONGEST_FILE),
    "dsmr-p1": (p1.P1Framer, 2 * p1.LONGEST_OCTETS, p1.LONGEST_OCTETS),
    "iec62056-21": (iec62056.Iec62056Framer, 2 * iec62056.LONGEST_OCTETS, iec62056.LONGEST_OCTETS),
    "dlms-wrapper": (wrapper.WrapperFramer, wrapper.LONGEST_FRAME, wrapper.LONGEST_FRAME),
    "dlms-apdu": (apdu.ApduFramer, 2 * apdu.LONGEST_OCTETS, apdu.LONGEST_OCTETS),
}


@cache
def telegrams(protocol: str, *, ciphered: bool = False, general: bool = False) -> tuple[bytes, ...]:
    """One telegram of each list of some models that speak ``protocol``."""
    catalogue = ciimodel.load()
    in_wrapper = protocol == "dlms-wrapper"
    found: list[bytes] = []
    for meter in catalogue.meters.values():
        for interface in meter.interfaces:
            if interface.protocol != ("dlms-hdlc" if in_wrapper else protocol):
                continue
            for pushed in meter.lists:
                with suppress(ConfigError):
                    simulated = SimulatedMeter(
                        catalogue,
                        meter.id,
                        interface=interface.id,
                        lists=(pushed.id,),
                        key=KEY if ciphered else None,
                        auth_key=AUTH_KEY if ciphered else None,
                        general=general,
                        wrapper=in_wrapper,
                    )
                    found.append(simulated.telegram(pushed, NOW))
    return tuple(sorted(set(found), key=len)[:12])


def _framer(protocol: str, data: bytes) -> None:
    make, most, _ = FRAMERS[protocol]
    chunking(make, data, lambda framer: framer.pending_octets, most)


def _recovery(protocol: str, data: bytes) -> None:
    make, _, announced = FRAMERS[protocol]
    recovers(make, data, telegrams(protocol)[0], announced)


def _line(protocol: str, data: bytes) -> None:
    for settings in (MeterSettings(id="m"), MeterSettings(id="m", key=KEY, auth_key=AUTH_KEY)):
        chunking(lambda: LINES[protocol](settings), data, lambda _: 0, 0)  # noqa: B023  called before the next round


def _pipeline(protocol: str, data: bytes) -> None:
    octets, chunks = split(data)
    catalogue = ciimodel.load()
    settings = MeterSettings(id="m", key=KEY, clock=ClockPolicy.METER)
    pipeline, messages = Pipeline(catalogue, settings, protocol), Messages(catalogue, settings)
    found = []
    for number, chunk in enumerate((*chunks, octets)):
        found += pipeline.feed(chunk, later(number))
    found += pipeline.finish()
    only(found, Snapshot, Problem)
    for item in found:
        if isinstance(item, Snapshot):
            for message in messages.snapshot(item):
                if message.content_type == "application/json":
                    json.loads(message.payload, parse_constant=_no_constant)
        else:
            json.loads(messages.error("m", item, NOW).payload)
    json.loads(messages.diag("m", pipeline.diagnostics(NOW), NOW).payload)


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} in a payload")


def _dlms(data: bytes) -> None:
    """The same telegram again and again, so that layouts and lifts are learnt: each time the same, or the same error."""
    book = LayoutBook(recheck_every=3)
    said: set[str] = set()
    for _ in range(5):
        try:
            said.add(repr(decode(Apdu(data, 0), book)).removeprefix("Lifted"))
        except DecodeError as error:
            said.add(f"{error.code} {error} {error.offset}")
    assert len(said) == 1, said


def _glo(data: bytes) -> None:
    for keys in (Keys(None, None), Keys(KEY, None), Keys(KEY, AUTH_KEY)):
        with suppress(SecurityError):
            Opener(keys).open(Apdu(data, 0))


def _text(decoder: Callable[[Apdu], tuple[Reading, list[Problem]]], data: bytes) -> None:
    with suppress(ProtocolError):
        reading, problems = decoder(Apdu(data, 0))
        only([reading], Reading)
        only(problems, Problem)


def _profile(data: bytes) -> None:
    """A load profile as text: rows of a time, or what is not understood."""
    stretches, faults = ascii_profile.decode(data.decode("latin-1"))
    only(stretches, ascii_profile.Stretch)
    only(faults, str)
    for stretch in stretches:
        if (begin := to_utc(stretch.begin, ZoneInfo("Europe/Zurich"))) is not None:
            moved(begin, stretch.period, len(stretch.rows))
        only((register for row in stretch.rows for register in row or ()), Register)


def _sml(data: bytes) -> None:
    only(read_sml(Frame(data, 0, data)), Reading, Problem)


def _mbus(data: bytes) -> None:
    """Control, address and application data of a frame; the checksum is not in the way here."""
    if len(data) < 3:
        return  # the framer gives no frame without a CI field
    control, address = data[:2]
    frame = Frame(data[2:], 0, data, f"{address:02x}", f"{address:02x}", control=control)
    with suppress(ProtocolError):
        head = header.read(frame)
        only([decode_records(Apdu(frame.information, 0), head)], Reading)


def _dialogue(protocol: str, data: bytes) -> None:
    _, answers = split(data)
    asker = WAYS[protocol].asker(Asking(password="00000000", read=()))
    for number in range(2):
        talk(asker.round(later(number)), iter(answers))


def _gap(data: bytes) -> None:
    """A meter that answers anything while a gap is filled from its load profile, in one piece and in parts."""
    _, answers = split(data)
    for entry in ("P.01", "R6:P.01"):
        asker = WAYS["iec62056-21"].asker(Asking(read=(entry,)))
        if isinstance(asker, Backfilling):
            asker.fill(NOW - timedelta(hours=6), NOW)
        for number in range(2):
            talk(asker.round(later(number)), iter(answers))


def _sniff(data: bytes) -> None:
    assert sniff(data) in (None, *LINES)


def _recording(data: bytes) -> None:
    _, chunks = split(data)
    reader = Reader("fuzz")
    with suppress(ConfigError):
        for chunk in chunks:
            reader.feed(chunk)
        reader.finish()


def _config(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        Path(file.name).write_bytes(data)
        with suppress(ConfigError):
            source = Source(Path(file.name))
            _, findings = source.parse()
            str(source.error(findings))


TARGETS: Mapping[str, Target] = {
    **{f"framer-{name}": partial(_framer, name) for name in FRAMERS},
    **{f"recovery-{name}": partial(_recovery, name) for name in ("dlms-hdlc", "mbus")},
    **{f"line-{name}": partial(_line, name) for name in LINES},
    **{f"pipeline-{name}": partial(_pipeline, name) for name in LINES},
    **{f"dialogue-{name}": partial(_dialogue, name) for name in WAYS},
    "decode-dlms": _dlms,
    "decode-p1": partial(_text, ascii_p1.decode),
    "decode-iec62056-21": partial(_text, ascii_iec62056.decode),
    "decode-sml": _sml,
    "decode-mbus": _mbus,
    "dialogue-profile": _gap,
    "open-glo": _glo,
    "decode-profile": _profile,
    "sniff": _sniff,
    "recording": _recording,
    "config": _config,
}

_CONFIG = (
    b'[mqtt]\nurl = "mqtt://localhost"\n[[meter]]\nport = "/dev/ttyUSB0"\nmodel = "lg-e450"\nkey = "00"\n'
)
_RECORDING = b'{"ciibridge_recording":1,"started":"2026-05-04T09:39:20Z"}\n{"t":0.0,"hex":"7ea0"}\n'


def good(target: str) -> Iterator[bytes]:
    """Good inputs of a target, for the fuzzer to begin with."""
    kind, _, protocol = target.partition("-")
    if kind in ("framer", "recovery", "line", "pipeline"):
        if protocol == "dlms-apdu":
            yield from (b"\x00" + octets for octets in (*_apdus(ciphered=False), *_apdus(ciphered=True)))
        for octets in (*telegrams(protocol), *telegrams(protocol, ciphered=True)[:3]):
            yield b"\x00" + octets
            yield b"\x03\x30\x60\x90" + octets + octets
    elif target == "decode-dlms":
        yield from _apdus(ciphered=False)
    elif target == "open-glo":
        yield from _apdus(ciphered=True)
        yield from _apdus(ciphered=True, general=True)
    elif target == "decode-profile":
        rows = b"".join(b"(%d.5)(0.%03d)\r\n" % (n, n) for n in range(4))
        yield b"P.01(0260504120000)(00)(15)(2)(1-0:1.8.0)(kWh)(1.5)(kW)\r\n" + rows
        yield b"P.01(1260504120000)(C0)(15)(2)(1.5)(kW)(2.5)(kW)\r\n" + rows + b"P.01(ERROR)"
    elif kind == "decode":
        spoken = {"p1": "dsmr-p1"}.get(protocol, protocol)
        make = FRAMERS[spoken][0]
        for octets in telegrams(spoken):
            framer = make()
            for frame in (*framer.feed(octets), *framer.finish()):
                if not isinstance(frame, Problem):
                    yield (b"\x08\x01" if spoken == "mbus" else b"") + frame.information
    elif target == "dialogue-profile":
        readout = b"/LGZ5ZMD\r\n\x020.0.0(1)\r\n1.8.0(1*kWh)\r\n!\r\n\x03"
        rows = b"\x02P.01(0260504060000)(00)(15)(1)(1-0:1.8.0)(kWh)\r\n(1.5)\r\n(1.6)\r\n\x03"
        calls = (b"/LGZ5ZMD\r\n", readout[12:] + bytes((iec62056.block_check(readout[13:]),)), b"/LGZ5ZMD\r\n",
                 b"\x01P0\x02()\x03\x60", rows + bytes((iec62056.block_check(rows[1:]),)))  # fmt: skip
        size = sum(map(len, calls))
        cuts = [sum(map(len, calls[:n])) * 255 // size + 1 for n in range(1, len(calls))]
        yield bytes((len(cuts), *cuts)) + b"".join(calls)
    elif kind == "dialogue":
        yield b"\x03\x10\x20\x30" + b"/ACM5M1\r\n\x020.0.0(1)\r\n1.8.0(1*kWh)\r\n!\r\n\x03\x00"
        yield b"\x02\x40\x80" + bytes.fromhex("7ea00a030002002303737bcb537e") * 3
    elif target == "sniff":
        yield from (octets for name in LINES for octets in telegrams(name)[:2])
    else:
        yield _RECORDING if target == "recording" else _CONFIG


def _apdus(*, ciphered: bool, general: bool = False) -> Iterator[bytes]:
    from ciibridge.framing.reassembly import Reassembler

    for octets in telegrams("dlms-hdlc", ciphered=ciphered, general=general):
        framer, reassembler = hdlc.HdlcFramer(), Reassembler()
        for frame in framer.feed(octets):
            if not isinstance(frame, Problem):
                yield from (found.data for found in reassembler.feed(frame) if isinstance(found, Apdu))
