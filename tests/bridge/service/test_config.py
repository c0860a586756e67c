"""The configuration file: what is accepted, and what is said about what is not."""

from __future__ import annotations

import re
from pathlib import Path

import ciimodel
import pytest
from ciibridge.dialogue.asking import Way
from ciibridge.errors import ConfigError
from ciibridge.service import meter_setup
from ciibridge.service.config import (
    BridgeTable,
    HomeAssistantTable,
    MeterTable,
    MetricsTable,
    MqttTable,
    OutboxTable,
)
from ciibridge.service.findings import key_lines
from ciibridge.service.setup import Setup, load

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "integrations" / "systemd" / "ciibridge.toml"
HOWTO = ROOT / "docs" / "how-to" / "run-as-a-service.md"
TABLES = {
    "bridge": BridgeTable,
    "mqtt": MqttTable,
    "outbox": OutboxTable,
    "metrics": MetricsTable,
    "homeassistant": HomeAssistantTable,
    "meter": MeterTable,
}
OPTIONS = [(table, name) for table, model in TABLES.items() for name in model.model_fields]
METER = '[[meter]]\nport = "/dev/ttyUSB0"\n'


def read(tmp_path: Path, text: str, **environ: str) -> Setup:
    path = tmp_path / "c.toml"
    path.write_text(text)
    path.chmod(0o600)
    return load(path, ciimodel.load(), environ)


def faults(tmp_path: Path, text: str, **environ: str) -> list[str]:
    """The lines of the error, without the folder of the file."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environ)
    return str(caught.value).replace(f"{tmp_path}/", "").splitlines()


# -- good ----------------------------------------------------------------------------------------------------------------


def test_a_port_is_enough(tmp_path: Path) -> None:
    setup = read(tmp_path, METER)
    meter = setup.meters[0]
    assert (setup.broker.host, setup.broker.port, setup.broker.tls) == ("localhost", 1883, None)
    assert (setup.prefix, setup.shared_connection, setup.value_topics, setup.raw) == (
        "cii",
        False,
        True,
        False,
    )
    assert (meter.link.baudrate, meter.link.parity, meter.protocol) == (2400, "even", "dlms-hdlc")
    assert len(setup.notes) == 1
    assert "neither model nor baudrate is set" in setup.notes[0]


def test_the_model_gives_the_line_settings_and_the_file_overrides_them(tmp_path: Path) -> None:
    setup = read(
        tmp_path,
        '[[meter]]\nport = "/dev/a"\nmodel = "iskra-am550"\n[[meter]]\nport = "/dev/b"\nmodel = "iskra-am550"\nbaudrate = 9600\n',
    )
    first, second = setup.meters
    assert (first.link.baudrate, first.link.parity) == (115200, "none")
    assert (second.link.baudrate, second.link.parity) == (9600, "none")
    assert setup.notes == ()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://nas", ("nas", 1883, False)),
        ("mqtts://nas", ("nas", 8883, True)),
        ("mqtt://[::1]:11883/", ("::1", 11883, False)),
    ],
)
def test_urls(tmp_path: Path, url: str, expected: tuple[str, int, bool]) -> None:
    broker = read(tmp_path, f'[mqtt]\nurl = "{url}"\n{METER}').broker
    assert (broker.host, broker.port, broker.tls is not None) == expected


def test_keys_come_from_the_file_a_file_or_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "house.key"
    secret.write_text("00112233445566778899AABBCCDDEEFF\n")
    secret.chmod(0o600)
    text = """
