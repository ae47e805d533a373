"""Strict schemas within a target's limits, without any change to what they say about values.

Levels of objects are shared by definitions, long enums become words, wide unions are nested. What is
still too large is left to the compiler, which says parts of it as JSON text.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import accumulate

from ..messages import JSON
from .targets import Target
from .words import joined

Schema = dict[str, JSON]
MOST_TOLD = 100_000  # characters of the values of enums that only descriptions tell
Report = Callable[[str, str, str], None]  # keyword, action, detail


@dataclass(frozen=True, slots=True)
class Size:
    """What targets count in a schema. text: characters of names and of values. levels: of objects, at
    most, in the root and each definition. branches: of the widest union.
    """

    properties: int = 0
    text: int = 0
    enum_values: int = 0
    levels: int = 0
    branches: int = 0

    def fits(self, target: Target) -> bool:
        """Return whether the target takes a schema of this size."""
        return (
            _within(self.properties, target.max_properties)
            and _within(self.text, target.max_text)
            and _within(self.enum_values, target.max_enum_values)
            and _within(self.levels, target.max_depth)
            and _within(self.branches, target.max_branches)
        )


def _within(count: int, most: int | None) -> bool:
    return most is None or count <= most


def parts(node: Schema) -> Iterator[Schema]:
    """Yield the schemas directly below a strict schema; definitions are not below it."""
    yield from node.get("properties", {}).values()
    for keyword in ("anyOf", "prefixItems"):
        yield from node.get(keyword, ())
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            yield node[keyword]


def nodes(node: Schema) -> Iterator[Schema]:
    """Yield a strict schema and all below it, definitions aside."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(parts(node))


def written_out(bodies: dict[str, Schema], most: int) -> Schema | None:
    """Return the root with all definitions written out where they are referred to; None where that
    would be longer than `most` characters. Arrays count twice: engines write their items out twice.
    """
    lengths: dict[str, int] = {}

    def length(node: Schema) -> int:
        own = len(str({k: v for k, v in node.items() if k not in ("properties", "anyOf", "items", "$ref")}))
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name not in lengths:
                lengths[name] = length(bodies[name])
            own += lengths[name]
        below = sum(map(length, parts(node)))
        return own + below * (2 if node.get("type") == "array" else 1)

    def filled(node: Schema) -> Schema:
        if "$ref" not in node:
            return rebuilt_once(node, filled)
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return {**filled(bodies[node["$ref"].removeprefix("#/$defs/")]), **siblings}

    return filled(bodies[""]) if length(bodies[""]) <= most else None


