"""A round of reading a DLMS meter: who may enter, what is read, and what is said when something is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ciibridge.decode.dlms.shapes import CaptureObject
from ciibridge.dialogue import Change, DialogueError
from ciibridge.dialogue.asking import Asking
from ciibridge.dialogue.dlms import Access, Authentication, settings
from ciibridge.dialogue.dlms.requests import Requests
from ciibridge.errors import ConfigError, SecurityError
from ciibridge.framing.crc import checksum
from ciibridge.normalise.settings import MeterSettings
from ciibridge.pipeline import Pipeline
from ciibridge.simulate.cosem import Client, Security
from ciibridge.simulate.identity import SYNTHETIC_AUTH_KEY as AUTH_KEY
from ciibridge.simulate.identity import SYNTHETIC_KEY as KEY
from ciibridge.simulate.station import Station
from ciibridge.types import Measured, Obis, Snapshot
from read_parts import (
    AT,
    CATALOGUE,
    PASSWORD,
    SECURITY,
    SETUPS,
    Heard,
    asker,
    by_code,
    do,
    simulated,
    station,
    with_password,
    zeros,
)


def numbers(values: dict[str, Measured]) -> dict[str, str]:
    return {name: f"{measured.number} {measured.unit}" for name, measured in values.items()}


WAYS_IN = {
    "public": (Access(), {16: Client()}, None),
    "password": (with_password(), {1: Client("low", PASSWORD)}, None),
    "high": (with_password(Authentication.HIGH), {1: Client("high", PASSWORD)}, None),
    "md5": (with_password(Authentication.MD5), {1: Client("md5", PASSWORD)}, None),
    "sha1": (with_password(Authentication.SHA1), {1: Client("sha1", PASSWORD)}, None),
    "sha256": (with_password(Authentication.SHA256), {1: Client("sha256", PASSWORD)}, SECURITY),
    "ciphered": (
        Access(client=1, key=KEY, auth_key=AUTH_KEY),
        {1: Client(ciphered=True), 16: Client()},
        SECURITY,
    ),
    "encrypted only": (
        Access(client=1, key=KEY),
        {1: Client(ciphered=True), 16: Client()},
        replace(SECURITY, auth_key=None),
    ),
    "gmac": (
        Access(client=1, authentication=Authentication.GMAC, key=KEY, auth_key=AUTH_KEY),
        {1: Client("gmac", ciphered=True), 16: Client()},
        SECURITY,
    ),
    "suite 2": (
        Access(client=1, key=KEY * 2, auth_key=AUTH_KEY * 2),
        {1: Client(ciphered=True), 16: Client()},
        Security(KEY * 2, AUTH_KEY * 2),
    ),
    "suite 2, encrypted only": (
        Access(client=1, key=KEY * 2),
        {1: Client(ciphered=True), 16: Client()},
        Security(KEY * 2, None),
    ),
    "suite 2, gmac": (
        Access(client=1, authentication=Authentication.GMAC, key=KEY * 2, auth_key=AUTH_KEY * 2),
        {1: Client("gmac", ciphered=True), 16: Client()},
        Security(KEY * 2, AUTH_KEY * 2),
    ),
    "password, ciphered": (
        with_password(key=KEY, auth_key=AUTH_KEY),
        {1: Client("low", PASSWORD, ciphered=True), 16: Client()},
        SECURITY,
    ),
}


@pytest.mark.parametrize("name", WAYS_IN)
def test_every_way_in_reads_the_same(name: str) -> None:
    access, clients, security = WAYS_IN[name]
    meter = station(clients, security=security, counter=41)
    ask = asker(access)
    first, second = do(ask.round(AT), meter), do(ask.round(AT), meter)
    assert first.live == second.live == do(asker().round(AT), station()).live
    assert first.problems == []
    assert first.sent[-1][5] == 0x53  # DISC


def test_what_is_read_is_what_would_have_been_pushed() -> None:
    """The snapshot of a reading is that of a push of the same moment: same values, same identity."""
    (reading,) = do(asker().round(AT), station()).live
    chosen = MeterSettings(model="lg-e450")
    asked = Pipeline(CATALOGUE, chosen).take(reading, AT)
    pushed = Pipeline(CATALOGUE, chosen).feed(simulated().telegrams(AT), AT)
    (read,), (push,) = asked, pushed
    assert isinstance(read, Snapshot)
    assert isinstance(push, Snapshot)
    assert numbers(read.values) == numbers(push.values)
    assert (read.meter, read.ts, read.ts_source, read.list) == (
        push.meter,
        push.ts,
        push.ts_source,
        push.list,
    )
    assert reading.shape == "objects"


@pytest.mark.parametrize("model", ["lg-e450", "lg-e570", "lg-e360", "iskra-am550"])
def test_scalers_are_those_of_the_meter(model: str) -> None:
    """The model is not known, and nothing is assumed: the meter says its scalers."""
    meter = simulated(model)
    (reading,) = do(asker(push_setups=SETUPS).round(AT), station(meter=meter)).live
    (snapshot,) = Pipeline(CATALOGUE, MeterSettings()).take(reading, AT)
    assert isinstance(snapshot, Snapshot)
    (pushed,) = Pipeline(CATALOGUE, MeterSettings(model=model)).feed(meter.telegrams(AT), AT)
    assert isinstance(pushed, Snapshot)
    assert numbers(snapshot.values) == numbers(pushed.values)


def test_scalers_and_the_object_list_are_read_once() -> None:
    meter, ask = station(), asker()
    first, second = do(ask.round(AT), meter), do(ask.round(AT), meter)
    assert (len(first.sent), len(second.sent)) == (
        11,
        6,
    )  # connect, associate, 15 objects in two lists, release, disconnect


@pytest.mark.parametrize("pdu_octets", [64, 128, 512, 4096])
@pytest.mark.parametrize("with_list", [True, False])
def test_blocks_and_lists_of_any_size(pdu_octets: int, with_list: bool) -> None:
    heard = do(asker().round(AT), station(pdu_octets=pdu_octets, with_list=with_list))
    assert heard.live == do(asker().round(AT), station()).live


def test_a_list_of_the_schema_where_the_meter_hides_its_own() -> None:
    wanted = CaptureObject(3, Obis(1, 0, 1, 7, 0), 2)
    (reading,) = do(asker(push_setups=(Obis(0, 0, 25, 9, 0),), objects=(wanted,)).round(AT), station()).live
    assert list(by_code(reading)) == ["0-0:42.0.0", "0-0:1.0.0", "1-0:1.7.0"]
    assert reading.list_object is None


def test_one_object_refused_is_said_once_and_the_others_are_read() -> None:
    whole = do(asker().round(AT), station()).live[0]
    hidden = Obis(1, 0, 32, 7, 0)
    seen = frozenset({r.obis for r in whole.registers} - {hidden} | {Obis(0, 8, 25, 9, 0)})
    meter, ask = station({16: Client(sees=seen)}), asker()
    first, second = do(ask.round(AT), meter), do(ask.round(AT), meter)
    assert [(p.code, p.message) for p in first.problems] == [
        ("object_refused", "the meter does not give 1-0:32.7.0: read-write denied")
    ]
    assert second.problems == []
    assert by_code(first.live[0]) == {k: v for k, v in by_code(whole).items() if k != "1-0:32.7.0"}


# -- wrong input -------------------------------------------------------------------------------------------------------------

WRONG = {
    "password": (replace(with_password(), password=b"87654321"), "access_denied", "wrong password or key"),
    "secret of md5": (
        Access(client=2, authentication=Authentication.MD5, password=b"wrong"),
        "access_denied",
        "refuses the proof",
    ),
    "client": (Access(client=17), "not_associated", "no reason given"),
    "no authentication": (Access(client=1), "not_associated", "authentication required"),
    "another mechanism": (
        Access(client=1, authentication=Authentication.SHA1, password=PASSWORD),
        "not_associated",
        "mechanism not recognised",
    ),
    "ciphering": (Access(client=4, key=KEY, auth_key=AUTH_KEY), "not_associated", "context not supported"),
    "key": (Access(client=3, key=AUTH_KEY, auth_key=KEY), "key_wrong", "cannot open our request"),
    "server": (Access(server=2), "no_answer", "does not answer"),
}
CLIENTS = {
    1: Client("low", PASSWORD),
    2: Client("md5", PASSWORD),
    3: Client(ciphered=True),
    4: Client(),
    16: Client(),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_and_the_meter_is_released(name: str) -> None:
    access, code, message = WRONG[name]
    heard = Heard()
    with pytest.raises(DialogueError, match=message) as caught:
        do(asker(access).round(AT), station(CLIENTS, security=SECURITY), heard=heard)
    assert caught.value.code == code
    assert heard.live == []
    assert heard.sent[-1][5] == 0x53  # DISC
    for secret in (KEY, AUTH_KEY, PASSWORD):
        assert secret.hex() not in str(caught.value).lower()
        assert repr(secret) not in repr(access)


def test_an_invocation_counter_that_is_too_low() -> None:
    clients = {3: Client(ciphered=True)}
    access = Access(client=3, key=KEY, auth_key=AUTH_KEY, counter=None)
    with pytest.raises(DialogueError, match="too low for the meter; it expects more than 1000") as caught:
        do(asker(access).round(AT), station(clients, security=SECURITY, counter=1000))
    assert caught.value.code == "counter_low"


def test_the_counter_cannot_be_read() -> None:
    clients = {3: Client(ciphered=True), 16: Client(sees=frozenset())}
    with pytest.raises(DialogueError, match=r"0-0:43.1.0 cannot be read: read-write denied") as caught:
        do(asker(Access(client=3, key=KEY, auth_key=AUTH_KEY)).round(AT), station(clients, security=SECURITY))
    assert caught.value.code == "counter_low"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"\xc4\x01\xc1\x00\x12\x00\x01", "not_encrypted"),
        (b"\x08\x00\x06\x5f\x1f\x04\x00\x00\x12\x15\x02\x00\x00\x07", "not_encrypted"),
        (b"\xcc\x08\x20\x00\x00\x00\x01abc", "key_wrong"),
    ],
)
def test_what_is_less_protected_than_it_should_be_is_not_believed(answer: bytes, code: str) -> None:
    """Anybody on the line can say a plain number."""
    requests = Requests(Access(client=3, key=KEY, auth_key=AUTH_KEY), zeros(16), 1)
    requests.title(SECURITY.system_title)
    with pytest.raises(SecurityError) as caught:
        requests.opened(answer)
    assert caught.value.code == code


def test_a_meter_that_hangs_up_in_the_middle_of_a_block() -> None:
    meter = station(pdu_octets=128)
    heard = Heard()

    def silent(number: int, said: bytes) -> bytes:
        return said if number < 4 else b""

    with pytest.raises(DialogueError, match="does not answer, although asked 3 times") as caught:
        do(asker().round(AT), meter, spoil=silent, heard=heard)
    assert caught.value.code == "no_answer"
    assert heard.sent[-1][5] == 0x53
    assert do(asker().round(AT), meter).live  # and the next round is a good one


def test_a_meter_that_says_it_hangs_up() -> None:
    meter = station()
    disconnected = bytes.fromhex("7ea0072103" + "1f")
    frame = disconnected + checksum(disconnected[1:]) + b"\x7e"
    with pytest.raises(DialogueError, match="it has hung up") as caught:
        do(asker().round(AT), meter, spoil=lambda number, said: said if number < 5 else frame)
    assert caught.value.code == "hung_up"


def test_a_lost_and_a_damaged_frame_are_asked_for_again() -> None:
    whole = do(asker().round(AT), station())
    for lost in range(len(whole.answers)):
        for spoiled in (b"", b"\x7e\xa0\x07\x21"):

            def once(number: int, said: bytes, lost: int = lost, spoiled: bytes = spoiled) -> bytes:
                return spoiled if number == lost else said

            assert do(asker().round(AT), station(), spoil=once).live == whole.live, lost


def test_an_optical_head_that_echoes() -> None:
    whole = do(asker().round(AT), station())
    heard = Heard()

    def echo(number: int, said: bytes) -> bytes:
        return heard.sent[-1] + said

    assert do(asker().round(AT), station(), spoil=echo, heard=heard).live == whole.live


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"client": 0}, "address: 0 is no client address"),
        ({"client": 128}, "address: 128 is no client address"),
        ({"server": 20000}, "address: 20000 is no server address: write 0 to 16383"),
        ({"physical": 17, "address_octets": 1}, "address: an address of one octet has no lower part"),
        ({"authentication": Authentication.LOW}, "password: is missing, and authentication is low"),
        ({"authentication": Authentication.GMAC}, "auth_key: authentication gmac needs key and auth_key"),
        ({"auth_key": KEY}, "key: is missing: requests are never authenticated only"),
        ({"key": bytes(24)}, "key: give key and auth_key of 32 or 64 digits, both alike"),
        ({"key": bytes(32), "auth_key": bytes(16)}, "both alike"),
        ({"client_title": b"CII"}, "client_title: write 16 hexadecimal digits"),
    ],
)
def test_settings_that_do_not_fit(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Access(**wrong)  # type: ignore[arg-type]


def test_the_clock_of_the_reading_is_that_of_the_meter() -> None:
    later = AT + timedelta(hours=3)
    (reading,) = do(asker().round(later), station(), later).live
    (snapshot,) = Pipeline(CATALOGUE, MeterSettings(model="lg-e450")).take(reading, later)
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.ts, snapshot.ts_source) == (later, "meter")


# -- the call at 300 baud (mode E of IEC 62056-21) ----------------------------------------------------------------------------


class Called:
    """A meter that goes over to HDLC when it is called, and back when the connection ends."""

    def __init__(self, meter: Station, identification: bytes = b"/LGZ5\\2E450\r\n") -> None:
        self._meter = meter
        self._identification = identification
        self._hdlc = False

    def feed(self, octets: bytes, at: datetime) -> bytes:
        if self._hdlc:
            self._hdlc = octets[5:6] != b"\x53"  # DISC
            return self._meter.feed(octets, at)
        if octets == b"/?!\r\n":
            return self._identification
        self._hdlc = octets == b"\x06252\r\n"
        return b""


def settings_of(**options: object) -> Asking:
    return Asking(lists=CATALOGUE.meters["lg-e450"].lists, **options)  # type: ignore[arg-type]


def test_an_optical_head_begins_with_a_call() -> None:
    ask = settings.asker(settings_of(baudrate=300))
    heard = do(ask.round(AT), Called(station()))  # type: ignore[arg-type]
    assert heard.live == do(asker().round(AT), station()).live
    assert heard.changes == [Change(300, bytesize=7, parity="even"), Change(9600, bytesize=8, parity="none")]


def test_a_ciphered_meter_is_called_for_each_of_the_two_associations() -> None:
    options = {"key": KEY, "auth_key": AUTH_KEY, "addresses": ("3/1",)}
    ask = settings.asker(settings_of(baudrate=300, **options))
    meter = station({3: Client(ciphered=True), 16: Client()}, security=SECURITY)
    heard = do(ask.round(AT), Called(meter))  # type: ignore[arg-type]
    assert heard.live
    assert [change.baudrate for change in heard.changes] == [300, 9600, 300, 9600]


def test_a_meter_without_mode_e_is_not_talked_to() -> None:
    heard = Heard()
    with pytest.raises(DialogueError, match="does not offer HDLC") as caught:
        do(
            settings.asker(settings_of(baudrate=300)).round(AT),
            Called(station(), b"/LGZ5E450\r\n"),  # type: ignore[arg-type]
            heard=heard,
        )
    assert caught.value.code == "refused"
    assert heard.sent == [b"/?!\r\n"]


def test_any_other_speed_is_hdlc_at_once() -> None:
    heard = do(settings.asker(settings_of(baudrate=9600)).round(AT), station())
    assert heard.live
    assert heard.changes == []


def test_what_is_read_may_be_configured() -> None:
    read = ("1-0:1.7.0", "0-0:96.1.1;1")
    (reading,) = do(settings.asker(settings_of(baudrate=9600, read=read)).round(AT), station()).live
    assert list(by_code(reading)) == ["0-0:42.0.0", "0-0:1.0.0", "1-0:1.7.0", "0-0:96.1.1"]
    setup = settings.asker(settings_of(baudrate=9600, read=("0-8:25.9.0;40",)))
    assert do(setup.round(AT), station()).live[0].list_object == "0-8:25.9.0"