[[meter]]
port = "/dev/a"
key = "00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF"
[[meter]]
port = "/dev/b"
key_file = "house.key"
[[meter]]
port = "/dev/c"
key_env = "KEY"
auth_key_env = "AUTH"
"""
    setup = read(tmp_path, text, KEY="0x00112233445566778899aabbccddeeff", AUTH="F" * 32)
    assert {meter.settings.key for meter in setup.meters} == {
        bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    }
    assert setup.meters[2].settings.auth_key == b"\xff" * 16
    assert "AABB" not in repr(setup).upper().replace("\\X", "")


def test_the_password_is_not_shown(tmp_path: Path) -> None:
    setup = read(tmp_path, f'[mqtt]\nusername = "u"\npassword = "hunter2"\n{METER}')
    assert setup.broker.password == "hunter2"
    assert "hunter2" not in repr(setup)


def test_a_secret_in_a_file_that_everybody_may_read_is_remarked(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'[mqtt]\nusername = "u"\npassword = "p"\n{METER}baudrate = 2400\n')
    path.chmod(0o644)
    assert load(path, ciimodel.load()).notes == (
        f"{path} holds a key or password and everybody may read it: chmod 600 {path}",
    )


# -- bad -----------------------------------------------------------------------------------------------------------------


def test_everything_that_is_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    text = """[brigde]
id = "x"
[mqtt]
url = 5
protocoll = "5"
keepalive_s = "30"
[[meter]]
modle = "lg-e450"
parity = "Even"
"""
    assert faults(tmp_path, text) == [
        "c.toml:1: brigde: unknown table. Did you mean bridge?",
        "c.toml:4: mqtt.url: must be a text. Write it in quotes.",
        "c.toml:5: mqtt.protocoll: unknown key. Did you mean protocol?",
        "c.toml:6: mqtt.keepalive_s: must be a whole number. Write it without quotes.",
        "c.toml:7: meter[1].port: is missing. Add it.",
        "c.toml:8: meter[1].modle: unknown key. Did you mean model?",
        "c.toml:9: meter[1].parity: must be 'none', 'even' or 'odd'. Correct the value.",
    ]


@pytest.mark.parametrize(
    ("addresses", "alone"), [("", True), ('address = "7"', True), ('address = ["7", "KAM12345678"]', False)]
)
def test_the_devices_of_a_bus(tmp_path: Path, addresses: str, *, alone: bool) -> None:
    path = tmp_path / "c.toml"
    path.write_text(
        f'[[meter]]\nid = "cellar"\nport = "tcp://nas:4001"\nprotocol = "mbus"\nevery_s = 60\n{addresses}\n'
    )
    [meter] = load(path, ciimodel.load()).meters
    assert meter.asking is not None
    assert (meter.settings.alone, meter.settings.addresses) == (alone, meter.asking.addresses)


def test_a_bus_address_that_is_none(tmp_path: Path) -> None:
    text = '[[meter]]\nport = "tcp://nas:4001"\nprotocol = "mbus"\nevery_s = 60\naddress = ["251"]\nread = ["F001"]\n'
    found = "\n".join(faults(tmp_path, text))
    assert "c.toml:5: meter[1].address: '251' is not possible. Write a primary address (0 to 250)" in found
    assert "c.toml:6: meter[1].read: 'F001' is not possible. Write reset" in found


def test_everything_that_means_nothing_is_said_at_once(tmp_path: Path) -> None:
    text = """[bridge]
