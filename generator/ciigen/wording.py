"""Words of an output that are not labels of quantities: ``words`` of its file in schema/consumers.

Place in the line: render.
"""

from __future__ import annotations

from collections.abc import Mapping

from ciigen.errors import TargetError
from ciigen.resolved import Resolved, Text

_FALLBACK = "en"


def phrase(resolved: Resolved, consumer: str, key: str, **parts: object) -> Text:
    """Give the words of ``key`` in every language with their parts filled in; raises TargetError where there are none."""
    words = resolved.consumers[consumer].words if consumer in resolved.consumers else {}
    if key not in words:
        raise TargetError(f"schema/consumers/{consumer}.yaml has no words.{key}")
    return {lang: text.format(**parts) if parts else text for lang, text in words[key].items()}


def vocabulary(resolved: Resolved, consumer: str, lang: str) -> Mapping[str, str]:
    """Give all words of a consumer in one language, in English where a language is not there."""
    known = resolved.consumers[consumer].words if consumer in resolved.consumers else {}
    return {key: text.get(lang, text[_FALLBACK]) for key, text in known.items()}