def rebuilt(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return `node` with `change` applied to all that is below it, innermost first, and to itself."""
    result = dict(node)
    if "properties" in node:
        result["properties"] = {key: rebuilt(value, change) for key, value in node["properties"].items()}
    for keyword in ("anyOf", "prefixItems"):
        if keyword in node:
            result[keyword] = [rebuilt(value, change) for value in node[keyword]]
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            result[keyword] = rebuilt(node[keyword], change)
    return change(result)


def size(bodies: dict[str, Schema]) -> Size:
    """Return the size of a schema: its root under the name "", its definitions under their own."""
    counts = _Counts(sum(map(len, bodies)))
    levels = max(map(counts.count, bodies.values()))
    return Size(counts.properties, counts.text, counts.enum_values, levels, counts.branches)


class _Counts:
    """A running count over the nodes of a schema."""

    def __init__(self, text: int) -> None:
        self.properties = self.enum_values = self.branches = 0
        self.text = text

    def count(self, node: Schema) -> int:
        """Count a node and all below it; return its levels of objects."""
        below = 0
        if "properties" in node:
            properties = node["properties"]
            self.properties += len(properties)
            self.text += sum(map(len, properties))
            below = max(map(self.count, properties.values()), default=0)
        if "enum" in node:
            self.enum_values += len(node["enum"])
            self.text += _length(node["enum"])
        elif "const" in node:
            self.text += _length((node["const"],))
        elif "anyOf" in node:
            self.branches = max(self.branches, len(node["anyOf"]))
            below = max(below, *map(self.count, node["anyOf"]))
        for part in node.get("prefixItems", ()):
            below = max(below, self.count(part))
        for keyword in ("items", "additionalProperties"):
            if isinstance(node.get(keyword), dict):
                below = max(below, self.count(node[keyword]))
        return below + (node.get("type") == "object")


def _length(values: JSON) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def limited(bodies: dict[str, Schema], target: Target, report: Report) -> dict[str, Schema]:
    """Return root and definitions with depth, enums and unions within the target's limits."""
    found = size(bodies)
    if found.enum_values > target.max_enum_long or not _within(found.text, target.max_text):
        bodies = _fewer_enums(bodies, target, report)
    if target.max_branches is not None and found.branches > target.max_branches:
        bodies = {name: rebuilt(body, _nested(target.max_branches)) for name, body in bodies.items()}
    if target.max_depth is not None and found.levels > target.max_depth:
        bodies = _flatter(bodies, target.max_depth, report)
    if target.max_unions is not None:
        bodies = _shared_unions(bodies, target.max_unions, report)
    return bodies


def _fewer_enums(bodies: dict[str, Schema], target: Target, report: Report) -> dict[str, Schema]:
    if target.max_enum_values is None and target.max_enum_text is None and target.max_text is None:
        return bodies
    total = size(bodies)
    found = [node for body in bodies.values() for node in nodes(body) if "enum" in node]
    values, text = total.enum_values, total.text
    dropped: set[int] = set()
    for node in sorted(found, key=lambda node: -len(node["enum"])):
        long = len(node["enum"]) > target.max_enum_long and not _within(
            _length(node["enum"]), target.max_enum_text
        )
        if long or not (_within(values, target.max_enum_values) and _within(text, target.max_text)):
            dropped.add(id(node))
            values, text = values - len(node["enum"]), text - _length(node["enum"])
    if not dropped:
        return bodies
    room = MOST_TOLD if target.max_text is None else max(0, min(MOST_TOLD, target.max_text - text))
    told: dict[int, Schema] = {}
    for node in found:
        if id(node) in dropped:
            told[id(node)], room = _enum_told(node, report, room)

    def change(node: Schema) -> Schema:
        return told.get(id(node), node)

    return {name: _replaced(body, change) for name, body in bodies.items()}


def _replaced(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    changed = change(node)
    return changed if changed is not node else rebuilt_once(node, lambda part: _replaced(part, change))


def rebuilt_once(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """Return `node` with `change` applied to what is directly below it."""
    result = dict(node)
    if "properties" in node:
        result["properties"] = {key: change(value) for key, value in node["properties"].items()}
    for keyword in ("anyOf", "prefixItems"):
        if keyword in node:
            result[keyword] = [change(value) for value in node[keyword]]
    for keyword in ("items", "additionalProperties"):
        if isinstance(node.get(keyword), dict):
            result[keyword] = change(node[keyword])
    return result


def _enum_told(node: Schema, report: Report, room: int) -> tuple[Schema, int]:
    """Return an enum as a description of its values, and how many characters are left for others."""
    values = [json.dumps(value, ensure_ascii=False) for value in node["enum"]]
    ends = list(accumulate(len(value) + 4 for value in values))
    told = bisect_right(ends, room)
    of_many = f"One of {len(values)} values"
    if told == len(values):
        words, detail = f"{of_many}: {', '.join(values)}.", f"{of_many}: the description has them all"
    else:
        shown = ", ".join(values[: max(told, 3)])
        words = f"{of_many}, such as {shown}."
        detail = f"{of_many}: the description has {max(told, 3)}, there is no room for the others"
    report("enum", "told", detail)
    kept = {key: value for key, value in node.items() if key != "enum"}
    return {**kept, "description": joined(node.get("description"), words)}, room - (
        ends[told - 1] if told else 0
    )


def _nested(most: int) -> Callable[[Schema], Schema]:
    def change(node: Schema) -> Schema:
        branches = node.get("anyOf", [])
        while len(branches) > most:
            branches = [
                group[0] if len(group) == 1 else {"anyOf": group}
                for group in (branches[i : i + most] for i in range(0, len(branches), most))
            ]
        return {**node, "anyOf": branches} if branches else node

    return change


def _flatter(bodies: dict[str, Schema], most: int, report: Report) -> dict[str, Schema]:
    """Move objects that are nested too deep into definitions of their own."""
    made: dict[str, Schema] = {}

    def lowered(node: Schema, top: bool) -> tuple[Schema, int]:
        below = 0

        def change(part: Schema) -> Schema:
            nonlocal below
            part, height = lowered(part, False)
            below = max(below, height)
            return part

        node = rebuilt_once(node, change)
        height = below + (node.get("type") == "object")
        if node.get("type") != "object" or height < most or top:
            return node, height
        name = fresh("Part", bodies.keys() | made.keys())
        made[name] = node
        report("$defs", "re-encoded", f"objects nested over {most} levels deep, as the definition {name}")
        return {"$ref": f"#/$defs/{name}"}, 0

    result = {name: lowered(body, True)[0] for name, body in bodies.items()}
    return {**result, **made}


def fresh(base: str, taken: Container[str]) -> str:
    """Return `base`, with a number if it is taken."""
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def _shared_unions(bodies: dict[str, Schema], most: int, report: Report) -> dict[str, Schema]:
    """Move unions of the root past the limit into definitions, where they are not counted."""
    made: dict[str, Schema] = {}
    count = 0

    def change(node: Schema) -> Schema:
        nonlocal count
        properties = {}
        for key, value in node.get("properties", {}).items():
            if "anyOf" in value:
                count += 1
                if count > most:
                    value = shared(value)
            properties[key] = value
        return {**node, "properties": properties} if properties else node

    def shared(value: Schema) -> Schema:
        name = next((n for n, b in made.items() if b == value), None) or fresh(
            "Choice", bodies.keys() | made.keys()
        )
        made[name] = value
        report("anyOf", "re-encoded", f"a union past the limit of {most}, as the definition {name}")
        return {"$ref": f"#/$defs/{name}"}

    root = rebuilt(bodies[""], change)
    return {**bodies, "": root, **made}
