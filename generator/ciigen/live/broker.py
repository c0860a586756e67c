"""Ask an MQTT broker for the retained ``meta`` messages below a prefix; the only I/O of ``--from``.

A broker sends what is retained right after it has confirmed the subscription (MQTT 5, 3.8.4), and nothing says which
message is the last: a short silence does. MQTT 5 is tried first, then 3.1.1, which some brokers know alone and tell by
refusing, others by hanging up or by saying nothing.

    connect ── CONNACK ── SUBSCRIBE ── SUBACK ── PUBLISH* ──(silence)── DISCONNECT
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ciigen.errors import CiigenError, UsageError

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
#: For TCP, TLS and CONNACK together; a broker that chokes on MQTT 5 may just fall silent, so the first try is short.
_PATIENCE_S: Final = {MQTTProtocolVersion.MQTTv5: 3.0, MQTTProtocolVersion.MQTTv311: 6.0}
#: After the last retained message. A broker on another continent has a round trip of a third of this.
_SILENCE_S: Final = 0.7
_STEP_S: Final = 0.05
#: Reason codes of CONNACK (MQTT 5, 3.2.2.2; paho gives those of 3.1.1 as their counterparts) that older MQTT may mend.
_UNSUPPORTED: Final = 132
_REFUSALS: Final = {
    133: "it does not accept the client id",
    134: "user name or password is wrong → mqtt://USER@…, and the password with --password-file or CIIGEN_MQTT_PASSWORD",
    135: "this user may not connect → mqtt://USER@…, and the password with --password-file or CIIGEN_MQTT_PASSWORD",
    136: "it says that it is not available → look at its log",
    137: "it says that it is busy → try again",
    138: "this client is banned → look at its log",
}
#: Bit 7 of a reason code of SUBACK: refused (MQTT 5, 3.9.3).
_REFUSED: Final = 128


class LiveError(CiigenError):
    """The broker could not be asked, or has nothing to say; the message names it, the cause and the remedy."""


class _NoAnswerError(Exception):
    """Nothing that MQTT would say came back: perhaps another version of the protocol helps."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is and how to be let in; ``password`` is never shown."""

    host: str
    port: int
    tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    @property
    def url(self) -> str:
        """Address without credentials, for people and for the headers of files."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "mqtts" if self.tls else "mqtt"
        port = "" if self.port == _PORTS[scheme] else f":{self.port}"
        return f"{scheme}://{host}{port}"


def parse_address(url: str, *, password: str | None = None, ca_file: Path | None = None) -> BrokerAddress:
    """``mqtt://[user@]host[:port]`` or ``mqtts://…`` (raises UsageError that says what is wrong and what is right)."""
    form = "write mqtt://[USER@]HOST[:PORT], or mqtts:// for TLS"
    parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    if parts.scheme not in _PORTS:
        raise UsageError(f"--from {parts.scheme}://… is no MQTT broker: {form}")
    if parts.password is not None:
        raise UsageError(
            "--from: everybody on this machine can read a password in a command line: "
            "leave it out and give it with --password-file FILE or in CIIGEN_MQTT_PASSWORD"
        )
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise UsageError(f"--from {url}: {error}: {form}") from error
    if not parts.hostname or parts.path.strip("/") or parts.query:
        raise UsageError(f"--from {url}: {form}; topics that begin otherwise than cii need --prefix")
    tls = parts.scheme == "mqtts"
    if ca_file is not None and not tls:
        raise UsageError("--ca-file is for TLS: write mqtts:// in --from")
    if ca_file is not None and not ca_file.is_file():
        raise UsageError(f"--ca-file {ca_file}: there is no such file")
    user = unquote(parts.username) if parts.username else None
    return BrokerAddress(parts.hostname, port, tls, user, password, ca_file)


def retained(address: BrokerAddress, topic: str, *, at_most_s: float) -> dict[str, bytes]:
    """Give every retained message whose topic fits ``topic``; topic → payload, none empty.

    Returns as soon as nothing more comes, after ``at_most_s`` seconds of listening in any case. Raises LiveError.
    """
    for version in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
        try:
            return _Asking(address, topic, version).answers(at_most_s)
        except _NoAnswerError as error:
            why = str(error)
    raise LiveError(f"{address.url}: {why}")


