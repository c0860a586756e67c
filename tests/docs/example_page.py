"""The page docs/reference/examples.md: every topic and every value, as the bridge publishes what simulated meters send.

    catalogue → **simulated meter** → octets → Pipeline → Messages → the page

What no model of the catalogue is known to push is pushed by one that was told to: an E450 with a list of exactly that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Final

import ciimodel
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.simulate import SimulatedMeter
from ciibridge.types import Message, Problem, Snapshot
from ciigen.resolved import Quantity
from ciigen.targets.docs.book import Book, name_of, unit_of
from ciigen.targets.docs.markdown import code, table
from ciimodel.catalogue import PushElement, Resolved

#: A Monday before noon in Zurich, in summer time: the sun shines on the simulated roof.
MOMENT: Final = datetime(2026, 5, 4, 9, 40, 15, tzinfo=UTC)
#: The meter that is shown whole: it pushes the list that every Swiss meter set up since 2026 pushes.
SHOWN: Final = "lg-e450"
#: Its list with sub-meters.
WITH_CHANNELS: Final = "rwb-channels"
#: The model that pushes what no other does.
TOLD: Final = "told"
_CATALOGUE: Final = ciimodel.load()
_PLAIN: Final = re.compile(r"/(?:value|text)/(\w+)$")
_CHANNEL_STATE: Final = re.compile(r"/channel/\d+/state$")
_UP: Final = "../../generated/docs/"
#: Channel of the simulated sub-meter for cooling, which no list of the catalogue names.
_COOLING: Final = 5


@dataclass(frozen=True, slots=True)
class Example:
    """A quantity as it is published. ``value``: as in the message; ``key``: where in its JSON, "": it is the payload."""

    message: Message
    meter: str
    value: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Pushed:
    """What came of one push: the octets, what the bridge made of them, and the line that read them."""

    octets: bytes
    snapshots: tuple[Snapshot, ...]
    messages: Messages
    pipeline: Pipeline

    def published(self) -> Iterator[Message]:
        for snapshot in self.snapshots:
            yield from self.messages.snapshot(snapshot)


@cache
def quantities() -> Mapping[str, Example]:
    """Quantity → the first message that carries it; the shown meter comes first, what was told to last."""
    found: dict[str, Example] = {}
    for meter in sorted(_CATALOGUE.meters.values(), key=lambda each: (each.id != SHOWN, each.id)):
        for pushed in meter.lists:
            _collect(found, meter.id, _push(_CATALOGUE, meter.id, pushed.id).published())
    _collect(found, TOLD, _push(_with_told(found), TOLD, TOLD).published())
    return found


@cache
def topics() -> Mapping[str, Message]:
    """Name of each topic in the schema that carries something → a message on it (raises LookupError where there is none)."""
    pushed = _push(_CATALOGUE, SHOWN, _CATALOGUE.meters[SHOWN].lists[0].id)
    below = _push(_CATALOGUE, SHOWN, WITH_CHANNELS)
    (snapshot,) = pushed.snapshots
    level, messages = snapshot.meter, pushed.messages
    diag = messages.diag(level, pushed.pipeline.diagnostics(MOMENT), MOMENT)
    damaged = bytearray(pushed.octets)
    damaged[len(damaged) // 2] ^= 1
    found = pushed.pipeline.feed(bytes(damaged), MOMENT)
    problem = next(each for each in found if isinstance(each, Problem))
    online = messages.availability(level, online=True)
    of_bridge = _CATALOGUE.topics["bridge_availability"].path.format(
        prefix=_CATALOGUE.prefix, bridge="raspberrypi"
    )
    made = [
        *pushed.published(),
        *messages.snapshot(replace(snapshot, past=True)),
        *below.published(),
        *(m for one in below.snapshots for m in below.messages.snapshot(replace(one, past=True))),
        *(each.message for each in quantities().values()),
        online,
        replace(online, topic=of_bridge),
        diag,
        messages.error(level, problem, MOMENT),
        messages.raw(level, pushed.octets),
    ]
    found_on = {name: [m for m in made if _is_on(m, name)] for name in _CATALOGUE.topics if carries(name)}
    if missing := [name for name, on in found_on.items() if not on]:
        raise LookupError(f"tests/docs/example_page.py: no message on the topics {', '.join(missing)}")
    return {name: on[0] for name, on in found_on.items()}


def carries(name: str) -> bool:
    """Whether anything of this version of the profile is sent on a topic: for values, a quantity of its kinds."""
    topic = _CATALOGUE.topics[name]
    below = "{channel}" in topic.path
    of_kind = [q for q in _CATALOGUE.quantities.values() if q.kind in topic.kinds]
    return not topic.kinds or any(below == any("n" in code for code in q.obis) for q in of_kind)


def _is_on(message: Message, name: str) -> bool:
    topic = _CATALOGUE.topics[name]
    path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(topic.path))
    if not re.fullmatch(path, message.topic) or ("_bridge" in message.topic) != topic.per_process:
        return False
    quantity = _CATALOGUE.quantities.get(message.topic.rpartition("/")[2])
    return not topic.kinds or (quantity is not None and quantity.kind in topic.kinds)


def _push(catalogue: Resolved, meter: str, pushed: str) -> _Pushed:
    """One list of a simulated meter through the bridge; one that does not say who it is has an id in the configuration."""
    interface = catalogue.meters[meter].interfaces[0].id
    simulated = SimulatedMeter(catalogue, meter, interface=interface, lists=(pushed,))
    octets = simulated.telegrams(MOMENT)
    for level in (None, "home"):
        settings = MeterSettings(model=meter, id=level)
        pipeline = Pipeline(catalogue, settings, simulated.protocol)
        found = pipeline.feed(octets, MOMENT) + pipeline.finish()
        if snapshots := tuple(each for each in found if isinstance(each, Snapshot)):
            break
    messages = Messages(catalogue, settings, protocol=simulated.protocol, interface=interface)
    return _Pushed(octets, snapshots, messages, pipeline)


def _with_told(found: Mapping[str, Example]) -> Resolved:
    """The catalogue with a model that pushes the values that are not ``found``."""
    rest = [q for q in _CATALOGUE.quantities.values() if q.place == "value" and q.name not in found]
    own = [q for q in rest if not q.channel_types]
    elements = list(_CATALOGUE.meters[SHOWN].lists[0].elements[:3])  # what is pushed, and by whom
    elements += [
        PushElement(obis=q.obis[0].replace("*", "0"), class_id=3, attribute=2, quantity=q.name) for q in own
    ]
    for obis, class_id, attribute in (
        ("24.1.0", 72, 6),
        ("24.1.0", 72, 9),
        ("24.2.1", 4, 2),
        ("24.2.1", 4, 3),
    ):
        element = PushElement(
            obis=f"0-{_COOLING}:{obis}", class_id=class_id, attribute=attribute, quantity=None
        )
        elements.append(element)
    signed = {q.name for q in own if q.minimum is None or q.minimum < 0}
    scaler = {q.name: -3 for q in own if q.unit == "rad"}
    registers = {
        q.name: _CATALOGUE.meters[SHOWN]
        .registers["power_import"]
        .model_copy(
            update={
                "type": "double-long" if q.name in signed else "double-long-unsigned",
                "scaler": scaler.get(q.name),
            }
        )
        for q in own
    }
    model = _CATALOGUE.meters[SHOWN]
    pushed = model.lists[0].model_copy(update={"id": TOLD, "elements": elements})
    meter = model.model_copy(update={"id": TOLD, "lists": [pushed], "registers": registers})
    return _CATALOGUE.model_copy(update={"meters": {**_CATALOGUE.meters, TOLD: meter}})


def _collect(found: dict[str, Example], meter: str, messages: Iterable[Message]) -> None:
    for message in messages:
        if plain := _PLAIN.search(message.topic):
            found.setdefault(plain[1], Example(message, meter, message.payload.decode()))
            continue
        for name, (key, value) in _inside(message):
            found.setdefault(name, Example(message, meter, value, key))


def _inside(message: Message) -> Iterator[tuple[str, tuple[str, str]]]:
    """Quantities that stand in JSON only: name → key in it, and value."""
    document = json.loads(message.payload)
    if message.topic.endswith("/meta"):
        for name, value in document.get("identity", {}).items():
            yield name, (f"identity.{name}", json.dumps(value))
        for number, facts in document.get("channels", {}).items():
            for fact in ("id", "type"):
                if fact in facts:
                    yield f"channel_{fact}", (f"channels.{number}.{fact}", json.dumps(facts[fact]))
    elif _CHANNEL_STATE.search(message.topic):
        for name, value in document.get("texts", {}).items():
            yield name, (f"texts.{name}", json.dumps(value))
    elif document.get("ts_source") == "meter":
        yield "meter_clock", ("ts", json.dumps(document["ts"]))


def page(book: Book) -> str:
    """Write the page: a message on each topic, then each quantity of the profile."""
    resolved = book.resolved
    parts = [
        f"### {name.replace('_', ' ').capitalize()}\n\n{book.text(resolved.topics[name].description)}\n\n"
        f"`{message.topic}`, {_delivery(message)}:\n\n{_payload(message)}\n"
        for name, message in topics().items()
    ]
    parts += [
        f"### {name.replace('_', ' ').capitalize()}\n\n{book.text(resolved.topics[name].description)}\n\n"
        "No value of this version is sent on it.\n"
        for name in resolved.topics
        if not carries(name)
    ]
    rows = [_row(book, each, quantities()[each.name]) for each in resolved.quantities.values()]
    shown = name_of(resolved.meters[SHOWN])
    return f"""# Every topic and every value with an example

