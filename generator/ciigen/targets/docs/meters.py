"""Pages of meter models: connector, cable, line, what it sends, how it is recognised, who uses it."""

from __future__ import annotations

from ciigen.resolved import Interface, MbusDevice, Meter, PushElement, PushList, RegisterFact, Shape, Wire
from ciigen.targets.docs.book import Book, name_of, page, where
from ciigen.targets.docs.families import carried, computed
from ciigen.targets.docs.markdown import capitalised, code, link, prose, sentences, table
from ciigen.targets.docs.words import (
    CONNECTOR,
    ENCRYPTION,
    PROTOCOL,
    SHAPE,
    STATUS,
    TRANSFER,
    fact,
    interval,
    line,
    step,
    way,
)


def meter_page(book: Book, meter: Meter) -> str:
    """Everything the schema knows of one model."""
    return page(
        "meter",
        book=book,
        meter=meter,
        name=name_of(meter),
        interfaces=[(capitalised(CONNECTOR[i.kind]), interface_table(book, i)) for i in meter.interfaces],
        overview=_overview(book, meter),
        lists=[_list(book, meter, pushed) for pushed in meter.lists],
        registers=_registers(meter),
        recognised=_recognised(meter.wire, meter.zone) if meter.wire else "",
        operators=_operators(book, meter),
        refused=_refused(book, meter),
        caveats=[book.text(caveat) for caveat in meter.caveats],
    )


def interface_table(book: Book, interface: Interface) -> str:
    """Connector, cable, line settings and protocol of one interface."""
    rows = [
        ("Connector", book.text(interface.connector)),
        ("Cable", book.text(interface.cable)),
        ("Line settings", line(interface.link)),
        ("What runs over it", f"{PROTOCOL[interface.protocol]}; {way(interface)}"),
        ("How sure", fact(interface.fact)),
    ]
    return table(("", ""), [(f"**{name}**", value) for name, value in rows if value])


def _overview(book: Book, meter: Meter) -> str:
    """Return all lists at a glance; of use only where there are several."""
    rows = [
        (
            link(book.text(pushed.title), f"#{pushed.id}"),
            capitalised(interval(pushed.interval_s)),
            str(len(carried(pushed))),
            capitalised(STATUS[pushed.fact.status]),
        )
        for pushed in meter.lists
    ]
    return table(("List", "New values", "Number of values", "How sure"), rows) if len(rows) > 1 else ""


def _list(book: Book, meter: Meter, pushed: PushList) -> dict[str, str]:
    """Return a push list for the template: heading, what it is, the table, and what is computed from it."""
    about = [
        f"{capitalised(interval(pushed.interval_s))}",
        f"form: {SHAPE[pushed.shape]}",
        f"push object {code(pushed.object)}" if pushed.object else "",
        f"list name {code(pushed.name)}" if pushed.name else "",
    ]
    header = ("#", "OBIS code", "Value", "Topic", "Smallest step", "Type on the wire")
    rows = [_element(book, meter, pushed, number) for number in range(len(pushed.elements))]
    return {
        "id": pushed.id,
        "title": book.text(pushed.title),
        "about": f"{'; '.join(filter(None, about))}. {fact(pushed.fact)}",
        "table": table(header, rows),
        "computed": ", ".join(book.quantity(name) for name in computed(book, pushed, meter.lists)),
    }


def _element(book: Book, meter: Meter, pushed: PushList, index: int) -> tuple[str, ...]:
    element = pushed.elements[index]
    obis = code(element.obis) if element.obis else ""
    if element.obis and element.attribute != 2:
        obis += f" attribute {element.attribute}"
    position = str(index + 1)
    given = pushed.types[index] if index < len(pushed.types) else ""
    if element.quantity is None:
        return (position, obis, _without_meaning(element), "", "", given)
    quantity = book.resolved.quantities[element.quantity]
    register = _register(meter, element.quantity, quantity.family)
    scaler = quantity.scaler if register is None or register.scaler is None else register.scaler
    # An SML value list brings the scaler of each value with it, so the step is the meter's choice.
    finest = (
        step(scaler, quantity.unit)
        if quantity.unit and pushed.shape not in (Shape.SML, Shape.RECORDS)
        else ""
    )
    kind = given or (register.type if register else None) or ""
    return (position, obis, book.quantity(element.quantity), where(book, quantity), finest, kind)


def _without_meaning(element: PushElement) -> str:
    if element.obis is None:
        return "(skipped)"
    return (
        "(not a quantity; skipped)"
        if element.class_id not in (1, 3, 4, 5, 8)
        else "(shown in `obis` of `state`)"
    )


def _register(meter: Meter, name: str, family: str) -> RegisterFact | None:
    return meter.registers.get(name) or meter.registers.get(family)


def _registers(meter: Meter) -> str:
    """How sure the steps and types are, where the schema says it."""
    rows = [
        (
            code(name),
            register.type or "text",
            "" if register.scaler is None else f"10^{register.scaler}",
            fact(register.fact),
        )
        for name, register in meter.registers.items()
        if register.fact
    ]
    return table(("Value or family", "Type", "Power of ten", "How sure"), rows) if rows else ""


def _recognised(wire: Wire, zone: str | None) -> str:
    addresses = ", ".join(f"{code(pair.destination)} ← {code(pair.source)}" for pair in wire.hdlc)
    unspecified = f"without its offset from UTC, so it is read in the zone {zone or 'of the configuration'}"
    times = {
        "given": "with its offset from UTC",
        "unspecified": unspecified,
        None: "not sent, so the time of reception counts",
    }
    rows = [
        ("Maker's letters (FLAG)", ", ".join(code(flag) for flag in wire.flag)),
        ("Device name `0-0:42.0.0`", code(wire.device_name) if wire.device_name else ""),
        ("Identification line", code(wire.identification) if wire.identification else ""),
        ("M-Bus header", "; ".join(_device(device) for device in wire.devices)),
        ("Meter type in the telegram", code(wire.device_type) if wire.device_type else ""),
        ("List name in the telegram", ", ".join(code(name) for name in wire.list_name)),
        ("HDLC addresses (destination ← source)", addresses),
        ("Frames", "" if wire.devices else TRANSFER[wire.transfer]),
        ("SML server id, in hex", code(wire.sml_server) if wire.sml_server else ""),
        ("Time", "" if wire.devices else times[wire.deviation]),
        ("How sure", fact(wire.fact)),
    ]
    return table(("", ""), [(f"**{name}**", value) for name, value in rows if value])


def _device(device: MbusDevice) -> str:
    text = f"version {device.version}, device type {device.type}"
    return f"{text}, its value in storage {device.storage}" if device.storage else text


def _operators(book: Book, meter: Meter) -> str:
    rows = [
        (
            link(prose(operator.name), f"../operators/{operator.id}.md"),
            "; ".join(book.text(pushed.title) for pushed in meter.lists if pushed.id in entry.lists),
            capitalised(ENCRYPTION[entry.encryption]),
            fact(entry.fact),
        )
        for operator in book.resolved.operators.values()
        for entry in operator.meters
        if entry.meter == meter.id
    ]
    return table(("Operator", "Lists", "Encrypted?", "How sure"), rows) if rows else ""


def _refused(book: Book, meter: Meter) -> list[str]:
    return [
        f"{link(prose(operator.name), f'../operators/{operator.id}.md')}: "
        f"{sentences(book.text(case.reason), fact(case.fact))}"
        for operator in book.resolved.operators.values()
        for case in operator.not_possible
        if case.meter == meter.id
    ]
