"""Documents in, sources out: their text, and where each word of it stands."""

from .reading import PageMark, marked_pdf, pictures_of, read

__all__ = ["PageMark", "marked_pdf", "pictures_of", "read"]
