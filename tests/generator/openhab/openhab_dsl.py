"""A parser of openHAB's textual configuration, for tests: .things, .items, .sitemap and .persist.

The rules are those of Thing.xtext, Items.xtext, Sitemap.xtext and Persistence.xtext of openhab-core (as of 5.x), in their
order, with their keywords and their tokens: ``label=`` is one token, a keyword is never an id. Stricter than the
grammars where openHAB accepts a text and then goes wrong:

- a string has double quotes: the value converter takes a single-quoted one for a number;
- ``default =`` of the persistence is gone since 5.1, and an entry without ``strategy =`` stores nothing;
- an Item name is ``[A-Za-z_][A-Za-z0-9_]*``, a label holds no other brackets than those of its format;
- no id occurs twice.

Widgets that take input (Switch, Slider, Selection …) are not in the sitemap part: a meter has nothing to switch.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

COMMON = r"""
    STRING: /"(\\[btnfru"'\\]|[^"\\])*"/
    ML_COMMENT: /\/\*(.|\n)*?\*\//
    SL_COMMENT: /\/\/[^\n\r]*/
    WS: /[ \t\r\n]+/
    %ignore ML_COMMENT
    %ignore SL_COMMENT
    %ignore WS
"""

# A property may have several values, separated as properties are; `entry` without a key is one more value.
PROPERTIES = r"""
    properties: "[" (entry? ("," entry)*) "]"
    entry: ID "=" value -> keyed
         | value        -> bare
    value: STRING | number | TRUE | FALSE
    TRUE: "true"
    FALSE: "false"
