"""YAML as openHAB and Home Assistant read it: version 1.1, in which `on` is true and `1:30` is ninety; a key stands once.

libyaml does the reading: several times as fast as ruamel.yaml, and the tests read megabytes.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml


class _Loader(yaml.CSafeLoader):
    """Safe, and strict about keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        made: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if len(made) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return made


def load(text: str) -> Any:
    """Give the value of a document (raises yaml.YAMLError)."""
    return yaml.load(text, Loader=_Loader)
