"""Models with their connections, and the shells that post, wait and stream. What to say is decided below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .aio import AsyncModelConnection as AsyncModelConnection
    from .aio import AsyncModels as AsyncModels
    from .blocking import ModelConnection as ModelConnection
    from .blocking import SyncModels as SyncModels
    from .models import Models as Models

__getattr__ = lazy_names(
    globals(),
    {
        "aio": "AsyncModelConnection AsyncModels",
        "blocking": "ModelConnection SyncModels",
        "models": "Models",
    },
)