class _Asking:
    """One connection, used once."""

    def __init__(self, address: BrokerAddress, topic: str, version: MQTTProtocolVersion) -> None:
        self._address = address
        self._topic = topic
        self._version = version
        self._messages: dict[str, bytes] = {}
        self._connack: ReasonCode | None = None
        self._suback: ReasonCode | None = None
        self._last = 0.0
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect_timeout = _PATIENCE_S[version]
        if address.user is not None:
            self._client.username_pw_set(address.user, address.password)

    def answers(self, at_most_s: float) -> dict[str, bytes]:
        try:
            self._connect()
            if not self._loop_until(lambda: self._connack is not None, _PATIENCE_S[self._version]):
                raise _NoAnswerError("it takes the connection and says nothing → is it an MQTT broker?")
            self._check_connack()
            self._client.subscribe(self._topic, qos=1)
            self._last = time.monotonic()
            self._loop_until(self._quiet, at_most_s)
            if self._suback is None:
                raise LiveError(f"{self._address.url}: it does not answer the subscription → look at its log")
            if self._suback.value >= _REFUSED:
                raise LiveError(
                    f"{self._address.url}: this user may not read {self._topic} → allow it on the broker, or name another user"
                )
            return self._messages
        finally:
            self._client.disconnect()

    def _connect(self) -> None:
        host, port, url = self._address.host, self._address.port, self._address.url
        try:
            if self._address.tls:
                self._client.tls_set(ca_certs=str(self._address.ca_file) if self._address.ca_file else None)
            self._client.connect(host, port)
        except ssl.SSLCertVerificationError as error:
            raise LiveError(
                f"{url}: its certificate is not accepted ({error.verify_message}) → --ca-file FILE with that of the authority "
                "that signed it; the host must stand in the certificate"
            ) from error
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).lower().replace("_", " ")
            raise LiveError(
                f"{url}: no TLS ({reason}) → is this the TLS port (often 8883)? without TLS write mqtt://"
            ) from error
        except socket.gaierror as error:
            raise LiveError(f"{url}: the name {host} is not known → write its IP address") from error
        except ConnectionRefusedError as error:
            raise LiveError(
                f"{url}: nothing listens there → does the broker run, is the port right (1883, with TLS 8883)?"
            ) from error
        except TimeoutError as error:
            plain = ", and whether this is the TLS port (often 8883)" if self._address.tls else ""
            raise LiveError(f"{url}: {host} does not answer → check address and firewall{plain}") from error
        except (OSError, ValueError) as error:
            raise LiveError(f"{url}: cannot be reached ({error})") from error

    def _check_connack(self) -> None:
        code = self._connack.value if self._connack is not None else _UNSUPPORTED
        if code == _UNSUPPORTED:
            raise _NoAnswerError("it speaks neither MQTT 5 nor 3.1.1")
        if code:
            raise LiveError(
                f"{self._address.url}: it refuses the connection: {_REFUSALS.get(code, self._connack)}"
            )

    def _loop_until(self, done: Callable[[], bool], at_most_s: float) -> bool:
        end = time.monotonic() + at_most_s
        while not done():
            if time.monotonic() > end:
                return False
            if self._client.loop(_STEP_S) is not MQTTErrorCode.MQTT_ERR_SUCCESS and not done():
                if self._connack is None:
                    raise _NoAnswerError(
                        "it closed the connection without an answer → if the port expects TLS (often 8883), write mqtts://"
                    )
                if self._connack.is_failure:
                    return True
                raise LiveError(f"{self._address.url}: the connection was lost → look at the broker's log")
        return True

    def _quiet(self) -> bool:
        if self._suback is not None and self._suback.value >= _REFUSED:
            return True
        # nothing at all so far: stay until the end, the first message may be slow
        return bool(self._messages) and time.monotonic() - self._last > _SILENCE_S

    def _on_connect(
        self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, _more: Properties | None
    ) -> None:
        self._connack = code

    def _on_subscribe(
        self, _client: Client, _data: object, _id: int, codes: list[ReasonCode], _more: Properties | None
    ) -> None:
        self._suback = codes[0]

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._last = time.monotonic()
        # amqtt sends every retained message there is, whatever was subscribed to
        if message.payload and topic_matches_sub(self._topic, message.topic):
            self._messages[message.topic] = bytes(message.payload)
