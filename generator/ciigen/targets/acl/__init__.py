"""Output ``acl``: who may do what on the broker: the bridge writes its own meters, consumers only read.

Place in the line: render. The same rights in the words of each broker:

    mosquitto    file for ``acl_file``                 emqx        Erlang terms for ``acl.conf``
                                                       emqx-json   body for the REST interface of its built-in database

    rights.py   which user may write and read which topics        words.py   how a broker writes that down

What is not allowed is forbidden: other meters, ``$SYS``, and whoever has no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from ciigen.invocation import command
from ciigen.resolved import Resolved
from ciigen.target import Option, Selection, Target, View
from ciigen.targets.acl.rights import OPTIONS, users
from ciigen.targets.acl.words import WORDS

_NAME: Final = "acl"


def _render(words: str, resolved: Resolved, selection: Selection) -> str:
    return WORDS[words](users(resolved, selection), command(_NAME, words, selection))


_VIEWS: Final[Mapping[str, View]] = {
    "mosquitto": View(
        ".acl", "File for acl_file of mosquitto.", partial(_render, "mosquitto"), "", "mosquitto"
    ),
    "emqx": View(".config", "Rules for acl.conf of EMQX 5.", partial(_render, "emqx"), "", "emqx"),
    "emqx-json": View(
        ".json",
        "Rules for the built-in database of EMQX 5 (REST).",
        partial(_render, "emqx-json"),
        "",
        "emqx",
    ),
}


class Acl:
    """Access rules for the broker."""

    name = _NAME
    help = "Broker: who may write and read which topics (mosquitto, EMQX)"
    views = _VIEWS
    of_bridge = True
    options: Final[Mapping[str, Option]] = OPTIONS

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """One file a view, for a bridge with one meter, a consumer and Home Assistant."""
        selection = Selection(options=(("homeassistant", "homeassistant"),))
        return {view.path(selection): view.render(resolved, selection) for view in _VIEWS.values()}


TARGET: Target = Acl()
