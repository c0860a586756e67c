"""Selection → objects → plan, with the adapter that the house has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ciigen.errors import UsageError
from ciigen.invocation import command
from ciigen.push.changes import Change, Plan
from ciigen.push.iobroker import objects
from ciigen.push.iobroker.there import get, is_there, read
from ciigen.push.rest import Rest
from ciigen.push.ways import Ways
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.iobroker.objects import instance_of
from ciigen.targets.iobroker.objects import objects as objects_of
from ciigen.targets.iobroker.states import CONSUMER

_ADAPTERS: Final = ("mqtt", "mqtt-client")


def plan(resolved: Resolved, selection: Selection, rest: Rest, ways: Ways) -> Plan:
    """Read and compare (raises RestError, and UsageError where the adapter must be named)."""
    is_there(rest)
    notes: list[str] = []
    client = _client(resolved, selection, rest, notes)
    made_with = command(CONSUMER, _ADAPTERS[client], selection)
    wished: Mapping[str, Any] = objects_of(resolved, selection, client=client, command=made_with)
    root = f"alias.0.{resolved.consumers[CONSUMER].settings['root']}"
    raw = f"{instance_of(resolved, selection, client=client)}.{resolved.prefix.replace('/', '.')}"
    enums = {enum["_id"] for one in wished.values() for enum in one["common"].get("enums", ())}
    server = read(rest, (raw, root), (*wished, *enums))
    owners = {oid: _owner(oid, selection, (raw, root)) for oid in wished}
    changes: list[Change] = [
        *objects.object_changes(server, wished, owners, adopt=ways.adopt),
        *objects.enum_changes(server, wished),
    ]
    of_these = objects.orphans(server, wished, selection.ids, client=client)
    of_others = [oid for oid in objects.orphans(server, wished, None, client=client) if oid not in of_these]
    if ways.prune or ways.prune_all:
        changes += objects.removals(server, [*of_these, *of_others] if ways.prune_all else of_these)
    elif of_these:
        notes.append(
            f"made by ciigen for these meters and no longer wished: {', '.join(of_these)} (--prune removes them)"
        )
    if of_others and not ways.prune_all:
        notes.append(f"made by ciigen for other meters: {len(of_others)} objects (--prune-all removes them)")
    return Plan(tuple(changes), tuple(notes))


def _client(resolved: Resolved, selection: Selection, rest: Rest, notes: list[str]) -> bool:
    """Whether the objects are for mqtt-client: as asked for, else what is installed."""
    given = selection.option("instance")
    if given is not None:
        client = given.startswith(f"{_ADAPTERS[1]}.")
        instance_of(resolved, selection, client=client)
        if get(rest, f"system.adapter.{given}") is None:
            notes.append(f"the adapter instance {given} is not there: add it, and connect it to the broker")
        return client
    there = [
        client
        for client in (False, True)
        if get(rest, f"system.adapter.{instance_of(resolved, selection, client=client)}") is not None
    ]
    if len(there) > 1:
        raise UsageError(
            "both mqtt and mqtt-client are installed: say which with --instance (mqtt.0 or mqtt-client.0)"
        )
    if not there:
        notes.append(
            "neither adapter mqtt nor mqtt-client is installed: add one, and connect it to the broker"
        )
    return bool(there) and there[0]


def _owner(oid: str, selection: Selection, roots: tuple[str, ...]) -> str:
    """Whose object this is: the level of a meter stands below the root, after v1 in the raw tree."""
    for root in roots:
        below = oid.removeprefix(f"{root}.").split(".") if oid.startswith(f"{root}.") else []
        level = next((part for part in below[:2] if part in selection.ids), None)
        if level is not None:
            return level
    return objects.SHARED
