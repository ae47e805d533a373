"""Strict schemas within a target's limits, without any change to what they say about values.

Levels of objects are shared by definitions, long enums become words, wide unions are nested. What is
still too large is left to the compiler, which says parts of it as JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..messages import JSON
from .targets import Target

Schema = dict[str, JSON]
Report = Callable[[str, str, str], None]  # keyword, action, detail


@dataclass(frozen=True, slots=True)
class Size:
    """What targets count in a schema. text: characters of names and of values."""

    properties: int
    text: int
    enum_values: int

    def fits(self, target: Target) -> bool:
        """Return whether the target takes a schema of this size."""
        return _within(self.properties, target.max_properties) and _within(self.text, target.max_text)


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
    properties = enum_values = 0
    text = sum(map(len, bodies))
    for body in bodies.values():
        for node in nodes(body):
            names = node.get("properties", ())
            properties += len(names)
            text += sum(map(len, names))
            values = node.get("enum", ())
            enum_values += len(values)
            text += _length(values) + _length([node["const"]] if "const" in node else ())
    return Size(properties, text, enum_values)


def _length(values: JSON) -> int:
    return sum(len(value) for value in values if isinstance(value, str))


def limited(bodies: dict[str, Schema], target: Target, report: Report) -> dict[str, Schema]:
    """Return root and definitions with depth, enums and unions within the target's limits."""
    if target.max_enum_values is not None or target.max_enum_text is not None:
        bodies = _fewer_enums(bodies, target, report)
    if target.max_branches is not None:
        bodies = {name: rebuilt(body, _nested(target.max_branches)) for name, body in bodies.items()}
    if target.max_depth is not None:
        bodies = _flatter(bodies, target.max_depth, report)
    if target.max_unions is not None:
        bodies = _shared_unions(bodies, target.max_unions, report)
    return bodies


def _fewer_enums(bodies: dict[str, Schema], target: Target, report: Report) -> dict[str, Schema]:
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
    told: dict[int, Schema] = {id(node): _enum_told(node, report) for node in found if id(node) in dropped}

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


def _enum_told(node: Schema, report: Report) -> Schema:
    values = node["enum"]
    words = f"One of {len(values)} values, such as {', '.join(map(str, values[:3]))}."
    report("enum", "told", words)
    kept = {key: value for key, value in node.items() if key != "enum"}
    return {**kept, "description": " ".join(filter(None, [node.get("description"), words]))}


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


def fresh(base: str, taken: set[str]) -> str:
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
