"""Keys as people paste them, and what they are told when it is not one."""

from __future__ import annotations

import pytest
from ciibridge.errors import ConfigError
from ciibridge.security.keys import parse_key, parse_system_title
from hypothesis import given, settings
from hypothesis import strategies as st

DIGITS = "00112233445566778899AABBCCDDEEFF"
KEY = bytes.fromhex(DIGITS)


@pytest.mark.parametrize(
    "text",
    [
        DIGITS,
        DIGITS.lower(),
        f"  {DIGITS}\n",
        f"0x{DIGITS}",
        f"0X{DIGITS}",
        f'"{DIGITS}"',
        f"'{DIGITS}'",
        f"“{DIGITS}”",
        "00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF",
        "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF",
        "00-11-22-33-44-55-66-77-88-99-aa-bb-cc-dd-ee-ff",
        "0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF",
        "00112233-44556677-8899AABB-CCDDEEFF",  # 35 characters, as one operator sends it
        "00112233 44556677\t8899AABB\nCCDDEEFF",
    ],
)
def test_all_the_ways_to_write_one_key(text: str) -> None:
    assert parse_key(text, "key") == KEY


def test_keys_of_suite_2() -> None:
    assert parse_key(DIGITS * 2, "key") == KEY * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DIGITS + "ABC", "35 hexadecimal digits, 3 too many"),
        (DIGITS[:-1], "31 hexadecimal digits, 1 too few"),
        (DIGITS[:-2], "30 hexadecimal digits, 2 too few"),
        (DIGITS * 2 + "0", "65 hexadecimal digits, 1 too many"),
        (DIGITS + DIGITS[:16], "48 hexadecimal digits, 16 too"),
        ("", "there is no key"),
        (' "" ', "there is no key"),
        ("0x", "character 2 is not a hexadecimal digit"),
        (
            DIGITS[:4] + "O" + DIGITS[5:],
            "character 5 is not a hexadecimal digit (0-9, A-F); perhaps it is the digit 0",
        ),
        (
            DIGITS[:4] + "l" + DIGITS[5:],
            "character 5 is not a hexadecimal digit (0-9, A-F); perhaps it is the digit 1",
        ),
        ("0x" + DIGITS[:-1] + "G", "character 34 is not a hexadecimal digit"),
        ("00 11 2Z", "character 8 is not a hexadecimal digit"),
        ("MySecretMeterKey", "a key of 16 plain characters must be written as 32 hexadecimal digits"),
        (DIGITS[:-1] + "é", "character 32 is not a hexadecimal digit"),
    ],
)
def test_what_is_wrong_with_it(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_key(text, "auth_key")
    message = str(raised.value)
    assert message.startswith("auth_key: ")
    assert said in message
    assert "Copy it again from what the operator sent" in message


@settings(max_examples=60)
@given(st.text(max_size=80), st.sampled_from(["", "Z", "abc"]))
def test_a_refused_key_is_never_repeated(text: str, wrong: str) -> None:
    secret = "5e55a9e1c0ffee0b" + wrong + text
    try:
        parse_key(secret, "key")
    except ConfigError as error:
        shown = str(error)
        assert "5e55" not in shown
        assert "c0ffee" not in shown


@pytest.mark.parametrize("text", ["4B464D1020000001", "4b 46 4d 10 20 00 00 01", "0x4B464D1020000001"])
def test_system_titles(text: str) -> None:
    assert parse_system_title(text, "system_title") == bytes.fromhex("4B464D1020000001")
    assert parse_system_title("KFM00001", "system_title") == b"KFM00001"


@pytest.mark.parametrize("text", ["", "KFM", "4B464D10200000", "4B464D102000000G", "4B464D1020000001" * 2])
def test_what_is_no_system_title(text: str) -> None:
    with pytest.raises(ConfigError, match=r"system_title: .* 16 hexadecimal digits"):
        parse_system_title(text, "system_title")
