"""Records beside their texts and documents, on one self-contained page: values in, HTML out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assembling import assembled
    from .derivation import derived, derived_of
    from .pages import (
        Entry,
        EscalatedValue,
        PagePiece,
        ShownPage,
        Variants,
        as_json,
        by_name,
        frame,
        height_of,
        page,
        piece_told,
        shown_pages,
        units,
    )

__all__ = [
    "Entry",
    "EscalatedValue",
    "PagePiece",
    "ShownPage",
    "Variants",
    "as_json",
    "assembled",
    "by_name",
    "derived",
    "derived_of",
    "frame",
    "height_of",
    "page",
    "piece_told",
    "shown_pages",
    "units",
]
_MODULES = {
    "assembling": ("assembled",),
    "derivation": ("derived", "derived_of"),
    "pages": (
        *(
            "Entry",
            "EscalatedValue",
            "PagePiece",
            "ShownPage",
            "Variants",
            "as_json",
            "by_name",
            "frame",
            "height_of",
            "page",
        ),
        *("piece_told", "shown_pages", "units"),
    ),
}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f".{module}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
