"""Pages of docs/reference that show what comes out: payloads, screens, symptoms. ``reference_pages`` writes them.

They need the bridge and the generated files, which the generator must not know: so they are made here, and not by
``ciigen docs``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import ciimodel
from captures import ROOT
from ciibridge.link import _TROUBLE, HINTS, LinkState
from ciibridge.types import PROBLEMS
from ciigen.targets.docs.book import Book, name_of
from ciigen.targets.docs.markdown import code, table
from selections import RESOLVED

#: A Monday before noon in Zurich, in summer time: the sun shines on the simulated roof.
MOMENT: Final = datetime(2026, 5, 4, 9, 40, 15, tzinfo=UTC)
#: The meter that is shown whole: it pushes the list that every Swiss meter set up since 2026 pushes.
SHOWN: Final = "lg-e450"
_CATALOGUE: Final = ciimodel.load()
_PLAIN: Final = re.compile(r"/(?:value|text)/(\w+)$")


def book() -> Book:
    """The schema as the other pages show it."""
    return Book(RESOLVED)


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
