"""Documents in, sources out: their text, and where each word of it stands."""

from .reading import Mark, marked_pdf, pictures_of, read

__all__ = ["Mark", "marked_pdf", "pictures_of", "read"]
