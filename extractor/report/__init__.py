"""Records beside their texts and documents, on one self-contained page: values in, HTML out."""

from .assembling import assembled
from .page import Entry, PagePiece, ShownPage, Variants, as_json, frame, page, piece_told, shown_pages, units

__all__ = [
    "Entry",
    "PagePiece",
    "ShownPage",
    "Variants",
    "as_json",
    "assembled",
    "frame",
    "page",
    "piece_told",
    "shown_pages",
    "units",
]
