"""Random JSON that a strict schema allows, as a model under constrained decoding would write it."""

import math
from typing import Any

from hypothesis import strategies as st

from tests.schema.checker import types

JSON = Any
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2)
)
FORMATS = {
    "date": st.dates().map(str),
    "time": st.times().map(lambda time: f"{time.isoformat()}Z"),
    "date-time": st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    "duration": st.integers(0, 99).map(lambda days: f"P{days}DT1H"),
    "uuid": st.uuids().map(str),
    "ipv4": st.ip_addresses(v=4).map(str),
    "ipv6": st.ip_addresses(v=6).map(str),
    "uri": st.just("https://example.org/"),
}


def wire_values(schema: JSON) -> st.SearchStrategy[JSON]:
    """Return a strategy for JSON values that `schema`, a compiled one, allows."""
    return _node(schema, schema.get("$defs", {}), 12)


def _node(node: JSON, definitions: JSON, levels: int) -> st.SearchStrategy[JSON]:
    if not levels:
        return st.nothing()
    if "$ref" in node:
        return st.deferred(lambda: _node(definitions[node["$ref"][8:]], definitions, levels - 1))
    if "anyOf" in node:
        return st.one_of([_node(branch, definitions, levels) for branch in node["anyOf"]])
    if "const" in node or "enum" in node:
        return st.sampled_from([node["const"]] if "const" in node else node["enum"])
    return st.one_of([_typed(kind, node, definitions, levels) for kind in types(node)] or [ANYTHING])


def _typed(kind: str, node: JSON, definitions: JSON, levels: int) -> st.SearchStrategy[JSON]:
    match kind:
        case "object":
            return _object(node, definitions, levels)
        case "array":
            return _array(node, definitions, levels)
        case "string":
            return _string(node)
        case "integer" | "number":
            return _number(node, kind)
        case _:
            return st.booleans() if kind == "boolean" else st.none()


def _object(node: JSON, definitions: JSON, levels: int) -> st.SearchStrategy[JSON]:
    members = {
        key: _node(child, definitions, levels - 1) for key, child in node.get("properties", {}).items()
    }
    required = {key: value for key, value in members.items() if key in node.get("required", ())}
    optional = {key: value for key, value in members.items() if key not in required and not value.is_empty}
    if not isinstance(others := node.get("additionalProperties"), dict):
        return st.fixed_dictionaries(required, optional=optional)
    extra = st.dictionaries(
        TEXT.filter(lambda key: key not in members), _node(others, definitions, levels - 1), max_size=2
    )
    return st.builds(
        lambda known, more: known | more, st.fixed_dictionaries(required, optional=optional), extra
    )


def _array(node: JSON, definitions: JSON, levels: int) -> st.SearchStrategy[JSON]:
    first = [_node(child, definitions, levels - 1) for child in node.get("prefixItems", [])]
    least = max(0, node.get("minItems", 0) - len(first))
    most = min(node.get("maxItems", 99) - len(first), least + 2)
    items = node.get("items", {})
    rest = _node(items, definitions, levels - 1) if isinstance(items, dict) and most > 0 else st.nothing()
    more = st.just([]) if rest.is_empty else st.lists(rest, min_size=least, max_size=most)
    return st.builds(lambda head, tail: [*head, *tail], st.tuples(*first), more)


def _string(node: JSON) -> st.SearchStrategy[JSON]:
    if "format" in node:
        return FORMATS.get(node["format"], TEXT)
    least, most = node.get("minLength", 0), node.get("maxLength", math.inf)
    if "pattern" in node:
        return st.from_regex(node["pattern"]).filter(lambda text: least <= len(text) <= most)
    return st.text(
        st.characters(exclude_categories=["Cs"]), min_size=least, max_size=int(min(most, least + 6))
    )


def _number(node: JSON, kind: str) -> st.SearchStrategy[JSON]:
    least = node.get("minimum", node.get("exclusiveMinimum"))
    most = node.get("maximum", node.get("exclusiveMaximum"))
    ends = {node.get("exclusiveMinimum"), node.get("exclusiveMaximum")}
    step = node.get("multipleOf")
    if step:
        low, high = (None if bound is None else round(bound / step) for bound in (least, most))
        return st.integers(low, high).map(lambda n: n * step).filter(lambda n: n not in ends)
    if kind == "integer":
        low = None if least is None else math.ceil(least)
        return st.integers(low, None if most is None else math.floor(most)).filter(lambda n: n not in ends)
    return st.floats(least, most, allow_nan=False, allow_infinity=False).filter(lambda n: n not in ends)
