"""Instances of record types, by Pydantic's own JSON Schema: what it allows, as far as it validates."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from typing import Any

import rstr
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

JSON = Any
REPAIRS = 12  # how often what did not validate is left out or made anew
DEEPEST = 5
FORMATS = {
    "date": "2026-05-17",
    "date-time": "2026-05-17T12:30:00Z",
    "time": "12:30:00Z",
    "duration": "P1DT2H",
    "email": "ada@example.org",
    "uuid": "12345678-1234-4678-9234-567812345678",
    "uri": "https://example.org/a",
    "uri-reference": "https://example.org/a",
    "ipv4": "127.0.0.1",
    "ipv6": "::1",
    "hostname": "example.org",
    "binary": "YWJj",
    "base64url": "YWJj",
    "path": "a/b",
    "file-path": "a/b",
    "color": "#ff0000",
}
WORDS = ("", "a", "Ada Lovelace", "12", "é😀", 'q"\\/\n', "null", "https://example.org/x", "text/plain", "en")


def instances(record_type: Any, seed: int, most: int = 4) -> Iterator[Any]:
    """Yield up to `most` records: the least one first, then fuller ones. Raises what Pydantic raises where it
    can't describe the type.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(record_type)
    document = adapter.json_schema()
    seen = set[str]()
    for n in range(most * 2):
        maker = Maker(document, random.Random(f"{seed} {n}"), min(n / most, 0.8))
        record = maker.record(adapter)
        if record is not None and (shown := repr(record)) not in seen:
            seen.add(shown)
            yield record[0]
        if len(seen) == most:
            return


class Maker:
    """Values that a JSON Schema allows. full: how probable it is that an optional member is there."""

    def __init__(self, document: dict[str, JSON], chance: random.Random, full: float) -> None:
        self.document, self.chance, self.full = document, chance, full

    def record(self, adapter: TypeAdapter[Any]) -> tuple[Any] | None:
        """Return a record that validates, None where none was found."""
        data = self.value(self.document, 0)
        for _ in range(REPAIRS):
            try:
                return (adapter.validate_json(json.dumps(data)),)
            except ValidationError as error:
                data = self.mended(data, error)
            except Exception:  # a validator of the package's own
                data = self.value(self.document, 0)
        return None

    def mended(self, data: JSON, error: ValidationError) -> JSON:
        """Return other data without the members that are at fault."""
        data = from_json(json.dumps(data))
        faults = [each["loc"] for each in error.errors(include_url=False) if each["type"] != "missing"]
        left_out = [leave_out(data, loc) for loc in faults]
        return data if any(left_out) else self.value(self.document, 0)

    def value(self, schema: JSON, depth: int) -> JSON:
        """Return a value at random."""
        if isinstance(schema, bool) or not schema:
            return self.chance.choice([None, 1, "a", True, 1.5, ["a"], {"a": 1}])
        if "$ref" in schema:
            return self.value(self.referred(schema["$ref"]), depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self.chance.choice(schema["enum"])
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self.value(self.branch(schema[keyword], depth), depth + 1)
        if "allOf" in schema:
            merged = {k: v for k, v in schema.items() if k != "allOf"}
            for part in schema["allOf"]:
                merged |= self.referred(part["$ref"]) if "$ref" in part else part
            return self.value(merged, depth + 1)
        return self.typed(schema, depth)

    def referred(self, reference: str) -> JSON:
        """Return what a reference within the document points at."""
        found = self.document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        return found

    def branch(self, branches: list[JSON], depth: int) -> JSON:
        """Return a member of a union, a plain one where it is deep."""
        plain = [branch for branch in branches if branch.get("type") not in (None, "array", "object")]
        return self.chance.choice(plain if plain and depth > DEEPEST else branches)

    def typed(self, schema: JSON, depth: int) -> JSON:
        """Return a value of the type that a schema says."""
        kind = schema.get("type", "object" if "properties" in schema else "string")
        match self.chance.choice(kind) if isinstance(kind, list) else kind:
            case "object":
                return self.an_object(schema, depth)
            case "array":
                return self.an_array(schema, depth)
            case "string":
                return self.text(schema)
            case "integer":
                return self.number(schema, 1)
            case "number":
                return self.number(schema, 0.25)
            case "boolean":
                return self.chance.random() < 0.5
        return None

    def an_object(self, schema: JSON, depth: int) -> JSON:
        """Return an object with the members that it must have, and some of the others."""
        required = schema.get("required", ())
        full = self.full if depth < DEEPEST else 0
        made = {
            key: self.value(part, depth + 1)
            for key, part in schema.get("properties", {}).items()
            if key in required or self.chance.random() < full
        }
        others = schema.get("additionalProperties", False)
        if others is not False and self.chance.random() < full / 2:
            names = self.value(schema.get("propertyNames", {"type": "string"}), depth)
            made.setdefault(str(names or "other"), self.value(others, depth + 1))
        return made

    def an_array(self, schema: JSON, depth: int) -> JSON:
        """Return an array of few items."""
        first = [self.value(part, depth + 1) for part in schema.get("prefixItems", ())]
        least = max(schema.get("minItems", 0) - len(first), 0)
        wanted = least + (self.chance.randint(0, 2) if depth < DEEPEST else 0)
        most = min(wanted, schema.get("maxItems", 99) - len(first)) if "items" in schema or not first else 0
        return [*first, *(self.value(schema.get("items", {}), depth + 1) for _ in range(most))]

    def text(self, schema: JSON) -> str:
        """Return a text of a format, of a pattern, or any."""
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]
        if "pattern" in schema:
            return self.matching(schema["pattern"])
        text = self.chance.choice(WORDS)
        least = schema.get("minLength", 0)
        text += "".join(self.chance.choice(string.ascii_letters) for _ in range(least - len(text)))
        return text[: schema.get("maxLength")]

    def matching(self, pattern: str) -> str:
        """Return a text that matches a pattern, if it is of those that can be made."""
        try:
            return str(rstr.Rstr(self.chance).xeger(pattern.replace(r"\z", "$")))[:200]
        except Exception:  # look-around and the like
            return "a"

    def number(self, schema: JSON, step: float) -> JSON:
        """Return a number within the bounds."""
        low = schema.get("minimum", schema.get("exclusiveMinimum", schema.get("maximum", 100) - 100))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 100))
        if step < 1:
            return low + (high - low) * self.chance.choice([0.25, 0.5, 0.75])
        return self.chance.randint(int(low) + ("exclusiveMinimum" in schema), int(high))


def leave_out(data: JSON, loc: tuple[int | str, ...]) -> bool:
    """Take the deepest member that leads to a fault out of its object; return whether there was one."""
    holder, last = None, None
    for step in loc:
        if isinstance(data, dict) and step in data:
            holder, last = data, step
            data = data[step]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
    if holder is None:
        return False
    del holder[last]
    return True
