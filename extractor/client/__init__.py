"""Extractor and AsyncExtractor: the verbs."""

from ..signatures import explicit
from .aio import AsyncExtractor
from .blocking import Extractor, extract

__all__ = ["AsyncExtractor", "Extractor", "extract"]

explicit(Extractor)
explicit(AsyncExtractor)
extract = explicit(extract)
