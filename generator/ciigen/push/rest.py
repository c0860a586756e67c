"""HTTP to the server of a house, and its failures in words; the only place that knows ``requests``.

Environment and ``~/.netrc`` are not read: a proxy has no business between two machines of one house, and a line in
``.netrc`` would replace the token.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests

from ciigen.errors import CiigenError, UsageError
from ciigen.push.changes import Call

_CONNECT_S: Final = 5.0
#: A small computer may take its time to write its database.
_ANSWER_S: Final = 30.0
_LONGEST: Final = 200


class RestError(CiigenError):
    """The server could not be asked, or said no; the message names it, the cause and the remedy.

    ``status`` is that of HTTP, 0 where there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and how to be let in: a token, or user and password. Neither is ever shown."""

    url: str
    token: str | None = field(default=None, repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Speech:
    """What a server's refusals mean: HTTP status → what to do. ``name`` is the program, ``port`` its usual one."""

    name: str
    port: int
    remedies: dict[int, str]


def parse_url(url: str, below: str = "") -> str:
    """``http://host:8080/`` without what is at its end: a slash, or ``below`` (raises UsageError for what is no such URL)."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"--url {url} is no address: write http://HOST:PORT")
    if parts.username or parts.password:
        raise UsageError(
            "--url: everybody on this machine can read a password in a command line: see --help for where it goes"
        )
    if parts.query or parts.fragment:
        raise UsageError(f"--url {url}: nothing may follow the path")
    return url.rstrip("/").removesuffix(below).rstrip("/")


class _Token(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Rest:
    """A server. Use it as a context, so that its connection is closed."""

    def __init__(self, access: Access, speech: Speech) -> None:
        self._access = access
        self._speech = speech
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Accept"] = "application/json"
        self._session.verify = str(access.ca_file) if access.ca_file else True
        if access.token is not None:
            if not re.fullmatch(r"[\x21-\x7e]+", access.token):
                raise UsageError("the token holds something that no token has: is the right file named?")
            self._session.auth = _Token(access.token)
        elif access.user is not None:
            self._session.auth = (access.user, access.password or "")

    def __enter__(self) -> Rest:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, path: str, *, may_be_absent: bool = False) -> object:
        """Give the JSON at ``path``; None where there is nothing, if ``may_be_absent`` (raises RestError)."""
        response = self._request("GET", path, None)
        if may_be_absent and response.status_code in (requests.codes.not_found, requests.codes.no_content):
            return None
        self._check(response, f"GET {path}")
        try:
            return response.json()
        except requests.JSONDecodeError as error:
            raise RestError(
                f"{self._access.url}{path} answers something else than JSON → is {self._speech.name} there "
                f"(often port {self._speech.port})?"
            ) from error

    def send(self, call: Call) -> None:
        """Make a change (raises RestError). What is to be deleted and is not there is deleted."""
        response = self._request(call.method, call.path, call.body)
        if call.method == "DELETE" and response.status_code == requests.codes.not_found:
            return
        self._check(response, f"{call.method} {call.path}")

    def _request(self, method: str, path: str, body: object) -> requests.Response:
        url = self._access.url
        timeout = (_CONNECT_S, _ANSWER_S)
        try:
            return self._session.request(
                method, f"{url}{path}", json=body, timeout=timeout, allow_redirects=method == "GET"
            )
        except requests.exceptions.SSLError as error:
            raise RestError(f"{url}: {_tls(error)}") from error
        except requests.exceptions.ConnectTimeout as error:
            raise RestError(f"{url} does not answer → check address and firewall") from error
        except requests.exceptions.Timeout as error:
            raise RestError(
                f"{url} takes longer than {_ANSWER_S:g} s for {method} {path} → look at its log"
            ) from error
        except requests.exceptions.ConnectionError as error:
            raise RestError(f"{url}: {self._unreachable(error)}") from error
        except requests.exceptions.RequestException as error:
            raise RestError(f"{url}: {method} {path} failed ({error})") from error

    def _unreachable(self, error: Exception) -> str:
        text = str(error)
        host = urlsplit(self._access.url).hostname or ""
        if "refused" in text:
            return f"nothing listens there → does {self._speech.name} run, is the port right (often {self._speech.port})?"
        if not _is_address(host) and ("resolve" in text or "Name or service" in text):
            return f"the name {host} is not known → write its IP address"
        return "the connection was lost → does it still run? look at its log"

    def _check(self, response: requests.Response, what: str) -> None:
        status = response.status_code
        if response.ok and not response.is_redirect:
            return
        remedy = self._speech.remedies.get(status, "look at its log")
        raise RestError(
            f"{self._access.url}: {what}: {status} {response.reason}{_said(response)} → {remedy}", status
        )


def _said(response: requests.Response) -> str:
    """Give the server's own words, which openHAB has in ``error.message`` and ioBroker in ``error``."""
    try:
        content = response.json()
    except requests.JSONDecodeError:
        return ""
    said = content.get("error") if isinstance(content, dict) else None
    said = said.get("message") if isinstance(said, dict) else said
    return f" ({str(said)[:_LONGEST]})" if said else ""


def _tls(error: Exception) -> str:
    text = str(error)
    if found := re.search(r"certificate verify failed: ([^(\]]+)", text):
        return (
            f"its certificate is not accepted ({found[1].strip()}) → --url-ca-file FILE with that of the authority that signed "
            "it; the host must stand in the certificate"
        )
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return "it does not speak TLS there → write http://, or the port of HTTPS"
    return f"no TLS comes about ({text[:_LONGEST]}) → check the port"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
