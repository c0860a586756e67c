"""Things with their channels: wished and there → changes. Pure.

openHAB replaces a list it is given (ThingHelper.merge of openhab-core): a channel that is not in a PUT is gone. So what is
sent is what is there with ours put in: channels and settings of the user stay, defaults that openHAB filled in too.

A broker Thing is made where there is none and never touched again: its owner writes a password into it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from ciigen.push.changes import Call, Change, Mark
from ciigen.push.openhab.there import Json, Server
from ciigen.push.openhab.wished import WishedChannel, WishedThing
from ciigen.targets.openhab.house import Bridge

#: Property of a Thing (id of the meter) and of a channel that marks what is ours.
MARK: Final = "ciigen"
#: Property with the label that we gave: another label is the user's.
_LABEL: Final = "ciigenLabel"


def bridge_change(server: Server, bridge: Bridge) -> Change:
    """Make the broker Thing if it is not there."""
    if bridge.uid in server.things:
        return Change(Mark.SAME, "thing", bridge.uid)
    if not bridge.written:
        known = ", ".join(server.brokers) or "none, so leave --bridge and --no-bridge away and it is made"
        return Change(Mark.BLOCKED, "thing", bridge.uid, (f"is not there; broker Things are: {known}",))
    body = {
        "UID": bridge.uid,
        "thingTypeUID": "mqtt:broker",
        "label": "MQTT broker",
        "configuration": {"host": bridge.host, "port": bridge.port, "secure": bridge.secure},
        "properties": {MARK: "*"},
    }
    details = (
        f"{bridge.host}:{bridge.port}",
        "user name and password, if it wants some, are to be set in openHAB",
    )
    return Change(Mark.NEW, "thing", bridge.uid, details, (Call("POST", "/rest/things", body),))


def thing_changes(
    server: Server, wished: Iterable[WishedThing], *, adopt: bool, prune: bool
) -> Iterator[Change]:
    """Say what happens to the Thing of each meter. ``prune``: channels of ours that are not wished go."""
    for thing in wished:
        there = server.things.get(thing.uid)
        if there is None:
            yield Change(Mark.NEW, "thing", thing.uid, (f"{len(thing.channels)} channels",), (_post(thing),))
        elif not there.get("editable", True):
            yield _blocked(thing, "is defined in a file: remove it there, or go on without push")
        elif MARK not in _properties(there) and not adopt:
            yield _blocked(thing, "was made by somebody else: take it over with --adopt")
        else:
            yield _update(thing, there, prune=prune)


def orphans(server: Server, wished: Collection[str]) -> list[str]:
    """Give the Things of meters that we made and that are no longer wished; no broker Things."""
    return [
        uid
        for uid, thing in server.things.items()
        if MARK in _properties(thing) and thing.get("thingTypeUID") == "mqtt:topic" and uid not in wished
    ]


def left_channels(server: Server, wished: Iterable[WishedThing]) -> list[str]:
    """Give the UIDs of channels that we made in these Things and that are no longer wished."""
    return [
        f"{thing.uid}:{channel_id}"
        for thing in wished
        if thing.uid in server.things
        for channel_id, channel in _channels(server.things[thing.uid]).items()
        if MARK in _properties(channel) and channel_id not in {wish.id for wish in thing.channels}
    ]


def removals(uids: Iterable[str]) -> Iterator[Change]:
    """Remove Things."""
    for uid in uids:
        yield Change(Mark.REMOVED, "thing", uid, (), (Call("DELETE", f"/rest/things/{uid}"),))


def _blocked(thing: WishedThing, why: str) -> Change:
    return Change(Mark.BLOCKED, "thing", thing.uid, (why,))


def _post(thing: WishedThing) -> Call:
    body = {
        "UID": thing.uid,
        "thingTypeUID": "mqtt:topic",
        "bridgeUID": thing.bridge,
        "label": thing.label,
        "configuration": dict(thing.config),
        "properties": {MARK: thing.meter, _LABEL: thing.label},
        "channels": [_channel(thing, wish, {}) for wish in thing.channels],
    }
    return Call("POST", "/rest/things", body)


def _update(thing: WishedThing, there: Json, *, prune: bool) -> Change:
    found = _channels(there)
    details = []
    channels: list[Mapping[str, Any]] = []
    for wish in thing.channels:
        now = found.pop(wish.id, None)
        channels.append(_channel(thing, wish, now or {}))
        if now is None:
            details.append(f"channel {wish.id}")
        elif _essence(channels[-1]) != _essence(now):
            details.append(f"channel {wish.id} changed")
    gone = [name for name, channel in found.items() if prune and MARK in _properties(channel)]
    details += [f"channel {name} goes" for name in gone]
    channels += [channel for name, channel in found.items() if name not in gone]
    config = {**there.get("configuration", {}), **thing.config}
    label, ours = _label(thing.label, there)
    properties = {**_properties(there), MARK: thing.meter, _LABEL: ours}
    for name, old, new in (
        ("label", there.get("label"), label),
        ("bridge", there.get("bridgeUID"), thing.bridge),
        ("settings", there.get("configuration", {}), config),
        ("mark", _properties(there), properties),
    ):
        if old != new:
            details.append(f"{name} {old!r} → {new!r}" if isinstance(old, str) else name)
    if not details:
        return Change(Mark.SAME, "thing", thing.uid)
    body = {
        "UID": thing.uid,
        "thingTypeUID": "mqtt:topic",
        "bridgeUID": thing.bridge,
        "label": label,
        "configuration": config,
        "properties": properties,
        "channels": channels,
    }
    return Change(
        Mark.CHANGED, "thing", thing.uid, tuple(details), (Call("PUT", f"/rest/things/{thing.uid}", body),)
    )


def _channel(thing: WishedThing, wish: WishedChannel, there: Mapping[str, Any]) -> dict[str, Any]:
    label, ours = _label(wish.label, there)
    return {
        **{key: value for key, value in there.items() if key != "linkedItems"},
        "uid": f"{thing.uid}:{wish.id}",
        "id": wish.id,
        "channelTypeUID": wish.type,
        "itemType": wish.item_type,
        "kind": "STATE",
        "label": label,
        "configuration": {**there.get("configuration", {}), **wish.config},
        "properties": {**_properties(there), MARK: thing.meter, _LABEL: ours},
    }


def _label(wished: str, there: Mapping[str, Any]) -> tuple[str, str]:
    """Label as it shall be, and as it is to be remembered as ours."""
    ours = _properties(there).get(_LABEL)
    now = there.get("label")
    if ours is None or now is None or now in (ours, wished):
        return wished, wished
    return str(now), str(ours)


def _essence(channel: Mapping[str, Any]) -> dict[str, Any]:
    """Leave what matters of a channel; openHAB tells some more, and leaves away what is empty."""
    keys = ("uid", "channelTypeUID", "itemType", "kind", "label", "configuration", "properties")
    return {key: channel[key] for key in keys if channel.get(key)}


def _channels(thing: Json) -> dict[str, Mapping[str, Any]]:
    return {str(channel["id"]): channel for channel in thing.get("channels", ())}


def _properties(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    found = thing.get("properties")
    return found if isinstance(found, dict) else {}
