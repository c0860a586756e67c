"""``ciibridge decode``: output, problems and exit status."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import ciimodel
import pytest
from captures import CAPTURES, capture
from ciibridge.cli import main
from ciibridge.pipeline import MeterSettings, Pipeline
from ciibridge.publish.messages import Messages
from ciibridge.types import Snapshot
from typer.testing import CliRunner, Result

E450 = CAPTURES / "dlms-hdlc/lg-e450-ch-vse2026.bin"
E570 = CAPTURES / "dlms-hdlc/lg-e570-ch-encrypted.bin"
P1 = CAPTURES / "dsmr-p1/fluvius-v171.txt"
THREE = CAPTURES / "dlms-hdlc/kamstrup-omnipower-no-1phase-null-fields.bin"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def decode(*arguments: object, data: bytes | None = None, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["decode", *map(str, arguments)], input=data, env=env)


def problems(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stderr.splitlines()]


def published(file: Path, **settings: object) -> list[bytes]:
    """What the bridge publishes under ``state`` with ``clock = "meter"``."""
    chosen = MeterSettings(clock="meter", **settings)  # type: ignore[arg-type]
    pipeline = Pipeline(ciimodel.load(), chosen, "dsmr-p1" if file == P1 else "dlms-hdlc")
    messages = Messages(ciimodel.load(), chosen)
    found = pipeline.feed(file.read_bytes(), NOW) + pipeline.finish()
    snapshots = [item for item in found if isinstance(item, Snapshot)]
    return [
        m.payload
        for s in snapshots
        for m in messages.snapshot(s)
        if re.fullmatch(r"cii/v1/[^/]+/state", m.topic)
    ]


@pytest.mark.parametrize("file", [E450, THREE, P1], ids=["E450", "Omnipower", "P1"])
def test_it_prints_what_is_published_to_the_octet(file: Path) -> None:
    result = decode(file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout_bytes.splitlines() == published(file)


def test_the_state_of_an_e450() -> None:
    (line,) = decode(E450).stdout.splitlines()
    state = json.loads(line)
    assert list(state) == ["profile", "meter", "seq", "ts", "ts_source", "list", "values", "derived"]
    assert (state["ts"], state["ts_source"]) == ("2026-05-04T09:39:21Z", "meter")
    assert state["values"]["current_l1"] == 0.09
    assert '"current_l3":0.00' in line


def test_the_protocol_is_seen_from_the_octets_unless_it_is_given() -> None:
    ciphered = decode(CAPTURES / "dsmr-p1/sagemcom-at-graz-encrypted-no-key.bin")
    assert (ciphered.exit_code, [p["code"] for p in problems(ciphered)]) == (1, ["key_missing"])
    assert decode(P1, "--protocol", "dsmr-p1").stdout == decode(P1).stdout != ""
    wrong = decode(P1, "--protocol", "dlms-hdlc")
    assert (wrong.exit_code, [p["code"] for p in problems(wrong)]) == (1, ["noise"])
    unknown = decode(P1, "--protocol", "p1")
    assert (unknown.exit_code, unknown.stdout) == (2, "")
    assert "write one of dlms-hdlc, dlms-mbus, dlms-wrapper, dlms-apdu, dsmr-p1" in unknown.stderr


def test_a_bad_line_is_told_and_the_rest_is_printed() -> None:
    result = decode("-", data=b"/XXX5\r\n\r\n0-0:96.1.0(x1)\r\n1-0:1.x(1)\r\n1-0:1.7.0(00.193*kW)\r\n!\r\n")
    (problem,) = problems(result)
    assert (problem["code"], problem["offset"]) == ("bad_line", 25)
    assert json.loads(result.stdout)["values"] == {"power_import": 193}


def test_a_key_opens_it_in_any_spelling_and_from_the_environment() -> None:
    recording = capture("dlms-hdlc/lg-e570-ch-encrypted.bin")
    assert recording.key is not None
    key = recording.key.hex()
    expected = published(E570, key=recording.key)
    spaced = " ".join(key[at : at + 4] for at in range(0, 32, 4))
    assert decode(E570, "--key", key).stdout_bytes.splitlines() == expected
    assert decode(E570, "--key", spaced.upper()).stdout_bytes.splitlines() == expected
    assert decode(E570, env={"CIIBRIDGE_KEY": key}).stdout_bytes.splitlines() == expected


def test_without_the_key_nothing_is_decoded_and_the_remedy_is_said() -> None:
    result = decode(E570)
    assert (result.exit_code, result.stdout) == (1, "")
    (problem,) = problems(result)
    assert list(problem) == ["code", "offset", "message", "hint"]
    assert problem["code"] == "key_missing"
    assert "Ask the operator" in str(problem["hint"])


def test_the_authentication_key_is_checked() -> None:
    recording = capture("dlms-hdlc/kamstrup-omnipower-encrypted-authenticated.bin")
    file = CAPTURES / recording.name
    assert recording.key is not None
    assert recording.auth_key is not None
    assert decode(file, "--key", recording.key.hex(), "--auth-key", recording.auth_key.hex()).exit_code == 0
    result = decode(file, "--key", recording.key.hex(), "--auth-key", "00" * 16)
    assert (result.exit_code, problems(result)[0]["code"]) == (1, "not_authentic")


@pytest.mark.parametrize("style", ["{}", "0x{}", "{},", "{}:"])
def test_a_text_of_hexadecimal_digits(tmp_path: Path, style: str) -> None:
    data = E450.read_bytes()
    text = " ".join(style.format(f"{octet:02X}") for octet in data)
    file = tmp_path / "capture.txt"
    file.write_text(f"# an E450\n{text[:300]}\n{text[300:]}\n")
    assert decode(file).stdout == decode(E450).stdout


def test_a_text_that_is_cut_amid_an_octet(tmp_path: Path) -> None:
    file = tmp_path / "capture.txt"
    file.write_text("7E A0 1")
    result = decode(file)
    assert result.exit_code == 2
    assert "an odd number" in result.stderr


def test_standard_input() -> None:
    assert decode("-", data=E450.read_bytes()).stdout == decode(E450).stdout
    assert decode("-", data=E450.read_bytes().hex().encode()).stdout == decode(E450).stdout


def test_settings_reach_the_line() -> None:
    state = json.loads(decode(E450, "--id", "cellar", "--zone", "UTC", "--operator", "ekz").stdout)
    assert (state["meter"], state["ts"]) == ("cellar", "2026-05-04T11:39:21Z")
    state = json.loads(decode(E450, "--model", "lg-e360").stdout.splitlines()[0])
    assert state["values"]["voltage_l1"] == 23.6  # what the user says, even if it is wrong


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((E450, "--key", "12"), ["--key", "30 too few"]),
        ((E450, "--auth-key", "xy" * 16), ["--auth-key", "not a hexadecimal digit"]),
        ((E450, "--model", "lg-450"), ["lg-450", "lg-e450"]),
        ((E450, "--operator", "ekx"), ["ekx", "ekz"]),
        ((E450, "--zone", "Zurich"), ["Zurich", "Europe/Zurich"]),
        ((E450, "--id", "A B"), ["A B", "a-b"]),
        (("/no/such/file",), ["/no/such/file", "No such file"]),
        (("/",), ["directory"]),
        ((), ["FILE"]),
        ((E450, "--frobnicate"), ["--frobnicate"]),
    ],
)
def test_wrong_use_is_status_2_with_a_remedy(arguments: tuple[object, ...], words: list[str]) -> None:
    result = decode(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    for word in words:
        assert word.lower() in result.stderr.lower()
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("data", [b"", b"hello, this is no telegram", bytes(1000)])
def test_nothing_to_decode_is_status_1_and_said(data: bytes) -> None:
    result = decode("-", data=data)
    assert (result.exit_code, result.stdout) == (1, "")
    assert problems(result)


def test_good_and_bad_in_one_recording() -> None:
    result = decode("-", data=b"\x00\x01\x02" + E450.read_bytes())
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    assert [(p["code"], p["offset"]) for p in problems(result)] == [("noise", 0)]


class TestObis:
    def listing(self, name: str, *arguments: str) -> dict[str, object]:
        (line,) = decode(CAPTURES / "dlms-hdlc" / name, "--obis", *arguments).stdout.splitlines()
        return dict(json.loads(line))

    def test_codes_and_texts_as_in_the_telegram(self) -> None:
        document = self.listing("lg-e450-ch-vse2026.bin")
        assert list(document) == ["timestamp", "meter_id", "values"]
        expected = capture("dlms-hdlc/lg-e450-ch-vse2026.bin").facts["expect"]
        assert [document[key] for key in ("timestamp", "meter_id")] == [
            expected["timestamp"],
            expected["meter_id"],
        ]
        values = document["values"]
        assert isinstance(values, dict)
        assert values["1-0:1.7.0"] == {"value": 28, "unit": "W"}
        assert values["1-1:1.8.0"] == {"value": 482939, "unit": "Wh"}
        assert values["1-0:31.7.0"] == {"value": 0.09, "unit": "A", "raw": 9}
        assert values["0-0:96.1.1"] == {"value": "1909113", "unit": None}
        assert values["0-0:1.0.0"] == {"value": "2026-05-04T11:39:21", "unit": None}

    def test_times_with_their_deviation(self) -> None:
        document = self.listing("iskra-am550-ch-2020-segmented.bin")
        assert document["timestamp"] == "2020-08-15T04:19:45Z"
        values = document["values"]
        assert isinstance(values, dict)
        assert values["0-0:1.0.0"]["value"] == "2020-08-15T06:19:45+02:00"

    def test_no_raw_where_the_telegram_brings_its_scale(self) -> None:
        values = self.listing("iskra-550-registers-scaler-unit-segmented.bin")["values"]
        assert isinstance(values, dict)
        assert values["1-0:32.7.0"] == {"value": 236.4, "unit": "V"}

    def test_codes_of_bare_values_come_from_the_catalogue(self) -> None:
        document = self.listing("iskra-am550-si-ljubljana-5s.bin")
        values = document["values"]
        assert isinstance(values, dict)
        assert values["1-0:31.7.0"]["value"] == 1.03

    def test_what_is_withheld_from_topics_is_still_listed(self) -> None:
        kaifa = CAPTURES / "dlms-hdlc/kaifa-ma304-se-obis-list.bin"
        result = decode(kaifa, "--model", "lg-e450", "--obis")
        assert "implausible" in [p["code"] for p in problems(result)]
        assert json.loads(result.stdout)["values"]["1-0:32.7.0"]["value"] == 2322
