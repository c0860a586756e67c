"""What an output is: a folder in ``ciigen/targets`` whose ``__init__`` exposes ``TARGET``.

Place in the line: load → validate → resolve → **render** → write. A target renders from ``Resolved`` and from
nothing else: no files, no clock, no environment, so that the same schema gives the same bytes everywhere. Adding the
folder is all it takes: the command ``ciigen <name>``, the files in ``generated/<name>/`` and the line in
``ciigen list`` follow from it.

    generator/ciigen/targets/openhab/
        __init__.py       TARGET = OpenHab()
        things.py …       whatever it needs; templates lie beside it

Rules a target can rely on, and must keep:

- The line "generated …, do not edit" is put on top by ``write``, in the comment syntax of the file's extension (none
  for .json and .csv, after the declaration in XML). A renderer does not write it.
- A text ends with exactly one line feed and has no other line ends; ``write`` refuses anything else.
- Dictionaries of ``Resolved`` are in the order of the schema, which is the order to show to people.
- Meters of a house may differ (``--from``): what is said of one meter is asked with ``selection.of(level)``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Final, Protocol, runtime_checkable

from ciigen import targets
from ciigen.derive import yields
from ciigen.errors import TargetError, UsageError, did_you_mean
from ciigen.live.meters import LiveMeter
from ciigen.resolved import Meter, Operator, PushList, Quantity, Resolved

#: The list that every Swiss meter set to the 2026 configuration pushes; shown when no meter is named.
COMMON_METER: Final = "lg-e450"
COMMON_LIST: Final = "vse2026"


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the schema a user wants to see, and for which meters in the house.

    ``ids`` are topic levels (``cii/v1/<id>/…``), one meter each. ``meter`` and ``operator`` are ids of the schema.
    ``live``, when it is given, says instead what each of the ``ids`` is and sends; ``source`` is the broker that told it.
    ``options`` are those that only one target has, as given: name → value.
    """

    ids: tuple[str, ...] = ("smartmeter",)
    meter: str | None = None
    operator: str | None = None
    lang: str = "en"
    everything: bool = False
    live: tuple[LiveMeter, ...] = ()
    source: str = ""
    prefix: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def of(self, level: str) -> Selection:
        """Narrow it to the meter with this topic level."""
        for meter in self.live:
            if meter.id == level:
                return replace(self, ids=(level,), meter=meter.model, operator=meter.operator, live=(meter,))
        return replace(self, ids=(level,))

    def option(self, name: str) -> str | None:
        """Give the value of an option of the target, None where it was not given."""
        return dict(self.options).get(name)


