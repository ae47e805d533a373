"""Documents in, sources out: their text, and where each word of it stands. Loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reading import PageMark, marked_pdf, pdf_of_pages, pictures_of, read

__all__ = ["PageMark", "marked_pdf", "pdf_of_pages", "pictures_of", "read"]


def __getattr__(name: str) -> Any:
    """Load a name with the readers on first use (PEP 562)."""
    if name in __all__:
        return globals().setdefault(name, getattr(import_module(".reading", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
