"""The leaves of a record: each value that is no object or list, with its JSON pointer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from ..pointers import pointer, steps_of

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value. `value` is Python's (a date, an Enum), `json` what the record's JSON has in its place."""

    path: Path
    value: Any
    json: Any

    @property
    def pointer(self) -> str:
        """The JSON pointer (RFC 6901) of the leaf."""
        return pointer(self.path)


def value_at(data: Any, pointer: str) -> Any:
    """Return what stands in plain JSON at a JSON pointer, None if nothing does."""
    for key in steps_of(pointer):
        if isinstance(data, list):
            data = data[int(key)] if key.isdecimal() and int(key) < len(data) else None
        else:
            data = data.get(key) if isinstance(data, dict) else None
    return data


def leaves(record: Any) -> list[Leaf]:
    """Return the leaves of a record in the order of its JSON."""
    return list(_walk((), _values(record), plain(record)))


def plain(record: Any) -> Any:
    """Return a record as JSON has it, the members in the leaves' order."""
    try:
        return _any().dump_python(record, mode="json", by_alias=True, warnings=False)
    except (PydanticSerializationError, UnicodeError):  # a string that UTF-8 cannot write
        return _values(record)
    except TypeError:  # keys that are no keys in JSON
        return str(record)


def _values(record: Any) -> Any:
    try:
        return _any().dump_python(record, mode="python", by_alias=True, warnings=False)
    except TypeError:  # what a set or a dict cannot hold any more
        return str(record)


@cache
def _any() -> TypeAdapter[Any]:
    return TypeAdapter(Any)


def _walk(path: Path, value: Any, plain: Any) -> Iterator[Leaf]:
    if isinstance(plain, Mapping):
        others = dict(zip(map(str, value), value.values(), strict=True)) if isinstance(value, Mapping) else {}
        for key, item in plain.items():
            yield from _walk((*path, str(key)), others.get(str(key), item), item)
    elif isinstance(plain, list | tuple):
        beside = list(value) if isinstance(value, list | tuple | set | frozenset) else plain
        for i, item in enumerate(plain):
            yield from _walk((*path, i), beside[i] if len(beside) == len(plain) else item, item)
    else:
        yield Leaf(path, value, plain)
