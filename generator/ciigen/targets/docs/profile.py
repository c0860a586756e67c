"""The page of the profile: every topic with its delivery, every payload with its keys, examples, rules, units."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from ciigen.resolved import Resolved, Topic
from ciigen.targets.asyncapi.carried import example, example_topic
from ciigen.targets.docs.book import EXAMPLES, Book, page
from ciigen.targets.docs.groups import grouped
from ciigen.targets.docs.markdown import code, link, prose, table
from ciigen.targets.jsonschema.payloads import JsonObject, json_object

_LEVELS: Final[dict[str, str]] = {
    "prefix": "first level or levels, configurable",
    "meter": "the meter's logical device name 0-0:42.0.0 in lower case, else another number it sends, else as "
    "configured; it never changes once found",
    "quantity": "name of a [value](#quantities)",
    "item": "name of a [text](quantities/texts.md)",
    "channel": "number of a [sub-meter](quantities/sub-meters.md) behind the meter",
    "bridge": "name of the bridge process",
}


def profile_page(book: Book) -> str:
    """Return the contract for people."""
    resolved = book.resolved
    topics = list(resolved.topics.values())
    header = ("Topic", "What it carries", "Payload", "QoS", "Retained", "Expires")
    return page(
        "profile",
        book=book,
        topics=table(header, [_overview(book, topic) for topic in topics]),
        levels=table(("Level", "Meaning", "Pattern"), _levels(resolved)),
        examples=table(("Topic", "Payload"), _plain_examples(resolved)),
        payloads=[_payload(resolved, name) for name in resolved.payloads],
        groups=[link(group.title, f"quantities/{group.slug}.md") for group in grouped(resolved)],
        units=table(("Unit", "Name"), [(code(u.symbol), book.text(u.name)) for u in resolved.units.values()]),
    )


def path(topic: Topic, prefix: str) -> str:
    """Return a path as people write it, with ``<meter>`` for a placeholder and the default prefix filled in."""
    return topic.path.replace("{prefix}", prefix).replace("{", "<").replace("}", ">")


def _overview(book: Book, topic: Topic) -> tuple[str, ...]:
    title = str(book.resolved.payloads[topic.payload].get("title", topic.payload))
    return (
        link(code(path(topic, book.resolved.prefix)), f"{EXAMPLES}#{topic.name.replace('_', '-')}"),
        book.text(topic.description),
        f"[{title}](#{title.lower()})",
        str(topic.qos),
        "yes" if topic.retain else "no",
        f"after {topic.expiry_s} s" if topic.expiry_s is not None else "",
    )


def _levels(resolved: Resolved) -> list[tuple[str, ...]]:
    return [
        (code(f"<{level}>"), _LEVELS.get(level, ""), code(pattern))
        for level, pattern in resolved.levels.items()
    ]


def _plain_examples(resolved: Resolved) -> list[tuple[str, ...]]:
    """Topics with one plain value; where a topic has no quantity in this version there is nothing to show."""
    rows: list[tuple[str, ...]] = []
    for topic in resolved.topics.values():
        payload = example(resolved, topic)
        if isinstance(payload, str | int | float):
            rows.append((code(example_topic(resolved, topic)), code(_text(payload))))
    return rows


def _payload(resolved: Resolved, name: str) -> dict[str, str]:
    """Return a payload for the template: meaning, keys and, for JSON, an example with the topics that carry it."""
    schema = resolved.payloads[name]
    carriers = [topic for topic in resolved.topics.values() if topic.payload == name]
    is_object = schema.get("type") == "object"
    shown = example(resolved, carriers[0]) if carriers and is_object else None
    keys = list(_keys(schema, "", f"payloads.{name}"))
    return {
        "name": name,
        "title": str(schema.get("title", name.capitalize())),
        "about": prose(str(schema.get("description", ""))),
        "table": table(("Key", "What it is", "Type", "Always there"), keys) if keys else "",
        "topic": example_topic(resolved, carriers[0]) if carriers else "",
        "example": "" if shown is None else json.dumps(shown, indent=2, ensure_ascii=False),
    }


def _keys(schema: JsonObject, above: str, where: str) -> Iterator[tuple[str, ...]]:
    """Return a line a key; keys of objects inside a map follow as ``tariffs.*.label``."""
    required = schema.get("required", [])
    for key, value in json_object(schema.get("properties", {}), f"{where}.properties").items():
        inner = json_object(value, f"{where}.{key}")
        full = f"{above}{key}"
        always = "yes" if isinstance(required, list) and key in required else ""
        yield code(full), prose(str(inner.get("description", ""))), _type(inner), always
        for keyword, step in (("additionalProperties", f"{full}.*."), ("items", f"{full}[].")):
            if isinstance(deeper := inner.get(keyword), dict):
                yield from _keys(deeper, step, f"{where}.{key}.{keyword}")


def _type(schema: JsonObject) -> str:
    if isinstance(values := schema.get("enum"), list):
        return " ".join(code(str(value)) for value in values)
    if isinstance(kinds := schema.get("type"), list):
        return " or ".join(map(str, kinds))
    if isinstance(items := schema.get("items"), dict):
        return f"list of {_type(items)}"
    if isinstance(values := schema.get("additionalProperties"), dict) and "properties" not in values:
        return f"map of {_type(values)}"
    return {"object": "map of objects"}.get(str(schema.get("type")), str(schema.get("type")))


def _text(payload: str | float) -> str:
    return payload if isinstance(payload, str) else json.dumps(payload)
