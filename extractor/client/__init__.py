"""Extractor and AsyncExtractor: the verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .aio import AsyncExtractor as AsyncExtractor
    from .blocking import Extractor as Extractor
    from .once import extract as extract


__getattr__ = lazy_names(
    globals(),
    {
        "aio": "AsyncExtractor",
        "blocking": "Extractor",
        "once": "extract",
    },
)
