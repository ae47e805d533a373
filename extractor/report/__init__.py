"""Records beside their texts and documents, on one self-contained page: values in, HTML out."""

from .assembling import assembled
from .derived import derived, derived_of
from .page import (
    Entry,
    PagePiece,
    ShownPage,
    Variants,
    as_json,
    frame,
    height_of,
    page,
    piece_told,
    shown_pages,
    units,
)

__all__ = [
    "Entry",
    "PagePiece",
    "ShownPage",
    "Variants",
    "as_json",
    "assembled",
    "derived",
    "derived_of",
    "frame",
    "height_of",
    "page",
    "piece_told",
    "shown_pages",
    "units",
]
