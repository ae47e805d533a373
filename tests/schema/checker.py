"""The targets' rules, told a second time: an opinion that is independent of the compiler's own tables.

`violations(schema, name, target)` is empty where no rule that is known of the target is broken.
Hosted services cannot be tried from a test; what is known of them is their documentation, their
SDKs' gates, and refusals that users report.
"""

# ruff: noqa: SIM905  (lists of words read better as words)

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jsonschema_rs

JSON = Any
Rule = Callable[[JSON], Iterator[str]]

MAPS_OF_SCHEMAS = ("properties", "$defs", "patternProperties", "dependentSchemas")
LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
SINGLE_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
NESTING = frozenset((*MAPS_OF_SCHEMAS, *LISTS_OF_SCHEMAS, *SINGLE_SCHEMAS))
NINE_FORMATS = frozenset("date-time time date duration email hostname ipv4 ipv6 uuid".split())
BOUNDS = frozenset("minimum maximum exclusiveMinimum exclusiveMaximum".split())
LENGTHS = frozenset({"minLength", "maxLength"})
CORE = frozenset(
    "type properties required additionalProperties items anyOf enum $ref $defs description title".split()
)
LOGIC = frozenset("allOf oneOf not if then else contains uniqueItems propertyNames patternProperties".split())
ENGINE_ERRORS = LOGIC - {"allOf", "patternProperties", "oneOf"}
ASSERTIONS = CORE | BOUNDS | LENGTHS | {"const", "pattern", "format", "multipleOf", "minItems", "maxItems"}
LOOK_AROUND = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P=")
SHORTHAND = re.compile(r"\\[dDwWsSbB]")


def violations(schema: JSON, name: str, target: str) -> list[str]:
    """Return every rule of `target` that `schema`, sent as `name`, breaks; each with a JSON pointer."""
    malformed = [*_well_formed(schema), *_local_references(schema)]
    if malformed or target in ("permissive", "json_object"):
        return [*malformed, *_name(name)]
    return [*_name(name), *(found for rule in RULES[target] for found in rule(schema))]


