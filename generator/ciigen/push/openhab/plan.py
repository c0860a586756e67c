"""Server and selection → plan: which broker Thing, which version, then Things, Items, links, and what is left over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ciigen.errors import UsageError
from ciigen.push.changes import Change, Plan
from ciigen.push.openhab import items, keeping, pages, things, wished
from ciigen.push.openhab.there import Server
from ciigen.push.ways import Ways
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.openhab.names import chosen_names, item_suffix, thing_uid
from ciigen.targets.openhab.points import build


def plan(resolved: Resolved, selection: Selection, server: Server, ways: Ways) -> Plan:
    """Compare (raises UsageError where the broker Thing must be named)."""
    notes: list[str] = []
    house = build(resolved, _fitting(selection, server, notes))
    wished_things, wished_items = wished.things(house), wished.items(house)
    wished_pages = wished.pages(house) if ways.pages else []
    names = {item.name for item in wished_items}
    meters = {thing.meter for thing in wished_things}
    prune = ways.prune or ways.prune_all
    changes: list[Change] = [
        things.bridge_change(server, house.bridge),
        *things.thing_changes(server, wished_things, adopt=ways.adopt, prune=prune),
        *items.item_changes(server, wished_items, adopt=ways.adopt),
        *items.link_changes(server, wished_items),
        *pages.page_changes(server, wished_pages),
    ]
    of_these = items.orphans(server, names, meters)
    of_others = [name for name in items.orphans(server, names, None) if name not in of_these]
    gone_pages = pages.orphans(server, {page.uid for page in wished.pages(house)})
    gone_things = things.orphans(server, {thing.uid for thing in wished_things})
    if prune:
        changes += items.removals(server, of_these)
    elif left := [*of_these, *things.left_channels(server, wished_things)]:
        notes.append(
            f"made by ciigen for these meters and no longer wished: {', '.join(left)} (--prune removes them)"
        )
    if ways.prune_all:
        changes += [
            *items.removals(server, of_others),
            *things.removals(gone_things),
            *pages.removals(gone_pages),
        ]
    elif gone_things or gone_pages:
        gone = ", ".join([*gone_things, *(f"page {uid}" for uid in gone_pages)])
        notes.append(f"made by ciigen for other meters: {gone} (--prune-all removes them)")
    if missing := keeping.advice(server, house.kept):
        notes.append(missing)
    if not server.has_mqtt:
        notes.append("the MQTT binding is not installed: Settings → Add-ons → Bindings → MQTT Binding")
    return Plan(tuple(changes), tuple(notes))


def given_names(server: Server, levels: Iterable[str]) -> dict[str, str]:
    """Topic level → what the Items begin with that we made for this meter before, whatever the rule was then."""
    found: dict[str, Counter[str]] = {level: Counter() for level in levels}
    for item, channel_uid in server.links:
        thing, _, channel = channel_uid.rpartition(":")
        suffix = f"_{item_suffix(channel)}"
        for level, names in found.items():
            if (
                thing == thing_uid(level)
                and item.endswith(suffix)
                and items.owner(server.items.get(item, {})) == level
            ):
                names[item.removesuffix(suffix)] += 1
    return {level: names.most_common(1)[0][0] for level, names in found.items() if names}


def _fitting(selection: Selection, server: Server, notes: list[str]) -> Selection:
    """Fill in what the server knows: its version, the broker Thing that it has, and what Items are called there."""
    options = dict(selection.options)
    names = given_names(server, selection.ids) | chosen_names(options.get("names"), selection.ids)
    if names:
        options["names"] = ",".join(f"{level}={name}" for level, name in names.items())
    if server.version and "openhab" not in options:
        options["openhab"] = server.version
    if not {"bridge", "no-bridge"} & set(options) and server.brokers:
        if len(server.brokers) > 1:
            raise UsageError(
                f"openHAB has several broker Things: say which with --bridge ({', '.join(server.brokers)})"
            )
        options["bridge"] = server.brokers[0]
        notes.append(f"the broker Thing is {server.brokers[0]}")
    return replace(selection, options=tuple(options.items()))
