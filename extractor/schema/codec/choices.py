"""The names that a program has for the choices of a record, where they are not what is said. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from ...messages import JSON
from ...reading import choice_key
from .values import ChoiceCodec, Codec


def choice_names(codec: Codec) -> dict[frozenset[str], dict[str, JSON]]:
    """Return the members of each enumeration by name, with what is said for them, by all that is said for
    one of it. If two enumerations are said alike, a name that both have counts if it means the same.
    """
    found: dict[frozenset[str], dict[str, JSON]] = {}
    for choice in _choices(codec):
        names = {m.name: s for m, s in zip(choice.meant, choice.sent, strict=True) if isinstance(m, Enum)}
        if names:
            known = found.setdefault(choice_key(choice.sent), {})
            clash = {name for name in names if known.get(name, names[name]) != names[name]}
            known |= names
            for name in clash:
                del known[name]
    return found


def _choices(codec: Codec) -> Iterator[ChoiceCodec]:
    rest: list[Any] = [codec]
    seen = set[int]()
    while rest:
        part = rest.pop()
        if isinstance(part, list | tuple):
            rest += part
        elif isinstance(part, dict):
            rest += part.values()
        elif id(part) not in seen:
            seen.add(id(part))
            if isinstance(part, ChoiceCodec):
                yield part
            elif is_dataclass(part) and not isinstance(part, type):
                rest += [getattr(part, each.name) for each in fields(part)]
