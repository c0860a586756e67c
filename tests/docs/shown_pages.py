"""Pages of docs/reference that show what comes out: payloads, screens, symptoms. ``reference_pages`` writes them.

They need the bridge and the generated files, which the generator must not know: so they are made here, and not by
``ciigen docs``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import ciimodel
from captures import ROOT
from ciibridge.link import _TROUBLE, HINTS, LinkState
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.simulate import SimulatedMeter
from ciibridge.types import PROBLEMS, Message, Snapshot
from ciigen.resolve import resolve_directory
from ciigen.resolved import Meter, Quantity
from ciigen.targets.docs.book import Book, name_of, unit_of
from ciigen.targets.docs.markdown import code, table

#: A Monday before noon in Zurich, in summer time: the sun shines on the simulated roof.
MOMENT: Final = datetime(2026, 5, 4, 9, 40, 15, tzinfo=UTC)
#: The meter that is shown whole: it pushes the list that every Swiss meter set up since 2026 pushes.
SHOWN: Final = "lg-e450"
_CATALOGUE: Final = ciimodel.load()
_PLAIN: Final = re.compile(r"/(?:value|text)/(\w+)$")


def book() -> Book:
    """The schema as the other pages show it."""
    return Book(resolve_directory(ROOT / "schema"))


# -- examples ------------------------------------------------------------------------------------------------------------


def published(meter: Meter, interface: str, lists: Iterable[str]) -> Iterator[Message]:
    """Everything the bridge publishes when a simulated meter pushes each of the lists once."""
    for pushed in lists:
        simulated = SimulatedMeter(_CATALOGUE, meter.id, interface=interface, lists=(pushed,))
        octets = simulated.telegrams(MOMENT)
        for level in (None, "home"):  # a meter that does not say who it is has an id in the configuration
            settings = MeterSettings(model=meter.id, id=level)
            pipeline = Pipeline(_CATALOGUE, settings, simulated.protocol)
            found = [
                each
                for each in pipeline.feed(octets, MOMENT) + pipeline.finish()
                if isinstance(each, Snapshot)
            ]
            if found:
                messages = Messages(_CATALOGUE, settings, protocol=simulated.protocol, interface=interface)
                for snapshot in found:
                    yield from messages.snapshot(snapshot)
                break


def sent(meters: Mapping[str, Meter]) -> dict[str, tuple[Message, Meter]]:
    """Quantity → the first message that carries it alone, and the meter; the shown meter comes first."""
    first: dict[str, tuple[Message, Meter]] = {}
    for meter in sorted(meters.values(), key=lambda each: (each.id != SHOWN, each.id)):
        lists = [pushed.id for pushed in meter.lists]
        for message in published(meter, meter.interfaces[0].id, lists):
            if name := _PLAIN.search(message.topic):
                first.setdefault(name[1], (message, meter))
    return first


def examples(book: Book) -> str:
    """Write the page of examples: all messages of one telegram, then each quantity of the profile once."""
    resolved = book.resolved
    shown = resolved.meters[SHOWN]
    whole = list(published(shown, shown.interfaces[0].id, [shown.lists[0].id]))
    plain = [message for message in whole if _PLAIN.search(message.topic)]
    documents = "\n".join(
        f"### `{message.topic}`\n\n```json\n{_indented(message)}\n```\n"
        for message in whole
        if message not in plain
    )
    found = sent(resolved.meters)
    alone = [each for each in resolved.quantities.values() if each.name in found]
    rest = [
        each
        for each in resolved.quantities.values()
        if each.place in {"value", "text"} and each.name not in found
    ]
    return f"""# Every value with an example

