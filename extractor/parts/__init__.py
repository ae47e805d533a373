"""Records asked for in parts: which part each request asks for, and what comes of them together."""

from .division import Division, PartQuestion, PartRound
from .prepared import Prepared

__all__ = ["Division", "PartQuestion", "PartRound", "Prepared"]
