"""Which user of the broker may write and read which topics; all that is not listed is forbidden. Pure.

    bridge           writes  <prefix>/v1/<meter>/#              of its own meters only
                             <prefix>/v1/_bridge/<id>/…         its own, exactly
    reader           reads   the same, writes nothing
    Home Assistant   reads   the same, and all discovery; writes its birth message
    … and then the bridge    writes and reads the discovery of its own meters, and hears the birth message
    --dialect                the bridge writes, and readers read, the topics of other publishers for these meters

A whole meter is one filter, not one a topic: a minor version of the profile may add topics, and a rule that does not know
them would withhold them in silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ciigen.dialects import spoken, tables_of
from ciigen.errors import UsageError, did_you_mean
from ciigen.resolved import Dialect, Resolved
from ciigen.target import Option, Selection
from ciigen.targets.homeassistant.discovery import Discovery, Wishes
from ciigen.targets.homeassistant.plan import plan
from ciigen.topics import base

_BRIDGE: Final = "ciibridge"
_READER: Final = "smarthome"
OPTIONS: Final[Mapping[str, Option]] = {
    "user": Option(f"User as which the bridge logs in; default: {_BRIDGE}.", "NAME"),
    "reader": Option(f"Users that only read, with commas between them; default: {_READER}.", "NAMES"),
    "bridge-id": Option("[bridge] id of the bridge; default: the name of --user.", "ID"),
    "homeassistant": Option(
        "User of Home Assistant; the bridge then may publish discovery for its meters.", "NAME"
    ),
    "dialect": Option(
        "Topics of other publishers that the bridge writes as well, e.g. rldsp or rldsp:group=flat; several with commas.",
        "NAMES",
    ),
    "called": Option(
        "What meters call themselves in those topics, ID=NAME,…; default: ID, and ID in capitals.", "ID=NAME"
    ),
    "discovery-prefix": Option("discovery_prefix of Home Assistant, if it is another one.", "PREFIX"),
    "read-all": Option("Readers may read every meter of the prefix, not only these."),
}
#: Neither a blank, which ends a name for some brokers, nor what means something in a rule or a topic.
_USER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class User:
    """One user of the broker: topic filters that it may publish below, and those that it may subscribe to."""

    name: str
    what: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]


def users(resolved: Resolved, selection: Selection) -> tuple[User, ...]:
    """Give every user with its rights; raises UsageError for names that no broker or topic can have."""
    bridge = _named(selection.option("user") or _BRIDGE, "user")
    readers = [_named(name.strip(), "reader") for name in (selection.option("reader") or _READER).split(",")]
    house = selection.option("homeassistant")
    named = [bridge, *readers, *([_named(house, "homeassistant")] if house else [])]
    if twice := next((name for name in named if named.count(name) > 1), None):
        raise UsageError(
            f"{twice} is given twice: who reads must not be who writes, so each has its own name"
        )
    bridge_id = _bridge_id(resolved, selection, bridge)
    if selection.option("discovery-prefix") and not house:
        raise UsageError(
            "--discovery-prefix says where Home Assistant listens: give its user with --homeassistant"
        )
    own = (*(f"{base(resolved, level)}/#" for level in selection.ids), *_process(resolved, bridge_id))
    others = _dialects(resolved, selection)
    # below the prefix, _bridge included
    read = (*((base(resolved, "#"),) if selection.option("read-all") else own), *others)
    discovery = _discovery(resolved, selection) if house else None
    config: tuple[str, ...] = ()
    birth: tuple[str, ...] = ()
    if discovery is not None:
        # what the bridge reads of its own discovery is what an earlier run left there
        config = tuple(topic for level in selection.ids for topic in discovery.filters(level))
        birth = (discovery.birth()[0],)
    what = f'the bridge: [mqtt] username = "{bridge}", [bridge] id = "{bridge_id}"'
    found = [User(bridge, what, (*own, *others, *config), (*config, *birth))]
    found += [User(name, "a consumer", (), read) for name in readers]
    if house and discovery is not None:
        found.append(User(house, "Home Assistant", birth, (*read, f"{discovery.root}/#")))
    return tuple(found)


def _bridge_id(resolved: Resolved, selection: Selection, user: str) -> str:
    given = selection.option("bridge-id")
    bridge_id, pattern = given or user, resolved.levels["bridge"]
    if not re.fullmatch(pattern, bridge_id):
        option = "bridge-id" if given else "user"
        raise UsageError(
            f"--{option} {bridge_id} is no id of a bridge: give one with --bridge-id that matches {pattern}"
        )
    return bridge_id


def _process(resolved: Resolved, bridge_id: str) -> list[str]:
    return [
        topic.path.format(prefix=resolved.prefix, bridge=bridge_id)
        for topic in resolved.topics.values()
        if topic.per_process
    ]


def _dialects(resolved: Resolved, selection: Selection) -> list[str]:
    """Topic filters of the dialects that are switched on."""
    tables = tables_of(selection.option("dialect"), "--dialect")
    called = _called(selection)
    if called and not tables:
        raise UsageError("--called is for the topics of other publishers: say which with --dialect")
    return [
        topic
        for each in spoken(resolved, tables, "--dialect")
        for level in selection.ids
        for topic in each.filters(level, called.get(level) or _guessed(each.dialect, selection, level))
    ]


def _called(selection: Selection) -> dict[str, tuple[str, ...]]:
    """Read ``lgz1=LGZ1,lgz2=LGZ2``: topic level → what the meter calls itself."""
    found: dict[str, tuple[str, ...]] = {}
    text = selection.option("called")
    for entry in text.split(",") if text else ():
        level, equals, name = (part.strip() for part in entry.partition("="))
        if not equals or not name:
            raise UsageError(f"--called {entry.strip()}: write ID=NAME")
        if level not in selection.ids:
            raise UsageError(f"--called {entry.strip()}: {did_you_mean(level, selection.ids)}")
        found[level] = (name,)
    return found


def _guessed(dialect: Dialect, selection: Selection, level: str) -> tuple[str, ...]:
    """Say what a meter calls itself: a live one has said it; else our level is mostly its name in lower case."""
    for meter in selection.live:
        if meter.id == level:
            identity = dict(meter.identity)
            return tuple(identity[name] for name in dialect.identity if name in identity)
    return (level.upper(),) if dialect.identity else ()


def _discovery(resolved: Resolved, selection: Selection) -> Discovery:
    root = selection.option("discovery-prefix")
    if root is not None and not re.fullmatch(resolved.levels["prefix"], root):
        raise UsageError(f"--discovery-prefix {root} cannot begin a topic")
    planned = plan(resolved)
    return Discovery(planned, Wishes(planned.min_version, prefix=resolved.prefix, discovery_prefix=root))


def _named(name: str, option: str) -> str:
    if not _USER.fullmatch(name):
        raise UsageError(f"--{option} {name!r} is no name of a user: letters, digits and . _ @ - only")
    return name
