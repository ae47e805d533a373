"""Strict schemas within a target's limits, without any change to what they say about values.

Levels of objects are shared by definitions, long enums become words, wide unions are nested. What is
still too large is left to the compiler, which says parts of it as JSON text.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Callable, Container
from dataclasses import dataclass
from itertools import accumulate

from ...messages import JSON
from ..names import fresh
from ..nodes import Schema
from ..strict import nodes, parts, rebuilt, rebuilt_once
from ..words import joined, sentence
from .targets import Target

MOST_TOLD = 100_000  # characters of the values of enums that only descriptions tell
Report = Callable[[str, str, str], None]  # keyword, action, detail


@dataclass(frozen=True, slots=True)
class Size:
    """What targets count in a schema. text: characters of names and of values. enum_text: of the values of
    all enums. levels: of objects, at most, in the root and each definition. branches: of the widest union.
    """

    properties: int = 0
    text: int = 0
    enum_values: int = 0
    enum_text: int = 0
    levels: int = 0
    branches: int = 0

    def fits(self, target: Target) -> bool:
        """Return whether the target takes a schema of this size."""
        return all(count <= most for count, most, _ in self._limits(target) if most is not None)

    def excess(self, target: Target) -> str:
        """Return the limits that are exceeded, in words; "" if none is."""
        limits = self._limits(target)
        return "; ".join(
            f"{count:,} {what}, at most {most:,}"
            for count, most, what in limits
            if most is not None and count > most
        )

    def _limits(self, target: Target) -> list[tuple[int, int | None, str]]:
        return [
            (self.properties, target.max_properties, "properties"),
            (self.text, target.max_text, "characters of names and values"),
            (self.enum_values, target.max_enum_values, "enum values"),
            (self.enum_text, target.max_all_enum_text, "characters of enum values"),
            (self.levels, target.max_depth, "levels of objects"),
            (self.branches, target.max_branches, "members of a union"),
        ]


def _within(count: int, most: int | None) -> bool:
    return most is None or count <= most


def written_out(bodies: dict[str, Schema], most: int) -> Schema | None:
    """Return the root with all definitions written out where they are referred to; None if that
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


def size(bodies: dict[str, Schema]) -> Size:
    """Return the size of a schema: its root under the name "", its definitions under their own."""
    counts = _Counts(sum(map(len, bodies)))
    return counts.size(max(map(counts.count, bodies.values())))


def members_that_fit(bodies: dict[str, Schema], target: Target, spare: str) -> int:
    """Return how many of the root's members the target takes, the first ones, with all that they refer to
    and one more member, called `spare`.
    """
    counts, seen, levels = _Counts(len(spare)), {""}, 0
    counts.properties += 1
    for kept, (name, member) in enumerate(bodies[""].get("properties", {}).items()):
        counts.properties += 1
        counts.text += len(name)
        pending = [member]
        while pending:
            part = pending.pop()
            levels = max(levels, counts.count(part) + (part is member))
            new = {each["$ref"].removeprefix("#/$defs/") for each in nodes(part) if "$ref" in each} - seen
            seen |= new
            counts.text += sum(map(len, new))
            pending += (bodies[each] for each in new)
        if not counts.size(levels).fits(target):
            return kept
    return len(bodies[""].get("properties", {}))


class _Counts:
    """A running count over the nodes of a schema."""

    def __init__(self, text: int) -> None:
        self.properties = self.enum_values = self.enum_text = self.branches = 0
        self.text = text

    def size(self, levels: int) -> Size:
        """Return what has been counted."""
        return Size(self.properties, self.text, self.enum_values, self.enum_text, levels, self.branches)

    def count(self, node: Schema) -> int:
        """Count a node and all below it; return its levels of objects."""
        properties = node.get("properties", ())
        self.properties += len(properties)
        self.text += sum(map(len, properties))
        if "enum" in node:
            length = _length(node["enum"])
            self.enum_values += len(node["enum"])
            self.enum_text += length
            self.text += length
        elif "const" in node:
            self.text += _length((node["const"],))
        self.branches = max(self.branches, len(node.get("anyOf", ())))
        return max(map(self.count, parts(node)), default=0) + (node.get("type") == "object")


def _length(values: JSON) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def limited(bodies: dict[str, Schema], target: Target, report: Report) -> dict[str, Schema]:
    """Return root and definitions with depth, enums, unions and arrays within the target's limits."""
    found = size(bodies)
    enums = Size(enum_values=found.enum_values, text=found.text, enum_text=found.enum_text)
    if found.enum_values > target.max_enum_long or (found.enum_values and not enums.fits(target)):
        bodies = _fewer_enums(bodies, target, report)
    if target.max_branches is not None and found.branches > target.max_branches:
        bodies = {name: rebuilt(body, _nested(target.max_branches)) for name, body in bodies.items()}
    if target.max_depth is not None and found.levels > target.max_depth:
        bodies = _flatter(bodies, target.max_depth, report)
    if target.max_unions is not None:
        bodies = _shared_unions(bodies, target.max_unions, report)
    if target.max_repeats is not None:
        bodies = _fewer_repeats(bodies, target.max_repeats, report)
    return bodies if target.lone_references else _without_lone_references(bodies)


