"""What is in an openHAB now: REST → plain data, and the few facts about the server that a plan needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ciigen.push.rest import Rest, RestError, Speech

SPEECH: Final = Speech(
    "openHAB",
    8080,
    {
        400: "openHAB finds the request wrong: look at its log, and report it",
        401: "the token is wrong, or there is none: make one in openHAB (your profile → API tokens) and give it with --token-file "
        "or in CIIGEN_OPENHAB_TOKEN",
        403: "the token is of a user who may not do this: make one as administrator",
        404: "it is not there: is this the URL of openHAB (http://HOST:8080)?",
        405: "it is defined in a file: change it there, or remove it from the file",
        409: "it is defined in a file, or somebody made it just now: look, and run the command again",
    },
)
#: Pages of Main UI.
PAGES: Final = "/rest/ui/components/ui:page"
#: What the service keeps that charts read from; 404 where nothing is configured, which means everything.
_KEPT: Final = "/rest/persistence/rrd4j"
#: An object of REST.
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """What was read.

    ``version`` is major.minor of openHAB ("" if it does not tell). ``things`` by UID, ``items`` by name; ``links`` are pairs
    of Item and channel, with whether they can be changed. ``has_mqtt``: whether the MQTT binding is installed.
    ``pages`` of Main UI by UID. ``kept``: entries of rrd4j's configuration; None: it has none, so it keeps everything.
    """

    version: str
    has_mqtt: bool
    things: Mapping[str, Json]
    items: Mapping[str, Json]
    links: Mapping[tuple[str, str], bool]
    pages: Mapping[str, Json]
    kept: tuple[Json, ...] | None

    @property
    def brokers(self) -> list[str]:
        """UIDs of the MQTT broker Things."""
        return sorted(uid for uid, thing in self.things.items() if thing.get("thingTypeUID") == "mqtt:broker")


def read(rest: Rest) -> Server:
    """Read everything that a plan compares (raises RestError). Items come with their metadata only if it is asked for."""
    root = rest.get("/rest/")
    if not isinstance(root, dict) or "links" not in root:
        raise RestError(
            "/rest/ does not answer as openHAB does → is this the URL of openHAB (http://HOST:8080)?"
        )
    things = _list(rest, "/rest/things")
    items = _list(rest, "/rest/items?recursive=false&metadata=.%2B")
    links = _list(rest, "/rest/links")
    mqtt = rest.get("/rest/thing-types/mqtt:topic", may_be_absent=True)
    pages = _list(rest, PAGES)
    kept = rest.get(_KEPT, may_be_absent=True)
    return Server(
        version=_version(root),
        has_mqtt=mqtt is not None,
        things={str(thing["UID"]): thing for thing in things},
        items={str(item["name"]): item for item in items},
        links={
            (str(link["itemName"]), str(link["channelUID"])): bool(link.get("editable", True))
            for link in links
        },
        pages={str(page["uid"]): page for page in pages},
        kept=tuple(kept.get("configs", ())) if isinstance(kept, dict) else None,
    )


def _version(root: Json) -> str:
    """``5.1`` of 5.1.0.M2 and 5.1.0-SNAPSHOT."""
    info = root.get("runtimeInfo")
    found = re.match(r"\d+\.\d+", str(info.get("version", ""))) if isinstance(info, dict) else None
    return found[0] if found else ""


def _list(rest: Rest, path: str) -> list[Json]:
    found = rest.get(path)
    if not isinstance(found, list):
        raise RestError(f"{path} does not answer a list → is this the URL of openHAB (http://HOST:8080)?")
    return found