@dataclass(frozen=True, slots=True)
class Option:
    """An option that only one target has. ``metavar`` is None for a switch, whose value is then ``yes``."""

    help: str
    metavar: str | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One file that a target can print: ``ciigen openhab --items``.

    ``extension`` has its dot (``.items``). ``folder`` is where ``--out DIR`` puts the file below DIR ("" is DIR
    itself). The file is called after the first id of the selection, or ``stem`` if given. ``--out`` without a view
    writes all views but those that are ``alternative`` to another one (YAML in place of .things and .items).
    """

    extension: str
    help: str
    render: Callable[[Resolved, Selection], str]
    folder: str = ""
    stem: str = ""
    alternative: bool = False

    def path(self, selection: Selection) -> str:
        """Where ``--out`` writes it, relative to the directory given, with / between the parts."""
        name = f"{self.stem or selection.ids[0]}{self.extension}"
        return f"{self.folder}/{name}" if self.folder else name


@runtime_checkable
class Target(Protocol):
    """An output. ``views`` may be empty when the output makes sense only as a tree of files (``--out DIR``).

    Optional attributes: ``folder``, where a target that shares the folder of another gives its name (``resolved`` lives
    in ``python/ciimodel``); without it the folder is ``name``. ``options``, name → Option, become options of the command
    and arrive in ``Selection.options``. ``of_contract = True`` where the output is the same for every house: such a target
    has no ``--from``. ``of_bridge = True`` where it follows from the configuration of the bridge, too: ``--config``, whose facts arrive in
    ``Selection`` as if they had been given on the command line.
    """

    @property
    def name(self) -> str:
        """Name of the command and of the folder in ``generated/``: ``[a-z][a-z0-9-]*``."""

    @property
    def help(self) -> str:
        """One sentence for ``ciigen list`` and ``--help``."""

    @property
    def views(self) -> Mapping[str, View]:
        """Option name (without dashes) → file; the first is what the command prints by default."""

    def tree(self, resolved: Resolved) -> dict[str, str]:
        """Every file of ``generated/<folder>/``: path relative to that folder, with / between the parts → text."""


def folder(target: Target) -> str:
    """Give the folder of a target relative to ``generated/``."""
    where: str = getattr(target, "folder", target.name)
    return where


def options(target: Target) -> Mapping[str, Option]:
    """Give the options that only this target has."""
    own: Mapping[str, Option] = getattr(target, "options", {})
    return own


def takes_live(target: Target) -> bool:
    """Whether the output differs with the meters of a house, so that it can be made ``--from`` a broker."""
    return not getattr(target, "of_contract", False)


def takes_config(target: Target) -> bool:
    """Whether the output can be made for a configuration of the bridge, ``--config``."""
    return bool(getattr(target, "of_bridge", False))


@cache
def discover() -> Mapping[str, Target]:
    """All targets by name, sorted: every folder of ``ciigen.targets`` (raises TargetError if one is no target)."""
    found: dict[str, Target] = {}
    for module in pkgutil.iter_modules(targets.__path__):
        exposed = getattr(import_module(f"{targets.__name__}.{module.name}"), "TARGET", None)
        if not isinstance(exposed, Target):
            raise TargetError(
                f"generator/ciigen/targets/{module.name}/__init__.py has no TARGET with name, help, views and tree()"
            )
        found[exposed.name] = exposed
    return dict(sorted(found.items()))


def check_selection(resolved: Resolved, selection: Selection) -> None:
    """Raise UsageError if the selection names something that the schema does not have.

    Which meter an operator has is not asked of a live one: it is there.
    """
    for what, name, known in (
        ("--meter", selection.meter, resolved.meters),
        ("--operator", selection.operator, resolved.operators),
        ("--lang", selection.lang, resolved.languages),
    ):
        if name is not None and name not in known:
            raise UsageError(f"{what} {name} is not in the schema: {did_you_mean(name, known)}")
    if selection.meter and selection.operator and not selection.live:
        served = [entry.meter for entry in resolved.operators[selection.operator].meters]
        if selection.meter not in served:
            raise UsageError(
                f"--meter {selection.meter} is not known at operator {selection.operator}: it has {', '.join(served)}"
            )


def quantities(resolved: Resolved, selection: Selection) -> list[Quantity]:
    """Give the quantities a selection covers, in the order of the schema.

    ``live``: what any of these meters sends, as its ``meta`` says. ``everything``: all. ``operator``: what the lists of that operator carry (of one model, with ``meter``). ``meter``:
    all lists of that model. Otherwise the common list (``vse2026`` of lg-e450). What can be computed from a list is
    part of it (``power_net`` of the common list).

    Not each has a topic ``value/<name>``: mind ``place`` (identity is in ``meta`` only), and quantities of sub-meters
    (``topics.is_of_submeter``) are below ``channel/<n>/``. Raises UsageError for an unknown meter, operator or language, and
    for an operator of which no list is known.
    """
    check_selection(resolved, selection)
    if selection.everything:
        return list(resolved.quantities.values())
    names: set[str] = set()
    if selection.live:
        names.update(*(meter.names for meter in selection.live))
    else:
        lists = _lists(resolved, selection)
        if selection.operator and not lists:
            what = f"{selection.meter} of {selection.operator}" if selection.meter else selection.operator
            raise UsageError(
                f"{what}: what is sent there is not known; `ciigen docs --operator {selection.operator}` says what is"
            )
        for pushed in lists:
            names |= yields(pushed, resolved.quantities)
    return [quantity for name, quantity in resolved.quantities.items() if name in names]


def _lists(resolved: Resolved, selection: Selection) -> list[PushList]:
    if selection.operator:
        return _lists_of_operator(resolved, resolved.operators[selection.operator], selection.meter)
    if selection.meter:
        return list(resolved.meters[selection.meter].lists)
    return _named(resolved.meters[COMMON_METER], (COMMON_LIST,))


def _lists_of_operator(resolved: Resolved, operator: Operator, meter: str | None) -> list[PushList]:
    return [
        pushed
        for entry in operator.meters
        if meter in (None, entry.meter)
        for pushed in _named(resolved.meters[entry.meter], entry.lists)
    ]


def _named(meter: Meter, ids: tuple[str, ...]) -> list[PushList]:
    return [pushed for pushed in meter.lists if pushed.id in ids]