def nodes(schema: JSON, pointer: str = "") -> Iterator[tuple[str, dict[str, JSON]]]:
    """Yield every subschema with its JSON pointer, the root first."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for step, child in children(schema):
        yield from nodes(child, pointer + step)


def children(schema: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    """Yield the direct subschemas with the step of a JSON pointer that leads to each."""
    if schema.keys().isdisjoint(NESTING):
        return
    for keyword in MAPS_OF_SCHEMAS:
        for key, child in schema.get(keyword, {}).items():
            yield f"/{keyword}/" + key.replace("~", "~0").replace("/", "~1"), child
    for keyword in LISTS_OF_SCHEMAS:
        for index, child in enumerate(schema.get(keyword, [])):
            yield f"/{keyword}/{index}", child
    for keyword in SINGLE_SCHEMAS:
        if isinstance(schema.get(keyword), dict):
            yield f"/{keyword}", schema[keyword]


# --- rules that hold everywhere ----------------------------------------------------------------------------


def _well_formed(schema: JSON) -> Iterator[str]:
    try:
        jsonschema_rs.Draft202012Validator(schema)
    except jsonschema_rs.ValidationError as error:
        yield f"not a JSON Schema: {error.message:.100}"


def _name(name: str) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        yield f"name {name!r}"


def _local_references(schema: JSON) -> Iterator[str]:
    defined = {f"#/$defs/{key}" for key in schema.get("$defs", {})}
    for pointer, node in nodes(schema):
        if "$ref" in node and node["$ref"] not in defined:
            yield f"{pointer}: $ref to {node['$ref']}"
        if pointer and "$defs" in node:
            yield f"{pointer}: $defs below the root"
    for key in schema.get("$defs", {}):
        if not re.fullmatch(r"[A-Za-z0-9_]+", key):
            yield f"/$defs: definition name {key!r}"


# --- building blocks ---------------------------------------------------------------------------------------


def _only(allowed: frozenset[str], schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        for keyword in node.keys() - allowed:
            yield f"{pointer}: keyword {keyword}"


def _never(refused: frozenset[str], schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        for keyword in node.keys() & refused:
            yield f"{pointer}: keyword {keyword}"


def _told(ignored: frozenset[str], schema: JSON) -> Iterator[str]:
    """A keyword that the engine ignores must at least be told in words."""
    for pointer, node in nodes(schema):
        for keyword in node.keys() & ignored:
            if not node.get("description"):
                yield f"{pointer}: {keyword} is ignored and not told"


def _formats(known: frozenset[str], schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if "format" in node and node["format"] not in known:
            yield f"{pointer}: format {node['format']}"


def _root_is_object(schema: JSON) -> Iterator[str]:
    if schema.get("type") != "object":
        yield "the root is no object"
    for keyword in schema.keys() & {"anyOf", "oneOf", "$ref", "enum", "const", "not"}:
        yield f"{keyword} at the root"


def _is_object(node: dict[str, JSON]) -> bool:
    return "object" in types(node) or "properties" in node


def types(node: dict[str, JSON]) -> list[str]:
    """Return the types that a node names."""
    named = node.get("type", [])
    return [named] if isinstance(named, str) else named


def _closed(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if _is_object(node) and (node.get("additionalProperties") is not False or "properties" not in node):
            yield f"{pointer}: an open object"


def _all_required(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if _is_object(node) and set(node.get("required", [])) != set(node.get("properties", {})):
            yield f"{pointer}: not all properties are required"


def _typed(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if not node.keys() & {"type", "anyOf", "oneOf", "$ref", "enum", "const"}:
            yield f"{pointer}: an untyped node"
        if "array" in types(node) and "items" not in node and "prefixItems" not in node:
            yield f"{pointer}: an array without items"
        if node.get("additionalProperties") is True:
            yield f"{pointer}: additionalProperties without a type"


def _bare_references(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if "$ref" in node and (siblings := node.keys() - {"$ref", "$defs"}):
            yield f"{pointer}: $ref beside {sorted(siblings)}"


def _plain_patterns(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if LOOK_AROUND.search(node.get("pattern", "")):
            yield f"{pointer}: look-around or back reference in {node['pattern']!r}"


def _anchored_patterns(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        pattern = node.get("pattern", "^$")
        if not (pattern.startswith("^") and pattern.endswith("$")) or _has_top_level_bar(pattern):
            yield f"{pointer}: unanchored pattern {pattern!r}"


def _has_top_level_bar(pattern: str) -> bool:
    text = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "", pattern)
    while (shorter := re.sub(r"\([^()]*\)", "", text)) != text:
        text = shorter
    return "|" in text


def _spelt_out_classes(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if SHORTHAND.search(node.get("pattern", "").replace("\\\\", "")):
            yield f"{pointer}: shorthand class in {node['pattern']!r}"


def _pattern_alone(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if node.keys() & {"pattern", "format"} and node.keys() & LENGTHS:
            yield f"{pointer}: pattern or format together with a length"
        if "pattern" in node and "format" in node:
            yield f"{pointer}: pattern together with format"


def _at_most(what: str, limit: int, count: Callable[[JSON], int], schema: JSON) -> Iterator[str]:
    if (found := count(schema)) > limit:
        yield f"{found} {what}, at most {limit}"


def _properties(schema: JSON) -> int:
    return sum(len(node.get("properties", {})) for _, node in nodes(schema))


def _enum_values(schema: JSON) -> int:
    return sum(len(node.get("enum", [])) for _, node in nodes(schema))


def _enum_text(schema: JSON) -> int:
    return sum(len(v) for _, node in nodes(schema) for v in node.get("enum", []) if isinstance(v, str))


def _items(schema: JSON) -> int:
    """Return the sum of `maxItems`, as users found it counted: where it stands, nesting aside."""
    return sum(node.get("maxItems", 0) for _, node in nodes(schema))


def _inlined_depth(schema: JSON) -> int:
    """Return how deep objects are nested, each `$ref` followed; the schema is not recursive."""

    def levels(node: JSON) -> int:
        if "$ref" in node:
            return levels(schema["$defs"][node["$ref"].removeprefix("#/$defs/")])
        below = max((levels(child) for step, child in children(node) if "/$defs/" not in step), default=0)
        return below + _is_object(node)

    return levels({**schema, "$defs": {}})


def _depth(schema: JSON) -> int:
    """Return how deep objects are nested, the root and each definition apart, `$ref` not followed."""
    parts = [{**schema, "$defs": {}}, *schema.get("$defs", {}).values()]
    return max(map(_object_levels, parts))


def _object_levels(node: JSON) -> int:
    below = max((_object_levels(child) for _, child in children(node)), default=0)
    return below + _is_object(node)


def _text_size(schema: JSON) -> int:
    names = [
        key for _, node in nodes(schema) for key in (*node.get("properties", {}), *node.get("$defs", {}))
    ]
    values = [value for _, node in nodes(schema) for value in _said(node)]
    return sum(map(len, names)) + sum(len(value) if isinstance(value, str) else 0 for value in values)


def _said(node: dict[str, JSON]) -> list[JSON]:
    return [*node.get("enum", []), *([node["const"]] if "const" in node else [])]


def _long_enums(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        texts = [value for value in node.get("enum", []) if isinstance(value, str)]
        if len(texts) > 250 and (size := sum(map(len, texts))) > 15_000:
            yield f"{pointer}: an enum of {len(texts)} texts with {size} characters"


def _recursive_definitions(schema: JSON, optional_cuts: bool = False) -> list[str]:
    """Return the definitions that reach themselves; `optional_cuts`: through required properties alone."""
    definitions = schema.get("$defs", {})
    reached = {key: set(_references(body, optional_cuts)) for key, body in definitions.items()}
    for _ in definitions:
        grown = {key: refs.union(*(reached.get(ref, set()) for ref in refs)) for key, refs in reached.items()}
        if grown == reached:
            break
        reached = grown
    return [key for key, refs in reached.items() if key in refs]


def _references(node: JSON, optional_cuts: bool) -> Iterator[str]:
    if "$ref" in node:
        yield node["$ref"].removeprefix("#/$defs/")
    skipped = set(node.get("properties", {})) - set(node.get("required", [])) if optional_cuts else set()
    for step, child in children(node):
        if not (step.startswith("/properties/") and step.removeprefix("/properties/") in skipped):
            yield from _references(child, optional_cuts)


def _no_recursion(schema: JSON) -> Iterator[str]:
    for key in _recursive_definitions(schema):
        yield f"/$defs/{key}: recursion"


def _optional_recursion(schema: JSON) -> Iterator[str]:
    for key in _recursive_definitions(schema, optional_cuts=True):
        yield f"/$defs/{key}: recursion through required properties"


# --- rules of single targets -------------------------------------------------------------------------------


def _few_parameters(schema: JSON) -> Iterator[str]:
    """Anthropic's limits, counted as pydantic-ai observed it: only what is reached without a `$ref`."""
    inline = [node for _, node in nodes({**schema, "$defs": {}})]
    optional = sum(len(set(n.get("properties", {})) - set(n.get("required", []))) for n in inline)
    unions = sum(_is_union(child) for n in inline for child in n.get("properties", {}).values())
    if optional > 24 or unions > 16:
        yield f"{optional} optional and {unions} union parameters, at most 24 and 16"


