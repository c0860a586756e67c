# generated from schema/ by ciigen, do not edit
"""The profile of smart-meter topics for Python: the resolved schema, the payloads and the topics.

- ``load()`` gives everything the schema knows: quantities, topics, meters, operators.
- ``ciimodel.payloads`` has a pydantic model for each JSON payload.
- ``ciimodel.topics`` builds and recognises topics; it needs nothing but the standard library.
"""

from functools import cache
from importlib.resources import files

from ciimodel.catalogue import Resolved


@cache
def load() -> Resolved:
    """The resolved schema that belongs to this package (read once)."""
    return Resolved.model_validate_json((files("ciimodel") / "resolved.json").read_bytes())


__all__ = ["Resolved", "load"]
