"""Where in the text a value stands: spans, and how they are found. Pure; no model is asked."""

from .aligning import align
from .spans import Evidence, How, Span
from .strings import find_verbatim

__all__ = ["Evidence", "How", "Span", "align", "find_verbatim"]
