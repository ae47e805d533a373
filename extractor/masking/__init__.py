"""Confidential values: replaced by placeholders before anything is sent, and restored in replies."""

from .contents import hidden_content
from .decoding import decode_masked
from .finders import PATTERNS, PRESIDIO, Finder, Found, finders
from .masks import ADDED, GUESSED, MISSPELT, Masked, TextMask

__all__ = [
    "ADDED",
    "GUESSED",
    "MISSPELT",
    "PATTERNS",
    "PRESIDIO",
    "Finder",
    "Found",
    "Masked",
    "TextMask",
    "decode_masked",
    "finders",
    "hidden_content",
]