Nothing here is typed by hand: simulated meters of the catalogue have sent their telegrams on a Monday morning in May, and
this is what the bridge published. Your meter sends some of these: its [page]({_UP}index.md#which-meter-hangs-on-the-wall)
says which.

## Every topic

What comes of a telegram of a {shown}.

{chr(10).join(parts)}
## Every value

The part of the topic that follows `cii/v1/<meter>/`, and the payload, in the unit that stands beside it. Of a message in JSON it
is one key.

{table(("Value", "Topic", "Payload", "Unit", "Sent by"), rows)}

Where no meter is named, no model of the catalogue is known to send the value by itself; a simulated one was told to.
"""


def _delivery(message: Message) -> str:
    kept = ", retained" if message.retain else ""
    gone = f", expires after {message.expiry_s} s" if message.expiry_s is not None else ""
    return f"QoS {message.qos}{kept}{gone}"


def _payload(message: Message) -> str:
    if message.topic.endswith("/raw"):
        lines = [message.payload[start : start + 32].hex(" ") for start in range(0, len(message.payload), 32)]
        return f"```text\n{chr(10).join(lines)}\n```"
    if message.payload.startswith(b"{"):
        return f"```json\n{json.dumps(json.loads(message.payload), indent=2, ensure_ascii=False)}\n```"
    return f"```text\n{message.payload.decode()}\n```"


def _row(book: Book, quantity: Quantity, example: Example) -> tuple[str, ...]:
    below = example.message.topic.split("/", 3)[3]
    where = f"{code(example.key)} of {code(below)}" if example.key else code(below)
    label = f'<a id="{quantity.name}"></a>{book.quantity(quantity.name, _UP)}'
    meter = "" if example.meter == TOLD else book.meter(book.resolved.meters[example.meter], _UP)
    return (label, where, code(example.value), unit_of(quantity), meter)