"""

THINGS = (
    r"""
    start: (thing | bridge)*
    bridge: "Bridge" uid label? location? properties? ("{" [THINGS] (thing | bridge)* [CHANNELS] channel* "}")?
    thing: "Thing" uid label? parent? location? properties? ("{" [CHANNELS] channel* "}")?
    uid: ID ":" ID ":" ID (":" ID)*
    label: STRING
    parent: "(" uid ")"
    location: "@" STRING
    channel: (("State" | "Trigger")? item_type | "Type" ID) ":" channel_id label? properties?
    item_type: "Switch" | "Rollershutter" | "Number" | "String" | "Dimmer" | "Contact" | "DateTime" | "Color"
             | "Player" | "Location" | "Call" | "Image" | NUMBER_OF ID
    channel_id: ID ("#" ID)?
    number: ID ("." ID)?
    THINGS.2: "Things:"
    CHANNELS.2: "Channels:"
    NUMBER_OF.2: "Number:"
    ID: /[A-Za-z0-9_-]+/
    """
    + PROPERTIES
    + COMMON
)

ITEMS = (
    r"""
    start: item*
    item: item_type arguments? ID label? icon? groups? tags? metadata?
    item_type: ID (":" ID)~0..3
    arguments: "(" (ID | STRING) ("," (ID | STRING))* ")"
    label: STRING
    icon: "<" (ID ":" (ID ":")?)? ID ">"
    groups: "(" ID ("," ID)* ")"
    tags: "[" (ID | STRING) ("," (ID | STRING))* "]"
    metadata: "{" binding ("," binding)* "}"
    binding: ID "=" STRING properties?
    number: "-"? ID ("." ID)?
    ID: /[A-Za-z0-9_][A-Za-z0-9_-]*/
    """
    + PROPERTIES
    + COMMON
)

SITEMAP = (
    r"""
    start: "sitemap" ID (LABEL STRING)? (ICON STRING)? "{" widget+ "}"
    widget: linkable option* ("{" widget+ "}")?
          | plain option*
    !linkable: "Text" | "Group" | "Image" | "Frame"
    !plain: "Chart" | "Default"
    option: ITEM ID | LABEL (ID | STRING) | ICON icon | STATIC_ICON icon
          | SERVICE STRING | REFRESH INT | PERIOD period | LEGEND (TRUE | FALSE)
          | LABELCOLOR colors | VALUECOLOR colors | ICONCOLOR colors
    icon: STRING | (ID ":" (ID ":")?)? (ID "-")* ID
    period: (ID "-")? ID
    colors: "[" color ("," color)* "]"
    color: (condition ("AND" condition)* "=")? STRING
    condition: ID? OPERATOR? ("-" | "+")? (INT | ID | STRING | FLOAT)
    OPERATOR: "==" | ">=" | "<=" | "!=" | ">" | "<"
    ITEM.2: "item="
    LABEL.2: "label="
    ICON.2: "icon="
    STATIC_ICON.2: "staticIcon="
    SERVICE.2: "service="
    REFRESH.2: "refresh="
    PERIOD.2: "period="
    LEGEND.2: "legend="
    LABELCOLOR.2: "labelcolor="
    VALUECOLOR.2: "valuecolor="
    ICONCOLOR.2: "iconcolor="
    TRUE: "true"
    FALSE: "false"
    FLOAT.1: /[0-9]+\.[0-9]+/
    ID: /[A-Za-z_][A-Za-z0-9_]*|[0-9]+[A-Za-z_][A-Za-z0-9_]*/
    INT: /[0-9]+/
    """
    + COMMON
)

PERSIST = (
    r"""
    start: "Strategies" "{" strategy* "}" ("Filters" "{" filter* "}")? ("Items" "{" entry* "}")?
    strategy: ID (":" STRING)?
    filter: ID ":" (">" "%"? INT STRING? | "T" INT ("s" | "m" | "h" | "d") | "=" STRING ("," STRING)*)
    entry: selected ("," selected)* ("->" STRING)? ":" "strategy" "=" names ("filter" "=" names)?
    selected: ALL | ID ALL?
    names: ID ("," ID)*
    ALL: "*"
    ID: /[A-Za-z_][A-Za-z0-9_]*/
    INT: /[0-9]+/
    """
    + COMMON
)
#: Strategies that openHAB has without a definition.
GLOBAL_STRATEGIES = {"everyChange", "everyUpdate", "restoreOnStartup", "forecast"}
ITEM_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL = re.compile(r"([^\[\]]*?)(?: \[([^\[\]]+)\])?")


class DslError(Exception):
    """openHAB would not take this text, or not as it is meant."""


@dataclass
class Channel:
    """``Type number : power "Power" [ … ]``."""

    type: str
    id: str
    label: str
    properties: dict[str, list[Any]]


@dataclass
class Thing:
    """A Thing or a Bridge."""

    uid: str
    label: str
    bridge: str
    properties: dict[str, list[Any]]
    channels: dict[str, Channel] = field(default_factory=dict)


@dataclass
class Item:
    """An Item; ``label`` is without its format."""

    type: str
    name: str
    label: str
    format: str
    icon: str
    groups: list[str]
    tags: list[str]
    metadata: dict[str, str]
    options: dict[str, dict[str, list[Any]]]


@dataclass
class Widget:
    """A line of a sitemap."""

    kind: str
    options: dict[str, Any]
    children: list[Widget]


@dataclass
class Sitemap:
    """A sitemap."""

    name: str
    label: str
    children: list[Widget]

    def widgets(self) -> list[Widget]:
        """Every widget, whatever its depth."""
        found, todo = [], list(self.children)
        while todo:
            found.append(widget := todo.pop())
            todo += widget.children
        return found


@dataclass
class Persistence:
    """A persistence file: group or Item → names of strategies, of filters."""

    entries: dict[str, tuple[list[str], list[str]]]


def _unquoted(token: str) -> str:
    return re.sub(r"\\(.)", r"\1", token[1:-1])


class _Shared(Transformer[Token, Any]):
    def STRING(self, token: Token) -> str:  # noqa: N802  # lark calls it by the name of the terminal
        return Quoted(_unquoted(token))

    def value(self, parts: list[Any]) -> Any:
        return (
            {"true": True, "false": False}.get(parts[0], parts[0])
            if isinstance(parts[0], Token)
            else parts[0]
        )

    def number(self, parts: list[Any]) -> float:
        try:
            return float(".".join(parts))
        except ValueError:
            raise DslError(f"{'.'.join(parts)} is neither a string nor a number") from None

    def keyed(self, parts: list[Any]) -> tuple[str | None, Any]:
        return str(parts[0]), parts[1]

    def bare(self, parts: list[Any]) -> tuple[str | None, Any]:
        return None, parts[0]

    def properties(self, entries: list[tuple[str | None, Any]]) -> Properties:
        found = Properties()
        last = None
        for key, value in entries:
            if key is None and last is None:
                raise DslError(f"value {value!r} without a key")
            if key in found:
                raise DslError(f"property {key} twice")
            last = key or last
            found.setdefault(str(last), []).append(value)
        return found

    def label(self, parts: list[Any]) -> Label:
        return Label(parts[0])


class Quoted(str):
    """What stood between double quotes."""


class Label(str):
    """A label."""


class Properties(dict[str, list[Any]]):
    """Key → values."""


class _Things(_Shared):
    def uid(self, parts: list[Token]) -> Uid:
        return Uid(":".join(parts))

    def parent(self, parts: list[Any]) -> Parent:
        return Parent(parts[0])

    def location(self, parts: list[Any]) -> None:
        return None

    def channel_id(self, parts: list[Token]) -> ChannelId:
        return ChannelId("#".join(parts))

    def channel(self, parts: list[Any]) -> Channel:
        kind, name, *rest = parts
        return Channel(str(kind), str(name), _pick(rest, Label, ""), _pick(rest, Properties, Properties()))

    def thing(self, parts: list[Any]) -> Thing:
        uid = parts[0]
        channels = [part for part in parts if isinstance(part, Channel)]
        _once([channel.id for channel in channels], f"channel of {uid}")
        return Thing(
            str(uid),
            str(_pick(parts, Label, "")),
            str(_pick(parts, Parent, "")),
            _pick(parts, Properties, Properties()),
            {channel.id: channel for channel in channels},
        )

    bridge = thing

    def start(self, things: list[Thing]) -> dict[str, Thing]:
        _once([thing.uid for thing in things], "Thing")
        return {thing.uid: thing for thing in things}


class Uid(str):
    """A UID."""


class Parent(str):
    """The UID of the bridge."""


class ChannelId(str):
    """Id of a channel."""


class _Items(_Shared):
    def item_type(self, parts: list[Token]) -> ItemType:
        return ItemType(":".join(parts))

    def icon(self, parts: list[Token]) -> Icon:
        return Icon(":".join(parts))

    def arguments(self, parts: list[Any]) -> None:
        return None

    def groups(self, parts: list[Token]) -> Groups:
        return Groups(map(str, parts))

    def tags(self, parts: list[Any]) -> Tags:
        return Tags(map(str, parts))

    def binding(self, parts: list[Any]) -> tuple[str, str, Properties]:
        return str(parts[0]), str(parts[1]), _pick(parts, Properties, Properties())

    def metadata(self, bindings: list[tuple[str, str, Properties]]) -> list[tuple[str, str, Properties]]:
        _once([key for key, _, _ in bindings], "metadata")
        return bindings

    def item(self, parts: list[Any]) -> Item:
        kind, name = parts[0], next(part for part in parts[1:] if isinstance(part, Token))
        if not ITEM_NAME.fullmatch(name):
            raise DslError(f"{name} is no name of an Item")
        label = LABEL.fullmatch(_pick(parts, Label, Label("")))
        if label is None:
            raise DslError(f"label of {name} has brackets besides its format")
        bindings = next((part for part in parts if type(part) is list), [])
        return Item(
            str(kind),
            str(name),
            label[1],
            label[2] or "",
            str(_pick(parts, Icon, "")),
            _pick(parts, Groups, Groups()),
            _pick(parts, Tags, Tags()),
            {key: value for key, value, _ in bindings},
            {key: options for key, _, options in bindings},
        )

    def start(self, items: list[Item]) -> dict[str, Item]:
        _once([item.name for item in items], "Item")
        return {item.name: item for item in items}


class ItemType(str):
    """Type of an Item."""


class Icon(str):
    """An icon."""


class Groups(list[str]):
    """Groups of an Item."""


class Tags(list[str]):
    """Tags of an Item."""


class _Sitemap(_Shared):
    def icon(self, parts: list[Any]) -> str:
        return ":".join(parts)

    def period(self, parts: list[Any]) -> str:
        return "-".join(parts)

    def color(self, parts: list[Any]) -> str:
        return str(parts[-1])

    def linkable(self, parts: list[Token]) -> str:
        return str(parts[0])

    plain = linkable

    def option(self, parts: list[Any]) -> tuple[str, Any]:
        return str(parts[0]).rstrip("="), parts[1]

    def widget(self, parts: list[Any]) -> Widget:
        options = [part for part in parts if isinstance(part, tuple)]
        _once([key for key, _ in options], "option")
        return Widget(str(parts[0]), dict(options), [part for part in parts if isinstance(part, Widget)])

    def start(self, parts: list[Any]) -> Sitemap:
        label = next((str(part) for part in parts if isinstance(part, Quoted)), "")
        return Sitemap(str(parts[0]), label, [part for part in parts if isinstance(part, Widget)])


class _Persist(_Shared):
    def strategy(self, parts: list[Any]) -> tuple[str, str]:
        return "strategy", str(parts[0])

    def filter(self, parts: list[Any]) -> tuple[str, str]:
        return "filter", str(parts[0])

    def selected(self, parts: list[Any]) -> str:
        return "".join(parts)

    def names(self, parts: list[Token]) -> list[str]:
        return [str(part) for part in parts]

    def entry(self, parts: list[Any]) -> list[tuple[str, list[str], list[str]]]:
        strategies, *filters = [part for part in parts if type(part) is list]
        selected = [part for part in parts if isinstance(part, str) and not isinstance(part, Quoted)]
        return [(name, strategies, filters[0] if filters else []) for name in selected]

    def start(self, parts: list[Any]) -> Persistence:
        known: dict[str, set[str]] = {"strategy": set(GLOBAL_STRATEGIES), "filter": set()}
        for part in parts:
            if isinstance(part, tuple):
                known[part[0]].add(part[1])
        rows = [row for part in parts if isinstance(part, list) for row in part]
        for _, strategies, filters in rows:
            if unknown := (set(strategies) - known["strategy"]) | (set(filters) - known["filter"]):
                raise DslError(f"not defined: {', '.join(sorted(unknown))}")
        return Persistence({name: (strategies, filters) for name, strategies, filters in rows})


def _pick(parts: list[Any], kind: type, default: Any) -> Any:
    return next((part for part in parts if isinstance(part, kind)), default)


def _once(names: list[str], what: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DslError(f"{what} {', '.join(twice)} occurs twice")


@cache
def _parser(grammar: str) -> Lark:
    # basic: as in openHAB, what a token is does not depend on where it stands
    return Lark(grammar, parser="lalr", lexer="basic")


#: Several tests read the same few hundred files; nothing changes what was read.
_KEPT: Final = 1024


def _parse(grammar: str, meaning: Transformer[Token, Any], text: str) -> Any:
    try:
        return meaning.transform(_parser(grammar).parse(text))
    except UnexpectedInput as error:
        raise DslError(f"line {error.line}: {error.get_context(text)}") from error
    except VisitError as error:
        raise DslError(str(error.orig_exc)) from error


@lru_cache(_KEPT)
def things(text: str) -> dict[str, Thing]:
    """UID → Thing or Bridge of a .things file (raises DslError)."""
    return _parse(THINGS, _Things(), text)


@lru_cache(_KEPT)
def items(text: str) -> dict[str, Item]:
    """Name → Item of an .items file (raises DslError)."""
    return _parse(ITEMS, _Items(), text)


def sitemap(text: str) -> Sitemap:
    """A .sitemap file (raises DslError)."""
    return _parse(SITEMAP, _Sitemap(), text)


def persistence(text: str) -> Persistence:
    """A .persist file (raises DslError)."""
    return _parse(PERSIST, _Persist(), text)