Nothing here is typed by hand: simulated meters of the catalogue have sent their telegrams on a Monday morning in May, and
this is what the bridge published. Your meter sends some of these: its [page](../../generated/docs/index.md#which-meter-hangs-on-the-wall)
says which.

## One telegram

A {name_of(shown)} pushes one telegram; these messages come of it, besides
[each value alone](#each-value-alone).

{documents}
{table(("Topic", "Payload"), [(code(message.topic), code(message.payload.decode())) for message in plain])}

## Each value alone

The part of the topic that follows `cii/v1/<meter>/`, and the payload, in the unit that stands beside it.

{table(("Value", "Topic", "Payload", "Unit", "Sent by"), [_row(book, each, *found[each.name]) for each in alone])}

## Values without an example

No simulated meter sends these; they come from meters that say their values' names themselves:
{", ".join(book.quantity(each.name, "../../generated/docs/") for each in rest)}.
"""


def _row(book: Book, quantity: Quantity, message: Message, meter: Meter) -> tuple[str, ...]:
    below = message.topic.split("/", 3)[3]
    up = "../../generated/docs/"
    payload = code(message.payload.decode())
    return (book.quantity(quantity.name, up), code(below), payload, unit_of(quantity), book.meter(meter, up))


def _indented(message: Message) -> str:
    return json.dumps(json.loads(message.payload), indent=2, ensure_ascii=False)


# -- what you see --------------------------------------------------------------------------------------------------------


def what_you_see(book: Book) -> str:
    """Write the page with the openHAB sitemap and the ioBroker object tree, read from the generated files."""
    shown = book.resolved.meters[SHOWN]
    openhab = ROOT / "generated/openhab" / SHOWN
    sitemap = _sitemap(
        (openhab / "smartmeter.sitemap").read_text(encoding="utf-8"),
        (openhab / "smartmeter.items").read_text(encoding="utf-8"),
    )
    file = ROOT / "generated/iobroker" / SHOWN / "smartmeter.mqtt.json"
    objects = _tree(json.loads(file.read_text(encoding="utf-8")))
    return f"""# What you will see

The screens of a house with a {name_of(shown)}, as text. Another meter shows what it sends, in the same order; with
`--lang de`, `fr` or `it` the labels are in that language.

## openHAB

The sitemap of [`smartmeter.sitemap`](../../generated/openhab/{SHOWN}/smartmeter.sitemap), as the app shows it. How to get
it: [openHAB](../how-to/openhab.md).

```text
{sitemap}
```

## ioBroker

The objects of [`smartmeter.mqtt.json`](../../generated/iobroker/{SHOWN}/smartmeter.mqtt.json), as the admin shows them.
How to get them: [ioBroker](../how-to/iobroker.md).

```text
{objects}
```

## Home Assistant

One device with one entity a value; nothing has to be copied, the bridge announces it: [Home Assistant](../how-to/home-assistant.md).
"""


def _sitemap(sitemap: str, items: str) -> str:
    """Frames with what is in them, an Item as its label and unit."""
    labels = dict(re.findall(r'^\w\S*\s+(\w+)\s+"([^"]*)"', items, re.MULTILINE))
    lines: list[str] = []
    depth = 0
    for line in sitemap.splitlines():
        text = line.strip()
        if text.startswith("//") or not text:
            continue
        if text == "}":
            depth -= 1
            continue
        label = re.search(r'label="([^"]*)"', text)
        item = re.search(r"item=(\w+)", text)
        words = label[1] if label else labels[item[1]] if item else text
        name, _, state = words.partition(" [")
        unit = state.rstrip("]").partition(" ")[2]
        shown = f"{name} [{unit}]" if unit else name
        opens = text.endswith("{")
        if text.startswith("Chart"):
            shown = f"{name} (chart of a day)"
        lines += ["", f"{'  ' * depth}{shown}"] if opens and depth == 1 else [f"{'  ' * depth}{shown}"]
        depth += opens
    return "\n".join(lines)


def _tree(objects: Mapping[str, Any]) -> str:
    """Alias objects as an indented tree: last part of the id, label, unit."""
    lines = []
    for id_, each in objects.items():
        if not id_.startswith("alias."):
            continue
        parts = id_.split(".")
        label = each["common"]["name"]
        words = label["en"] if isinstance(label, dict) else label
        unit = each["common"].get("unit")
        name = f"{'  ' * (len(parts) - 3)}{parts[-1]}"
        lines.append(f"{name:<36}{words}{f' [{unit}]' if unit else ''}")
    return "\n".join(lines)


# -- symptoms ------------------------------------------------------------------------------------------------------------

#: What a person sees → the state of the link that says why.
_SYMPTOMS: Final[Mapping[str, tuple[LinkState, ...]]] = {
    "No values at all, since the first minute": (LinkState.WAITING, LinkState.PORT_ERROR),
    "Values came, and come no more": (LinkState.STALE, LinkState.REPLAYED),
    "Telegrams come, yet no values: the key": (
        LinkState.KEY_MISSING,
        LinkState.KEY_WRONG,
        LinkState.NOT_AUTHENTIC,
    ),
    "Telegrams come, yet no values: the line or the format": (LinkState.BAD_FRAMES, LinkState.UNKNOWN_FORMAT),
}


def symptoms() -> str:
    """Write the page of symptoms: what a person sees, what the bridge calls it, what to do."""
    parts = [
        f"## {seen}\n\n{table(('`diag` says', 'What to do'), [(code(state), HINTS[state]) for state in states])}\n"
        f"{_codes(states)}"
        for seen, states in _SYMPTOMS.items()
    ]
    missing = set(LinkState) - {LinkState.OK} - {state for states in _SYMPTOMS.values() for state in states}
    if missing:
        raise ValueError(f"tests/docs/shown_pages.py: no symptom for {', '.join(sorted(missing))}")
    others = [(code(name), hint) for name, hint in sorted(PROBLEMS.items()) if name not in _TROUBLE]
    return f"""# If no values come

The bridge knows what is wrong before you do: the retained topic `cii/v1/<meter>/diag` has a word for the state of the line
(`link`) and a sentence (`hint`); `ciibridge doctor` looks at everything between cable and broker ([how](../how-to/is-it-running.md)).
`ciibridge probe PORT` listens to a port and says what it hears ([how](../how-to/find-out.md)).

{"".join(parts)}
## Values come, but something is odd

{table(("`diag.problems` or `error` has", "What to do"), others)}

All codes in one table: [problem codes](problems.md).
"""


def _codes(states: Iterable[LinkState]) -> str:
    """Table of the codes of these states that say more than the states do."""
    said = {HINTS[state] for state in states}
    rows = [
        (code(name), PROBLEMS[name])
        for name, state in _TROUBLE.items()
        if state in states and PROBLEMS[name] not in said
    ]
    return f"\n{table(('`error` says', 'What to do'), rows)}\n\n" if rows else "\n"
