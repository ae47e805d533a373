"""Documents in, sources out: their text, and where each word of it stands."""

from .reading import pictures_of, read

__all__ = ["pictures_of", "read"]
