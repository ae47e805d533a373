"""What must not leave this process: replaced before anything is sent, and put back into what comes."""

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
    "finders",
]
