"""Extractor and AsyncExtractor: the verbs."""

from .aio import AsyncExtractor
from .blocking import Extractor
from .once import extract

__all__ = ["AsyncExtractor", "Extractor", "extract"]
