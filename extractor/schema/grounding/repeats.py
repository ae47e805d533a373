"""Strings of a record that can't be right: the text has them less often, or null is likelier. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from ...messages import JSON
from ...pointers import Step, pointer
from ..strict import nodes
from .verbatim import VERBATIM

Said: TypeAlias = tuple[tuple[Step, ...], str, bool]  # where it stands; whether null may, too
LEAST_ODDS: Final = -1.0  # natural logarithm; see docs/local-model.md
SHORTEST: Final = 3  # characters: shorter strings, such as codes of countries, are repeated on purpose
_FREE: Final = frozenset({"type", "description", "minLength", "maxLength", VERBATIM})


def repeats(schema: Mapping[str, Any], data: JSON, text: str) -> tuple[str, ...]:
    """Return the JSON pointers of strings that stand in `text`, but less often than in one object or list.

    schema: the strict schema of `data`. Choices, formats, digits and strings under SHORTEST are left out. Of
    3,945 records that are known to be right, none has such strings.
    """
    alike: dict[tuple[tuple[Step, ...], str], list[str]] = defaultdict(list)
    for steps, said, _ in _strings(schema, data):
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


def outweighed(
    schema: Mapping[str, Any], data: JSON, odds: Mapping[tuple[Step, ...], float]
) -> tuple[tuple[Step, ...], ...]:
    """Return the paths of strings for which null is the better answer of a model that is held to the text.

    schema: the strict schema of `data`. odds: by path, the log-probability of a string less that of null. The
    model may have wanted to say what the text does not have, and ended in what it has. Once it did, it tends
    to repeat that, and to be sure: later strings of the object that are the same give way, too.
    """
    found, taken = list[tuple[Step, ...]](), set[tuple[tuple[Step, ...], str]]()
    for steps, said, nullable in _strings(schema, data):
        key = steps[:-1], _folded(said)
        if nullable and (key in taken or odds.get(steps, 0.0) < LEAST_ODDS):
            taken.add(key)
            found.append(steps)
    return tuple(found)


def can_be_outweighed(schema: Mapping[str, Any]) -> bool:
    """Whether records of a strict schema are objects in which some string is held to the text, or null.

    A list is none: its items may have been yielded when the end of the reply comes, which tells of null.
    """
    bodies = (dict(schema), *schema.get("$defs", {}).values())
    unions = (node["anyOf"] for body in bodies for node in nodes(body) if "anyOf" in node)
    return not _is_list(schema) and any(
        any(VERBATIM in branch for branch in union) and any(branch.get("type") == "null" for branch in union)
        for union in unions
    )


def _is_list(schema: Mapping[str, Any]) -> bool:
    members = schema.get("properties", {})
    return len(members) == 1 and members.get("value", {}).get("type") == "array"


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _count(said: str, text: str) -> int:
    return len(re.findall(rf"(?<!\w){re.escape(said)}(?!\w)", text))


def _strings(schema: Mapping[str, Any], data: JSON) -> Iterator[Said]:
    """Yield the strings of free wording, with the steps that lead there. Each once, whatever the unions."""
    pending: list[tuple[Mapping[str, Any], JSON, tuple[Step, ...], bool]] = [(schema, data, (), False)]
    seen, told = set[tuple[int, tuple[Step, ...]]](), set[tuple[Step, ...]]()
    while pending:
        node, value, steps, nullable = pending.pop()
        node = _resolved(schema, node)
        if (id(node), steps) in seen:
            continue
        seen.add((id(node), steps))
        if isinstance(value, str) and node.get("type") == "string" and node.keys() <= _FREE:
            if steps not in told:
                yield steps, value, nullable and VERBATIM in node
            told.add(steps)
        else:
            branches = node.get("anyOf", ())
            nullable = nullable or any(branch.get("type") == "null" for branch in branches)
            inner = [(branch, value, steps, nullable) for branch in branches]
            pending += [*inner, *_below(node, value, steps)][::-1]


def _below(node: Mapping[str, Any], value: JSON, steps: tuple[Step, ...]) -> Iterator[Any]:
    if isinstance(value, dict):
        members, others = node.get("properties", {}), node.get("additionalProperties")
        found = ((key, members.get(key, others), each) for key, each in value.items())
    elif isinstance(value, list):
        found = ((i, node.get("items"), each) for i, each in enumerate(value))
    else:
        return
    yield from (
        (inner, each, (*steps, step), False) for step, inner, each in found if isinstance(inner, dict)
    )


def _resolved(root: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in node:
        node = root["$defs"][str(node["$ref"]).removeprefix("#/$defs/")]
    return node
