"""Long texts: cut into chunks, read chunk by chunk, and merged into one record."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .outcome import ChunkOutcome, DocumentExtraction
    from .settling import SettledItem
    from .splitting import Split

__all__ = ["ChunkOutcome", "DocumentExtraction", "SettledItem", "Split"]
_MODULES = {
    "outcome": ("ChunkOutcome", "DocumentExtraction"),
    "settling": ("SettledItem",),
    "splitting": ("Split",),
}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f".{module}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
