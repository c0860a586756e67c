"""The page of Main UI: now, registers, tariffs and phases of each meter, on one layout page.

    oh-layout-page
      oh-block  "Now"            oh-grid-row → oh-grid-col → oh-label-card   a live value with its trend
      oh-block  "Registers" …    oh-grid-row → oh-grid-col → oh-list-card → oh-label-item

A click on a value opens the analyzer with the Items of its frame. Two forms: a file of 5.2 or newer, below ``pages:``, and
what the Code tab of a layout page takes, where the default slot is called ``blocks``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Final

from ruamel.yaml import YAML

from ciigen.invocation import command, title
from ciigen.resolved import Resolved
from ciigen.target import Selection
from ciigen.targets.openhab.frames import Frame, frames
from ciigen.targets.openhab.house import House, Point
from ciigen.targets.openhab.names import DEFAULT_LEVEL
from ciigen.targets.openhab.points import build
from ciigen.targets.openhab.setting import CONSUMER, setting, version_of

#: A part of a page, as YAML.
Component = dict[str, object]
_UID: Final = "smartmeter"
#: Columns of twelve: two beside each other on a phone, four on a screen.
_CARD: Final = {"width": "50", "medium": "25"}
_LIST: Final = {"width": "100", "medium": "50"}
_WIDTH: Final = 110


def page(resolved: Resolved, selection: Selection) -> str:
    """Make the page in the form that the version takes, and say in its head where it belongs."""
    house = build(resolved, selection)
    config: Component = {"label": house.words["meter"], "sidebar": True}
    shown = list(blocks(house))
    content: Component = {"config": config, "blocks": shown, "masonry": [], "grid": [], "canvas": []}
    place = "Settings → Pages → + → Create layout page → Code: put this there instead of what it shows."
    since = setting(resolved, "pages_since")
    if version_of(resolved, selection).knows(since):
        whole = {"component": "oh-layout-page", "config": config, "slots": {"default": shown}}
        content = {"version": 1, "pages": {_UID: whole}}
        place = f"conf/yaml/smartmeter-page.yaml. To be pasted instead, make it for a version before {since}."
    head = [
        f"{title(resolved, selection)}: page of Main UI, for smartmeter.items.",
        f"Made with:  {command(CONSUMER, 'page', selection)}",
        f"Belongs in: {place}",
    ]
    return _dump(head, content)


def page_uid(level: str) -> str:
    """UID of the page of one meter, where each has its own."""
    return _UID if level == DEFAULT_LEVEL else f"{_UID}_{level}"


def blocks(house: House) -> Iterator[Component]:
    """Give the blocks of the page, meter by meter."""
    several = len(house.meters) > 1
    for meter in house.meters:
        for frame in frames(meter, house.words, named=several):
            if frame.points or frame.pages:  # diagrams are where a click leads
                yield _block(frame)


def _block(frame: Frame) -> Component:
    if frame.key == "now":
        columns = [_column(_CARD, _card(point, frame.points)) for point in frame.points]
    elif frame.pages:
        columns = [_column(_LIST, _listed(page.label, page.points)) for page in frame.pages]
    else:
        columns = [_column(_LIST, _listed(None, points)) for points in _halves(frame.points)]
    row = _component("oh-grid-row", {}, columns)
    return _component("oh-block", {"title": frame.label}, [row])


def _column(widths: dict[str, str], inner: Component) -> Component:
    return _component("oh-grid-col", dict(widths), [inner])


def _card(point: Point, beside: Iterable[Point]) -> Component:
    shown: Component = {"item": point.item, "title": point.label, "trendItem": point.item}
    return {"component": "oh-label-card", "config": shown | _analyzer(point, beside)}


def _listed(heading: str | None, points: Iterable[Point]) -> Component:
    items: list[Component] = []
    for point in points:
        shown: Component = {"item": point.item, "title": point.label}
        if point.icon:
            shown["icon"] = f"oh:{point.icon}"
        items.append({"component": "oh-label-item", "config": shown | _analyzer(point, points)})
    return _component("oh-list-card", {"title": heading} if heading else {}, items)


def _analyzer(point: Point, beside: Iterable[Point]) -> Component:
    """Say what a click does: values of one unit in one diagram; a text has none."""
    if point.base_type != "Number":
        return {}
    alike = [other.item for other in beside if other.item_type == point.item_type]
    return {"action": "analyzer", "actionAnalyzerItems": alike, "actionAnalyzerChartType": "day"}


def _component(name: str, config: Component, inner: list[Component]) -> Component:
    return {"component": name, "config": config, "slots": {"default": inner}}


def _halves(points: tuple[Point, ...]) -> Iterator[tuple[Point, ...]]:
    middle = (len(points) + 1) // 2
    yield points[:middle]
    if points[middle:]:
        yield points[middle:]


def _dump(head: list[str], content: object) -> str:
    yaml = YAML()
    yaml.width = _WIDTH
    yaml.representer.ignore_aliases = lambda _: True
    out = StringIO()
    yaml.dump(content, out)
    return "".join(f"# {line}\n" for line in head) + out.getvalue()
