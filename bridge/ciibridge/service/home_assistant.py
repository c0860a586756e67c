"""[homeassistant] of the configuration: what is asked of discovery messages, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

from ciimodel.catalogue import Resolved
from ciimodel.homeassistant import Discovery, Plan, Wishes, read, release

from ciibridge.service.config import Config, HomeAssistantTable
from ciibridge.service.findings import Key, choose

_VERSION: Final = re.compile(r"20\d\d\.\d{1,2}(\.\d{1,2})?")
_NODE_ID: Final = re.compile(r"[A-Za-z0-9_-]*(\{prefix\}[A-Za-z0-9_-]*)?\{meter\}[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class HomeAssistantSetup:
    """Discovery for Home Assistant; not ``enabled``: what an earlier run published is taken away."""

    discovery: Discovery = field(compare=False)
    enabled: bool
    wishes: Wishes  # all that ``discovery`` depends on


def home_assistant(
    config: Config, prefix: str, catalogue: Resolved, fault: Callable[[Key, str, str], None]
) -> HomeAssistantSetup | None:
    """Check the table; None if there is none, or if ``fault`` was told of any."""
    table = config.homeassistant
    if table is None:
        return None
    plan = read((files("ciimodel") / "homeassistant.json").read_bytes())
    faults = list(_faults(table, plan, catalogue))
    if table.enabled and not config.mqtt.value_topics:
        faults.append(("enabled", "it reads a topic a value", "Set value_topics in [mqtt] to true."))
    for key, message, remedy in faults:
        fault(("homeassistant", key), message, remedy)
    if faults:
        return None
    version = table.min_version or plan.min_version
    wishes = Wishes(version, table.language, prefix, table.discovery_prefix, table.node_id)
    return HomeAssistantSetup(Discovery(plan, wishes), table.enabled, wishes)


def _faults(table: HomeAssistantTable, plan: Plan, catalogue: Resolved) -> Iterator[tuple[str, str, str]]:
    version, root = table.min_version, table.discovery_prefix
    if version is not None and not _VERSION.fullmatch(version):
        yield "min_version", f"{version!r} is no version of Home Assistant", 'Write e.g. "2024.11".'
    elif version is not None and release(version) < release(plan.min_version):
        yield "min_version", f"{version} is too old", f"{plan.min_version} is the oldest that is supported."
    if table.language not in catalogue.languages:
        yield (
            "language",
            f"{table.language!r} is not in the schema",
            choose(table.language, catalogue.languages),
        )
    if not _NODE_ID.fullmatch(table.node_id):
        yield (
            "node_id",
            f"{table.node_id!r} names no meter, or is no part of a topic",
            'Write e.g. "cii_{meter}".',
        )
    if root is not None and not re.fullmatch(catalogue.levels["prefix"], root):
        yield "discovery_prefix", f"{root!r} cannot begin a topic", 'Write e.g. "homeassistant".'