def _is_union(node: dict[str, JSON]) -> bool:
    return "anyOf" in node or isinstance(node.get("type"), list)


def _at_least_one_item(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if node.get("minItems", 0) > 1:
            yield f"{pointer}: minItems above 1"


def _narrow_unions(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if isinstance(node.get("type"), list):
            yield f"{pointer}: an array of types"
        if len(node.get("anyOf", [])) > 5:
            yield f"{pointer}: {len(node['anyOf'])} branches, at most 5"


def _inhabited_nested_objects(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if pointer and _is_object(node) and not node.get("properties"):
            yield f"{pointer}: a nested object without properties"


def _no_lone_references(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if len(node.get("anyOf", [])) == 1 and "$ref" in node["anyOf"][0]:
            yield f"{pointer}: a reference alone in anyOf"


def _references_without_default(schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if "$ref" in node and "default" in node:
            yield f"{pointer}: $ref beside default"


def _whole_numbers_only(keyword: str, schema: JSON) -> Iterator[str]:
    for pointer, node in nodes(schema):
        if keyword in node and "number" in types(node) and not node.get("description"):
            yield f"{pointer}: {keyword} of a number is ignored and not told"


def _short_integers(schema: JSON) -> Iterator[str]:
    """llama.cpp's converter writes integers of 16 digits at most."""
    for pointer, node in nodes(schema):
        for keyword in node.keys() & (BOUNDS | {"const"}):
            if type(node[keyword]) is int and abs(node[keyword]) >= 10**16 and node.get("type") == "integer":
                yield f"{pointer}: {keyword} of over 16 digits"


def _bounded(schema: JSON) -> Iterator[str]:
    """What a model generates in this process must end: every string and array needs a bound."""
    for pointer, node in nodes(schema):
        if node.keys() & {"enum", "const"}:
            continue
        if "string" in types(node) and not node.keys() & {"maxLength", "format", "pattern"}:
            yield f"{pointer}: an unbounded string"
        if "array" in types(node) and not node.keys() & {"maxItems", "prefixItems"}:
            yield f"{pointer}: an unbounded array"


OPENAI: tuple[Rule, ...] = (
    _root_is_object,
    _closed,
    _all_required,
    _typed,
    _bare_references,
    partial(_only, ASSERTIONS),
    partial(_formats, NINE_FORMATS),
    _plain_patterns,
    _long_enums,
    partial(_at_most, "characters of names and values", 120_000, _text_size),
)
STRICT: tuple[Rule, ...] = (
    _root_is_object,
    _closed,
    _all_required,
    _typed,
    _bare_references,
    _no_recursion,
)
GEMINI_BUDGETS: tuple[Rule, ...] = (
    partial(_at_most, "characters of enum values", 2_000, _enum_text),
    partial(_at_most, "items of all arrays", 960, _items),
)
LLGUIDANCE: tuple[Rule, ...] = (
    partial(_never, ENGINE_ERRORS | {"oneOf"}),
    partial(_formats, NINE_FORMATS | {"uri"}),
    _plain_patterns,
)
XGRAMMAR: tuple[Rule, ...] = (
    partial(_never, frozenset({"patternProperties", "allOf"})),
    partial(_told, frozenset({"uniqueItems", "contains", "not", "if"})),
    partial(_whole_numbers_only, "multipleOf"),
    partial(_formats, NINE_FORMATS | {"uri"}),
    _plain_patterns,
    _anchored_patterns,
)
LLAMA_CPP: tuple[Rule, ...] = (
    partial(_never, frozenset({"patternProperties", "allOf"})),
    partial(_told, frozenset({"multipleOf", "uniqueItems", "contains", "not", "if", "propertyNames"})),
    *(partial(_whole_numbers_only, bound) for bound in sorted(BOUNDS)),
    partial(_formats, frozenset({"date", "time", "uuid", "date-time"})),
    _plain_patterns,
    _anchored_patterns,
    _spelt_out_classes,
    _short_integers,
)
RULES: dict[str, tuple[Rule, ...]] = {
    "openai": (
        *OPENAI,
        partial(_at_most, "properties", 5_000, _properties),
        partial(_at_most, "levels of objects", 10, _depth),
        partial(_at_most, "enum values", 1_000, _enum_values),
    ),
    "azure": (
        *OPENAI,
        partial(_at_most, "properties", 100, _properties),
        partial(_at_most, "levels of objects", 5, _depth),
        partial(_at_most, "enum values", 500, _enum_values),
        partial(_at_most, "characters of names and values", 15_000, _text_size),
    ),
    "compatible": (
        *OPENAI,
        _no_recursion,
        partial(_at_most, "properties", 5_000, _properties),
        partial(_at_most, "levels of objects", 10, _depth),
        partial(_at_most, "enum values", 1_000, _enum_values),
    ),
    "anthropic": (
        _closed,
        _no_recursion,
        _few_parameters,
        _at_least_one_item,
        partial(_never, BOUNDS | LENGTHS | LOGIC | {"multipleOf", "maxItems", "prefixItems"}),
        partial(_formats, NINE_FORMATS | {"uri"}),
    ),
    "gemini": (
        partial(
            _only,
            CORE
            | {"$id", "$anchor", "format", "prefixItems", "minItems", "maxItems", "minimum", "maximum"}
            | {"oneOf", "propertyOrdering"},
        ),
        _bare_references,
        _optional_recursion,
        *GEMINI_BUDGETS,
        partial(_at_most, "levels of objects", 5, _depth),
    ),
    "vertex": (
        *STRICT,
        partial(_only, CORE | {"minItems", "maxItems", "minimum", "maximum"}),
        *GEMINI_BUDGETS,
        partial(_at_most, "levels of objects written out", 5, _inlined_depth),
    ),
    "xai": (
        *STRICT,
        partial(_only, CORE | {"const", "format"}),
        partial(_formats, frozenset({"date", "time", "date-time", "email", "uuid", "ipv4"})),
    ),
    "bedrock": (*STRICT, partial(_only, CORE | {"const", "minItems"}), _at_least_one_item),
    "cohere": (
        *STRICT,
        partial(_only, CORE | {"const"}),
        partial(_at_most, "properties", 200, _properties),
    ),
    "mistral": (_closed, partial(_never, frozenset({"format", "$id", "$schema"})), *LLGUIDANCE),
    "groq": (_closed, _all_required, partial(_never, LOGIC | {"minItems"})),
    "fireworks": (_typed, _references_without_default),
    "together": (_typed,),
    "cerebras": (_closed, _all_required, _narrow_unions, _no_recursion),
    "deepseek": (
        _closed,
        _typed,
        _inhabited_nested_objects,
        partial(_formats, frozenset({"email", "hostname", "ipv4", "ipv6", "uuid"})),
        _no_lone_references,
    ),
    "ollama": LLAMA_CPP,
    "llamacpp": LLAMA_CPP,
    "local": (*LLGUIDANCE, _bounded),
    "llguidance": LLGUIDANCE,
    "xgrammar": XGRAMMAR,
    "sglang": XGRAMMAR,
    "vllm": (
        *XGRAMMAR,
        partial(_never, frozenset({"multipleOf", "uniqueItems", "contains", "propertyNames"})),
        _pattern_alone,
    ),
    "outlines": (
        partial(_never, frozenset({"patternProperties", "allOf"})),
        partial(_told, BOUNDS | {"multipleOf", "uniqueItems", "contains", "not", "if", "propertyNames"}),
        partial(_formats, frozenset({"date", "time", "date-time", "uuid", "email"})),
        _plain_patterns,
        _anchored_patterns,
    ),
}
