"""Records beside their texts, on one self-contained page. Pure: values in, HTML out."""

from .page import Entry, Piece, Variants, as_json, frame, page, piece_told

__all__ = ["Entry", "Piece", "Variants", "as_json", "frame", "page", "piece_told"]
