"""One place for each change: one file is added or edited, the command builds, and every output has it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

import pytest
from core_checkout import Checkout

SOURCES = ("schema", "generator")

QUANTITY = """
  moon_power:
    obis: "1-*:199.7.0"
    unit: W
    kind: instantaneous
    label: {en: Moon power, de: Mondleistung, fr: Puissance lunaire, it: Potenza lunare}
"""

METER = """
manufacturer: Lunar
model: M1
medium: electricity
phases: 3
description: {en: A meter for one test., de: Ein Zähler für einen Test., fr: Un compteur de test., it: Un contatore di prova.}
interfaces:
  - id: p1
    kind: p1
    connector: {en: RJ12, de: RJ12, fr: RJ12, it: RJ12}
    cable: {en: P1 cable, de: P1-Kabel, fr: câble P1, it: cavo P1}
    link: {baudrate: 115200}
    protocol: dlms-hdlc
    fact: {status: assumed, source: this test}
lists:
  - id: short
    title: {en: Short, de: Kurz, fr: Courte, it: Breve}
    shape: pairs
    elements: ["1-0:1.7.0", "1-0:2.7.0", "1-0:16.8.0"]
    interval_s: 10
    fact: {status: assumed, source: this test}
"""

TARGET = '''"""Quantities in capital letters."""

from ciigen.target import Selection, View, quantities


def render(resolved, selection):
    return "".join(f"{q.name.upper()}\\n" for q in quantities(resolved, selection))


class Shout:
    name = "shout"
    help = "Quantities in capital letters."
    views = {"list": View(".txt", "The list.", render)}

    def tree(self, resolved):
        return {"all.txt": render(resolved, Selection(everything=True))}


TARGET = Shout()
'''


#: What is added or edited, one file each, and the text that comes behind what it holds.
CHANGES: Mapping[str, str] = {
    "schema/quantities/electricity.yaml": QUANTITY,
    "schema/meters/lunar-m1.yaml": METER,
    "generator/ciigen/targets/shout/__init__.py": TARGET,
}


@pytest.fixture(scope="module")
def place(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy with the three changes, built once: each is one file of schema/ and generator/, and no other differs."""
    root = tmp_path_factory.mktemp("one") / "copy"
    shutil.copytree(checkout.root, root, ignore=shutil.ignore_patterns("generated", "bridge"))
    place = Checkout(root)
    before = place.files(*SOURCES)
    for file, text in CHANGES.items():
        path = root / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(before.get(file, b"") + text.encode())
    done = place.ciigen("build")
    assert done.returncode == 0, done.stderr
    after = place.files(*SOURCES)
    assert set(before) <= set(after)
    assert {path for path in after if after[path] != before.get(path)} == set(CHANGES)
    return place


def folders_with(place: Checkout, word: str) -> set[str]:
    """The folders of generated/ in which a word stands, in the name or the text of a file."""
    return {
        path.split("/")[1]
        for path, data in place.files("generated").items()
        if word in path or word.encode() in data
    }


def test_a_quantity_is_a_block(place: Checkout) -> None:
    assert {"docs", "python", "shout"} <= folders_with(place, "moon_power") | folders_with(
        place, "MOON_POWER"
    )
    for target in ("openhab", "iobroker"):
        shown = place.ciigen(target, "--all", "--lang", "de").stdout
        assert "value/moon_power" in shown
        assert "Mondleistung" in shown
        assert "moon_power" not in place.ciigen(target).stdout
    assert (
        "moon_power\t1-*:199.7.0\tW\tinstantaneous\tMoon power" in place.ciigen("list", "quantities").stdout
    )


def test_a_meter_is_a_file(place: Checkout) -> None:
    assert {"docs", "iobroker", "openhab", "python"} <= folders_with(place, "lunar-m1")
    assert "lunar-m1\tLunar M1\tp1\tshort" in place.ciigen("list", "meters").stdout
    shown = place.ciigen("openhab", "--meter", "lunar-m1").stdout
    assert "value/power_net" in shown  # computed from the two it sends
    assert "value/energy_net" in shown
    assert "value/voltage_l1" not in shown


def test_an_output_is_a_folder(place: Checkout) -> None:
    assert b"POWER_IMPORT_L1\n" in place.files("generated")["generated/shout/all.txt"]
    assert "shout\t--list\t\t--from\tQuantities in capital letters." in place.ciigen("list").stdout
    shown = place.ciigen("shout", "--meter", "lg-e360").stdout.splitlines()
    assert "POWER_NET" in shown
    assert "POWER_IMPORT_L1" not in shown
    shutil.rmtree(place.root / "generator/ciigen/targets/shout")
    assert "shout" not in place.ciigen("list").stdout  # and `check` finds its files (test_core_cli: drift)
