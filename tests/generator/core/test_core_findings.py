"""Each thing that can be wrong in schema/: one small break, and the finding with its line and remedy."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from ciigen.errors import Finding, FindingsError
from core_schema import Schema

ELECTRICITY = "quantities/electricity.yaml"
DEVICE = "quantities/device.yaml"
E450 = "meters/lg-e450.yaml"
OLD = "meters/old.yaml"
EKZ = "operators/ekz.yaml"
IOBROKER = "consumers/iobroker.yaml"
TOPICS = "topics.yaml"
UNITS = "units.yaml"
LANGUAGES = "languages.yaml"
TARIFFS = "derive: {plus: [energy_import_t1, energy_import_t2], need: any}"


@dataclass(frozen=True)
class Break:
    """Replace ``old`` by ``new`` in ``file``; a finding is at the line of ``at`` (of ``new`` if not given)."""

    file: str
    old: str
    new: str
    key: str
    message: str
    remedy: str
    at: str = ""
    others: int = 0  # findings that are right as well

    def apply(self, schema: Schema) -> None:
        schema.edit(self.file, self.old, self.new)


STRUCTURE = {
    "unknown key": Break(
        ELECTRICITY,
        "billing: true",
        "biling: true",
        "quantities.energy_import.biling",
        "unknown key biling",
        "did you mean billing?",
    ),
    "unknown key of a phase": Break(
        ELECTRICITY,
        "maximum: 500",
        "maximun: 500",
        "quantities.power_import.phases.l2.maximun",
        "unknown key maximun",
        "did you mean maximum",
    ),
    "unknown phase": Break(
        ELECTRICITY,
        'l3: "1-*:61.7.0"',
        'l4: "1-*:61.7.0"',
        "quantities.power_import.phases.l4",
        "unknown key l4",
        "known are l1, l2, l3, n",
    ),
    "missing key": Break(
        UNITS,
        "  spellings: {m³: 0}\n",
        "",
        "m³",
        "spellings is missing",
        "add spellings: Spelling in ASCII telegrams",
        at="m³:",
    ),
    "missing key that is defined elsewhere": Break(
        ELECTRICITY,
        "    kind: text\n",
        "",
        "quantities.tariff_active",
        "kind is missing",
        "add kind: instantaneous: a live value",
        at="tariff_active:",
    ),
    "missing key of all files": Break(
        E450,
        "    protocol: dlms-hdlc\n",
        "",
        "interfaces[0]",
        "protocol is missing",
        "add protocol: What the bytes are",
        at="- id: mbus",
    ),
    "neither code nor family": Break(
        ELECTRICITY,
        '    obis: "1-*:2.7.0"\n',
        "",
        "quantities.power_export",
        "has none of obis, phases, tariffs",
        "add one of them",
        at="power_export:",
    ),
    "wrong type": Break(
        E450,
        "flag: [LGZ]",
        "flag: LGZ",
        "wire.flag",
        "is 'LGZ', must be a list",
        "FLAG ids that open the system title",
    ),
    "wrong type of a choice": Break(
        ELECTRICITY,
        'obis: "1-*:16.7.0"',
        "obis: {a: b}",
        "quantities.power_net.obis",
        "is a mapping",
        "Code under which meters send it",
    ),
    "word that is not known": Break(
        E450,
        "protocol: dlms-hdlc",
        "protocol: dlms-hdcl",
        "interfaces[0].protocol",
        "'dlms-hdcl' is not known here",
        "did you mean dlms-hdlc",
    ),
    "number that is not known": Break(
        OLD, "phases: 1", "phases: 2", "phases", "2 is not known here", "write one of 1, 3"
    ),
    "code of a wrong form": Break(
        ELECTRICITY,
        '"1-*:2.7.0"',
        '"1.7"',
        "quantities.power_export.obis",
        "'1.7' has the wrong form",
        "OBIS code A-B:C.D.E",
    ),
    "code of a wrong form in a list": Break(
        DEVICE,
        '["0-0:1.0.0", "0-1:1.0.0"]',
        '\n      - "0-0:1.0.0"\n      - "0-1-1.0.0"\n',
        "quantities.meter_clock.obis[1]",
        "has the wrong form",
        "OBIS code",
        at='- "0-1-1.0.0"',
    ),
    "element of a wrong form": Break(
        E450,
        '"1-0:2.7.0;3;2"',
        '"1-0:2.7.0;3;2;1"',
        "lists[0].elements[4]",
        "has the wrong form",
        '"OBIS;class;attribute"',
    ),
    "name of a wrong form": Break(
        DEVICE,
        "  serial:\n",
        "  Serial-No:\n",
        "quantities.Serial-No",
        "the key Serial-No has the wrong form",
        "Lower case, digits and _",
    ),
    "country": Break(
        EKZ, "country: NO", "country: Norway", "country", "has the wrong form", "Two capital letters"
    ),
    "reading type": Break(
        ELECTRICITY,
        "0.0.0.12.1.1.37.0.0.0.0.0.0.0.64.0.38.0",
        "0.0.12",
        "quantities.power_import.phases.l2.cim",
        "has the wrong form",
        "eighteen numbers",
    ),
    "out of range": Break(
        E450,
        "scaler: 0",
        "scaler: 60",
        "registers.power_import.scaler",
        "60 is out of range, the limit is 6",
        "Power of ten",
    ),
    "empty": Break(UNITS, "{m³: 0}", "{}", "m³.spellings", "is empty", "Spelling in ASCII telegrams"),
    "twice in a list": Break(
        EKZ,
        "lists: [vse2026, tariffs]",
        "lists: [vse2026, vse2026]",
        "meters[0].lists",
        "has 'vse2026' twice",
        "keep one",
    ),
    "hex": Break(
        E450,
        "destination: CEFF",
        "destination: ce ff",
        "wire.hdlc[0].destination",
        "wrong form",
        "Octets in hex",
    ),
    "status of a fact": Break(
        E450,
        "fact: {status: documented, source: manual}",
        "fact: {status: sure, source: manual}",
        "interfaces[0].fact.status",
        "'sure' is not known here",
        "write one of seen, documented, assumed",
    ),
}

MEANING = {
    # meters that must be asked
    "nobody knows how to ask": Break(
        E450,
        "    protocol: dlms-hdlc\n",
        "    protocol: dlms-hdlc\n    mode: poll\n",
        "interfaces[0].mode",
        "how it is asked is not said",
        "add read, e.g. read: {every_s: 60}",
        at="mode: poll",
    ),
    "like an interface that is not there": Break(
        E450,
        "    protocol: dlms-hdlc\n",
        "    protocol: dlms-hdlc\n    like: mbus-devise\n",
        "interfaces[0].like",
        "there is no interface mbus-devise",
        "did you mean mbus-device? They stand in schema/interfaces.yaml",
        at="like: mbus-devise",
    ),
    # texts
    "missing language": Break(
        UNITS, "{en: watt, de: Watt}", "{en: watt}", "W.name", "has no de", "add de: …"
    ),
    "missing language deep inside": Break(
        ELECTRICITY,
        "t2: {en: tariff 2, de: Tarif 2}",
        "t2: {de: Tarif 2}",
        "quantities.tariff_active.states.t2",
        "has no en",
        "add en: …",
    ),
    "language that is not ours": Break(
        UNITS,
        "{en: watt, de: Watt}",
        "{en: watt, de: Watt, es: vatio}",
        "W.name.es",
        "language es is not in languages.yaml",
        "add it to schema/languages.yaml",
    ),
    "label pattern": Break(
        LANGUAGES,
        '  de: "{label}, Tarif {n}"',
        '  de: "{label}, Tarif {N}"',
        "tariff_label.de",
        "has {label}, {N}",
        "write each of {label} and {n} once",
    ),
    # units
    "symbol that is no spelling": Break(
        UNITS,
        "spellings: {W: 0, kW: 3}",
        "spellings: {kW: 3}",
        "W.spellings",
        "the symbol W must be a spelling",
        'add "W": 0',
    ),
    "spelling of two units": Break(
        UNITS,
        "{Wh: 0, kWh: 3}",
        "{Wh: 0, kW: 3}",
        "Wh.spellings.kW",
        "is a spelling of W as well",
        "keep it at one unit",
    ),
    "code of two units": Break(
        UNITS,
        "dlms: 30",
        "dlms: 27",
        "Wh.dlms",
        "code 27 is that of W as well",
        "IEC 62056-6-2",
        at="dlms: 27\n  spellings: {Wh",
    ),
    # quantities
    "unknown unit": Break(
        ELECTRICITY,
        "unit: Wh\n",
        "unit: wh\n",
        "quantities.energy_import.unit",
        "unit wh is not in units.yaml",
        "did you mean Wh",
    ),
    "number without a unit": Break(
        "quantities/gas.yaml",
        "    unit: m³\n",
        "",
        "quantities.volume_gas",
        "has no unit",
        'add unit: a symbol of units.yaml, "1"',
        at="volume_gas:",
    ),
    "text with a unit": Break(
        DEVICE,
        "    identity: 1\n",
        "    unit: W\n    identity: 1\n",
        "quantities.device_name.unit",
        "kind text has no unit",
        "remove it",
        at="unit: W",
    ),
    "place of a number": Break(
        "quantities/gas.yaml",
        "kind: cumulative",
        "kind: cumulative\n    place: meta",
        "quantities.volume_gas.place",
        "kind cumulative cannot be at meta",
        "write place: value",
        at="place: meta",
    ),
    "name used twice": Break(
        "quantities/gas.yaml",
        "volume_gas:",
        "power_net:",
        "quantities.power_net",
        "power_net is defined in schema/quantities/electricity.yaml:",
        "choose another name",
    ),
    "name of a phase": Break(
        DEVICE,
        "  serial:\n",
        "  serial_l1:\n",
        "quantities.serial_l1",
        "the ending _l1 is for phases and tariffs",
        "below phases or tariffs of serial",
    ),
    "direction and name": Break(
        ELECTRICITY,
        "    direction: export\n",
        "    direction: import\n",
        "quantities.power_export",
        "the name says export, direction is import",
        "write direction: export",
        at="power_export:",
        others=1,
    ),
    "scaler of a text": Break(
        DEVICE,
        "    identity: 2\n",
        "    scaler: -1\n    identity: 2\n",
        "quantities.serial.scaler",
        "kind text has no power of ten",
        "remove it",
        at="scaler: -1",
    ),
    "limits": Break(
        ELECTRICITY,
        "maximum: 1000\n",
        "maximum: 0\n",
        "quantities.power_import.maximum",
        "maximum 0 is not above minimum 0",
        "swap or correct",
    ),
    "monotonic": Break(
        ELECTRICITY,
        "    derive: {plus: [power_import], minus: [power_export]}\n",
        "    monotonic: true\n",
        "quantities.power_net.monotonic",
        "kind instantaneous may run backwards",
        "choose kind cumulative",
    ),
    "code of two quantities": Break(
        ELECTRICITY,
        '"1-*:2.7.0"',
        '"1-0:16.7.0"',
        "quantities.power_net.obis",
        "1-*:16.7.0 of power_net is power_export as well",
        "give each code to one quantity",
        at='obis: "1-*:16.7.0"',
        others=1,
    ),
    "sub-meters that cannot be told apart": Break(
        "quantities/water.yaml",
        "[6, 7]",
        "[3, 7]",
        "quantities.volume_water.obis",
        "0-n:24.2.1 of volume_water is volume_gas as well",
        "tell sub-meters apart by channel_types",
        at="obis:",
    ),
    "device type without a channel": Break(
        "quantities/gas.yaml",
        '"0-n:24.2.1"',
        '"0-1:24.2.2"',
        "quantities.volume_gas.obis",
        "needs a code of a channel",
        "write n for group B",
    ),
    "record of two quantities": Break(
        ELECTRICITY,
        '  power_net:\n    obis: "1-*:16.7.0"\n',
        '    mbus: power\n  power_net:\n    mbus: power  # again\n    obis: "1-*:16.7.0"\n',
        "quantities.power_net.mbus",
        "the record 'power' of power_net is power_export as well",
        "give each record to one quantity",
        at="mbus: power  # again",
    ),
    "missing phase": Break(
        ELECTRICITY,
        '      l3: "1-*:61.7.0"\n',
        "",
        "quantities.power_import.phases",
        "has no l3",
        "write l1, l2 and l3",
        at="phases:",
    ),
    "phase of something else": Break(
        ELECTRICITY,
        'l3: "1-*:61.7.0"',
        'l3: "1-*:62.7.0"',
        "quantities.power_import.phases.l3",
        "1-*:62.7.0 is not the L3 of 1-*:21.7.0",
        "write 1-*:61.7.0",
    ),
    "gap in the tariffs": Break(
        ELECTRICITY,
        't2: "1-*:1.8.2"',
        't3: "1-*:1.8.3"',
        "quantities.energy_import.tariffs",
        "has t1, t3",
        "write t1, t2: no gap",
        at="tariffs:",
        others=2,
    ),
    "tariff of something else": Break(
        ELECTRICITY,
        't2: "1-*:1.8.2"',
        't2: "1-*:2.8.2"',
        "quantities.energy_import.tariffs.t2",
        "1-*:2.8.2 is not t2 of this register",
        "write 1-*:1.8.2",
        others=1,
    ),
    "operand that is no quantity": Break(
        ELECTRICITY,
        "minus: [power_export]",
        "minus: [power_exprot]",
        "quantities.power_net.derive.minus[0]",
        "power_exprot is no quantity",
        "did you mean power_export",
    ),
    "operand of another unit": Break(
        ELECTRICITY,
        "minus: [power_export]",
        "minus: [energy_import]",
        "quantities.power_net.derive.minus[0]",
        "energy_import is in Wh, power_net in W",
        "same unit",
    ),
    "loop": Break(
        ELECTRICITY,
        TARIFFS,
        "derive: {plus: [energy_import]}",
        "quantities.energy_import.derive",
        "energy_import is computed from itself",
        "remove the loop",
    ),
    "states of a number": Break(
        ELECTRICITY,
        TARIFFS,
        "raw_states: {a: b}",
        "quantities.energy_import.raw_states",
        "kind cumulative has no raw_states",
        "write kind: text",
        others=0,
    ),
    "state that is not known": Break(
        ELECTRICITY,
        '"0002": t2',
        '"0002": t3',
        "quantities.tariff_active.raw_states.0002",
        "t3 is no state of tariff_active",
        "known are t1, t2",
    ),
    "identity on a plain topic": Break(
        DEVICE,
        "    place: meta\n    identity: 2\n",
        "    identity: 2\n",
        "quantities.serial.identity",
        "an identity cannot be at text",
        "write place: meta",
        at="identity: 2",
    ),
    "rank used twice": Break(
        DEVICE,
        "identity: 2",
        "identity: 1",
        "quantities.serial.identity",
        "rank 1 is that of device_name as well",
        "next free rank",
        at="identity: 1\n    label: {en: Serial",
    ),
    "consumer that is none": Break(
        DEVICE,
        "    identity: 2\n",
        "    identity: 2\n    consumers: {iobrocker: {role: x}}\n",
        "quantities.serial.consumers.iobrocker",
        "iobrocker is no consumer",
        "did you mean iobroker",
        at="consumers:",
    ),
    # consumers
    "unit of a consumer": Break(
        IOBROKER,
        "  W: {unit: W, decimals: 0}",
        "  w: {unit: W, decimals: 0}",
        "units.w",
        "unit w is not in units.yaml",
        "W",
    ),
    "condition nobody has": Break(
        IOBROKER,
        "match: {unit: W, phase: none}",
        "match: {unit: kW, phase: none}",
        "quantities[1].match.unit",
        "no quantity has unit kW",
        "W",
    ),
    "condition nobody has in a list": Break(
        IOBROKER,
        "direction: [import, export]",
        "direction: [imports, export]",
        "quantities[2].match.direction[0]",
        "no quantity has direction imports",
        "did you mean import",
    ),
    "rule for nobody": Break(
        IOBROKER,
        "match: {unit: W, phase: none}",
        "match: {unit: W, medium: gas}",
        "quantities[1].match",
        "the rule matches no quantity",
        "correct it or remove it",
    ),
    "quantity without a role": Break(
        IOBROKER,
        "  - match: {place: time}\n    set: {role: value.time}\n",
        "",
        "quantities.meter_clock",
        "meter_clock gets no role from schema/consumers/iobroker.yaml",
        "add a rule",
        at="-",
    ),
    # topics
    "placeholder": Break(
        TOPICS,
        "path: '{prefix}/v1/{meter}/state'",
        "path: '{prefix}/v1/{metre}/state'",
        "topics.state.path",
        "{metre} is not defined",
        "add it to levels; did you mean meter",
    ),
    "regular expression of a level": Break(
        TOPICS,
        "quantity: '[a-z][a-z0-9_]*'",
        "quantity: '[a-z'",
        "levels.quantity",
        "is no regular expression",
        "correct it, or escape",
    ),
    "leaf and parent": Break(
        TOPICS,
        "path: '{prefix}/v1/{meter}/state'",
        "path: '{prefix}/v1/{meter}/value'",
        "topics.state.path",
        "is a topic and the parent of",
        "give one of them another level",
        others=1,
    ),
    "leaf and parent by a placeholder": Break(
        TOPICS,
        "path: '{prefix}/v1/{meter}/state'",
        "path: '{prefix}/v1/{meter}'",
        "topics.state.path",
        "is a topic and the parent of availability",
        "give one of them another level",
        others=2,
    ),
    "same path": Break(
        TOPICS,
        "path: '{prefix}/v1/{meter}/state'",
        "path: '{prefix}/v1/{meter}/availability'",
        "topics.state.path",
        "state has the path of availability",
        "tell them apart by kinds",
        at="path: '{prefix}/v1/{meter}/availability'\n    qos: 1\n    retain: false",
    ),
    "same path for the same kind": Break(
        TOPICS,
        "kinds: [cumulative]",
        "kinds: [cumulative, instantaneous]",
        "topics.value_counter.path",
        "value_counter has the path of value_live",
        "tell them apart by kinds",
        at="path: '{prefix}/v1/{meter}/value/{quantity}'\n    qos: 1",
    ),
    "unknown payload": Break(
        TOPICS,
        "payload: state",
        "payload: states",
        "topics.state.payload",
        "states is no payload",
        "did you mean state",
    ),
    "payload that is no JSON Schema": Break(
        TOPICS,
        "number: {type: number,",
        "number: {type: numbers,",
        "payloads.number",
        "is no JSON Schema of draft 7",
        "correct it",
    ),
    "key val in a payload": Break(
        TOPICS,
        "      ts: {type: string, minLength: 1}\n",
        "      ts: {type: string, minLength: 1}\n      val: {type: number}\n",
        "payloads.state.properties.val",
        "must not have the top-level key val",
        "rename it: ioBroker",
        at="val: {type",
    ),
    "example that breaks its schema": Break(
        TOPICS,
        'ts: "2026-05-04T09:39:21Z"',
        'ts: ""',
        "payloads.state.examples[0]",
        "the example breaks its own schema.ts",
        "correct the example or the schema",
    ),
    "last will": Break(
        TOPICS,
        "will: offline",
        "will: gone",
        "topics.availability.will",
        "gone is no availability",
        "payloads.availability allows",
    ),
    "units of a payload": Break(
        TOPICS,
        "ts: {type: string, minLength: 1}",
        "unit: {enum: [W, Wh, kWh]}",
        "payloads.state.properties.unit.enum",
        "differs from units.yaml in kWh, m³",
        "list every symbol of units.yaml",
    ),
    # meters
    "id and file": Break(
        E450,
        "model: E450\n",
        "model: E450\nid: lg-e350\n",
        "id",
        "id lg-e350 in a file called lg-e450.yaml",
        "write id: lg-e450",
        at="id: lg-e350",
    ),
    "list used twice": Break(
        E450,
        "- id: channels",
        "- id: tariffs",
        "lists[2]",
        "id tariffs stands in line",
        "choose another id",
        at="- id: tariffs\n    title: {en: Sub",
    ),
    "element that is no quantity": Break(
        E450,
        '"1-1:1.8.2"',
        '"1-1:1.8.9"',
        "lists[1].elements[1]",
        "1-1:1.8.9 is no quantity of the profile",
        "list the code under not_in_profile",
    ),
    "excuse for nothing": Break(
        E450,
        'not_in_profile: ["0-0:96.99.0"]',
        'not_in_profile: ["0-0:96.99.0", "0-0:42.0.0"]',
        "lists[0].not_in_profile[1]",
        "0-0:42.0.0 excuses no element",
        "remove it",
    ),
    "element of several quantities": Break(
        E450,
        '"1-1:1.8.2"',
        '"1-1:1.8.*"',
        "lists[1].elements[1]",
        "1-1:1.8.* may be energy_import, energy_import_t1",
        "write the code without *",
    ),
    "three phases in a meter of one": Break(
        OLD,
        '["1-0:1.7.0", ~]',
        '["1-0:1.7.0", "1-0:41.7.0"]',
        "lists[0].elements[1]",
        "power_import_l2 of a meter with one phase",
        "write phases: 3 in line 4",
    ),
    "register of nothing": Break(
        E450,
        "  power_import: {type: double-long-unsigned, scaler: 0}",
        "  power_in: {type: double-long-unsigned, scaler: 0}",
        "registers.power_in",
        "power_in is no quantity and no family",
        "did you mean power_",
    ),
    "scaler of an octet-string": Break(
        E450,
        "{type: octet-string}",
        "{type: octet-string, scaler: -1}",
        "registers.device_name.scaler",
        "type octet-string has no power of ten",
        "remove it",
    ),
    "positional list without types": Break(
        OLD,
        "    types: [double-long-unsigned, octet-string]\n",
        "",
        "lists[0]",
        "a positional list needs types",
        "A-XDR types of all 2 elements",
        at="- id: bare",
    ),
    "positional list with too few types": Break(
        OLD,
        "types: [double-long-unsigned, octet-string]",
        "types: [double-long-unsigned]",
        "lists[0].types",
        "1 types for 2 elements",
        "one for each element",
    ),
    "types of another list": Break(
        OLD,
        "shape: positional",
        "shape: pairs",
        "lists[0].types",
        "a list of shape pairs needs no types",
        "remove them",
        at="types:",
    ),
    "regular expression of a device name": Break(
        E450,
        "'^LGZ10306'",
        "'^LGZ(10306'",
        "wire.device_name",
        "is no regular expression",
        "escape special characters",
    ),
    "regular expression of a meter type": Break(
        E450,
        "  device_name: '^LGZ10306'",
        "  device_name: '^LGZ10306'\n  device_type: 'E45[0'",
        "wire.device_type",
        "is no regular expression",
        "escape special characters",
        at="device_type",
    ),
    "zone": Break(E450, "Europe/Zurich", "Europe/Zürich", "zone", "has the wrong form", "Zone of a clock"),
    "zone that does not exist": Break(
        E450,
        "Europe/Zurich",
        "Europe/Zurick",
        "zone",
        "Europe/Zurick is no zone of the IANA database",
        "did you mean Europe/Zurich",
    ),
    # operators
    "unknown meter": Break(
        EKZ,
        "meter: lg-e450",
        "meter: lg-e540",
        "meters[0].meter",
        "lg-e540 is no meter model",
        "did you mean lg-e450",
    ),
    "unknown interface": Break(
        EKZ,
        "interface: mbus",
        "interface: m-bus",
        "meters[0].interface",
        "lg-e450 has no interface m-bus",
        "did you mean mbus",
    ),
    "unknown list": Break(
        EKZ,
        "[vse2026, tariffs]",
        "[vse2025, tariffs]",
        "meters[0].lists[0]",
        "lg-e450 has no list vse2025",
        "did you mean vse2026",
    ),
    "tariffs without a source": Break(
        EKZ,
        "tariffs_fact: {status: assumed, source: guess}\n",
        "",
        "tariffs",
        "no source for the meaning of the tariffs",
        "add tariffs_fact",
        at="tariffs:\n",
    ),
    "common list": Break(
        E450,
        "- id: vse2026",
        "- id: vse26",
        "lists",
        "list vse2026 is missing",
        "common list of the Swiss 2026",
        at="manufacturer",
        others=1,
    ),
}
CASES = {f"structure: {name}": case for name, case in STRUCTURE.items()} | MEANING


@pytest.mark.parametrize("name", CASES)
def test_a_break_is_found_with_its_line_and_remedy(schema: Schema, name: str) -> None:
    case = CASES[name]
    case.apply(schema)
    findings = schema.findings()
    found = [f for f in findings if f.key == case.key and case.message in f.message]
    assert found, "\n".join(map(str, findings)) or "no finding"
    assert case.remedy in found[0].remedy
    assert len(findings) == 1 + case.others, "\n".join(map(str, findings))
    if case.at != "-":
        marker = case.at or case.new
        assert found[0].file == f"schema/{case.file}"
        assert found[0].line == schema.line(case.file, marker)
    assert (
        str(found[0])
        == f"{found[0].file}:{found[0].line}: {case.key}: {found[0].message} → {found[0].remedy}"
    )


def test_the_small_schema_has_no_findings(schema: Schema) -> None:
    assert schema.findings() == []


def test_a_quantity_without_a_role_is_shown_where_it_stands(schema: Schema) -> None:
    MEANING["quantity without a role"].apply(schema)
    (finding,) = schema.findings()
    assert finding.file == "schema/quantities/device.yaml"
    assert finding.line == schema.line(DEVICE, "meter_clock:")


@pytest.mark.parametrize(
    ("old", "new"),
    [("meters/old.yaml", "meters/Old_1.yaml"), ("consumers/iobroker.yaml", "consumers/io-broker.yaml")],
)
def test_the_name_of_a_file_is_an_id(schema: Schema, old: str, new: str) -> None:
    (schema.root / old).rename(schema.root / new)
    found = [f for f in schema.findings() if f.file == f"schema/{new}"]
    assert any("rename the file: lower case letters" in f.remedy for f in found)


def test_an_operator_has_a_meter_with_an_interface_once(schema: Schema) -> None:
    schema.edit(
        EKZ,
        "meter: old\n    interface: optical\n    lists: [bare]",
        "meter: lg-e450\n    interface: mbus\n    lists: [vse2026]",
    )
    (finding,) = schema.findings()
    assert finding.line == schema.line(EKZ, "meter: lg-e450\n    interface: mbus\n    lists: [vse2026]")
    assert "put the lists into one entry" in finding.remedy


def test_everything_is_said_at_once(schema: Schema) -> None:
    names = [
        "structure: country",
        "last will",
        "zone that does not exist",
        "unknown unit",
        "label pattern",
        "code of two units",
    ]
    for name in names:
        CASES[name].apply(schema)
    findings = schema.findings()
    for name in names:
        assert any(CASES[name].message in f.message for f in findings), name
    assert findings == sorted(findings)
    with pytest.raises(FindingsError) as error:
        schema.resolved()
    assert str(error.value).splitlines() == [str(f) for f in findings]


def test_several_unknown_keys_are_several_findings(schema: Schema) -> None:
    schema.edit(E450, "medium: electricity", "medium: electricity\nfoo: 1\nbar: 2")
    assert [(f.key, f.line) for f in schema.findings()] == [("foo", 4), ("bar", 5)]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (UNITS, "W: [\n"),
        (UNITS, "W: {nom: x}\n"),
        (LANGUAGES, "languages: en\n"),
        (TOPICS, "prefix: CII\n"),
        (E450, "model: E450\n"),
    ],
)
def test_what_only_follows_from_a_broken_file_is_not_said(schema: Schema, file: str, text: str) -> None:
    schema.write(file, text)
    assert {f.file for f in schema.findings()} == {f"schema/{file}"}


def test_an_angle_has_its_phase_in_group_e(schema: Schema) -> None:
    schema.edit(ELECTRICITY, '"1-*:21.7.0"', '"1-*:81.7.40"')
    schema.edit(ELECTRICITY, '"1-*:41.7.0"', '"1-*:81.7.51"')
    schema.edit(ELECTRICITY, '"1-*:61.7.0"', '"1-*:81.7.62"')
    assert schema.findings() == []


def test_findings_are_ordered_by_file_and_line() -> None:
    one = Finding("schema/a.yaml", 9, "k", "m", "r")
    assert sorted([replace(one, line=10), one]) == [one, replace(one, line=10)]
