"""Items with their metadata, and links: wished and there → changes. Pure.

    Item      type, label, category, tags, groups        PUT /rest/items/<name>                        always whole
    metadata  unit, expire, stateDescription, ciigen     PUT /rest/items/<name>/metadata/<namespace>   one by one
    link                                                 PUT /rest/links/<item>/<channel>

The mark comes last: it says what was made, and a push that was cut off before it must not take what it did not yet make for
something that a user took away. So an Item without a mark is one whose push was cut off, or somebody else's. The former is
exactly as wished, which is how it is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from ciigen.push.changes import Call, Change, Mark, described
from ciigen.push.merge import Fields, Merged, Value, adopted, merge
from ciigen.push.openhab.there import Json, Server
from ciigen.push.openhab.wished import WishedItem

#: Namespace of the metadata that marks what is ours.
NAMESPACE: Final = "ciigen"
_OF_ITEM: Final = ("type", "label", "category", "tags", "groups")
#: Of an Item that is taken over: its own label and icon stay, and its groups beside ours.
_KEPT: Final = ("label", "category")
_JOINED: Final = ("groups",)
_SETS: Final = ("tags", "groups")
_OF_STATE: Final = ("pattern", "options")
#: Namespaces whose value is one field.
_PLAIN: Final = ("unit", "expire")
#: openHAB before 5.2 refuses metadata with an empty value (issue 5525 of openhab-core); Main UI writes a blank, too.
_NO_VALUE: Final = " "
#: What a group of the user's may have besides, and a PUT would take away.
_KEPT_OF_GROUP: Final = ("groupType", "function")


def item_changes(server: Server, wished: Iterable[WishedItem], *, adopt: bool) -> Iterator[Change]:
    """Say what happens to each wished Item. ``adopt``: take Items of that name that somebody else made."""
    for item in wished:
        there = server.items.get(item.name)
        yield _create(item) if there is None else _update(item, there, adopt=adopt)


def link_changes(server: Server, wished: Iterable[WishedItem]) -> Iterator[Change]:
    """Link each wished Item to its channel. Links of the Item to other channels stay."""
    for item in wished:
        if not item.channel:
            continue
        name = f"{item.name} ↔ {item.channel}"
        if (item.name, item.channel) in server.links:
            yield Change(Mark.SAME, "link", name)
        else:
            body = {"itemName": item.name, "channelUID": item.channel, "configuration": {}}
            call = Call("PUT", f"/rest/links/{item.name}/{quote(item.channel, safe=':')}", body)
            yield Change(Mark.NEW, "link", name, (), (call,))


def orphans(server: Server, wished: Collection[str], meters: Collection[str] | None) -> list[str]:
    """Give the Items that we made and that are no longer wished: of these meters, or of all (None)."""
    return [
        name
        for name, item in server.items.items()
        if (meter := owner(item)) is not None
        and name not in wished
        and item.get("editable", True)
        and (meters is None or meter in meters)
    ]


def removals(server: Server, names: Iterable[str]) -> Iterator[Change]:
    """Remove Items with their links; openHAB forgets their metadata by itself."""
    for name in names:
        calls = [
            Call("DELETE", f"/rest/links/{name}/{quote(channel, safe=':')}")
            for item, channel in server.links
            if item == name and server.links[item, channel]
        ]
        yield Change(Mark.REMOVED, "item", name, (), (*calls, Call("DELETE", f"/rest/items/{name}")))


def owner(item: Json) -> str | None:
    """Give the id of the meter that we made this Item for; None: somebody else's."""
    mark = _metadata(item).get(NAMESPACE)
    return str(mark.get("value", "")) if isinstance(mark, dict) else None


def fields_of(item: Json) -> dict[str, Value]:
    """Give what is compared of an Item as REST tells it."""
    metadata = _metadata(item)
    fields: dict[str, Value] = {
        "type": str(item.get("type", "")),
        "label": str(item.get("label") or ""),
        "category": str(item.get("category") or ""),
        "tags": frozenset(map(str, item.get("tags", ()))),
        "groups": frozenset(map(str, item.get("groupNames", ()))),
    }
    fields |= {name: _value(metadata, name) for name in _PLAIN}
    state = _config(metadata, "stateDescription")
    return fields | {name: str(state.get(name, "")) for name in _OF_STATE}


def _create(item: WishedItem) -> Change:
    merged = merge(None, item.fields, {})
    calls = [_put_item(item.name, merged.fields, {}), *_put_metadata(item.name, {}, {}, merged.fields)]
    calls.append(_put_mark(item, merged))
    return Change(Mark.NEW, "item", item.name, described(_news(item.fields)), tuple(calls))


