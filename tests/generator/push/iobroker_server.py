"""ioBroker's adapter rest-api as far as push meets it, after its README and its controller ``object`` (4.0.2).

What was taken over because it bites: a list without ``type`` is one of states only, and of nothing it is an empty list; POST of an
object that is there is 409; PUT merges two levels deep, and null takes a key away; a wrong password is 401 with the error as a
text, a missing right 403 ``permissionError``.
"""

from __future__ import annotations

import base64
import fnmatch
from typing import Any

from push_server import Answer, Fake

PASSWORD = "push-password"


class IoBroker(Fake):
    """Holds objects by id."""

    def __init__(self, *, adapters: tuple[str, ...] = ("mqtt.0",), auth: bool = False, **more: Any) -> None:
        self.objects: dict[str, dict[str, Any]] = {
            "system.config": {
                "_id": "system.config",
                "type": "config",
                "common": {"language": "de"},
                "native": {},
            }
        }
        for adapter in adapters:
            oid = f"system.adapter.{adapter}"
            self.objects[oid] = {"_id": oid, "type": "instance", "common": {}, "native": {}}
        super().__init__(**more)
        if auth:
            self.allowed = self._allowed
        one = r"/v1/object/([^/]+)"
        self.routes = {
            ("GET", r"/v1/objects"): self.listed,
            ("GET", one): self.read,
            ("POST", one): self.create,
            ("PUT", one): self.update,
            ("DELETE", one): self.delete,
        }

    def _allowed(self, method: str, path: str, authorization: str) -> int:
        kind, _, value = authorization.partition(" ")
        if kind == "Bearer":
            return 200 if value == PASSWORD else 401
        user, _, password = (
            base64.b64decode(value).decode().partition(":") if kind == "Basic" else ("", "", "")
        )
        if password != PASSWORD:
            return 401
        return 403 if user == "guest" and method != "GET" else 200

    def listed(self, *, query: dict[str, str], **_: Any) -> Answer:
        kind = query.get("type", "state")
        found = {
            oid: one
            for oid, one in self.objects.items()
            if one["type"] == kind and fnmatch.fnmatchcase(oid, query["filter"])
        }
        return 200, found or []

    def read(self, oid: str, **_: Any) -> Answer:
        return (200, self.objects[oid]) if oid in self.objects else (404, {"error": "object not found"})

    def create(self, oid: str, *, body: Any, **_: Any) -> Answer:
        if oid in self.objects:
            return 409, {"error": "Object already exists", "id": oid}
        self.objects[oid] = {**body, "from": "system.adapter.rest-api.0", "ts": 1, "acl": {}}
        return 200, body

    def update(self, oid: str, *, body: Any, **_: Any) -> Answer:
        one = self.objects.setdefault(oid, {"_id": oid})
        for key, value in body.items():
            if isinstance(value, dict):
                inner = one.setdefault(key, {})
                for name, content in value.items():
                    if content is None:
                        inner.pop(name, None)
                    else:
                        inner[name] = content
            elif value is None:
                one.pop(key, None)
            else:
                one[key] = value
        return 200, one

    def delete(self, oid: str, **_: Any) -> Answer:
        return (
            (200, {})
            if self.objects.pop(oid, None)
            else (404, {"error": "object not found", "objectId": oid})
        )
