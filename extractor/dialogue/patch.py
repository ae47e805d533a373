"""Asking only for what failed: a schema of the failing places alone, and its answers put back. Pure.

Places are found by walking the strict schema and the rejected reply side by side, along the
problem's pointer. A pointer is in the user's shape: where the strict schema has another one, the
walk stops, and the whole of what it reached is asked for again.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..confidence import TokenScore
from ..errors import Problem
from ..messages import JSON, StrictSchema
from ..pointers import pointer, steps_of
from ..reading import whole_value, written

Path: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = Mapping[str, JSON]
MOST_PLACES = 20  # more than these, and the whole record is asked for again


@dataclass(frozen=True, slots=True)
class Patch:
    """What to ask for in place of what failed. places: by the property's name in `schema`, where its
    value belongs in `reply`, the rejected one. told: the log-probabilities of its values.
    """

    reply: JSON
    places: Mapping[str, Path]
    schema: StrictSchema
    told: Mapping[Path, TokenScore] = field(default_factory=dict)

    @property
    def pointers(self) -> dict[str, str]:
        """The JSON pointer of each place."""
        return {name: pointer(path) for name, path in self.places.items()}

    @property
    def missing(self) -> tuple[Problem, ...]:
        """The problems of an answer that does not give what was asked for."""
        reason = "was not given when it was asked for again"
        return tuple(Problem(pointer, reason, type="missing") for pointer in self.pointers.values())

    def merge(self, text: str) -> str | None:
        """Return the rejected reply with the new values in it; None if `text` has none of them. What is
        not given stays as it was, and so is asked for again.
        """
        try:
            values = whole_value(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(values, dict) or values.keys().isdisjoint(self.places):
            return None
        merged = copy.deepcopy(self.reply)
        for name in filter(values.__contains__, self.places):
            _put(merged, self.places[name], values[name])
        return written(merged)

    def remarks(self, text: str) -> tuple[str, ...]:
        """Return nothing: how an answer is put back leaves no doubt."""
        return ()

    def within_whole(self, text: str) -> str | None:
        """Return the rejected reply with the new values of an answer that repeats the whole, and with no
        other change. None if a list on the way to these values has other items, or if a member is missing.
        """
        try:
            value = whole_value(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict) or not value.keys() >= self.reply.keys():
            return None
        merged = copy.deepcopy(self.reply)
        for path in self.places.values():
            new = _beside(self.reply, value, path)
            if not new:
                return None
            _put(merged, path, new[0])
        return written(merged)

    def keeps(self, whole: JSON) -> bool:
        """Whether a record has all members, and as many items of each list, as was settled."""
        settled = copy.deepcopy(self.reply)
        for path in self.places.values():
            _put(settled, path, None)
        return not loses(settled, whole)

    def told_of(self, told: Mapping[Path, TokenScore]) -> dict[Path, TokenScore]:
        """Return the log-probabilities of the merged reply, `told` being those of the new values."""
        new = tuple(self.places.values())
        kept = {path: each for path, each in self.told.items() if not any(path[: len(n)] == n for n in new)}
        moved = {
            (*self.places[str(path[0])], *path[1:]): each
            for path, each in told.items()
            if path[0] in self.places
        }
        return kept | moved


def plan(strict: StrictSchema, reply: str, problems: Sequence[Problem]) -> Patch | None:
    """Return how to mend `reply`; None if nothing less than the whole will do."""
    try:
        value = whole_value(reply)
        json.dumps(value, allow_nan=False)  # a number past a float's range would not come through
    except (ValueError, RecursionError):
        return None
    paths = _outermost({path for problem in problems for path in _places(strict.schema, value, problem)})
    if not paths or () in paths or len(paths) > MOST_PLACES or not isinstance(value, dict):
        return None
    names = _names(paths)
    properties = {name: _at(strict.schema, value, path)[0] for name, path in names.items()}
    return Patch(value, names, StrictSchema(strict.name, closed(strict.schema, properties)))


def _places(schema: Schema, value: JSON, problem: Problem) -> Iterator[Path]:
    """Where to ask again for one problem: its place, or the members of it that its reason names."""
    tokens = steps_of(problem.pointer)
    node, path = _at(schema, value, tokens)
    if tokens and not path and len(schema.get("properties", {})) == 1:
        node, path = _at(schema, value, [*schema["properties"], *tokens])  # a list in its wrapper
    members = plain(schema, node).get("properties", {})
    named = [name for name in members if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", problem.reason)]
    if named and len(named) < len(members) and problem.type in ("value_error", "assertion_error"):
        yield from ((*path, name) for name in named)
    else:
        yield path


def _at(schema: Schema, value: JSON, path: Sequence[str | int]) -> tuple[Schema, Path]:
    """Return the node that `path` leads to, and how much of the path could be walked."""
    node, walked = schema, list[str | int]()
    for token in path:
        inner = plain(schema, node)
        if isinstance(value, dict) and token in inner.get("properties", {}):
            node, value = inner["properties"][token], value.get(token)
            walked.append(token)
        elif isinstance(value, list) and _index(token) < len(value) and isinstance(inner.get("items"), dict):
            node, value = inner["items"], value[_index(token)]
            walked.append(_index(token))
        else:
            break
    return node, tuple(walked)


def plain(schema: Schema, node: Schema) -> Schema:
    """Return what a reference, or the only branch beside null, stands for."""
    for _ in range(100):  # a chain of references ends sooner
        if "$ref" in node:
            node = schema.get("$defs", {}).get(str(node["$ref"]).removeprefix("#/$defs/"), {})
        elif len(branches := [b for b in node.get("anyOf", ()) if b.get("type") != "null"]) == 1:
            node = branches[0]
        else:
            break
    return node


def _index(token: str | int) -> int:
    return token if isinstance(token, int) else int(token) if token.isdecimal() else 2**31


def _outermost(paths: set[Path]) -> list[Path]:
    """Without those that lie inside of another one."""
    return sorted((p for p in paths if not any(p[:n] in paths for n in range(len(p)))), key=repr)


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """A property name for each path, that says where it belongs."""
    names: dict[str, Path] = {}
    for path in paths:
        name = re.sub(r"[^A-Za-z0-9_]+", "_", "_".join(map(str, path)))[:60] or "value"
        while name in names:
            name += "_"
        names[name] = path
    return names


def closed(schema: Schema, properties: Mapping[str, Schema]) -> dict[str, JSON]:
    """Return a strict object schema of these properties, with the definitions that they lead to."""
    closed: dict[str, JSON] = {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
    definitions = _reached(schema.get("$defs", {}), properties)
    return closed | ({"$defs": definitions} if definitions else {})


def _reached(definitions: Mapping[str, Schema], node: JSON) -> dict[str, Schema]:
    reached: dict[str, Schema] = {}
    rest = [node]
    while rest:
        inner = rest.pop()
        if isinstance(inner, Mapping):
            name = str(inner.get("$ref", "")).removeprefix("#/$defs/")
            if name in definitions and name not in reached:
                reached[name] = definitions[name]
                rest.append(definitions[name])
            rest.extend(inner.values())
        elif isinstance(inner, list):
            rest.extend(inner)
    return {name: definitions[name] for name in definitions if name in reached}


def _beside(old: JSON, new: JSON, path: Path) -> tuple[JSON] | tuple[()]:
    """Return the value in `new` at the place of `old`; none if a list on the way has other items."""
    for token in path:
        if isinstance(old, list):
            if not isinstance(new, list) or len(new) != len(old):
                return ()
        elif not isinstance(new, dict) or token not in new:
            return ()
        old, new = old.get(token) if isinstance(old, dict) else old[int(token)], new[token]
    return (new,)


def loses(old: JSON, new: JSON) -> bool:
    """Return whether items of lists, or members, have gone from a value."""
    if isinstance(old, list) and isinstance(new, list):
        return len(new) < len(old) or any(map(loses, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return any(name not in new or loses(each, new[name]) for name, each in old.items())
    return isinstance(old, list | dict) and bool(old)


def _put(value: JSON, path: Path, new: JSON) -> None:
    *way, last = path
    for token in way:
        value = value[token]
    value[last] = new
