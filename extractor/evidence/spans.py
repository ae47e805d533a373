"""What evidence is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class How(StrEnum):
    """How a span was found."""

    EXACT = "exact"  # the value stands there as it is
    FOLDED = "folded"  # but for case, white space, punctuation, accents
    FUZZY = "fuzzy"  # nearly
    NUMBER = "number"  # the same number, written otherwise
    DATE = "date"  # the same date or time, written otherwise
    LABEL = "label"  # the label of an enum or of a boolean
    QUOTE = "quote"  # the model quoted it


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the source that supports a value: `source[start:end] == text`, in code points. `score` in
    (0, 1] says how sure it is; 1 if the value stands there exactly.
    """

    start: int
    end: int
    text: str
    how: How
    score: float = 1.0


Evidence: TypeAlias = Mapping[str, tuple[Span, ...]]  # by the JSON pointer of a leaf; () where none is found
