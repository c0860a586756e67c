"""The commands ``ciigen push openhab`` and ``ciigen push iobroker``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ciigen.errors import UsageError
from ciigen.installed import read_resolved
from ciigen.options import LIVE, SELECTION, own, secret, selected, signed
from ciigen.push.changes import Plan
from ciigen.push.iobroker.plan import plan as plan_iobroker
from ciigen.push.iobroker.there import SPEECH as IOBROKER
from ciigen.push.openhab.plan import plan as plan_openhab
from ciigen.push.openhab.there import SPEECH as OPENHAB
from ciigen.push.openhab.there import read as read_openhab
from ciigen.push.rest import Access, Rest, Speech, parse_url
from ciigen.push.run import Manner, run
from ciigen.push.ways import Ways
from ciigen.resolved import Resolved
from ciigen.target import Selection, discover

OPENHAB_TOKEN: Final = "CIIGEN_OPENHAB_TOKEN"  # noqa: S105  # a name
IOBROKER_TOKEN: Final = "CIIGEN_IOBROKER_TOKEN"  # noqa: S105
IOBROKER_PASSWORD: Final = "CIIGEN_IOBROKER_PASSWORD"  # noqa: S105


def _where(port: int, variable: str, what: str) -> dict[str, Any]:
    return {
        "url": Annotated[
            str, typer.Option("--url", metavar="URL", help=f"Where it is, http://HOST:{port} or https://….")
        ],
        "token": Annotated[
            str | None,
            typer.Option(
                "--token",
                metavar="TOKEN",
                help=f"{what}; others on this machine can read it here, so rather:",
            ),
        ],
        "token_file": Annotated[
            Path | None,
            typer.Option(
                "--token-file", metavar="FILE", help=f"File with the token; else {variable} is taken."
            ),
        ],
        "url_ca_file": Annotated[
            Path | None,
            typer.Option(
                "--url-ca-file",
                metavar="FILE",
                help="Certificate of the authority of the server, with https://.",
            ),
        ],
    }


_MANNER: Final[dict[str, Any]] = {
    "dry_run": Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")],
    "yes": Annotated[bool, typer.Option("--yes", help="Do not ask.")],
    "adopt": Annotated[
        bool,
        typer.Option(
            "--adopt", help="Take over what somebody else made under the same name; its label stays."
        ),
    ],
    "prune": Annotated[
        bool,
        typer.Option(
            "--prune", help="Remove what ciigen made for these meters and what is no longer wished."
        ),
    ],
    "prune_all": Annotated[
        bool, typer.Option("--prune-all", help="Also remove what ciigen made for other meters.")
    ],
    "as_json": Annotated[bool, typer.Option("--json", help="For machines: JSON on standard output.")],
}
_PAGES: Final[dict[str, Any]] = {
    "no_pages": Annotated[bool, typer.Option("--no-pages", help="Make no pages of Main UI.")],
}
_USER: Final[dict[str, Any]] = {
    "user": Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="User of ioBroker, if it asks for one.")
    ],
    "user_password_file": Annotated[
        Path | None,
        typer.Option(
            "--user-password-file",
            metavar="FILE",
            help=f"File with the password of --user; else {IOBROKER_PASSWORD} is taken.",
        ),
    ],
}


def _push_openhab(**given: Any) -> None:
    access = _access(given, OPENHAB_TOKEN, "/rest")
    if access.token is None:
        raise UsageError(
            f"openHAB wants a token: make one (your profile → API tokens) and give it with --token-file or in {OPENHAB_TOKEN}"
        )
    _push(
        "openhab",
        access,
        OPENHAB,
        given,
        lambda resolved, selection, rest, ways: plan_openhab(resolved, selection, read_openhab(rest), ways),
    )


def _push_iobroker(**given: Any) -> None:
    _push("iobroker", _access(given, IOBROKER_TOKEN, "/v1"), IOBROKER, given, plan_iobroker)


def _push(
    target: str,
    access: Access,
    speech: Speech,
    given: Mapping[str, Any],
    plan: Callable[[Resolved, Selection, Rest, Ways], Plan],
) -> None:
    resolved, selection = selected(discover()[target], read_resolved(), given)
    ways = Ways(given["adopt"], given["prune"], given["prune_all"], not given.get("no_pages"))
    with Rest(access, speech) as rest:
        run(
            rest,
            plan(resolved, selection, rest, ways),
            Manner(given["dry_run"], given["yes"], given["as_json"]),
        )


def _access(given: Mapping[str, Any], variable: str, below: str) -> Access:
    url = parse_url(given["url"], below)
    ca_file = given["url_ca_file"]
    if ca_file is not None and not url.startswith("https:"):
        raise UsageError("--url-ca-file is for TLS: write https:// in --url")
    if ca_file is not None and not ca_file.is_file():
        raise UsageError(f"--url-ca-file {ca_file}: there is no such file")
    token = given["token"] or secret("token", given["token_file"], "--token-file", variable)
    user = given.get("user")
    password = (
        secret("password", given["user_password_file"], "--user-password-file", IOBROKER_PASSWORD)
        if user
        else None
    )
    if user and given["token"]:
        raise UsageError("--user and --token are two ways to be let in: choose one")
    return Access(url, None if user else (token or None), user, password, ca_file)


def application() -> typer.Typer:
    """Make ``ciigen push``."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Make things, items or objects in a running openHAB or ioBroker.\n\n"
        "Example: ciigen push openhab --url http://openhab:8080 --from mqtt://broker --dry-run",
    )
    live = {**SELECTION, **LIVE}
    signed(
        _push_openhab,
        {
            **_where(8080, OPENHAB_TOKEN, "API token of an administrator"),
            **live,
            **own(discover()["openhab"]),
            **_PAGES,
            **_MANNER,
        },
    )
    signed(
        _push_iobroker,
        {
            **_where(8093, IOBROKER_TOKEN, "Access token"),
            **_USER,
            **live,
            **own(discover()["iobroker"]),
            **_MANNER,
        },
    )
    app.command(
        "openhab",
        help="Make Things, Items, links and pages in openHAB over REST.\n\n"
        "Shows what will change and asks. What you changed in them stays; what others made is left alone.\n\n"
        "Example: ciigen push openhab --url http://openhab:8080 --token-file token --from mqtt://broker",
    )(_push_openhab)
    app.command(
        "iobroker",
        help="Make raw objects, aliases and the function in ioBroker through its adapter rest-api.\n\n"
        "Shows what will change and asks. What you changed in them stays; what others made is left alone.\n\n"
        "Example: ciigen push iobroker --url http://iobroker:8093 --from mqtt://broker --dry-run",
    )(_push_iobroker)
    return app
