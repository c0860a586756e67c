"""The ports of the meters: there, permitted, free, and whether something comes. Nobody is asked, and no port is taken away.

local port:  locked? ──► by a bridge: good, by another: fail      free ──► open ──► listen
over TCP:    a bridge runs? ──► not touched, since many serial servers serve one client only
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ciimodel.catalogue import Resolved

from ciibridge.errors import TransportError
from ciibridge.link import HINTS, LinkState
from ciibridge.normalise.identity import shortened
from ciibridge.pipeline import Pipeline
from ciibridge.service.doctor import Check, Level
from ciibridge.service.doctor.holders import holder
from ciibridge.service.meter_setup import MeterSetup
from ciibridge.transport import Transport, is_recording, open_transport
from ciibridge.types import Snapshot

_BY_ID: Final = Path("/dev/serial/by-id")
_NONE: Final[Mapping[bytes, int]] = {}
#: Names that may be another adapter's after the next boot.
_CHANGING: Final = ("/dev/ttyUSB", "/dev/ttyACM")


def settings(meter: MeterSetup, catalogue: Resolved) -> Iterator[Check]:
    """Look at what can be known of a meter before its port is opened."""
    told = meter.settings
    operator = catalogue.operators.get(told.operator or "")
    for entry in operator.meters if operator else ():
        if entry.meter == told.model and entry.encryption == "always" and told.key is None:
            words = f"{told.operator} encrypts what the {told.model} sends, and no key is configured"
            yield Check(Level.FAIL, _name(meter), words, "Ask the operator for the key and set key_file.")
    if meter.port.startswith(_CHANGING) and (stable := _stable(Path(meter.port))) is not None:
        words = f"{meter.port} may be another adapter after the next boot"
        yield Check(Level.WARN, _name(meter), words, f'Write port = "{stable}".')


def _stable(port: Path, by_id: Path = _BY_ID) -> Path | None:
    links = by_id.iterdir() if by_id.is_dir() else ()
    return next((link for link in sorted(links) if link.resolve() == port.resolve()), None)


async def listen(
    meter: MeterSetup,
    catalogue: Resolved,
    listen_s: float,
    *,
    running: bool,
    counters: Mapping[bytes, int] = _NONE,
) -> Check:
    """Open the port and listen. ``running``: a bridge with this configuration is at work, with its ports in its hands.

    ``counters``: the invocation counters that a bridge remembers.
    """
    name = _name(meter)
    if is_recording(meter.port):
        path = Path(meter.port.removeprefix("file://"))
        return Check(Level.OK, name, "a recording") if path.exists() else _missing(name, path)
    local = "://" not in meter.port or meter.port.startswith("serial://")
    by = holder(Path(meter.port.removeprefix("serial://"))) if local else None
    if by is not None:
        if by.is_bridge:
            return Check(Level.OK, name, f"in use by {by}; `ciibridge status` tells how it does")
        return Check(Level.FAIL, name, f"in use by {by}", "Stop that program: a port has one reader.")
    if running and not local:
        return Check(Level.OK, name, "the bridge has it; `ciibridge status` tells how it does")
    transport = open_transport(meter.port, meter.link)
    try:
        await transport.open()
        if meter.asking is not None:
            return Check(Level.OK, name, "can be opened; a meter that must be asked is not asked here")
        if not listen_s:
            return Check(Level.OK, name, "can be opened")
        pipeline = Pipeline(catalogue, meter.settings, meter.protocol, counters=dict(counters))
        return await _hear(name, pipeline, transport, listen_s)
    except TransportError as error:
        return Check(Level.FAIL, name, str(error).removeprefix(f"{transport.name}: "))
    finally:
        await transport.close()


async def _hear(name: str, pipeline: Pipeline, transport: Transport, listen_s: float) -> Check:
    octets = 0
    try:
        async with asyncio.timeout(listen_s):
            while data := await transport.read():
                octets += len(data)
                found = pipeline.feed(data, datetime.now(UTC))
                if any(isinstance(item, Snapshot) for item in found):
                    return Check(Level.OK, name, f"telegrams come, of {pipeline.model or 'an unknown model'}")
    except TimeoutError:
        pass
    if not octets:
        words = f"not one octet in {listen_s:g} s"
        remedy = f"{HINTS[LinkState.WAITING]} Some meters send but every 15 min: --listen 900."
        return Check(Level.WARN, name, words, remedy)
    diagnostics = pipeline.diagnostics(datetime.now(UTC))
    if diagnostics.telegrams_ok:
        return Check(Level.OK, name, "telegrams come")
    if diagnostics.link is LinkState.WAITING:
        words = f"{octets} octets in {listen_s:g} s, no telegram yet"
        return Check(Level.WARN, name, words, "Listen for longer (--listen 60), or try `ciibridge probe`.")
    words = f"{octets} octets in {listen_s:g} s, no telegram: {diagnostics.link}"
    return Check(Level.FAIL, name, words, f"{HINTS[diagnostics.link]} `ciibridge probe` finds out more.")


def _missing(name: str, path: Path) -> Check:
    return Check(Level.FAIL, name, f"{path}: there is no such file", "Name a recording.")


def _name(meter: MeterSetup) -> str:
    known = meter.settings.id
    return f"meter {shortened(known)} on {meter.port}" if known else f"meter on {meter.port}"