def _news(fields: Fields) -> Iterator[tuple[str, object, object]]:
    yield "label", "", fields["label"]
    yield "type", "", fields["type"]


def _update(item: WishedItem, there: Json, *, adopt: bool) -> Change:
    now = fields_of(there)
    mine = owner(there)
    if not there.get("editable", True):
        return _blocked(item, "is defined in a file: remove it there, or go on without push")
    if (
        mine is None
        and not adopt
        and any(now[name] != item.fields.get(name, _nothing(name)) for name in _OF_ITEM)
    ):
        return _blocked(item, "was made by somebody else: rename it in openHAB, or take it over with --adopt")
    if mine not in (None, item.meter) and not adopt:
        return _blocked(
            item,
            f"is of meter {mine}: give this one another name with --names, or take it over with --adopt",
        )
    record = _record(there) if mine is not None else adopted(item.fields, now, keep=_KEPT, join=_JOINED)
    merged = merge(record, item.fields, now)
    calls = []
    differing = [name for name in merged.fields if merged.fields[name] != now.get(name, _nothing(name))]
    if any(name in _OF_ITEM for name in differing):
        calls.append(_put_item(item.name, merged.fields, there))
    calls += _put_metadata(item.name, _metadata(there), now, merged.fields)
    if mine != item.meter or {name: value for name, value in merged.made.items() if value} != record:
        calls.append(_put_mark(item, merged))
    details = described((name, now.get(name, ""), merged.fields[name]) for name in differing)
    details += tuple(f"{name} is yours" for name in merged.yours)
    if calls and not differing:
        details += ("marked as made by ciigen",)
    return Change(Mark.CHANGED if calls else Mark.SAME, "item", item.name, details, tuple(calls))


def _blocked(item: WishedItem, why: str) -> Change:
    return Change(Mark.BLOCKED, "item", item.name, (why,))


def _put_item(name: str, fields: Fields, there: Json) -> Call:
    body: dict[str, Any] = {key: there[key] for key in _KEPT_OF_GROUP if key in there}
    body |= {
        "type": fields["type"],
        "name": name,
        "label": fields["label"],
        "category": fields.get("category", ""),
        "tags": sorted(fields.get("tags", ())),
        "groupNames": sorted(fields.get("groups", ())),
    }
    return Call("PUT", f"/rest/items/{name}", body)


def _put_mark(item: WishedItem, merged: Merged) -> Call:
    record = {
        name: ",".join(sorted(value)) if isinstance(value, frozenset) else value
        for name, value in merged.made.items()
        if value
    }
    return _put(item.name, NAMESPACE, item.meter, record)


def _put_metadata(name: str, metadata: Mapping[str, Any], now: Fields, fields: Fields) -> Iterator[Call]:
    for namespace in _PLAIN:
        value = str(fields.get(namespace, ""))
        if value == now.get(namespace, ""):
            continue
        # a user's own configuration of it (expire: what to ignore) stays
        yield (
            _put(name, namespace, value, _config(metadata, namespace)) if value else _delete(name, namespace)
        )
    state = {key: str(fields.get(key, "")) for key in _OF_STATE}
    if any(value != now.get(key, "") for key, value in state.items()):
        config = {
            key: value
            for key, value in {**_config(metadata, "stateDescription"), **state}.items()
            if value != ""
        }
        value = _value(metadata, "stateDescription") or _NO_VALUE
        yield _put(name, "stateDescription", value, config) if config else _delete(name, "stateDescription")


def _put(name: str, namespace: str, value: str, config: Mapping[str, Any]) -> Call:
    return Call("PUT", f"/rest/items/{name}/metadata/{namespace}", {"value": value, "config": dict(config)})


def _delete(name: str, namespace: str) -> Call:
    return Call("DELETE", f"/rest/items/{name}/metadata/{namespace}")


def _record(there: Json) -> Fields:
    record: dict[str, Value] = {}
    for name, value in _config(_metadata(there), NAMESPACE).items():
        text = str(value)
        record[name] = frozenset(filter(None, text.split(","))) if name in _SETS else text
    return record


def _nothing(name: str) -> Value:
    return frozenset() if name in _SETS else ""


def _metadata(item: Json) -> Mapping[str, Any]:
    found = item.get("metadata")
    return found if isinstance(found, dict) else {}


def _value(metadata: Mapping[str, Any], namespace: str) -> str:
    entry = metadata.get(namespace)
    return str(entry.get("value", "")) if isinstance(entry, dict) else ""


def _config(metadata: Mapping[str, Any], namespace: str) -> Mapping[str, Any]:
    entry = metadata.get(namespace)
    config = entry.get("config") if isinstance(entry, dict) else None
    return config if isinstance(config, dict) else {}
