"""Pages of meter models: connector, cable, line, what it sends, how it is recognised, who uses it."""

from __future__ import annotations

from ciigen.resolved import Interface, MbusDevice, Meter, PushElement, PushList, RegisterFact, Shape, Wire
from ciigen.targets.docs.book import Book, name_of, page, where
from ciigen.targets.docs.families import carried, computed
from ciigen.targets.docs.markdown import capitalised, code, link, prose, sentences, table
from ciigen.targets.docs.words import fact, interval, line, step, way


def meter_page(book: Book, meter: Meter) -> str:
    """Everything the schema knows of one model."""
    return page(
        "meter",
        book=book,
        meter=meter,
        name=name_of(meter),
        interfaces=[
            (capitalised(book.word("connector", i.kind)), interface_table(book, i)) for i in meter.interfaces
        ],
        others=book.others(f"meters/{meter.id}.md"),
        overview=_overview(book, meter),
        lists=[_list(book, meter, pushed) for pushed in meter.lists],
        registers=_registers(book, meter),
        recognised=_recognised(book, meter.wire, meter.zone) if meter.wire else "",
        operators=_operators(book, meter),
        refused=_refused(book, meter),
        caveats=[book.text(caveat) for caveat in meter.caveats],
    )


def interface_table(book: Book, interface: Interface) -> str:
    """Connector, cable, line settings and protocol of one interface."""
    rows = [
        ("connector", book.text(interface.connector)),
        ("cable", book.text(interface.cable)),
        ("line_settings", line(book, interface.link)),
        (
            "runs",
            book.say(
                "protocol_and_way",
                protocol=book.word("protocol", interface.protocol),
                way=way(book, interface),
            ),
        ),
        ("how_sure", fact(book, interface.fact)),
    ]
    return table(("", ""), [(f"**{book.say(key)}**", value) for key, value in rows if value])


def _overview(book: Book, meter: Meter) -> str:
    """Return all lists at a glance; of use only where there are several."""
    rows = [
        (
            link(book.text(pushed.title), f"#{pushed.id}"),
            capitalised(interval(book, pushed.interval_s)),
            str(len(carried(pushed))),
            capitalised(book.word("status", pushed.fact.status)),
        )
        for pushed in meter.lists
    ]
    return (
        table(_heads(book, "list", "new_values", "number_of_values", "how_sure"), rows)
        if len(rows) > 1
        else ""
    )


def _list(book: Book, meter: Meter, pushed: PushList) -> dict[str, str]:
    """Return a push list for the template: heading, what it is, the table, and what is computed from it."""
    about = [
        f"{capitalised(interval(book, pushed.interval_s))}",
        book.say("form", shape=book.word("shape", pushed.shape)),
        book.say("push_object", code=code(pushed.object)) if pushed.object else "",
        book.say("list_name", code=code(pushed.name)) if pushed.name else "",
    ]
    header = ("#", *_heads(book, "obis_code", "value", "topic", "smallest_step", "wire_type"))
    rows = [_element(book, meter, pushed, number) for number in range(len(pushed.elements))]
    return {
        "id": pushed.id,
        "title": book.text(pushed.title),
        "about": f"{'; '.join(filter(None, about))}. {fact(book, pushed.fact)}",
        "table": table(header, rows),
        "computed": ", ".join(book.quantity(name) for name in computed(book, pushed, meter.lists)),
    }


def _element(book: Book, meter: Meter, pushed: PushList, index: int) -> tuple[str, ...]:
    element = pushed.elements[index]
    obis = code(element.obis) if element.obis else ""
    if element.obis and element.attribute != 2:
        obis += " " + book.say("attribute", n=element.attribute)
    position = str(index + 1)
    given = pushed.types[index] if index < len(pushed.types) else ""
    if element.quantity is None:
        return (position, obis, _without_meaning(book, element), "", "", given)
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


def _without_meaning(book: Book, element: PushElement) -> str:
    if element.obis is None:
        return book.say("skipped")
    return book.say("no_quantity") if element.class_id not in (1, 3, 4, 5, 8) else book.say("in_obis")


def _register(meter: Meter, name: str, family: str) -> RegisterFact | None:
    return meter.registers.get(name) or meter.registers.get(family)


def _registers(book: Book, meter: Meter) -> str:
    """How sure the steps and types are, where the schema says it."""
    rows = [
        (
            code(name),
            register.type or book.say("as_text"),
            "" if register.scaler is None else f"10^{register.scaler}",
            fact(book, register.fact),
        )
        for name, register in meter.registers.items()
        if register.fact
    ]
    return table(_heads(book, "value_or_family", "type", "power_of_ten", "how_sure"), rows) if rows else ""


def _recognised(book: Book, wire: Wire, zone: str | None) -> str:
    addresses = ", ".join(f"{code(pair.destination)} ← {code(pair.source)}" for pair in wire.hdlc)
    unspecified = book.say("time_unspecified", zone=zone or book.say("time_configured"))
    times = {
        "given": book.say("time_given"),
        "unspecified": unspecified,
        None: book.say("time_none"),
    }
    rows = [
        ("flag", ", ".join(code(flag) for flag in wire.flag)),
        ("device_name", code(wire.device_name) if wire.device_name else ""),
        ("identification", code(wire.identification) if wire.identification else ""),
        ("mbus_header", "; ".join(_device(book, device) for device in wire.devices)),
        ("device_type", code(wire.device_type) if wire.device_type else ""),
        ("list_in_telegram", ", ".join(code(name) for name in wire.list_name)),
        ("hdlc", addresses),
        ("frames", "" if wire.devices else book.word("transfer", wire.transfer)),
        ("sml_server", code(wire.sml_server) if wire.sml_server else ""),
        ("time", "" if wire.devices else times[wire.deviation]),
        ("how_sure", fact(book, wire.fact)),
    ]
    return table(("", ""), [(f"**{book.say(key)}**", value) for key, value in rows if value])


def _device(book: Book, device: MbusDevice) -> str:
    text = book.say("mbus_device", version=device.version, type=device.type)
    return f"{text}, {book.say('mbus_storage', n=device.storage)}" if device.storage else text


def _operators(book: Book, meter: Meter) -> str:
    rows = [
        (
            link(prose(operator.name), f"../operators/{operator.id}.md"),
            "; ".join(book.text(pushed.title) for pushed in meter.lists if pushed.id in entry.lists),
            capitalised(book.word("encryption", entry.encryption)),
            fact(book, entry.fact),
        )
        for operator in book.resolved.operators.values()
        for entry in operator.meters
        if entry.meter == meter.id
    ]
    return table(_heads(book, "operator", "lists", "encrypted", "how_sure"), rows) if rows else ""


def _heads(book: Book, *keys: str) -> tuple[str, ...]:
    return tuple(book.say(key) for key in keys)


def _refused(book: Book, meter: Meter) -> list[str]:
    return [
        f"{link(prose(operator.name), f'../operators/{operator.id}.md')}: "
        f"{sentences(book.text(case.reason), fact(book, case.fact))}"
        for operator in book.resolved.operators.values()
        for case in operator.not_possible
        if case.meter == meter.id
    ]
