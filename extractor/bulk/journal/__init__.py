"""Where answers are kept: the interface, the stores behind it, and the files of batches under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .address import JournalAddress as JournalAddress
    from .address import is_url as is_url
    from .address import masked as masked
    from .handles import Handle as Handle
    from .handles import Stage as Stage
    from .interface import Journal as Journal
    from .interface import Ledger as Ledger
    from .places import find_store as find_store
    from .places import place_of as place_of
    from .spool import requests_of as requests_of
    from .spool import spool_of as spool_of
    from .sqlite import SqliteStore as SqliteStore
    from .store import Store as Store


__getattr__ = lazy_names(
    globals(),
    {
        "address": "JournalAddress is_url masked",
        "handles": "Handle Stage",
        "interface": "Journal Ledger",
        "places": "find_store place_of",
        "spool": "requests_of spool_of",
        "sqlite": "SqliteStore",
        "store": "Store",
    },
)
