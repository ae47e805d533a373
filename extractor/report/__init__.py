"""Records beside their texts, on one self-contained page. Pure: values in, HTML out."""

from .assembling import assembled
from .page import Entry, PagePiece, Variants, as_json, frame, page, piece_told, units

__all__ = ["Entry", "PagePiece", "Variants", "as_json", "assembled", "frame", "page", "piece_told", "units"]
