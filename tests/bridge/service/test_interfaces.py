"""Line settings of an operator go before those of the model: in the service, in what is tried, in what is proposed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import ciimodel
from ciibridge.interfaces import at_operator, everywhere
from ciibridge.probing.attempts import attempts, line_name
from ciibridge.probing.report import report
from ciibridge.probing.search import Search
from ciibridge.security.glo import Keys
from ciibridge.service.proposal import answers_of, propose
from ciibridge.service.setup import load
from ciibridge.simulate import SimulatedMeter

CATALOGUE: Final = ciimodel.load()
AM550: Final = CATALOGUE.meters["iskra-am550"]
LJUBLJANA: Final = CATALOGUE.operators["elektro-ljubljana"]
NOW: Final = datetime(2026, 5, 4, 10, 40, tzinfo=UTC)


def test_the_operator_goes_before_the_model() -> None:
    own = next(one for one in AM550.interfaces if one.id == "p1")
    assert line_name(own.link) == "115200 8N1"
    assert line_name(at_operator(own, AM550.id, LJUBLJANA).link) == "38400 8N1"
    assert at_operator(own, AM550.id, CATALOGUE.operators["ekz"]) is own
    assert at_operator(own, AM550.id, None) is own
    assert [line_name(there.link) for there in everywhere(CATALOGUE, AM550, own)] == [
        "115200 8N1",
        "38400 8N1",
    ]


def test_the_service_opens_the_port_so(tmp_path: Path) -> None:
    file = tmp_path / "ciibridge.toml"
    for more, baudrate in (
        ('operator = "elektro-ljubljana"', 38400),
        ('operator = "ekz"', 115200),
        ('operator = "elektro-ljubljana"\nbaudrate = 9600', 9600),
    ):
        file.write_text(f'[[meter]]\nport = "/dev/ttyUSB0"\nmodel = "iskra-am550"\nid = "house"\n{more}\n')
        assert load(file, CATALOGUE).meters[0].link.baudrate == baudrate


def test_it_is_tried_and_first_where_the_operator_is_named() -> None:
    assert "38400 8N1" in [attempt.name for attempt in attempts(CATALOGUE)]
    first = attempts(CATALOGUE, operator="elektro-ljubljana")[0]
    assert first.name == "38400 8N1"
    assert [(place.meter.id, place.interface.id) for place in first.places] == [("iskra-am550", "p1")]


def heard(model: str, line: str, lists: tuple[str, ...], operator: str | None = None) -> str:
    """The configuration that is proposed for a meter that is heard with some line settings."""
    choice = [attempt for attempt in attempts(CATALOGUE) if attempt.name == line]
    search = Search(CATALOGUE, choice, Keys())
    octets = SimulatedMeter(CATALOGUE, model, lists=lists).telegrams(NOW)
    at = NOW
    search.begin(at)
    for _ in range(3):
        search.feed(octets, at)
        at += timedelta(seconds=5)
        search.look(at)
    search.end(at)
    found = report(CATALOGUE, "/dev/ttyUSB0", search, meter=model, operator=operator)
    return propose(answers_of(found, Keys(), CATALOGUE), CATALOGUE, "ciibridge").text


def test_what_is_proposed_is_what_was_heard() -> None:
    """The line settings stand in the file unless model, interface and operator of the file say them."""
    text = heard("iskra-am550", "38400 8N1", ("si-5s",), "elektro-ljubljana")
    assert 'operator = "elektro-ljubljana"' in text
    assert "baudrate" not in text
    text = heard("iskra-am550", "38400 8N1", ("vse2026",))
    assert "baudrate = 38400" in text
    assert 'interface = "p1-dsmr5"' in heard("iskra-mt382", "115200 8N1", ("dsmr5",))
    text = heard("iskra-mt382", "9600 7E1", ("dsmr2",))
    assert "interface" not in text.replace("# interface", "")
    assert "baudrate" not in text
