"""Configurations that are written: reading them again gives what was meant, and secrets stand in files of their own."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path
from typing import Any

import ciimodel
import pytest
from ciibridge.errors import ConfigError
from ciibridge.security.glo import Keys
from ciibridge.service.config import Config, Source, write
from ciibridge.service.proposal import Answers, propose
from ciibridge.service.setup import load
from ciimodel.catalogue import Link
from hypothesis import given
from hypothesis import strategies as st

CATALOGUE = ciimodel.load()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(TEXT, TEXT, st.dictionaries(st.sampled_from(["energy", "power"]), st.integers(-9, 9)), st.booleans())
def test_what_is_written_is_read(port: str, username: str, scalers: dict[str, int], raw: bool) -> None:
    given_tables: dict[str, Any] = {
        "mqtt": {"username": username, "raw": raw},
        "meter": [{"port": port, "baudrate": 9600, "scalers": scalers}, {"port": "b"}],
    }
    config = Config.model_validate(given_tables)
    text = write(
        config, {("mqtt", "raw"): "a note"}, {("meter", 1, "id"): "house", ("mqtt", "url"): "mqtt://x"}
    )
    assert Config.model_validate(tomllib.loads(text)) == config
    assert tomllib.loads(text)["meter"][0]["port"] == port
    assert '# id = "house"' in text
    assert "# a note" in text


def test_only_what_is_set_is_written() -> None:
    assert write(Config.model_validate({"meter": [{"port": "p"}]}), {}, {}) == '[[meter]]\nport = "p"\n'


@pytest.mark.parametrize(
    ("answers", "keys"),
    [
        (Answers("/dev/ttyUSB0", model="lg-e450"), {"port", "model"}),
        (Answers("p", protocol="mbus", line=Link(baudrate=2400, bytesize=8, parity="even", stopbits=1)), {"port", "protocol", "baudrate", "bytesize", "parity", "stopbits"}),
        (Answers("p", model="lg-e570", operator="ekz", keys=Keys(bytes(16), bytes(16))), {"port", "model", "operator", "key_file", "auth_key_file"}),
        (Answers("p", candidates=("aidon-6500", "lg-e350-embriq"), protocol="dlms-hdlc"), {"port", "protocol"}),
        (Answers("p", ciphered=True, id="house"), {"port", "id"}),
    ],
)  # fmt: skip
def test_a_proposal_runs(tmp_path: Path, answers: Answers, keys: set[str]) -> None:
    proposal = propose(answers, CATALOGUE, "c")
    written = proposal.save(tmp_path / "c.toml", force=False)
    assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {0o600}
    config, findings = Source(tmp_path / "c.toml").parse()
    assert config is not None
    assert findings == []
    assert config.meter[0].model_fields_set == keys
    setup = load(tmp_path / "c.toml", CATALOGUE)
    assert setup.meters[0].settings.key == answers.keys.key
    assert setup.notes == () or answers.model is None


def test_the_broker_and_its_password(tmp_path: Path) -> None:
    proposal = propose(Answers("p", url="mqtt://h:1", username="u", password="hunter2"), CATALOGUE, "c")
    assert "hunter2" not in proposal.text + repr(proposal)
    proposal.save(tmp_path / "c.toml", force=False)
    broker = load(tmp_path / "c.toml", CATALOGUE).broker
    assert (broker.host, broker.port, broker.username, broker.password) == ("h", 1, "u", "hunter2")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        propose(Answers("p"), CATALOGUE, "c").save(tmp_path / "none" / "c.toml", force=False)
