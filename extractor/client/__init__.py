"""Extractor and AsyncExtractor: the verbs."""

from .aio import AsyncExtractor
from .blocking import Extractor, extract

__all__ = ["AsyncExtractor", "Extractor", "extract"]
