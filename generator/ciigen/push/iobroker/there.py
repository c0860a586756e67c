"""What is in an ioBroker now, as far as a plan needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from ciigen.push.rest import Rest, RestError, Speech

SPEECH: Final = Speech(
    "ioBroker's adapter rest-api",
    8093,
    {
        401: "user and password, or the token, are wrong or missing: --user NAME, and the password with --password-file or in "
        "CIIGEN_IOBROKER_PASSWORD",
        403: "this user may not write objects: take another, or allow it in ioBroker (Users → Groups)",
        404: "is this the adapter rest-api (often port 8093, or http://HOST:8082/rest-api)? simple-api cannot write objects",
        409: "somebody made it just now: look, and run the command again",
        413: "the object is too large for it",
        500: "look at ioBroker's log",
        501: "is this the adapter rest-api (often port 8093)? simple-api cannot write objects",
    },
)
#: Kinds of objects that can be listed; folders are read one by one, since older controllers cannot list them.
_LISTED: Final = ("state", "channel", "device")
#: An object of ioBroker.
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Server:
    """Objects by id: those below the roots that were asked for, and those asked for by id."""

    objects: Mapping[str, Json]


def read(rest: Rest, roots: Iterable[str], ids: Iterable[str]) -> Server:
    """Read all states, channels and devices below ``roots``, and the objects with these ``ids`` (raises RestError)."""
    found: dict[str, Json] = {}
    for root in roots:
        for kind in _LISTED:
            found |= _listed(rest, f"{root}.*", kind)
    for oid in ids:
        if oid not in found and (one := get(rest, oid)) is not None:
            found[oid] = one
    return Server(found)


def get(rest: Rest, oid: str) -> Json | None:
    """Give an object, None if it is not there."""
    found = rest.get(object_path(oid), may_be_absent=True)
    return found if isinstance(found, dict) else None


def is_there(rest: Rest) -> None:
    """Raise RestError unless this is the adapter rest-api: it lists the one object that every ioBroker has."""
    config = rest.get(object_path("system.config"))
    if not isinstance(config, dict) or config.get("_id") != "system.config":
        raise RestError(
            "/v1/object/system.config does not answer as the adapter rest-api does → is this its URL (often port 8093)? "
            "simple-api cannot write objects"
        )


def object_path(oid: str) -> str:
    """``/v1/object/<id>``."""
    return f"/v1/object/{quote(oid, safe='')}"


def _listed(rest: Rest, pattern: str, kind: str) -> dict[str, Json]:
    found = rest.get(f"/v1/objects?filter={quote(pattern, safe='')}&type={kind}")
    # of nothing it makes an empty list, in place of an empty object
    return (
        {str(oid): one for oid, one in found.items() if isinstance(one, dict)}
        if isinstance(found, dict)
        else {}
    )