id = "My Pi"
[mqtt]
url = "http://nas"
ca_file = "ca.pem"
password = "p"
prefix = "a//b"
[[meter]]
port = "usb://1"
model = "lg-450"
operator = "ekzz"
zone = "Europe/Zürich"
key = "12"
[[meter]]
port = "usb://1"
id = "Haus 1"
interface = "mbus"
"""
    found = faults(tmp_path, text)
    assert [line.split(". ")[0] for line in found[:5]] == [
        "c.toml:2: bridge.id: 'My Pi' cannot be a part of a topic (a-z, 0-9, _, -, at most 64)",
        "c.toml:3: mqtt.username: a password without a user name",
        "c.toml:4: mqtt.url: 'http://nas' is no address of a broker",
        "c.toml:5: mqtt.ca_file: is for TLS, and url is not",
        "c.toml:7: mqtt.prefix: 'a//b' cannot begin a topic",
    ]
    text = "\n".join(found)
    assert "c.toml:10: meter[1].model: 'lg-450' is not in the schema. Did you mean lg-e450" in text
    assert "c.toml:11: meter[1].operator: 'ekzz' is not in the schema. Did you mean ekz?" in text
    assert "c.toml:12: meter[1].zone: 'Europe/Zürich' is no time zone" in text
    assert "c.toml:13: meter[1].key: 2 hexadecimal digits" in text
    assert "c.toml:9: meter[1].port: usb://1: unknown scheme" in text
    assert "c.toml:15: meter[2].port: meter[1] has the same" in text
    assert "c.toml:16: meter[2].id: 'Haus 1' cannot be a part of a topic" in text
    assert "c.toml:17: meter[2].interface: is one of a model, and no model is set" in text
    assert all(re.match(r"c\.toml:\d+: .+\. .+", line) for line in found), "line, key, what is wrong, remedy"


FLAT = '[[meter]]\nid = "flat-{0}"\nport = "/dev/ttyM0"\nprotocol = "mbus"\nevery_s = 60\n'
BROKER = '[mqtt]\nurl = "mqtt://nas"\n'


def test_meters_that_are_asked_share_a_port(tmp_path: Path) -> None:
    flats = "".join(FLAT.format(n) + f'address = "{n}"\n' for n in (1, 2, 3))
    alone = '[[meter]]\nid = "other"\nport = "/dev/ttyUSB0"\n'
    setup = read(tmp_path, BROKER + flats + alone)
    assert [meter.shared for meter in setup.meters] == [True, True, True, False]
    assert [meter.settings.alone for meter in setup.meters[:3]] == [True, True, True]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (
            'address = "1"\n',
            "meter[2].address: two meters on one port answer to the same call. Give each its own",
        ),
        ("", "meter[2].address: two meters on one port answer to the same call"),
        ('address = ["2", "1"]\n', "meter[2].address: two meters on one port"),
    ],
)
def test_meters_on_one_port_are_told_apart_by_their_address(tmp_path: Path, second: str, said: str) -> None:
    (found,) = faults(tmp_path, BROKER + FLAT.format(1) + 'address = "1"\n' + FLAT.format(2) + second)
    assert said in found


@pytest.mark.parametrize("stem", ["key", "auth_key"])
def test_a_wrong_key_is_never_repeated(tmp_path: Path, stem: str) -> None:
    wrong = "DEADBEEF" * 3 + "XY"
    assert "DEADBEEF" not in "".join(faults(tmp_path, f'{METER}{stem} = "{wrong}"\n'))


def test_a_key_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "k"
    secret.write_text("0" * 32)
    secret.chmod(0o644)
    assert faults(tmp_path, f'{METER}key_file = "k"\n') == [
        "c.toml:3: meter[1].key_file: everybody may read or write k. Run: chmod 600 k"
    ]
    secret.chmod(0o640)
    assert read(tmp_path, f'{METER}key_file = "k"\n').meters[0].settings.key == bytes(16)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('key_file = "none"', "c.toml:3: meter[1].key_file: none cannot be read (No such file or directory)"),
        ('key_env = "NONE"', "c.toml:3: meter[1].key_env: the environment variable NONE is not set"),
        (
            'key_env = "NONE"\nkey_file = "k"',
            "c.toml:1: meter[1].key: given 2 times. Keep one of key_file, key_env.",
        ),
        ('model = "lg-e450"\ninterface = "p1"', "c.toml:4: meter[1].interface: 'p1' is not in the schema"),
        (
            'protocol = "dlms-hdl"',
            "c.toml:3: meter[1].protocol: 'dlms-hdl' is not in the schema. Did you mean dlms-hdlc",
        ),
    ],
)
def test_faults_of_a_meter(tmp_path: Path, line: str, fault: str) -> None:
    assert faults(tmp_path, f"{METER}{line}\n")[0].startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "c.toml: no meter is configured. Add a block [[meter]]"),
        ('[meter]\nport = "x"\n', "c.toml:1: meter: must be a list of blocks. Write [[meter]]"),
        ("mqtt = 3\n", "c.toml:1: mqtt: must be a table. Write it in brackets"),
        ("[mqtt]\nurl = mqtt://x\n", "c.toml: not valid TOML: Invalid value (at line 2, column 7)"),
        (
            f'[mqtt]\nurl = "mqtt://u:hunter2@nas"\n{METER}',
            "c.toml:2: mqtt.url: holds a user name or password",
        ),
        (f'[mqtt]\nurl = "mqtt://nas:99999"\n{METER}', "c.toml:2: mqtt.url: is no address"),
        (
            f'[mqtt]\nurl = "mqtts://nas"\nca_file = "no.pem"\n{METER}',
            "c.toml:3: mqtt.ca_file: no.pem cannot be read",
        ),
        (
            f'[mqtt]\nurl = "mqtts://nas"\nca_file = "c.toml"\n{METER}',
            "c.toml:3: mqtt.ca_file: c.toml is not what it",
        ),
        (
            f'[mqtt]\nurl = "mqtts://nas"\nkey_file = "k"\n{METER}',
            "c.toml:3: mqtt.key_file: a key without its",
        ),
    ],
)
def test_faults_of_the_file(tmp_path: Path, text: str, fault: str) -> None:
    found = faults(tmp_path, text)
    assert found[0].startswith(fault)
    assert "hunter2" not in found[0]


def test_files_that_cannot_be_read_are_said_with_a_remedy(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "none.toml", "there is no such file"), (tmp_path, "is a folder")):
        with pytest.raises(ConfigError, match=words):
            load(path, ciimodel.load())
    (tmp_path / "latin.toml").write_bytes(b'id = "Z\xfcrich"')
    with pytest.raises(ConfigError, match="not UTF-8 at octet 7"):
        load(tmp_path / "latin.toml", ciimodel.load())


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            'min_version = "new"',
            "homeassistant.min_version: 'new' is no version of Home Assistant. Write e.g. \"2024.11\".",
        ),
        (
            'min_version = "2023.12"',
            "homeassistant.min_version: 2023.12 is too old. 2024.3 is the oldest that is supported.",
        ),
        (
            'language = "rm"',
            "homeassistant.language: 'rm' is not in the schema. Write one of: de, en, fr, it.",
        ),
        (
            'node_id = "house"',
            "homeassistant.node_id: 'house' names no meter, or is no part of a topic. Write e.g. \"cii_{meter}\".",
        ),
        (
            'node_id = "a/{meter}"',
            "homeassistant.node_id: 'a/{meter}' names no meter, or is no part of a topic. Write e.g. \"cii_{meter}\".",
        ),
        (
            'discovery_prefix = "a/#"',
            "homeassistant.discovery_prefix: 'a/#' cannot begin a topic. Write e.g. \"homeassistant\".",
        ),
        (
            "[mqtt]\nvalue_topics = false",
            "homeassistant.enabled: it reads a topic a value. Set value_topics in [mqtt] to true.",
        ),
        ('lang = "de"', "homeassistant.lang: unknown key. Did you mean language?"),
    ],
)
def test_faults_of_homeassistant(tmp_path: Path, lines: str, fault: str) -> None:
    (found,) = faults(tmp_path, f"[homeassistant]\n{lines}\n{METER}")
    assert found.partition(": ")[2] == fault


def test_homeassistant_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert read(tmp_path, METER).home_assistant is None
    asked = read(tmp_path, f"[homeassistant]\n{METER}").home_assistant
    assert asked is not None
    assert (asked.enabled, asked.discovery.per_device) == (True, False)
    off = read(
        tmp_path, f'[homeassistant]\nenabled = false\nmin_version = "2025.1.4"\n{METER}'
    ).home_assistant
    assert off is not None
    assert (off.enabled, off.discovery.per_device) == (False, True)


# -- example and documentation -------------------------------------------------------------------------------------------


def test_the_example_is_good(tmp_path: Path) -> None:
    setup = read(tmp_path, EXAMPLE.read_text())
    assert setup.broker.url == "mqtt://localhost:1883"
    assert [meter.port for meter in setup.meters] == ["/dev/ttyUSB0"]


@pytest.mark.parametrize(("table", "name"), OPTIONS)
def test_every_option_stands_in_the_example_with_a_value_of_its_kind(table: str, name: str) -> None:
    text = EXAMPLE.read_text()
    part = re.search(rf"^(?:# )?\[+{table}\]+$(.*?)(?=^(?:# )?\[|\Z)", text, re.DOTALL | re.MULTILINE)
    assert part is not None
    value = re.search(rf"^(?:# )?{name} = (\"[^\"]*\"|{{[^}}]*}}|\S+)", part[1], re.MULTILINE)
    assert value is not None, f"{name} is not shown in [{table}]"
    import tomllib

    required = {"port": "x"} if table == "meter" else {}
    TABLES[table].model_validate({**required, **tomllib.loads(f"{name} = {value[1]}")})


def test_the_example_shows_no_option_that_does_not_exist() -> None:
    shown = set(re.findall(r"^(?:# )?([a-z_0-9]+) = ", EXAMPLE.read_text(), re.MULTILINE))
    dialects = {name for dialect in ciimodel.load().dialects.values() for name in dialect.settings}
    assert shown == {name for _, name in OPTIONS} | dialects


@pytest.mark.parametrize(("table", "name"), OPTIONS)
def test_every_option_is_explained(table: str, name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", HOWTO.read_text(), re.MULTILINE), f"[{table}] {name}"


def test_lines_of_keys() -> None:
    text = 'a = 1\n\n[b]\nc = 1 # x\n [[m]]\n"d" = 2\n[[m]]\n  d = 3\n'
    assert key_lines(text) == {
        ("a",): 1,
        ("b",): 3,
        ("b", "c"): 4,
        ("m", 0): 5,
        ("m", 0, "d"): 6,
        ("m", 1): 7,
        ("m", 1, "d"): 8,
    }


def test_a_scaler_of_one_meter(tmp_path: Path) -> None:
    meter = '[[meter]]\nport = "/dev/a"\nmodel = "kamstrup-omnipower"\n'
    setup = read(tmp_path, meter + "scalers = { energy_import = 0, current = -2 }\n")
    assert setup.meters[0].settings.scalers == {"energy_import": 0, "current": -2}
    (fault,) = faults(tmp_path, meter + "scalers = { energy_imprt = 0 }\n")
    assert (
        "meter[1].scalers.energy_imprt: 'energy_imprt' is not in the schema. Did you mean energy_import"
        in fault
    )
    (fault,) = faults(tmp_path, meter + 'scalers = { energy_import = "x" }\n')
    assert "meter[1].scalers.energy_import: must be a whole number" in fault


def test_a_slip_of_the_pen_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    found = faults(tmp_path, '[[meter]]\nport = "/dev/a"\nkye = "00"\nzone = "Europe/Zurch"\n[mqqt]\n')
    text = "\n".join(found)
    assert "meter[1].kye: unknown key. Did you mean key?" in text
    assert "meter[1].zone: 'Europe/Zurch' is no time zone" in text
    assert "mqqt: unknown table. Did you mean mqtt?" in text


# -- meters that are asked -------------------------------------------------------------------------------------------------

WAY = Way(lambda _: None, re.compile(r"\d{1,3}"), "0 to 250", re.compile(r"[A-Z]\d+"), "e.g. F001")  # type: ignore[arg-type, return-value]
ASKED = METER + 'protocol = "mbus"\n'


@pytest.fixture
def mbus_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_setup, "WAYS", {"mbus": WAY})


@pytest.mark.usefixtures("mbus_only")
def test_a_meter_is_asked_when_the_file_says_how_often(tmp_path: Path) -> None:
    assert read(tmp_path, ASKED).meters[0].asking is None
    text = 'every_s = 30\naddress = 5\nread = ["F001", "F009"]\npassword_env = "P"\n'
    setup = read(tmp_path, ASKED + text, P="secret")
    asking = setup.meters[0].asking
    assert asking is not None
    assert (asking.every_s, asking.addresses, asking.read) == (30, ("5",), ("F001", "F009"))
    assert asking.password == "secret"
    assert "secret" not in repr(setup)
    several = read(tmp_path, ASKED + 'every_s = 30\naddress = [5, "007"]\n').meters[0].asking
    assert several is not None
    assert several.addresses == ("5", "007")


@pytest.mark.usefixtures("mbus_only")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('every_s = 30\naddress = "x"', "meter[1].address: 'x' is not possible. Write 0 to 250."),
        ("every_s = 30\naddress = true", "meter[1].address[1]: must be a text. Write it in quotes."),
        ('every_s = 30\nread = ["f"]', "meter[1].read: 'f' is not possible. Write e.g. F001."),
        ('every_s = "1"', "meter[1].every_s: must be a whole number. Write it without quotes."),
        ("every_s = 0", "meter[1].every_s: must be greater than or equal to 1. Correct the value."),
        ("address = 1", "meter[1].address: is for a meter that is asked, and this one is not. Set every_s too."),
        ('password = "1"', "meter[1].password: is for a meter that is asked, and this one is not. Set every_s too."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_asking(tmp_path: Path, text: str, wanted: str) -> None:
    (fault,) = faults(tmp_path, ASKED + text)
    assert re.fullmatch(rf"c\.toml:\d: {re.escape(wanted)}", fault)


def test_a_dlms_meter_is_asked_with_what_its_operator_gave(tmp_path: Path) -> None:
    text = (
        'model = "lg-e450"\noperator = "romande-energie"\nevery_s = 60\naddress = "1/1/17"\npassword_env = "P"\n'
        f'authentication = "md5"\nkey = "{"00" * 16}"\nclient_title = "4349490000000002"\n'
    )
    asking = read(tmp_path, METER + text, P="secret").meters[0].asking
    assert asking is not None
    assert (asking.addresses, asking.authentication) == (("1/1/17",), "md5")
    assert asking.client_title == bytes.fromhex("4349490000000002")
    assert asking.zone.key == "Europe/Zurich"
    assert [pushed.id for pushed in asking.lists[:2]] == ["romande", "romande-tariffs"]
    assert "secret" not in repr(asking)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('address = "x"', "meter[1].address: 'x' is not possible. Write client and server address"),
        ('address = "200/1"', "meter[1].address: 200 is no client address. Write 1 to 127, e.g. 16."),
        ('address = ["16/1", "16/2"]', "meter[1].address: one meter is read through one association. Write one address."),
        ('authentication = "md5"', "meter[1].password: is missing, and authentication is md5. Add it."),
        ('authentication = "md6"', "meter[1].authentication: must be 'none', 'low', "),
        ('authentication = "gmac"', "meter[1].auth_key: authentication gmac needs key and auth_key. Add it."),
        ('client_title = "12"', "meter[1].client_title: "),
        ('read = ["1.8.0"]', "meter[1].read: '1.8.0' is not possible. Write an OBIS code, with the class"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_asking_a_dlms_meter(tmp_path: Path, text: str, wanted: str) -> None:
    (fault,) = faults(tmp_path, METER + "every_s = 60\n" + text + "\n")
    assert wanted in fault


@pytest.mark.usefixtures("mbus_only")
def test_what_cannot_be_asked(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, METER + "every_s = 9\n")
    assert "meter[1].every_s: meters that speak dlms-hdlc cannot be asked. It can be done with mbus." in fault
    (tmp_path / "recording.bin").write_bytes(b"~")
    recording = f'[[meter]]\nport = "{tmp_path}/recording.bin"\nprotocol = "mbus"\n'
    (fault,) = faults(tmp_path, recording + "every_s = 9\n")
    assert "a recording cannot be asked. Leave it out to play the recording once." in fault
    assert read(tmp_path, recording).meters[0].asking is None


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ('key = "00112233445566778899AABBCCDDEEFF"', "without both keys no tag can be checked"),
        ('protocol = "sml"', "telegrams of sml have no authentication tag"),
    ],
)
def test_an_authentication_that_cannot_be_is_not_promised(tmp_path: Path, block: str, words: str) -> None:
    (fault,) = faults(tmp_path, f"{METER}baudrate = 2400\nrequire_authentication = true\n{block}\n")
    assert words in fault
    assert "meter[1].require_authentication" in fault


def test_the_state_file_has_its_place(tmp_path: Path) -> None:
    def place(text: str, **environ: str) -> Path | None:
        return read(tmp_path, f'[bridge]\nid = "pi"\n{text}{METER}baudrate = 2400\n', **environ).store.path

    assert place("", STATE_DIRECTORY="/var/lib/ciibridge:/other", HOME="/home/me") == Path(
        "/var/lib/ciibridge/pi.db"
    )
    assert place("", XDG_STATE_HOME="/state", HOME="/home/me") == Path("/state/ciibridge/pi.db")
    assert place("", HOME="/home/me") == Path("/home/me/.local/state/ciibridge/pi.db")
    assert place("") is None
    assert place('[outbox]\npath = "state.db"\n', HOME="/home/me") == tmp_path / "state.db"
    (fault,) = faults(tmp_path, f'[outbox]\npath = "."\n{METER}baudrate = 2400\n')
    assert "is a folder" in fault
