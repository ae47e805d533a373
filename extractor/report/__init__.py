"""Records beside their texts, on one self-contained page. Pure: values in, HTML out."""

from .page import Entry, PagePiece, Variants, as_json, frame, page, piece_told

__all__ = ["Entry", "PagePiece", "Variants", "as_json", "frame", "page", "piece_told"]
