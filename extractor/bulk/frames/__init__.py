"""Tables: a column of texts in, cells of records out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cells import (
        ColumnShape,
        Gathered,
        Lose,
        cell,
        confidence_cell,
        error_cell,
        escalation_cell,
        evidence_cell,
        keep_quiet,
        shape_of,
        usage_cell,
    )
    from .enrich import (
        Opened,
        check_columns,
        check_names,
        columns_of,
        enriching,
        gathering,
        is_frame,
        is_name,
        open_frame,
        rows_of,
    )

__all__ = [
    "ColumnShape",
    "Gathered",
    "Lose",
    "Opened",
    "cell",
    "check_columns",
    "check_names",
    "columns_of",
    "confidence_cell",
    "enriching",
    "error_cell",
    "escalation_cell",
    "evidence_cell",
    "gathering",
    "is_frame",
    "is_name",
    "keep_quiet",
    "open_frame",
    "rows_of",
    "shape_of",
    "usage_cell",
]
_MODULES = {
    "cells": (
        "ColumnShape",
        "Gathered",
        "Lose",
        "cell",
        "confidence_cell",
        "escalation_cell",
        "error_cell",
        "evidence_cell",
        "keep_quiet",
        "shape_of",
        "usage_cell",
    ),
    "enrich": (
        "Opened",
        "check_columns",
        "check_names",
        "columns_of",
        "enriching",
        "gathering",
        "is_frame",
        "is_name",
        "open_frame",
        "rows_of",
    ),
}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f".{module}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
