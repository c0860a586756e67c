"""The examples of docs/how-to/find-out.md, made by the program. Run this file to write them there anew."""

from __future__ import annotations

import re

from captures import ROOT
from ciibridge.cli.probe import proposed, shown
from ciibridge.probing.advice import advice
from ciibridge.probing.attempts import attempts
from ciibridge.probing.report import report
from ciibridge.probing.words import tried_line
from ciibridge.security.glo import Keys
from ciibridge.simulate import SimulatedMeter
from probing_parts import CATALOGUE, KEY, Line, link_of, probe

PORT = "/dev/ttyUSB0"
#: The page is about these, so that it does not change with every meter and operator that is added to the schema.
_SHOWN = {"lg-e450", "iskra-am550", "lg-e360", "kamstrup-omnipower", "ekz", "regionalwerke-baden"}
FEW = CATALOGUE.model_copy(
    update={
        "meters": {name: meter for name, meter in CATALOGUE.meters.items() if name in _SHOWN},
        "operators": {name: operator for name, operator in CATALOGUE.operators.items() if name in _SHOWN},
    }
)
PAGE = ROOT / "docs/how-to/find-out.md"


def output(which: str) -> str:
    """Progress and report of one example of the page."""
    operator, meter, line = {
        "found": (
            "ekz",
            None,
            Line(SimulatedMeter(CATALOGUE, "iskra-am550"), link_of("iskra-am550"), cut=99),
        ),
        "key": (None, None, Line(SimulatedMeter(CATALOGUE, "lg-e450", key=KEY), link_of("lg-e450"))),
        "silent": ("ekz", "lg-e450", None),
    }[which]
    _, search, _ = probe(line, attempts(FEW, operator=operator, meter=meter))
    found = report(FEW, PORT, search, meter=meter, operator=operator)
    notes = advice(found, FEW, "en")
    text = shown(found, FEW, "en", notes, proposed(found, Keys(), FEW, None))
    return "\n".join([*map(tried_line, search.tried), text])


EXAMPLES = ("found", "key", "silent")


def page() -> str:
    """The page with the examples as they are now: the blocks that open with ```text, in this order."""
    examples = iter(EXAMPLES)
    text = PAGE.read_text(encoding="utf-8")
    return re.sub(
        r"```text\n.*?\n```", lambda _: f"```text\n{output(next(examples))}\n```", text, flags=re.DOTALL
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
