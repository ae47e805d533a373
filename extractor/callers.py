"""Warnings that point at the caller's own line, however deep in this package they are given."""

from __future__ import annotations

import sys
import warnings


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Give a warning at the line that called this package."""
    warnings.warn(message, category, stacklevel=_level())


def _level() -> int:
    """Return how far up the stack, as a warning in `warn` counts, the code is that called this package."""
    package, level, frame = __name__.partition(".")[0], 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    return level
