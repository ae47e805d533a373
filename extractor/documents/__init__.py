"""Long texts: cut into chunks, read chunk by chunk, and merged into one record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .outcome import ChunkOutcome as ChunkOutcome
    from .outcome import DocumentExtraction as DocumentExtraction
    from .settling import SettledItem as SettledItem
    from .splitting import Split as Split


__getattr__ = lazy_names(
    globals(),
    {
        "outcome": "ChunkOutcome DocumentExtraction",
        "settling": "SettledItem",
        "splitting": "Split",
    },
)
