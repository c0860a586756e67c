"""What a broker or the network answers, in words and with a remedy."""

from __future__ import annotations

import logging
import socket
import ssl

import pytest
from ciibridge.publish.broker import ANSWERS, Broker, BrokerSettings, Version, answered, unreachable

SETTINGS = BrokerSettings("nas.local", 8883)


def _certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "dns", "nas.local"),
        (ConnectionRefusedError(111, "refused"), "refused", "8883"),
        (TimeoutError(), "timeout", "8883"),
        (_certificate_error(), "tls_certificate", "self-signed certificate"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "tls", "TLS"),
        (ConnectionResetError(104, "reset"), "no_answer", "without an answer"),
        (OSError(113, "No route to host"), "network", "No route to host"),
        (UnicodeError("label too long"), "dns", "host name"),
    ],
)
def test_every_failure_to_connect_has_words_and_a_remedy(error: Exception, code: str, words: str) -> None:
    reason = unreachable(SETTINGS, error)
    assert reason.code == code
    assert words in reason.words
    assert reason.remedy.endswith((".", "?"))


def test_every_answer_has_a_remedy() -> None:
    assert all(reason.remedy for reason in ANSWERS.values())
    assert answered(134).code == "credentials"
    assert answered(151).code == "mqtt_151"


def test_the_url_never_holds_the_password() -> None:
    settings = BrokerSettings("::1", 1883, username="meter", password="secret")
    assert settings.url == "mqtt://[::1]:1883"
    assert "secret" not in repr(settings)


def test_which_protocols_are_tried(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log = logging.getLogger("test")
    assert Broker(BrokerSettings("h", 1, protocol="5"), log).versions() == (Version.V5,)
    assert Broker(BrokerSettings("h", 1, protocol="3.1.1"), log).versions() == (Version.V311,)
    auto = Broker(BrokerSettings("h", 1), log)
    assert auto.versions() == (Version.V5, Version.V311)
    auto.refused_version()
    assert auto.versions() == (Version.V311,)
    auto.speaks(Version.V311)
    auto.speaks(Version.V311)
    assert len(caplog.messages) == 1
