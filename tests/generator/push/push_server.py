"""A server on loopback for the tests of push, and the command that meets it: routes, authorisation, and how a server fails."""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ciigen import cli

Answer = tuple[int, Any]
Route = Callable[..., Answer]


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up, as those do which do not accept its certificate."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Command:
    """Runs ``ciigen push <consumer>`` against a server; ``out`` and ``err`` are of the last run, and hold none of ``secrets``."""

    def __init__(
        self,
        consumer: str,
        server: Fake,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
        *secrets: str,
    ) -> None:
        self._consumer, self._server, self._secrets = consumer, server, secrets
        self._monkeypatch, self._capfd = monkeypatch, capfd
        self.out = self.err = ""

    def __call__(self, *arguments: str, url: str | None = None) -> int:
        line = ["ciigen", "push", self._consumer, "--url", url or self._server.url, *arguments]
        self._monkeypatch.setattr("sys.argv", line)
        with pytest.raises(SystemExit) as end:
            cli.main()
        self.out, self.err = self._capfd.readouterr()
        assert not [secret for secret in self._secrets if secret in self.out + self.err]
        return int(end.value.code or 0)


class Fake:
    """``routes``: (method, pattern of the path) → function of the groups, query and body that gives status and JSON.

    ``written`` are the calls that changed something. ``dies_after``: the connection breaks at the next writing call after so
    many.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[tuple[str, str], Route] = {}
        self.written: list[tuple[str, str]] = []
        self.dies_after: int | None = None
        self.allowed: Callable[[str, str, str], int] = lambda method, path, authorization: 200
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )  # a client that hangs up in the handshake leaves a socket that the handler closes
        self._scheme = "https" if tls else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _answer(self, method: str, target: str, authorization: str, body: Any) -> Answer:
        parts = urlsplit(target)
        refused = self.allowed(method, parts.path, authorization)
        if refused != 200:
            return refused, {"error": {"message": "Authentication required", "http-code": refused}}
        for (verb, pattern), route in self.routes.items():
            if verb == method and (found := re.fullmatch(pattern, parts.path)):
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                return route(*map(unquote, found.groups()), query=query, body=body)
        return 404, {"error": "no such path"}

    def _handler(fake) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one segment: else each answer waits 40 ms for an acknowledgement
            disable_nagle_algorithm = True

            def handle_one(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length)
                if self.command != "GET":
                    if fake.dies_after is not None and len(fake.written) >= fake.dies_after:
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
                    fake.written.append((self.command, self.path))
                content = json.loads(text) if text else None
                status, answer = fake._answer(
                    self.command, self.path, self.headers.get("Authorization", ""), content
                )
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        return Handler
