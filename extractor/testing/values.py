"""A value for any JSON Schema that a server would take, made from a seed. Pure.

It is for tests: values are valid and small, and otherwise mean nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any, TypeAlias
from urllib.parse import unquote
from uuid import UUID

from extractor.messages import JSON

from ..pointers import steps_of
from .patterns import text_for

Schema: TypeAlias = Mapping[str, Any]
DEPTH = 8  # beyond so many levels, or so many values, everything is as small as it may be
VALUES = 300
TRIES = 200  # for what is made by trial: patterns with lengths, unique items, broken multiples
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "café")


def value_of(schema: Schema | bool, seed: int | str = 0) -> JSON:
    """Return a value that is valid under `schema`. Equal seeds give equal values.

    Raises ValueError with the reason if none can be made.
    """
    root = _plain(schema)
    try:
        return _Maker(root, Random(seed)).make(root, 0)
    except (AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"the schema is malformed: {error!r}") from error


class _Maker:
    """Makes one value. `made` counts the values in it, so that it stays small."""

    def __init__(self, root: Schema, rng: Random) -> None:
        self.root, self.rng, self.made = root, rng, 0
        self.heights = _reference_heights(root)

    def make(self, schema: Schema | bool, depth: int) -> JSON:
        node = self.decide(_plain(schema), depth)
        self.made += 1
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return self.rng.choice(node["enum"])
        return _MAKERS[_type(node)](self, node, depth)

    def decide(self, node: Schema, depth: int) -> Schema:
        """Return `node` with references followed and one branch taken of each union."""
        while branches := _branches(node, self.root):
            heights = [self.height(branch) for branch in branches]
            lowest = min(heights)
            if lowest == math.inf:
                raise ValueError("the schema has no finite value: it needs itself inside itself")
            most = lowest if self.is_full(depth) else max(h for h in heights if h < math.inf)
            node = self.rng.choice([b for b, h in zip(branches, heights, strict=True) if h <= most])
        return node

    def height(self, schema: Schema | bool) -> float:
        return _height(_plain(schema), self.root, self.heights)

    def is_full(self, depth: int) -> bool:
        return depth >= DEPTH or self.made >= VALUES

    def count(self, fewest: int, most: float, depth: int) -> int:
        """Return how many to make: as few as may be once the value is large."""
        if fewest > most:
            raise ValueError(f"at least {fewest} and at most {most} cannot both be")
        return fewest if self.is_full(depth) else self.rng.randint(fewest, int(min(fewest + 2, most)))


def _object(maker: _Maker, node: Schema, depth: int) -> JSON:
    members, required = node.get("properties", {}), node.get("required", ())
    others = node.get("additionalProperties", {})
    always = frozenset(required)
    made = {
        name: maker.make(member, depth + 1)
        for name, member in members.items()
        if name in always or _wanted(maker, member, depth)
    }
    made |= {name: maker.make(others, depth + 1) for name in required if name not in members}
    return _map(maker, node, depth, len(made)) | made


def _wanted(maker: _Maker, member: Schema | bool, depth: int) -> bool:
    possible = member is not False and not maker.is_full(depth) and maker.height(member) < math.inf
    return possible and maker.rng.random() < 0.5


def _map(maker: _Maker, node: Schema, depth: int, members: int) -> dict[str, JSON]:
    """Return the members of an object whose names are free."""
    others = node.get("additionalProperties", True)
    fewest = max(node.get("minProperties", 0) - members, 0)
    if others is False or (not isinstance(others, Mapping) and not fewest):
        return {}
    most = fewest if maker.height(others) == math.inf else node.get("maxProperties", math.inf) - members
    name = {"type": "string", **node.get("propertyNames", {})}
    names = _items(maker, [name] * maker.count(fewest, most, depth), depth, unique=True, fewest=fewest)
    return {name: maker.make(others, depth + 1) for name in names}


def _array(maker: _Maker, node: Schema, depth: int) -> JSON:
    first, others = node.get("prefixItems", []), node.get("items", {})
    fewest, most = node.get("minItems", 0), node.get("maxItems", math.inf)
    if others is False or maker.height(others) == math.inf:
        most = min(most, max(len(first), fewest))
    if all(maker.height(item) < math.inf for item in first) and not maker.is_full(depth):
        fewest = max(fewest, int(min(len(first), most)))
    count = maker.count(fewest, most, depth)
    schemas = [*first[:count], *[others] * (count - len(first))]
    return _items(
        maker, schemas, depth, unique=node.get("uniqueItems", False), fewest=node.get("minItems", 0)
    )


def _items(
    maker: _Maker, schemas: Sequence[Schema | bool], depth: int, *, unique: bool, fewest: int
) -> list[JSON]:
    """Return one value for each schema; where they must be unique and are not, maybe fewer."""
    made: list[JSON] = []
    for schema in schemas:
        tried = (maker.make(schema, depth + 1) for _ in range(TRIES if unique else 1))
        made += next(([value] for value in tried if not unique or value not in made), [])
    if len(made) < fewest:
        raise ValueError(f"{fewest} different items are wanted where there are not so many")
    return made


def _number(maker: _Maker, node: Schema, depth: int) -> JSON:
    """Return a multiple of a step, 1 or 1/100 where the schema names none, within the bounds."""
    whole = _type(node) == "integer"
    wanted = node.get("multipleOf")
    step = Fraction(str(wanted)) if wanted else Fraction(1, 1 if whole else 100)
    step = Fraction(step.numerator) if whole else step
    low, high = _bounds(node, step)
    if low > high and not (whole or wanted):
        step = Fraction(1, 10**9)
        low, high = _bounds(node, step)
    if low > high:
        raise ValueError(f"no number is left between the bounds of {dict(node)}")
    for _ in range(TRIES):
        exact = maker.rng.randint(low, high) * step
        value = int(exact) if whole else float(exact)
        if not isinstance(wanted, float) or (value / wanted).is_integer():
            return value
    raise ValueError(f"no multiple of {wanted} was found within the bounds")


def _bounds(node: Schema, step: Fraction) -> tuple[int, int]:
    """Return the first and the last multiple of `step` that the schema allows, in steps."""
    lows, highs = [], []
    if "minimum" in node:
        lows.append(math.ceil(Fraction(str(node["minimum"])) / step))
    if "exclusiveMinimum" in node:
        lows.append(math.floor(Fraction(str(node["exclusiveMinimum"])) / step) + 1)
    if "maximum" in node:
        highs.append(math.floor(Fraction(str(node["maximum"])) / step))
    if "exclusiveMaximum" in node:
        highs.append(math.ceil(Fraction(str(node["exclusiveMaximum"])) / step) - 1)
    span = 100 if step.denominator == 1 else 100 * step.denominator
    low = max(lows, default=min([0, *(high - span for high in highs)]))
    return low, min(highs, default=low + span)


def _string(maker: _Maker, node: Schema, depth: int) -> JSON:
    fewest, most = node.get("minLength", 0), node.get("maxLength", math.inf)
    fitting = (text for text in _texts(maker.rng, node, fewest, most) if fewest <= len(text) <= most)
    if (text := next(fitting, None)) is None:
        raise ValueError(f"no text was found for {dict(node)}")
    return text


def _texts(rng: Random, node: Schema, fewest: int, most: float) -> Iterator[str]:
    if node.get("format") in FORMATS:
        moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**9))
        yield FORMATS[node["format"]](moment, rng)
    elif "pattern" in node:
        for n in range(TRIES):
            text = text_for(node["pattern"], rng, more=n % 8 + (fewest if n % 2 else 0))
            if re.search(node["pattern"], text):
                yield text
    else:
        words = " ".join(rng.choice(WORDS) for _ in range(max(rng.randint(1, 3), fewest)))
        text = words[: int(min(max(fewest, 16), most))]
        yield text[:-1] + "s" if text.endswith(" ") else text


FORMATS: Mapping[str, Callable[[datetime, Random], str]] = {
    "date-time": lambda moment, rng: moment.isoformat().replace("+00:00", "Z"),
    "date": lambda moment, rng: moment.date().isoformat(),
    "time": lambda moment, rng: moment.time().isoformat() + "Z",
    "duration": lambda moment, rng: f"P{moment.day}DT{moment.hour}H{moment.minute}M",
    "email": lambda moment, rng: f"user{moment.day}@example.org",
    "hostname": lambda moment, rng: f"host{moment.day}.example.org",
    "ipv4": lambda moment, rng: f"192.0.2.{moment.day}",
    "ipv6": lambda moment, rng: f"2001:db8::{moment.day}",
    "uuid": lambda moment, rng: str(UUID(int=rng.getrandbits(128), version=4)),
    "uri": lambda moment, rng: f"https://example.org/{moment.day}",
}

_MAKERS: Mapping[str, Callable[[_Maker, Schema, int], JSON]] = {
    "object": _object,
    "array": _array,
    "integer": _number,
    "number": _number,
    "string": _string,
    "boolean": lambda maker, node, depth: maker.rng.random() < 0.5,
    "null": lambda maker, node, depth: None,
}

_TELLING: Mapping[str, frozenset[str]] = {  # the keywords that tell the type where none is given
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}


def _type(node: Schema) -> str:
    told = (name for name, keywords in _TELLING.items() if keywords & node.keys())
    return str(node.get("type") or next(told, "string"))


def _plain(schema: Schema | bool) -> Schema:
    if schema is False:
        raise ValueError("nothing is valid under the schema `false`")
    return {} if schema is True else schema


def _branches(node: Schema, root: Schema) -> list[Schema]:
    """Return what `node` can be, one schema each; none if it is decided."""
    if "$ref" in node:
        return [_merged(node, "$ref", _at(root, node["$ref"]))]
    for union in ("anyOf", "oneOf"):
        if union in node:
            return [_merged(node, union, _plain(branch)) for branch in node[union]]
    if "const" in node or "enum" in node or not isinstance(node.get("type"), list):
        return []
    return [{**node, "type": one} for one in node["type"]]


def _merged(node: Schema, without: str, branch: Schema) -> Schema:
    rest = {key: value for key, value in node.items() if key != without}
    members = {**rest.get("properties", {}), **branch.get("properties", {})}
    required = [*rest.get("required", ()), *branch.get("required", ())]
    found = {key: value for key, value in (("properties", members), ("required", required)) if value}
    return {**rest, **branch, **found}


def _at(root: Schema, reference: str) -> Schema:
    """Return the schema that a reference into the same document means."""
    if not reference.startswith("#"):
        raise ValueError(f"the reference {reference!r} leaves the schema")
    found: Any = root
    for key in steps_of(unquote(reference[1:])):
        try:
            found = found[int(key)] if isinstance(found, list) else found[key]
        except (KeyError, IndexError, ValueError, TypeError):
            raise ValueError(f"the reference {reference!r} leads nowhere") from None
    return _plain(found)


def _reference_heights(root: Schema) -> dict[str, float]:
    """Return for each reference how deep its smallest value is; infinite where it has none."""
    heights = dict.fromkeys(_references(root), math.inf)
    while True:
        seen = {ref: _height(_at(root, ref), root, heights) for ref in heights}
        if seen == heights:
            return heights
        heights = seen


def _references(node: JSON) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _height(node: Schema, root: Schema, heights: Mapping[str, float]) -> float:
    """Return how deep the smallest value under `node` is: 0 for a scalar or an empty list."""
    if "const" in node or "enum" in node:
        return 0
    if "$ref" in node:
        return heights[node["$ref"]]
    if branches := _branches(node, root):
        return min(_height(branch, root, heights) for branch in branches)
    return max((1 + _height(_plain(child), root, heights) for child in _needed(node)), default=0)


def _needed(node: Schema) -> Iterator[Schema | bool]:
    """Yield the schemas of the parts that every value under `node` has."""
    members = node.get("properties", {})
    if _type(node) == "object":
        yield from (members.get(n, node.get("additionalProperties", {})) for n in node.get("required", ()))
    elif _type(node) == "array" and (fewest := node.get("minItems", 0)):
        first = node.get("prefixItems", [])
        yield from first[:fewest]
        if fewest > len(first):
            yield node.get("items", {})
