"""Pieces of a text that one object of a record has more often than the text has them. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from ...messages import JSON
from ...pointers import Step, pointer
from .verbatim import VERBATIM

Said: TypeAlias = tuple[tuple[Step, ...], str]
SHORTEST: Final = 3  # characters: shorter strings, such as codes of countries, are repeated on purpose
_FREE: Final = frozenset({"type", "description", "minLength", "maxLength", VERBATIM})


def repeats(schema: Mapping[str, Any], data: JSON, text: str) -> tuple[str, ...]:
    """Return the JSON pointers of strings that stand in `text`, but less often than in one object or list.

    schema: the strict schema of `data`. Choices, formats, digits and strings under SHORTEST are left out. Of
    3,945 records that are known to be right, none has such strings.
    """
    alike: dict[tuple[tuple[Step, ...], str], list[str]] = defaultdict(list)
    for steps, said in _strings(schema, data):
        if len(said) >= SHORTEST and not said.isdigit():
            alike[steps[:-1], _folded(said)].append(pointer(steps))
    several = {key: places for key, places in alike.items() if len(places) > 1}
    whole = _folded(text) if several else ""
    return tuple(
        place
        for (_, said), places in several.items()
        if 0 < _count(said, whole) < len(places)
        for place in places
    )


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _count(said: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(said)}(?!\w)", text))


def _strings(schema: Mapping[str, Any], data: JSON) -> Iterator[Said]:
    """Yield the strings of free wording, with the steps that lead there. Each once, whatever the unions."""
    pending: list[tuple[Mapping[str, Any], JSON, tuple[Step, ...]]] = [(schema, data, ())]
    seen, told = set[tuple[int, tuple[Step, ...]]](), set[tuple[Step, ...]]()
    while pending:
        node, value, steps = pending.pop()
        node = _resolved(schema, node)
        if (id(node), steps) in seen:
            continue
        seen.add((id(node), steps))
        if isinstance(value, str) and node.get("type") == "string" and node.keys() <= _FREE:
            if steps not in told:
                yield steps, value
            told.add(steps)
        else:
            inner = [(branch, value, steps) for branch in node.get("anyOf", ())]
            pending += [*inner, *_below(node, value, steps)][::-1]


def _below(node: Mapping[str, Any], value: JSON, steps: tuple[Step, ...]) -> Iterator[Any]:
    if isinstance(value, dict):
        members, others = node.get("properties", {}), node.get("additionalProperties")
        found = ((key, members.get(key, others), each) for key, each in value.items())
    elif isinstance(value, list):
        found = ((i, node.get("items"), each) for i, each in enumerate(value))
    else:
        return
    yield from ((inner, each, (*steps, step)) for step, inner, each in found if isinstance(inner, dict))


def _resolved(root: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = root["$defs"][str(node["$ref"]).removeprefix("#/$defs/")]
    return node
