"""The broker as every connection of this process sees it: address, credentials, protocol, and its faults in words.

Brokers and operating systems answer with numbers; the tables below turn them into a sentence and a remedy. The outage is
kept here, once a process: fifty meters that lose one broker are one line in the log.
"""

from __future__ import annotations

import logging
import socket
import ssl
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, Literal

from ciibridge.events import event
from ciibridge.publish.retry import Outage, Reason


class Version(IntEnum):
    """Protocol level octet of CONNECT (MQTT 3.1.1 and 5, section 3.1.2.2)."""

    V311 = 4
    V5 = 5

    def __str__(self) -> str:
        return {Version.V311: "3.1.1", Version.V5: "5"}[self]


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """Where the broker is and how to be let in. ``tls`` is None for mqtt://."""

    host: str
    port: int
    tls: ssl.SSLContext | None = field(default=None, compare=False)
    tls_files: str = ""  # digest of the certificates and keys in ``tls``, to see whether they changed
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive_s: int = 30

    @property
    def url(self) -> str:
        """The address without credentials, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


#: Reason codes of CONNACK and DISCONNECT (MQTT 5, 2.4; the return codes 1 to 5 of 3.1.1 arrive here as their MQTT 5
#: counterparts) → our code, what is wrong, what to do.
ANSWERS: Final[dict[int, Reason]] = {
    132: Reason("protocol", "it does not speak this version of MQTT", 'Set protocol = "auto".'),
    133: Reason("client_id", "it does not accept the client id", "Set client_id in [mqtt]."),
    134: Reason("credentials", "user name or password is wrong", "Check username and password in [mqtt]."),
    135: Reason(
        "not_authorised",
        "the user is not allowed to do this",
        "Give username and password in [mqtt], or allow the user to write to the prefix on the broker.",
    ),
    136: Reason("unavailable", "it says that it is not available", "Look at the broker's log."),
    137: Reason("unavailable", "it says that it is busy", "Look at the broker's log."),
    138: Reason("banned", "this client is banned", "Look at the broker's log."),
    139: Reason("lost", "it shuts down", "It should be back soon."),
    142: Reason(
        "taken_over",
        "another client with the same client id has taken the connection over",
        "Run one bridge only, or give each its own [bridge] id.",
    ),
    149: Reason("too_large", "a message was too large for it", "Raise the packet size limit of the broker."),
}
NO_ANSWER: Final = Reason(
    "no_answer",
    "it closed the connection without an answer",
    "If the port expects TLS (often 8883), write mqtts:// in url.",
)
NO_CONNACK: Final = Reason(
    "no_answer", "it takes the connection and says nothing", "Is it an MQTT broker that listens on this port?"
)
_NO_TLS: Final = (
    "Is this the TLS port (often 8883)? Does the broker want cert_file and key_file? "
    "For a broker without TLS write mqtt://."
)
_CLOCK: Final = "If it is not, look at the clock of this machine (date)."
_OTHER_NAME: Final = Reason(
    "tls_name", "its certificate is for another host", "Write in url the name that stands in the certificate."
)
#: What OpenSSL finds wrong with a certificate (X509_V_ERR_…, X509_verify_cert_error_string(3)); others go by its own words.
CERTIFICATES: Final[dict[int, Reason]] = {
    9: Reason("tls_not_yet", "its certificate is not valid yet", f"Is that so? {_CLOCK}"),
    10: Reason("tls_expired", "its certificate has expired", f"Renew it on the broker. {_CLOCK}"),
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
LOST: Final = Reason("lost", "the connection was lost", "Look whether the broker still runs.")
#: Not every broker says that a connection was taken over (mosquitto 2.0.11 just closes it), but it shows.
UNSTABLE: Final = Reason(
    "unstable",
    "the connection is lost again and again, each time within seconds",
    "Another client with the same client id may take it over: run one bridge only, or give each its own [bridge] id. "
    "Else look at the broker's log.",
)
SILENT: Final = Reason("silent", "it does not answer any more", "Check the network and the broker.")


def answered(code: int) -> Reason:
    """Put a reason code of the broker into words."""
    return ANSWERS.get(
        code, Reason(f"mqtt_{code}", f"it ends with reason code {code}", "Look at the broker's log.")
    )


def unreachable(settings: BrokerSettings, error: Exception) -> Reason:
    """Put an exception of name look-up, TCP or TLS into words."""
    host, port = settings.host, settings.port
    match error:
        case ssl.SSLCertVerificationError():
            return CERTIFICATES.get(
                getattr(error, "verify_code", 0),
                Reason(
                    "tls_certificate",
                    f"its certificate is not accepted ({error.verify_message})",
                    "Set ca_file to the certificate of the authority that signed it.",
                ),
            )
        case ssl.SSLError():
            return Reason(
                "tls",
                f"no TLS connection comes about ({(getattr(error, 'reason', None) or str(error)).lower().replace('_', ' ')})",
                _NO_TLS,
            )
        case socket.gaierror():
            return Reason(
                "dns",
                f"the name {host!r} is not known",
                "Check url in [mqtt], or write the IP address there.",
            )
        case ConnectionRefusedError():
            return Reason(
                "refused",
                f"nothing listens on {host} port {port}",
                "Does the broker run, does it listen on more than localhost, is the port right (1883, with TLS 8883)?",
            )
        case TimeoutError():
            return Reason(
                "timeout", f"{host} port {port} does not answer", "Check address, network and firewall."
            )
        case ConnectionError():
            return NO_ANSWER if settings.tls is None else replace(NO_ANSWER, remedy=_NO_TLS)
        case UnicodeError():
            return Reason("dns", f"{host!r} cannot be a host name", "Check url in [mqtt].")
        case _:
            return Reason(
                "network", f"{host} cannot be reached ({error})", "Check the network of this machine."
            )


class Broker:
    """Settings, and what this process has learnt about the broker while it runs."""

    def __init__(self, settings: BrokerSettings, log: logging.Logger) -> None:
        self.settings = settings
        self.outage = Outage(log, f"broker {settings.url}")
        self._log = log
        self._only_311 = settings.protocol == "3.1.1"
        self._said_311 = self._only_311
        self._said_refusal = False

    def versions(self) -> tuple[Version, ...]:
        """List what to try, in this order."""
        if self._only_311:
            return (Version.V311,)
        return (Version.V5,) if self.settings.protocol == "5" else (Version.V5, Version.V311)

    def refused_version(self) -> None:
        """Ask no more for MQTT 5 while this process lives: the broker said that it does not know it."""
        self._only_311 = True

    def speaks(self, version: Version) -> None:
        """Note a connection that stands; say once that it is not MQTT 5."""
        if version is Version.V311 and not self._said_311:
            self._said_311 = True
            self._log.info(
                "broker %s: it %s MQTT 5, going on with 3.1.1 (live values carry no expiry)",
                self.settings.url,
                "does not take" if self._only_311 else "does not answer",
                extra=event("protocol_older", broker=self.settings.url),
            )

    def refuses(self, topic: str, reason: Reason) -> None:
        """Say once that the broker did not take a message; it will refuse the next ones too."""
        if not self._said_refusal:
            self._said_refusal = True
            prefix = "/".join(topic.split("/")[:2])
            self._log.error(
                "broker %s: it refuses messages under %s/: %s",
                self.settings.url,
                prefix,
                reason,
                extra=event("publish_refused", broker=self.settings.url, reason=reason.code),
            )
