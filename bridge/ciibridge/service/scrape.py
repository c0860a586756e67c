r"""The port that Prometheus asks: GET /metrics, and nothing else. ADR 23 says why it is so small.

    GET /metrics HTTP/1.1\r\n … \r\n\r\n   ──►   HTTP/1.0 200 OK, the text, and the end of the connection

A request is read up to its empty line, bounded in octets and in time; whatever it is, it gets one answer and the connection is
closed. It cannot hold up the bridge: no more than a few are served at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ciibridge.events import event
from ciibridge.publish.metrics import CONTENT_TYPE

_log: Final = logging.getLogger("ciibridge.metrics")
#: Octets of a request with all its headers; Prometheus sends some 300.
_LONGEST: Final = 8192
_PATIENCE_S: Final = 5.0
_MOST: Final = 8


class Scrape:
    """Serves ``text`` on host and port. ``start`` and ``close`` it."""

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        self._host = host
        self._port = port
        self._text = text
        self._server: asyncio.Server | None = None
        self._open = 0

    @property
    def port(self) -> int:
        """The port that is listened on; the one that was given, unless that was 0."""
        sockets = self._server.sockets if self._server is not None else ()
        return int(sockets[0].getsockname()[1]) if sockets else self._port

    async def start(self) -> None:
        """Listen. A port that is taken costs the metrics, not the bridge: it is said in the log."""
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_LONGEST)
        except OSError as error:
            _log.error(
                "metrics cannot be served on %s:%d (%s): choose another listen in [metrics]",
                self._host,
                self._port,
                error.strerror,
                extra=event("metrics_not_served", port=self._port),
            )

    async def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _MOST:
                async with asyncio.timeout(_PATIENCE_S):
                    writer.write(self._answer(await reader.readuntil(b"\r\n\r\n")))
                    await writer.drain()
        except asyncio.LimitOverrunError:
            writer.write(_response("431 Request Header Fields Too Large", "too long\n"))
        except (
            asyncio.IncompleteReadError,
            OSError,
        ):  # it hung up, or says nothing (TimeoutError is an OSError)
            pass
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, request: bytes) -> bytes:
        words = request.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response("400 Bad Request", "this is not HTTP\n")
        if words[0] != b"GET":
            return _response("405 Method Not Allowed", "only GET\n", "Allow: GET\r\n")
        if words[1].split(b"?", 1)[0] != b"/metrics":
            return _response("404 Not Found", "look at /metrics\n")
        return _response("200 OK", self._text(), f"Content-Type: {CONTENT_TYPE}\r\n")


def _response(status: str, text: str, headers: str = "Content-Type: text/plain\r\n") -> bytes:
    body = text.encode()
    head = f"HTTP/1.0 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + body
