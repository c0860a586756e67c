"""The rights in the words of a broker.

mosquitto    mosquitto.conf(5), ``acl_file``: users with their topics; what is in no line is forbidden
emqx         EMQX 5, authorization, ACL file: Erlang terms, the first that fits decides; so ``{deny, all}`` is the last
emqx-json    EMQX 5, ``POST /api/v5/authorization/sources/built_in_database/rules/users``; EMQX goes on where no rule of a
             user fits, so the last ones of each deny the rest
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from ciigen.targets.acl.rights import User

#: A filter that begins with a wildcard leaves out what begins with $ (MQTT 5, 4.7.2).
_REST: Final = ("$SYS/#", "#")
Words = Callable[[tuple[User, ...], str], str]


def _mosquitto(users: tuple[User, ...], command: str) -> str:
    lines = [
        f"# {command}",
        "#",
        "# In mosquitto.conf:  acl_file <this file>, allow_anonymous false, password_file …",
    ]
    for user in users:
        both = [topic for topic in user.writes if topic in user.reads]
        rights = (
            ("write", [topic for topic in user.writes if topic not in both]),
            ("readwrite", both),
            ("read", [topic for topic in user.reads if topic not in both]),
        )
        lines += ["", f"# {user.what}", f"user {user.name}"]
        lines += [f"topic {right} {topic}" for right, topics in rights for topic in topics]
    return "\n".join(lines) + "\n"


def _emqx(users: tuple[User, ...], command: str) -> str:
    lines = [f"%% {command}", "%%", "%% In EMQX: Access Control, Authorization, File; and no_match = deny."]
    for user in users:
        lines += ["", f"%% {user.what}"]
        lines += [
            f"{{allow, {{username, {json.dumps(user.name)}}}, {action}, {json.dumps(list(topics))}}}."
            for action, topics in (("publish", user.writes), ("subscribe", user.reads))
            if topics
        ]
    return "\n".join([*lines, "", "{deny, all}."]) + "\n"


def _emqx_json(users: tuple[User, ...], _command: str) -> str:
    document = [
        {
            "username": user.name,
            "rules": [
                *({"topic": topic, "permission": "allow", "action": "publish"} for topic in user.writes),
                *({"topic": topic, "permission": "allow", "action": "subscribe"} for topic in user.reads),
                *({"topic": topic, "permission": "deny", "action": "all"} for topic in _REST),
            ],
        }
        for user in users
    ]
    return json.dumps(document, indent=2) + "\n"


WORDS: Final[Mapping[str, Words]] = {"mosquitto": _mosquitto, "emqx": _emqx, "emqx-json": _emqx_json}
