"""An openHAB as far as push meets it, after its documented REST interface.

Sources: ThingResource, ItemResource, ItemChannelLinkResource, ThingHelper.merge and the DTOs of openhab-core. What was taken over
because it bites: metadata with an empty value is refused (before 5.2, issue 5525 there); a Thing or Item that no REST call made
is not editable (409, 405); POST of a Thing that is there is 409; lists in a PUT replace; configurations get their defaults;
``semantics`` is made by openHAB from tags; an Item's metadata is told only if it is asked for; a token of a user who is no
administrator reads Items and not Things.
"""

from __future__ import annotations

from typing import Any

from push_server import Answer, Fake

ADMIN = "oh.push.admin"
USER = "oh.push.user"
#: Defaults that the MQTT binding gives a channel (config description of its channel types).
CHANNEL_DEFAULTS = {"retained": False, "postCommand": False, "formatBeforePublish": "%s"}


class OpenHab(Fake):
    """Holds things, items, metadata and links as openHAB's databases do."""

    def __init__(self, *, version: str = "5.1.2", has_mqtt: bool = True, **more: Any) -> None:
        self.version = version
        self.has_mqtt = has_mqtt
        self.things: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, Any]] = {}
        self.metadata: dict[tuple[str, str], dict[str, Any]] = {}
        self.links: dict[tuple[str, str], dict[str, Any]] = {}
        self.in_files: set[str] = set()
        self.pages: dict[str, dict[str, Any]] = {}
        self.kept: list[dict[str, Any]] | None = None  # of rrd4j; None: nothing is configured
        super().__init__(**more)
        self.allowed = self._allowed
        name, rest = r"([A-Za-z_0-9]+)", r"([^/]+)"
        page = r"/rest/ui/components/ui:page"
        self.routes = {
            ("GET", page): lambda **_: (200, [self.told_page(uid) for uid in self.pages]),
            ("POST", page): self.create_page,
            ("PUT", rf"{page}/{rest}"): self.update_page,
            ("DELETE", rf"{page}/{rest}"): self.remove_page,
            ("GET", r"/rest/persistence/rrd4j"): self.persistence,
            ("GET", r"/rest/"): self.root,
            ("GET", r"/rest/thing-types/mqtt:topic"): lambda **_: (200, {}) if self.has_mqtt else (404, {}),
            ("GET", r"/rest/things"): lambda **_: (200, [self.thing(uid) for uid in self.things]),
            ("POST", r"/rest/things"): self.create_thing,
            ("PUT", rf"/rest/things/{rest}"): self.update_thing,
            ("DELETE", rf"/rest/things/{rest}"): self.remove_thing,
            ("GET", r"/rest/items"): self.list_items,
            ("PUT", rf"/rest/items/{name}"): self.put_item,
            ("DELETE", rf"/rest/items/{name}"): self.remove_item,
            ("PUT", rf"/rest/items/{name}/metadata/{rest}"): self.put_metadata,
            ("DELETE", rf"/rest/items/{name}/metadata/{rest}"): self.remove_metadata,
            ("GET", r"/rest/links"): lambda **_: (200, [self.link(*key) for key in self.links]),
            ("PUT", rf"/rest/links/{name}/{rest}"): self.put_link,
            ("DELETE", rf"/rest/links/{name}/{rest}"): self.remove_link,
        }

    def _allowed(self, method: str, path: str, authorization: str) -> int:
        if authorization == f"Bearer {ADMIN}":
            return 200
        if authorization == f"Bearer {USER}":
            return 200 if method == "GET" and path in ("/rest/", "/rest/items") else 403
        if authorization or method != "GET" or path != "/rest/":
            return 401
        return 200

    def root(self, **_: Any) -> Answer:
        info = {"version": self.version, "buildString": "Release Build"}
        return 200, {"version": "8", "locale": "en_US", "runtimeInfo": info, "links": [{"type": "items"}]}

    def thing(self, uid: str) -> dict[str, Any]:
        channels = [
            {**channel, "linkedItems": [item for item, other in self.links if other == channel["uid"]]}
            for channel in self.things[uid]["channels"]
        ]
        editable = uid not in self.in_files
        return {
            **self.things[uid],
            "channels": channels,
            "editable": editable,
            "statusInfo": {"status": "ONLINE"},
        }

    def create_thing(self, *, body: Any, **_: Any) -> Answer:
        if body["UID"] in self.things:
            return 409, self.error(f"Thing {body['UID']} already exists!")
        self.things[body["UID"]] = {"properties": {}, "channels": [], **body}
        self._normalise(body["UID"])
        return 201, self.thing(body["UID"])

    def update_thing(self, uid: str, *, body: Any, **_: Any) -> Answer:
        if uid not in self.things:
            return 404, self.error(f"Thing {uid} does not exist!")
        if uid in self.in_files:
            return 409, self.error(f"Cannot update Thing {uid} as it is not editable.")
        self.things[uid] |= {key: value for key, value in body.items() if value is not None}
        self._normalise(uid)
        return 200, self.thing(uid)

    def remove_thing(self, uid: str, **_: Any) -> Answer:
        if uid not in self.things:
            return 404, self.error(f"Thing {uid} does not exist!")
        del self.things[uid]
        return 202, None

    def _normalise(self, uid: str) -> None:
        for channel in self.things[uid]["channels"]:
            channel["configuration"] = {**CHANNEL_DEFAULTS, **channel.get("configuration", {})}
            channel.setdefault("defaultTags", [])
            channel.pop("linkedItems", None)
            assert channel["uid"] == f"{uid}:{channel['id']}"

    def list_items(self, *, query: dict[str, str], **_: Any) -> Answer:
        return 200, [self.item(name, with_metadata=query.get("metadata") == ".+") for name in self.items]

    def item(self, name: str, *, with_metadata: bool) -> dict[str, Any]:
        found = {
            **self.items[name],
            "state": "NULL",
            "editable": name not in self.in_files,
            "link": f"…/{name}",
        }
        if with_metadata:
            metadata = {space: value for (item, space), value in self.metadata.items() if item == name}
            if found["tags"]:
                metadata["semantics"] = {"value": "Point", "editable": False}
            if metadata:
                found["metadata"] = metadata
        return found

    def put_item(self, name: str, *, body: Any, **_: Any) -> Answer:
        if name in self.in_files:
            return 405, self.error(f"Cannot update non-managed Item {name}")
        if not body.get("type") or body["name"] != name:
            return 400, self.error("invalid")
        created = name not in self.items
        kept = {key: body[key] for key in ("groupType", "function") if key in body}
        wanted = {key: body.get(key) for key in ("type", "name", "label", "category")}
        # a set has no order
        self.items[name] = {
            **wanted,
            **kept,
            "tags": body["tags"][::-1],
            "groupNames": body["groupNames"][::-1],
        }
        return (201 if created else 200), self.item(name, with_metadata=False)

    def remove_item(self, name: str, **_: Any) -> Answer:
        if name not in self.items or name in self.in_files:
            return 404, self.error("Item not found or not editable")
        del self.items[name]
        self.metadata = {key: value for key, value in self.metadata.items() if key[0] != name}
        return 200, None

    def put_metadata(self, name: str, space: str, *, body: Any, **_: Any) -> Answer:
        if name not in self.items:
            return 404, self.error(f"Item {name} does not exist!")
        if space == "semantics":
            return 409, self.error("reserved namespace")
        if not body.get("value"):
            return 400, None
        created = (name, space) not in self.metadata
        self.metadata[name, space] = {"value": body["value"]} | (
            {"config": body["config"]} if body["config"] else {}
        )
        return (201 if created else 200), None

    def remove_metadata(self, name: str, space: str, **_: Any) -> Answer:
        return (200, None) if self.metadata.pop((name, space), None) else (404, None)

    def link(self, item: str, channel: str) -> dict[str, Any]:
        return {"itemName": item, "channelUID": channel, "editable": item not in self.in_files} | self.links[
            item, channel
        ]

    def put_link(self, item: str, channel: str, *, body: Any, **_: Any) -> Answer:
        if (body["itemName"], body["channelUID"]) != (item, channel):
            return 400, None
        self.links[item, channel] = {"configuration": body["configuration"]}
        return 200, None

    def remove_link(self, item: str, channel: str, **_: Any) -> Answer:
        return (200, None) if self.links.pop((item, channel), None) else (404, self.error("does not exist"))

    def told_page(self, uid: str) -> dict[str, Any]:
        """A page as openHAB tells it: with what it adds, and members in its own order."""
        more = {"props": {"parameters": [], "parameterGroups": []}, "timestamp": "May 4, 2026, 9:40:15 AM"}
        return dict(sorted({**self.pages[uid], **more}.items()))

    def create_page(self, *, body: Any, **_: Any) -> Answer:
        self.pages[body["uid"]] = body
        return 200, self.told_page(body["uid"])

    def update_page(self, uid: str, *, body: Any, **_: Any) -> Answer:
        if uid not in self.pages:
            return 404, None
        assert body["uid"] == uid
        self.pages[uid] = body
        return 200, self.told_page(uid)

    def remove_page(self, uid: str, **_: Any) -> Answer:
        return (200, None) if self.pages.pop(uid, None) else (404, None)

    def persistence(self, **_: Any) -> Answer:
        if self.kept is None:
            return 404, self.error("No persistence service configuration found")
        return 200, {"serviceId": "rrd4j", "configs": self.kept, "editable": True}

    @staticmethod
    def error(message: str) -> dict[str, Any]:
        return {"error": {"message": message, "http-code": 0}}
