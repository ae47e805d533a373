"""Where answers are kept: the interface, the stores behind it, and the files of batches under way."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .address import JournalAddress, is_url, masked
    from .handles import Handle, Stage
    from .interface import Journal, Ledger
    from .places import find_store, place_of
    from .spool import requests_of, spool_of
    from .sqlite import SqliteStore
    from .store import Store

__all__ = [
    "Handle",
    "Journal",
    "JournalAddress",
    "Ledger",
    "SqliteStore",
    "Stage",
    "Store",
    "find_store",
    "is_url",
    "masked",
    "place_of",
    "requests_of",
    "spool_of",
]
_MODULES = {
    "address": (
        "JournalAddress",
        "is_url",
        "masked",
    ),
    "handles": (
        "Handle",
        "Stage",
    ),
    "interface": (
        "Journal",
        "Ledger",
    ),
    "places": (
        "find_store",
        "place_of",
    ),
    "spool": (
        "requests_of",
        "spool_of",
    ),
    "sqlite": ("SqliteStore",),
    "store": ("Store",),
}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f".{module}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
