"""Objects: wished and there → changes. Pure.

Compared is each key of ``common`` by itself, and each of ``native``. Keys that we do not make (``custom``, ``color``,
``icon`` …) are the user's; only mqtt-client has its subscription in ``custom``, which is put there where it is missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from ciigen.push.changes import Call, Change, Mark, described
from ciigen.push.iobroker.there import Json, Server, object_path
from ciigen.push.merge import Value, adopted, merge

#: Key of ``native`` that marks what is ours.
MARK: Final = "ciigen"
SHARED: Final = "*"
#: Keys of ``common`` that are not fields: the user's settings, and what becomes members of an enumeration.
_NO_FIELDS: Final = ("custom", "enums")
#: Of an object that is taken over: its own name stays.
_KEPT: Final = ("name",)
_ALIAS: Final = "alias."


def object_changes(
    server: Server, wished: Mapping[str, Json], owners: Mapping[str, str], *, adopt: bool
) -> Iterator[Change]:
    """Say what happens to each wished object; ``owners``: id → id of the meter, or SHARED."""
    for oid, one in wished.items():
        there = server.objects.get(oid)
        if there is None:
            yield _create(oid, one, owners[oid])
        else:
            yield _update(oid, one, there, owners[oid], adopt=adopt)


def enum_changes(server: Server, wished: Mapping[str, Json]) -> Iterator[Change]:
    """Add devices to the functions that they name, and leave the other members alone."""
    members: dict[str, list[str]] = {}
    enums: dict[str, Json] = {}
    for oid, one in wished.items():
        for enum in one["common"].get("enums", ()):
            enums[enum["_id"]] = enum
            members.setdefault(enum["_id"], []).append(oid)
    for eid, devices in members.items():
        there = server.objects.get(eid)
        if there is None:
            body = {**enums[eid], "common": {**enums[eid]["common"], "members": devices}}
            yield Change(Mark.NEW, "enum", eid, tuple(devices), (Call("POST", object_path(eid), body),))
            continue
        now = list(there.get("common", {}).get("members", ()))
        missing = [device for device in devices if device not in now]
        body = {"common": {"members": [*now, *missing]}}
        calls = (Call("PUT", object_path(eid), body),) if missing else ()
        yield Change(
            Mark.CHANGED if missing else Mark.SAME, "enum", eid, tuple(f"with {d}" for d in missing), calls
        )


def orphans(
    server: Server, wished: Collection[str], meters: Collection[str] | None, *, client: bool
) -> list[str]:
    """Give the objects that we made and that are no longer wished, of these meters or of all (None); children first.

    Raw objects are among them only with ``client``: mqtt-client ends a subscription with its object, while mqtt goes on
    receiving the whole branch, and complains of each message whose object is gone.
    """
    found = [
        oid
        for oid, one in server.objects.items()
        if (meter := owner(one)) is not None
        and meter != SHARED
        and (client or oid.startswith(_ALIAS))
        and oid not in wished
        and (meters is None or meter in meters)
    ]
    return sorted(found, key=lambda oid: (-oid.count("."), oid))


def removals(server: Server, ids: Iterable[str]) -> Iterator[Change]:
    """Remove objects; a device goes out of its functions, too."""
    gone = list(ids)
    for eid, enum in server.objects.items():
        now = list(enum.get("common", {}).get("members", ())) if enum.get("type") == "enum" else []
        if left := [member for member in now if member in gone]:
            body = {"common": {"members": [member for member in now if member not in gone]}}
            details = tuple(f"without {member}" for member in left)
            yield Change(Mark.CHANGED, "enum", eid, details, (Call("PUT", object_path(eid), body),))
    for oid in gone:
        yield Change(Mark.REMOVED, _kind(server.objects[oid]), oid, (), (Call("DELETE", object_path(oid)),))


def owner(one: Json) -> str | None:
    """Give the id of the meter that we made this object for; None: somebody else's."""
    mark = one.get("native", {}).get(MARK)
    return str(mark.get("meter", "")) if isinstance(mark, dict) else None


def _create(oid: str, one: Json, meter: str) -> Change:
    fields = _fields(one)
    common = {key: value for key, value in one["common"].items() if key != "enums"}
    native = {**one["native"], MARK: {"meter": meter, "made": fields}}
    body = {"_id": oid, "type": one["type"], "common": common, "native": native}
    return Change(Mark.NEW, _kind(one), oid, (), (Call("POST", object_path(oid), body),))


def _update(oid: str, one: Json, there: Json, meter: str, *, adopt: bool) -> Change:
    wished, now = _fields(one), _fields(there)
    mine = owner(there)
    # the adapter makes a raw object when a message comes before ours: that is nobody's work
    of_adapter = not oid.startswith(_ALIAS)
    same = all(now.get(key) == value for key, value in wished.items())
    if mine is None and not (adopt or of_adapter or same):
        why = "was made by somebody else: move it, or take it over with --adopt (its name stays)"
        return Change(Mark.BLOCKED, _kind(one), oid, (why,))
    record = (
        _record(there)
        if mine is not None
        else adopted(wished, now, keep=() if of_adapter else _KEPT, join=())
    )
    merged = merge(record, wished, now)
    common: dict[str, Any] = {
        key: json.loads(str(value)) if value else None
        for key, value in merged.fields.items()
        if value != now.get(key, "")
    }
    details = described((key, _plain(now.get(key, "")), _plain(merged.fields[key])) for key in common)
    if missing := _missing_custom(one, there):
        common["custom"] = {**there["common"].get("custom", {}), **missing}
        details += ("subscription",)
    native = {key: value for key, value in one["native"].items() if there.get("native", {}).get(key) != value}
    details += tuple(native)
    mark = {"meter": meter, "made": {key: value for key, value in merged.made.items() if value}}
    if there.get("native", {}).get(MARK) != mark:
        native[MARK] = mark
        details += () if details else ("marked as made by ciigen",)
    details += tuple(f"{name} is yours" for name in merged.yours)
    if there.get("type") != one["type"]:
        details += (f"type {there.get('type')!r} → {one['type']!r}",)
    elif not common and not native:
        return Change(Mark.SAME, _kind(one), oid, details)
    body: dict[str, Any] = {"type": one["type"], "common": common, "native": native}
    call = Call("PUT", object_path(oid), {key: value for key, value in body.items() if value})
    return Change(Mark.CHANGED, _kind(one), oid, details, (call,))


def _fields(one: Json) -> dict[str, Value]:
    common = one.get("common", {})
    return {
        key: json.dumps(value, sort_keys=True, ensure_ascii=False)
        for key, value in common.items()
        if key not in _NO_FIELDS and value is not None
    }


def _record(there: Json) -> dict[str, Value]:
    made = there["native"][MARK].get("made", {})
    return {str(key): str(value) for key, value in made.items()} if isinstance(made, dict) else {}


def _missing_custom(one: Json, there: Json) -> dict[str, Any]:
    has = there.get("common", {}).get("custom") or {}
    return {key: value for key, value in one["common"].get("custom", {}).items() if key not in has}


def _plain(value: Value) -> object:
    return json.loads(str(value)) if value else ""


def _kind(one: Json) -> str:
    return str(one.get("type", "object"))
