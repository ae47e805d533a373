"""Plain JSON as the chunks of a text give it: its leaves, and whether two values are equal. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from .leaves import Path

JSON: TypeAlias = Any


def leaves_of(value: JSON, path: Path = ()) -> Iterator[tuple[Path, JSON]]:
    """Yield the leaves of plain JSON; null is none. What a mark says of a value is no part of its path."""
    while isinstance(value, dict) and not is_object(value):
        *_, value = value.values()
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves_of(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from leaves_of(item, (*path, i))
    elif value is not None:
        yield path, value


def is_object(value: JSON) -> bool:
    """Return whether it is an object, and not a value with a mark."""
    return isinstance(value, dict) and not any(key[:1] == "\0" for key in value)  # as marks have it


def canonical(value: JSON) -> str:
    """Return the same text for equal plain JSON: 1 is 1.0."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
