"""Where in the text a value stands: spans, and how they are found. Pure; no model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..keywords import names_wrong_keywords
from ..lazy import lazy_names
from .spans import Evidence, How, Span
from .strings import find_elided, find_said, find_verbatim

if TYPE_CHECKING:
    from .merging import Joins

__all__ = ["Evidence", "How", "Joins", "Span", "align", "find_elided", "find_said", "find_verbatim"]


@names_wrong_keywords({"language": "locale"})
def align(
    record: Any,
    text: str,
    quotes: Mapping[str, Sequence[str]] | None = None,
    *,
    reference_date: date | None = None,
    locale: str | None = None,
) -> Evidence:
    """Return where the values of `record` stand in `text`: spans by the JSON pointer of each leaf, () for a
    leaf that is null or not found.

    - quotes: what was quoted verbatim from the text, by the pointer of a leaf or of an object around it. A
      value is searched in its quotes only, and gets their spans if it is not in them.
    - reference_date: the day from which "yesterday" counts.
    - locale: how numbers and dates are written if the text itself does not tell, such as "de" or "en-GB":
      what 1.234 and 03/04/26 mean.

    Raises ConfigError for an invalid locale and for a text that is no string, and nothing else. The time
    grows about linearly with the text: if a value stands in more than 10,000 places, only the first ones are
    looked at.
    """
    if not isinstance(text, str):
        raise ConfigError(f"align(record, text) needs a text, not {text!r:.80}")
    from .aligning import aligned  # its regular expressions take a while to load

    return aligned(record, text, quotes or {}, reference_date, locale)


__getattr__ = lazy_names(
    globals(),
    {
        "merging": "Joins",
    },
)
