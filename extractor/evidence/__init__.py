"""Where in the text a value stands: spans, and how they are found. Pure; no model is asked."""

from .spans import Evidence, How, Span

__all__ = ["Evidence", "How", "Span"]
