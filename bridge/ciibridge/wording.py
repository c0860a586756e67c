"""Words that messages share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Give a number of things in words: ``1 meter``, ``2 meters``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
