"""docs/how-to/find-out.md shows what `ciibridge probe` really prints."""

from __future__ import annotations

from find_out import PAGE, page


def test_the_page_shows_the_real_output() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: PYTHONPATH=tests python tests/bridge/probing/find_out.py"
    )
