"""TLS to a real broker, with an authority of our own: let in, and what is said when it does not fit."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from certificates import Authority
from mqtt_parts import BrokerProcess, MakeBroker, find_mosquitto, free_port, wait_until
from service_parts import service_in_thread, write_config

pytest_plugins = ("mqtt_fixtures",)
pytestmark = [
    pytest.mark.broker,
    # paho leaves the socket of a failed handshake to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning"),
    pytest.mark.skipif(find_mosquitto() is None, reason="needs a real mosquitto (apt install mosquitto)"),
]
METER = 'port = "/dev/none"\nmodel = "lg-e450"'


@pytest.fixture
def tls_broker(tmp_path: Path, make_broker: MakeBroker) -> BrokerProcess:
    """A broker with TLS that wants a certificate of its clients."""
    ours = Authority(tmp_path, "ours")
    Authority(tmp_path, "theirs")
    ours.issue("server")
    ours.issue("client")
    port = free_port()
    extra = (
        f"listener {port} 127.0.0.1\ncafile {tmp_path}/ours.pem\ncertfile {tmp_path}/server.pem\n"
        f"keyfile {tmp_path}/server.key\nrequire_certificate true"
    )
    return make_broker(port, extra=extra).start()


@pytest.mark.parametrize(
    ("host", "settings", "expected"),
    [
        (
            "127.0.0.1",
            'ca_file = "ours.pem"\ncert_file = "client.pem"\nkey_file = "client.key"',
            "connected (MQTT 5)",
        ),
        ("127.0.0.1", 'ca_file = "theirs.pem"', "its certificate is not accepted"),
        ("localhost", 'ca_file = "ours.pem"', "its certificate is for another host"),
        ("127.0.0.1", 'ca_file = "ours.pem"', "trying again"),
    ],
)
def test_certificates(
    *,
    tmp_path: Path,
    tls_broker: BrokerProcess,
    caplog: pytest.LogCaptureFixture,
    host: str,
    settings: str,
    expected: str,
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    mqtt = f'url = "mqtts://{host}:{tls_broker.port}"\n{settings}'
    with service_in_thread(write_config(tmp_path, tls_broker.port, METER, mqtt=mqtt)):
        wait_until(lambda: expected.lower() in broker_log(caplog).lower(), what=expected)


def broker_log(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(text for text in caplog.messages if text.startswith("broker"))


@pytest.mark.parametrize(
    ("scheme", "extra", "words"),
    [("mqtts", "", "Is this the TLS port"), ("mqtt", "tls", "write mqtts:// in url")],
)
def test_tls_on_one_side_only(
    *,
    tmp_path: Path,
    make_broker: MakeBroker,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
    scheme: str,
    extra: str,
    words: str,
) -> None:
    broker = request.getfixturevalue("tls_broker") if extra else make_broker().start()
    mqtt = f'url = "{scheme}://127.0.0.1:{broker.port}"'
    with service_in_thread(write_config(tmp_path, broker.port, METER, mqtt=mqtt)):
        wait_until(lambda: words in broker_log(caplog), what=words)


@pytest.mark.parametrize(
    ("days", "words"), [(-3, "its certificate has expired"), (3, "its certificate is not valid yet")]
)
def test_a_certificate_out_of_its_time_is_said_once_and_cured_without_a_restart(
    tmp_path: Path, make_broker: MakeBroker, caplog: pytest.LogCaptureFixture, days: int, words: str
) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    ours = Authority(tmp_path, "ours")
    ours.issue("server", days=days)
    port = free_port()
    extra = f"listener {port} 127.0.0.1\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key"
    broker = make_broker(port, extra=extra).start()
    mqtt = f'url = "mqtts://127.0.0.1:{port}"\nca_file = "ours.pem"'
    with service_in_thread(write_config(tmp_path, port, METER, mqtt=mqtt)):
        wait_until(lambda: words in broker_log(caplog), what=words)
        time.sleep(0.5)
        broker.stop()
        ours.issue("server")
        broker.start()
        wait_until(lambda: "connected (MQTT 5) again after" in broker_log(caplog), 10, "connection")
    assert broker_log(caplog).count(words) == 1
    assert "look at the clock of this machine" in broker_log(caplog)


class OldServer:
    """Speaks TLS 1.1 and nothing newer; counts the handshakes that came about."""

    def __init__(self, folder: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self._context.set_ciphers("ALL:@SECLEVEL=0")
        self._context.minimum_version = ssl.TLSVersion.TLSv1
        self._context.maximum_version = ssl.TLSVersion.TLSv1_1
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self._stop = threading.Event()
        self.port = int(self._listener.getsockname()[1])
        self.handshakes = self.refused = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            client.settimeout(2)
            try:
                with self._context.wrap_socket(client, server_side=True):
                    self.handshakes += 1
            except OSError:
                self.refused += 1
            finally:
                client.close()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._listener.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_tls_older_than_1_2_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ciibridge")
    ours = Authority(tmp_path, "ours")
    ours.issue("server")
    old = OldServer(tmp_path)
    try:
        lenient = ssl.create_default_context(cafile=str(tmp_path / "ours.pem"))
        lenient.set_ciphers("ALL:@SECLEVEL=0")
        lenient.minimum_version = ssl.TLSVersion.TLSv1
        with (
            socket.create_connection(("127.0.0.1", old.port)) as plain,
            lenient.wrap_socket(plain, server_hostname="127.0.0.1") as client,
        ):
            assert client.version() == "TLSv1.1"  # the server is one that can be talked to
        wait_until(lambda: old.handshakes == 1, what="handshake")
        mqtt = f'url = "mqtts://127.0.0.1:{old.port}"\nca_file = "ours.pem"'
        with service_in_thread(write_config(tmp_path, old.port, METER, mqtt=mqtt)):
            wait_until(lambda: "no TLS connection comes about" in broker_log(caplog), what="refusal")
        assert (old.handshakes, old.refused >= 1) == (1, True)
    finally:
        old.stop()
