"""Pages of Main UI, one a meter: wished and there → changes. Pure.

    page      component, config, slots, tags        POST /rest/ui/components/ui:page
                                                    PUT, DELETE /rest/ui/components/ui:page/<uid>

A page is a whole: people move blocks about, and no field of it can be told to be ours. So one that is still what we made becomes what is
wished, and one that somebody changed stays as it is. What we made is remembered as a digest in its settings, whose it is as a tag.
A page of that name that is not ours is left alone and told; nothing waits for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from ciigen.push.changes import Call, Change, Mark
from ciigen.push.openhab.there import PAGES, Json, Server
from ciigen.push.openhab.wished import WishedPage

#: Tag of a page that we made, and key of its settings with the digest of what we made.
MARK: Final = "ciigen"
_COMPONENT: Final = "oh-layout-page"
#: What a layout page has besides its blocks.
_EMPTY: Final[Mapping[str, list[object]]] = {"masonry": [], "grid": [], "canvas": []}


def page_changes(server: Server, wished: Iterable[WishedPage]) -> Iterator[Change]:
    """Say what happens to the page of each meter."""
    for page in wished:
        there = server.pages.get(page.uid)
        body = _body(page)
        if there is None:
            yield Change(Mark.NEW, "page", page.uid, (page.label,), (Call("POST", PAGES, body),))
        elif MARK not in there.get("tags", ()):
            yield Change(
                Mark.SAME, "page", page.uid, ("is somebody else's and stays: rename it, and ours is made",)
            )
        elif _digest(there) != there.get("config", {}).get(MARK):
            yield Change(
                Mark.SAME,
                "page",
                page.uid,
                ("is yours since you changed it: delete it, and ours is made anew",),
            )
        elif _digest(there) == body["config"][MARK]:
            yield Change(Mark.SAME, "page", page.uid)
        else:
            call = Call("PUT", f"{PAGES}/{page.uid}", body)
            yield Change(Mark.CHANGED, "page", page.uid, ("what it shows",), (call,))


def orphans(server: Server, wished: Collection[str]) -> list[str]:
    """Give the pages that we made, that nobody changed, and that are no longer wished."""
    return [
        uid
        for uid, page in server.pages.items()
        if uid not in wished
        and MARK in page.get("tags", ())
        and _digest(page) == page.get("config", {}).get(MARK)
    ]


def removals(uids: Iterable[str]) -> Iterator[Change]:
    """Remove pages."""
    for uid in uids:
        yield Change(Mark.REMOVED, "page", uid, (), (Call("DELETE", f"{PAGES}/{uid}"),))


def _body(page: WishedPage) -> dict[str, Any]:
    config: dict[str, Any] = {"label": page.label, "sidebar": True}
    body: dict[str, Any] = {
        "uid": page.uid,
        "component": _COMPONENT,
        "config": config,
        "slots": {"default": list(page.blocks), **_EMPTY},
        "tags": [MARK],
    }
    config[MARK] = _digest(body)
    return body


def _digest(page: Json) -> str:
    """Put what a page shows into a few digits; openHAB leaves out what is empty, and tells some more."""
    config = {key: value for key, value in page.get("config", {}).items() if key != MARK}
    slots = {key: value for key, value in (page.get("slots") or {}).items() if value}
    text = json.dumps([page.get("component"), config, slots], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
