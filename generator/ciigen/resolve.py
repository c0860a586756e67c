"""From the sound files of ``schema/`` to ``Resolved``: defaults filled in, families unfolded, references followed.

Place in the line: load → validate → **resolve** → render → write. What comes out is the whole of what targets and the
bridge know; nothing after this point reads YAML.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ciigen.cascade import attributes
from ciigen.checks.sound import Sound
from ciigen.derive import yields
from ciigen.elements import candidates, default_class, of_device, parse
from ciigen.errors import FindingsError
from ciigen.load import Loaded, load
from ciigen.resolved import (
    Consumer,
    Dialect,
    Interface,
    Maker,
    Meter,
    Operator,
    PushElement,
    PushList,
    Quantity,
    Resolved,
    Topic,
    Unit,
)
from ciigen.source import Json, Node
from ciigen.unfold import Entry
from ciigen.validate import validate

_Model = TypeVar("_Model", bound=BaseModel)


def resolve_directory(schema: Path) -> Resolved:
    """Load, validate and resolve the folder ``schema/`` (raises FindingsError with all findings)."""
    loaded = load(schema)
    findings = validate(loaded)
    if findings:
        raise FindingsError(findings)
    return resolve(loaded)


def resolve(loaded: Loaded) -> Resolved:
    """Resolve files without findings."""
    sound = Sound(loaded.sources, loaded.meta)
    topics = sound.one("topics")
    quantities = {entry.name: _quantity(entry, sound) for entry in sound.entries}
    return Resolved(
        version=loaded.version,
        prefix=topics.word("prefix"),
        languages=tuple(sound.languages),
        levels={name: level.text for name, level in topics.named("levels").items()},
        topics={name: _model(Topic, node, name=name) for name, node in topics.named("topics").items()},
        payloads={name: dict[str, object](_mapping(node)) for name, node in topics.named("payloads").items()},
        units={symbol: _unit(symbol, node, sound) for symbol, node in sound.units.items()},
        makers={flag: _model(Maker, node) for flag, node in sound.makers.items()},
        quantities=quantities,
        meters={top.source.id: _meter(top, sound, quantities) for top in sound.of("meter")},
        operators={top.source.id: _model(Operator, top, id=top.source.id) for top in sound.of("operator")},
        consumers={
            name: Consumer(
                name=name,
                settings={key: n.text for key, n in top.named("settings").items()},
                words={
                    key: {lang: n.text for lang, n in word.entries.items()}
                    for key, word in top.named("words").items()
                },
            )
            for name, top in sound.consumers.items()
        },
        dialects={top.source.id: _model(Dialect, top, name=top.source.id) for top in sound.of("dialect")},
    )


def _model(cls: type[_Model], node: Node, **more: object) -> _Model:
    """Make a model of a mapping; what the JSON Schema let pass and the model does not is a finding all the same."""
    try:
        return cls.model_validate({**_mapping(node), **more})
    except ValidationError as error:
        raise FindingsError(
            Node(node.source, (*node.path, *detail["loc"]), None).finding(
                detail["msg"], "see schema/README.md"
            )
            for detail in error.errors()
        ) from error


def _unit(symbol: str, node: Node, sound: Sound) -> Unit:
    told = {name: top.at("units", symbol) for name, top in sound.consumers.items()}
    consumers = {
        name: {key: n.text for key, n in unit.entries.items()} for name, unit in told.items() if unit
    }
    return _model(Unit, node, symbol=symbol, consumers=consumers)


def _quantity(entry: Entry, sound: Sound) -> Quantity:
    kind = entry.word("kind")
    defaults = {"unit": None, "monotonic": kind == "cumulative"}
    facts = {key: node.value for key, node in entry.facts.items()}
    fixed = {
        "name": entry.name,
        "family": entry.family,
        "medium": entry.medium,
        "obis": [code.text for code in entry.obis],
        "place": entry.place,
        "phase": entry.phase,
        "tariff": entry.tariff,
        "label": dict(entry.label),
        "consumers": {
            name: told for name, top in sound.consumers.items() if (told := attributes(top, entry))
        },
    }
    # `facts` come from a block and a member: positions inside are those of the member, lines those of the fact
    return _model(Quantity, Node(entry.node.source, entry.node.path, {**defaults, **facts}), **fixed)


def _meter(top: Node, sound: Sound, quantities: Mapping[str, Quantity]) -> Meter:
    wire = top.at("wire")
    types = [device.entries["type"].value for device in (wire.below("devices") if wire else ())]
    lists = [_push_list(node, sound, types, top.word("medium")) for node in top.below("lists")]
    shared = [_shared(node, sound) for node in top.below("interfaces")]
    interfaces = [_interface(node, like) for node, like in zip(top.below("interfaces"), shared, strict=True)]
    caveats = [text.value for node in (*filter(None, shared), top) for text in node.below("caveats")]
    names = {name for pushed in lists for name in yields(pushed, quantities)}
    carried = tuple(name for name in quantities if name in names)
    return _model(
        Meter, top, id=top.source.id, interfaces=interfaces, lists=lists, quantities=carried, caveats=caveats
    )


def _shared(node: Node, sound: Sound) -> Node | None:
    """Find what an interface is like."""
    like = node.at("like")
    return sound.interfaces[like.text] if like else None


def _interface(node: Node, like: Node | None) -> Interface:
    common = {key: value for key, value in _mapping(like).items() if key != "caveats"} if like else {}
    own = {key: value for key, value in _mapping(node).items() if key != "like"}
    return _model(Interface, Node(node.source, node.path, {**common, **own}))


def _push_list(node: Node, sound: Sound, types: Collection[Json], medium: str) -> PushList:
    elements = tuple(_element(element, sound, types, medium) for element in node.below("elements"))
    own = Node(node.source, node.path, {k: v for k, v in _mapping(node).items() if k != "not_in_profile"})
    return _model(PushList, own, elements=elements)


def _element(node: Node, sound: Sound, types: Collection[Json], medium: str) -> PushElement:
    """Read an element. ``types``: M-Bus device types of the model, by which the register of a channel is one quantity."""
    if node.value is None:
        return PushElement(obis=None, quantity=None)
    element = parse(node.text)
    found = candidates(element, sound.entries)
    chosen = of_device(found, types, medium) if len(found) > 1 else found
    return PushElement(
        obis=element.obis,
        class_id=default_class(found) if element.class_id is None else element.class_id,
        attribute=element.attribute,
        quantity=chosen[0].name if len(chosen) == 1 else None,
    )


def _mapping(node: Node) -> dict[str, Json]:
    return dict(node.value) if isinstance(node.value, dict) else {}
