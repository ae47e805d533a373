"""What all containers check, and where in them a misfit is."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any

from ...messages import JSON
from ...pointers import Step
from .values import Misfit, check_length


def at(step: Step, convert: Callable[[Any], Any], item: Any) -> Any:
    """Return the converted item; a misfit is at `step`."""
    try:
        return convert(item)
    except Misfit as misfit:
        raise misfit.at(step) from None


def at_all(path: Sequence[Step], convert: Callable[[Any], Any], item: Any) -> Any:
    """Return the converted item; a misfit is at the end of `path`."""
    try:
        return convert(item)
    except Misfit as misfit:
        raise misfit.at(*path) from None


def check_keys(data: JSON, known: Set[str], required: Set[str]) -> None:
    """Raise Misfit unless `data` is an object with all required and no unknown keys."""
    if not isinstance(data, dict):
        raise Misfit("must be an object", data, "model_type")
    if missing := sorted(required - data.keys()):
        raise Misfit(f"lacks {', '.join(map(repr, missing))}", data, "missing")
    if unknown := sorted(data.keys() - known):
        raise Misfit(f"has the unknown members {', '.join(map(repr, unknown))}", data, "extra_forbidden")


def check_array(data: JSON, limit: int | None) -> list[JSON]:
    """Return `data`; raise Misfit unless it is an array that fills no added bound."""
    if not isinstance(data, list):
        raise Misfit("must be a list", data, "list_type")
    return list(check_length(data, limit))
