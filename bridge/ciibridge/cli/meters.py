"""``ciibridge meters``: what is supported, from the catalogue: models, their connectors and line settings, operators."""

from __future__ import annotations

from typing import Annotated, Any, Final

import ciimodel
import orjson
import typer
from ciimodel.catalogue import Interface, Meter, Operator, Resolved

from ciibridge.cli import main
from ciibridge.cli.table import align
from ciibridge.pipeline import LINES

_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}
_METERS: Final = ("METER", "MAKER AND MODEL", "CONNECTOR", "LINE", "PROTOCOL", "READ", "KNOWN")
_OPERATORS: Final = ("OPERATOR", "NAME", "METER", "CONNECTOR", "ENCRYPTED", "KNOWN")


@main.command(epilog="Example: ciibridge meters --json")
def meters(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """List what is supported: meter models, line settings and network operators."""
    catalogue = ciimodel.load()
    if as_json:
        typer.echo(orjson.dumps(_document(catalogue)))
        return
    typer.echo(align(_METERS, [row for meter in catalogue.meters.values() for row in _meter_rows(meter)]))
    typer.echo()
    typer.echo(align(_OPERATORS, [row for op in catalogue.operators.values() for row in _operator_rows(op)]))
    typer.echo("\nREAD: this version of ciibridge reads the protocol.  KNOWN: how well the facts are known.")


def _line(interface: Interface) -> str:
    link = interface.link
    return f"{link.baudrate} {link.bytesize}{_PARITY[link.parity]}{link.stopbits}"


def _meter_rows(meter: Meter) -> list[tuple[str, ...]]:
    return [
        (
            meter.id,
            f"{meter.manufacturer} {meter.model}",
            interface.kind,
            _line(interface),
            interface.protocol,
            "yes" if interface.protocol in LINES else "no",
            interface.fact.status,
        )
        for interface in meter.interfaces
    ]


def _operator_rows(operator: Operator) -> list[tuple[str, ...]]:
    rows = [
        (operator.id, operator.name, e.meter, e.interface, e.encryption, e.fact.status)
        for e in operator.meters
    ]
    return rows + [
        (operator.id, operator.name, entry.meter, "not possible", "", entry.fact.status)
        for entry in operator.not_possible
    ]


def _document(catalogue: Resolved) -> dict[str, Any]:
    return {
        "profile": catalogue.version,
        "meters": [
            {
                "id": meter.id,
                "manufacturer": meter.manufacturer,
                "model": meter.model,
                "medium": meter.medium,
                "phases": meter.phases,
                "interfaces": [
                    {
                        "id": interface.id,
                        "kind": interface.kind,
                        "protocol": interface.protocol,
                        "read": interface.protocol in LINES,
                        "link": interface.link.model_dump(),
                        "status": interface.fact.status,
                    }
                    for interface in meter.interfaces
                ],
                "quantities": meter.quantities,
            }
            for meter in catalogue.meters.values()
        ],
        "operators": [
            {
                "id": operator.id,
                "name": operator.name,
                "full_name": operator.full_name,
                "country": operator.country,
                "meters": [
                    {
                        "meter": entry.meter,
                        "interface": entry.interface,
                        "lists": entry.lists,
                        "encryption": entry.encryption,
                        "status": entry.fact.status,
                    }
                    for entry in operator.meters
                ],
                "not_possible": [
                    {"meter": entry.meter, "reason": entry.reason, "status": entry.fact.status}
                    for entry in operator.not_possible
                ],
            }
            for operator in catalogue.operators.values()
        ],
    }
