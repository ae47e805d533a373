"""Where in the text a value stands: spans, and how they are found. Pure; no model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .spans import Evidence, How, Span
from .strings import find_elided, find_said, find_verbatim

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Evidence", "How", "Span", "align", "find_elided", "find_said", "find_verbatim"]


def align(
    record: Any,
    text: str,
    quotes: Mapping[str, Sequence[str]] | None = None,
    *,
    reference_date: date | None = None,
    locale: str | None = None,
) -> Evidence:
    """Return where the values of `record` stand in `text`: for the JSON pointer of each leaf the span
    that is meant, () where it is not found, is null, or nothing can be found of its kind.

    quotes: by the pointer of a leaf or of an object around it, what was quoted verbatim from the text;
    a value is looked for in its quotes alone, and has their spans where it is not in them.
    reference_date: the day that "yesterday" is counted from. locale: how numbers and dates are written where
    that is not said by the text itself, such as "de" or "en-GB": what 1.234 and 03/04/26 mean. Raises
    ConfigError for a locale that is none, and nothing else; near linear in the text: of a value that stands
    in more than 10,000 places, the first ones are looked at, and fewer of very many such.
    """
    from .aligning import aligned  # its regular expressions take a while to load

    return aligned(record, text, quotes or {}, reference_date, locale)
