"""Records beside their texts, on one self-contained page. Pure: values in, HTML out."""

from .page import Entry, as_json, frame, page

__all__ = ["Entry", "as_json", "frame", "page"]