def _without_lone_references(bodies: dict[str, Schema]) -> dict[str, Schema]:
    """Return root and definitions with a definition of its own for each reference with a description."""
    made: dict[tuple[str, str], str] = {}
    known, pending, result = dict(bodies), list(bodies), dict[str, Schema]()

    def change(node: Schema) -> Schema:
        branches = node.get("anyOf", ())
        if len(branches) != 1 or "$ref" not in branches[0]:
            return node
        name, words = branches[0]["$ref"].removeprefix("#/$defs/"), node.get("description", "")
        if (name, words) not in made:
            own = made[name, words] = fresh(name, known)
            known[own] = {**known[name], "description": joined(words, known[name].get("description"))}
            pending.append(own)
        return {"$ref": f"#/$defs/{made[name, words]}"}

    for name in pending:  # which grows
        result[name] = rebuilt(known[name], change)
    return result


def inlined_levels(bodies: dict[str, Schema]) -> float:
    """Return the levels of objects with all references written out; infinite where they go in a circle."""
    known: dict[str, float] = {}

    def levels(node: Schema) -> float:
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name not in known:
                known[name] = math.inf
                known[name] = levels(bodies[name])
            return known[name]
        return max(map(levels, parts(node)), default=0) + (node.get("type") == "object")

    return levels(bodies[""])


def _fewer_enums(bodies: dict[str, Schema], target: Target, report: Report) -> dict[str, Schema]:
    total = size(bodies)
    found = [node for body in bodies.values() for node in nodes(body) if "enum" in node]
    left = Size(enum_values=total.enum_values, text=total.text, enum_text=total.enum_text)
    whys: dict[int, str] = {}
    for node in sorted(found, key=lambda node: -len(node["enum"])):
        count, length = len(node["enum"]), _length(node["enum"])
        if why := _too_long(count, length, target) or left.excess(target):
            whys[id(node)] = why
            left = Size(
                enum_values=left.enum_values - count,
                text=left.text - length,
                enum_text=left.enum_text - length,
            )
    room = MOST_TOLD
    if target.max_text is not None and target.counts_words:
        room = max(0, min(MOST_TOLD, target.max_text - left.text))
    told: dict[int, Schema] = {}
    for node in found:
        if id(node) in whys:
            told[id(node)], room = _enum_told(node, report, room, whys[id(node)])
    if not told:
        return bodies
    return {name: _replaced(body, lambda node: told.get(id(node), node)) for name, body in bodies.items()}


def _too_long(count: int, length: int, target: Target) -> str:
    """Return why an enum is too long for itself, "" if it is not."""
    if count <= target.max_enum_long or _within(length, target.max_enum_text):
        return ""
    most = f"{target.max_enum_text:,} of over {target.max_enum_long}"
    return f"{length:,} characters of {count:,} values, at most {most}"


def _fewer_repeats(bodies: dict[str, Schema], most: int, report: Report) -> dict[str, Schema]:
    """Say the lengths of the longest arrays in words, until the sum of the others is within the limit."""
    total = _repeats(bodies, None)
    if total <= most:
        return bodies
    lengths = sorted({_repeated(node) for body in bodies.values() for node in nodes(body)})
    longest = max(length for length in lengths if _repeats(bodies, length) <= most)

    def change(node: Schema) -> Schema:
        if _repeated(node) <= longest:
            return node
        said = {keyword: node[keyword] for keyword in ("minItems", "maxItems") if node.get(keyword, 0) > 1}
        words = " ".join(sentence(keyword, value) for keyword, value in said.items())
        report("maxItems", "told", f"{words} {total:,} items of all arrays, at most {most:,}")
        return _in_words(node, said, words)

    return {name: rebuilt(body, change) for name, body in bodies.items()}


def _repeated(node: Schema) -> int:
    is_list = node.get("type") == "array" and "prefixItems" not in node
    return max(node.get("maxItems", 0), node.get("minItems", 0)) if is_list else 0


def _repeats(bodies: dict[str, Schema], longest: int | None) -> int:
    """Return the sum of the lengths of all arrays, those in one another multiplied; longer ones than
    `longest` have none.
    """
    known: dict[str, int] = {}

    def count(node: Schema) -> int:
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/$defs/")
            if name not in known:
                known[name] = 0  # within itself
                known[name] = count(bodies[name])
            return known[name]
        below, length = sum(map(count, parts(node))), _repeated(node)
        return below if not length or (longest is not None and length > longest) else length * max(below, 1)

    return count(bodies[""])


def _enum_told(node: Schema, report: Report, room: int, why: str) -> tuple[Schema, int]:
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
    report("enum", "told", f"{detail}; {why}")
    return _in_words(node, {"enum"}, words), room - (ends[told - 1] if told else 0)


def _in_words(node: Schema, keywords: Container[str], words: str) -> Schema:
    kept = {key: value for key, value in node.items() if key not in keywords}
    return {**kept, "description": joined(node.get("description"), words)}


def _replaced(node: Schema, change: Callable[[Schema], Schema]) -> Schema:
    changed = change(node)
    return changed if changed is not node else rebuilt_once(node, lambda part: _replaced(part, change))


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
