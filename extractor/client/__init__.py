"""Extractor and AsyncExtractor: the verbs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aio import AsyncExtractor
    from .blocking import Extractor
    from .once import extract

__all__ = ["AsyncExtractor", "Extractor", "extract"]
_MODULES = {"AsyncExtractor": "aio", "Extractor": "blocking", "extract": "once"}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    if name in _MODULES:
        return globals().setdefault(name, getattr(import_module(f".{_MODULES[name]}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
