"""Record types of many fields with texts whose record is known, and a server that answers from it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, create_model

from extractor.testing import reply, truncated

JSON = Any
Chance = Callable[[], bool]


def wide_type(fields: int, group: int = 10) -> type[BaseModel]:
    """Return a type of so many fields, ten at a time in an object of their own."""
    members: dict[str, Any] = {}
    for start in range(0, fields, group):
        size = min(group, fields - start)
        inner: dict[str, Any] = {f"value_{start + i}": (str | None, None) for i in range(size)}
        members[f"group_{start}"] = (create_model(f"Group{start}", **inner), ...)
    return create_model("Wide", **members)


def known(fields: int, group: int = 10) -> tuple[JSON, str]:
    """Return the record of a text as plain JSON, and the text."""
    values = {f"value_{i}": f"v{i:04}" for i in range(fields)}
    record: JSON = {f"group_{start}": {} for start in range(0, fields, group)}
    for i, (name, value) in enumerate(values.items()):
        record[f"group_{i - i % group}"][name] = value
    return record, "\n".join(f"{name}: {value}" for name, value in values.items())


def answer(schema: Mapping[str, JSON], record: JSON) -> JSON:
    """Return what a strict schema asks for, of a known record."""
    defs = schema.get("$defs", {})

    def of(node: Mapping[str, JSON], value: JSON) -> JSON:
        if "$ref" in node:
            return of(defs[node["$ref"].removeprefix("#/$defs/")], value)
        if "anyOf" in node:
            branches = [branch for branch in node["anyOf"] if branch.get("type") != "null"]
            return None if value is None else of(branches[0], value)
        if isinstance(value, dict):
            return {key: of(part, value.get(key)) for key, part in node.get("properties", {}).items()}
        if isinstance(value, list):
            return [of(node["items"], item) for item in value]
        return value

    return of(schema, record)


def schema_of(request: Any) -> JSON:
    return request.json["response_format"]["json_schema"]["schema"]


def from_known(record: JSON, fails: Chance = lambda: False) -> Callable[[Any], Any]:
    """Return a script that answers each request from a known record. fails: whether a reply is cut."""

    def play(request: Any) -> Any:
        told = reply(answer(schema_of(request), record))
        return truncated('{"group_0": {"val') if fails() else told

    return play


def one_in(count: int, seed: int) -> Chance:
    """Return a chance of one in so many."""
    chance = random.Random(seed)
    return lambda: chance.randrange(count) == 0
