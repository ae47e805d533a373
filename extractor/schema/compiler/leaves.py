"""The rules for scalars: which assertions the target takes, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...messages import JSON
from ..codec.values import BoundedCodec, Bytes, Codec, Decimals, Encoded, LeafCodec, Number
from ..grounding.verbatim import DIGITS
from ..nodes import FORMAT_TYPES, SHOWN, STRICT, Python, Schema, python_of
from ..patterns.ecmascript import as_written, matcher
from ..patterns.regex import repetitions, translate
from ..words import SENTENCES, sentence
from .targets import LENGTHS, NUMBERS, Target, says_number
from .walk import Walk, Wired

DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
OFFSET = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
OFFSETS = {"naive": "", "aware": OFFSET, None: OFFSET + "?"}
OFFSET_WORDS = {
    "naive": ", without an offset.",
    "aware": ", with an offset or Z.",
    None: ", with its offset if there is one.",
}
DURATION = r"^[+-]?P([0-9]+W|([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?)$"
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
ASSERTIONS = [keyword for keyword in SENTENCES if keyword != "pattern"]
INT64 = 2**63 - 1  # engines refuse larger bounds
BROADER = {f"uuid{version}": "uuid" for version in range(1, 9)}  # formats that are told beside another


def told(walk: Walk, schema: Schema, wire: Schema, at: str, untaken: frozenset[str] = frozenset()) -> Schema:
    """Return `wire` with the assertions of `schema` that the target takes, and the others in words.

    untaken: assertions that the target takes, but not on this node.
    """
    if schema.keys().isdisjoint(ASSERTIONS):
        return wire
    words = []
    for keyword in ASSERTIONS:
        if keyword not in schema:
            continue
        if keyword not in untaken and can_say(walk.target, wire["type"], keyword, schema[keyword]):
            wire[keyword] = schema[keyword]
        elif said := sentence(keyword, schema[keyword]):
            words.append(said)
            walk.note(at, keyword, "told", said)
    return walk.tell(wire, *words)


def can_say(target: Target, kind: str, keyword: str, value: JSON) -> bool:
    """Return whether the target takes this assertion on a node of this type."""
    if keyword not in target.keywords or (kind == "number" and keyword in target.loose_on_numbers):
        return False
    if keyword == "minItems" and target.max_min_items is not None:
        return bool(value <= target.max_min_items)
    if keyword not in NUMBERS:
        return True
    most = INT64 if target.integer_digits is None else 10**target.integer_digits - 1
    return not isinstance(value, int) or abs(value) <= most


def leaf(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A scalar with the assertions that the target takes."""
    wire: Schema = {"type": schema["type"]}
    strict = python.data == STRICT
    known = python.type if strict else FORMAT_TYPES.get(schema.get("format", ""), python.type)
    codec = LeafCodec(known, _within(schema), strict)
    if schema["type"] != "string":
        return told(walk, schema, wire, at), codec
    if SHOWN in schema:  # others may be read, too: which codes there are is checked after decoding
        return {**wire, "enum": list(schema[SHOWN])}, codec
    return bounded(walk, text(walk, wire, schema, at), codec, at)


def text(walk: Walk, wire: Schema, schema: Schema, at: str) -> Schema:
    """Return a string's schema with its pattern, format and lengths, as far as the target takes them."""
    target, words = walk.target, []
    if "pattern" in schema:
        pattern = said_pattern(target, schema["pattern"], is_strict(schema))
        if pattern is None:
            words.append(("pattern", sentence("pattern", schema["pattern"])))
        else:
            wire["pattern"] = pattern
    if "format" in schema:
        broader = BROADER.get(schema["format"], schema["format"])
        if takes_format(target, broader) and "pattern" not in wire:
            wire["format"] = broader
        if wire.get("format") != schema["format"]:
            words.append(("format", sentence("format", schema["format"])))
    for keyword, said in words:
        walk.note(at, keyword, "told" if said else "dropped", said or "an annotation")
    alone = "pattern" in wire or "format" in wire
    untaken = LENGTHS if alone and not target.pattern_with_length else frozenset()
    return walk.tell(told(walk, schema, wire, at, untaken), *(said for _, said in words))


def takes_format(target: Target, name: str | None) -> bool:
    """Return whether the target takes a format."""
    return "format" in target.keywords and name in target.formats


def said_pattern(target: Target, pattern: str, ecmascript: bool = False) -> str | None:
    """Return a pattern as the target takes it, None if it doesn't."""
    if "pattern" not in target.keywords:
        return None
    said = translate(pattern, raw=target.raw_patterns, ecmascript=ecmascript)
    return said if said is not None and takes_pattern(target, said) else None


def takes_pattern(target: Target, said: str) -> bool:
    """Return whether the target takes a pattern in the small dialect."""
    within = target.max_repetition is None or repetitions(said) <= target.max_repetition
    return "pattern" in target.keywords and within


def is_strict(schema: Schema) -> bool:
    """Return whether a leaf is one of a JSON Schema document."""
    python = python_of(schema)
    return python is not None and python.data == STRICT


def bounded(walk: Walk, wire: Schema, codec: Codec, at: str) -> Wired:
    """Bound a free string where the target wants strings bounded."""
    limit = walk.target.max_string
    if limit is None or not wire.keys().isdisjoint({"maxLength", "pattern", "format"}):
        return wire, codec
    walk.note(at, "maxLength", "bounded", f"at most {limit} characters")
    return {**wire, "maxLength": limit}, BoundedCodec(codec, limit=limit)


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "multipleOf": lambda value, bound: value % bound == 0,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, bound: as_written(bound)(value) is not False,
}
_STRICT_TESTS = {**_TESTS, "pattern": lambda value, bound: matcher(bound)(value) is not False}


def _within(schema: Schema) -> Callable[[Any], bool] | None:
    """Return a test of a leaf's own constraints, which tells the members of a union apart."""
    known = _STRICT_TESTS if is_strict(schema) else _TESTS
    tests = [(known[keyword], schema[keyword]) for keyword in schema if keyword in known]
    if schema["type"] == "integer":
        tests.append((_TESTS["multipleOf"], 1))
    if not tests:
        return None

    def within(value: Any) -> bool:
        try:
            return all(test(value, bound) for test, bound in tests)
        except (TypeError, ValueError):  # no pattern that an engine with bounded steps reads
            return True

    return within


def real(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A float; infinities and NaN by name where the type says that it takes them."""
    wire = told(walk, schema, {"type": "number"}, at)
    codec = Number(
        bool(python.data), not wire.keys().isdisjoint(NUMBERS), python.type or float, not python.data
    )
    if not python.data:
        return wire, codec
    walk.note(at, "type", "re-encoded", "infinities and NaN by name")
    names = {"type": "string", "enum": ["Infinity", "-Infinity", "NaN"]}
    description = {"description": wire.pop("description")} if "description" in wire else {}
    return {**description, "anyOf": [wire, names]}, codec


def string(walk: Walk, at: str, codec: Codec, words: str, pattern: str, form: str | None = None) -> Wired:
    """Return a string that a format or a pattern describes, or words where the target takes neither."""
    wire: Schema = {"type": "string"}
    if takes_format(walk.target, form):
        wire["format"] = form
    elif takes_pattern(walk.target, pattern):
        wire["pattern"] = pattern
    else:
        walk.note(at, "format", "told", words)
        return bounded(walk, walk.tell(wire, words), codec, at)
    return wire, codec


_DECIMAL_BOUNDS = {
    "ge": "minimum",
    "le": "maximum",
    "gt": "exclusiveMinimum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


def decimal(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A decimal, whose digits never pass through a binary float: as text, or as a bare number."""
    core = python.data
    plain_digits = not core.keys().isdisjoint({"decimal_places", "max_digits"})
    codec: Codec = Decimals(plain_digits, bare=says_number(walk.target, core))
    if says_number(walk.target, core):
        wire = _bare(walk, core, plain_digits)
    else:
        walk.note(at, "type", "re-encoded", "a decimal number as text")
        wire, codec = string(walk, at, codec, "A decimal number, such as 12.50.", decimal_pattern(core))
    bounds = {keyword: core[name] for name, keyword in _DECIMAL_BOUNDS.items() if name in core}
    return in_words(walk, wire, bounds, at), codec


def _bare(walk: Walk, core: Mapping[str, Any], plain_digits: bool) -> Schema:
    """Return a number's schema; in a grammar of ours, with the pattern of its digits."""
    if not plain_digits or walk.target.verbatim == "told":
        return {"type": "number"}
    return {"type": "number", DIGITS: decimal_pattern(core, leading_zeros=False)}


def in_words(walk: Walk, wire: Schema, assertions: Mapping[str, JSON], at: str) -> Schema:
    """Return `wire` with assertions in words, since its form on the wire is another."""
    words = [(keyword, sentence(keyword, value)) for keyword, value in assertions.items()]
    for keyword, said in words:
        walk.note(at, keyword, "told", said)
    return walk.tell(wire, *(said for _, said in words))


def decimal_pattern(core: Mapping[str, Any], leading_zeros: bool = True) -> str:
    """Return the pattern of decimals with pydantic-core's constraints on their digits. leading_zeros: whether
    the integer may have some, which JSON's numbers may not.
    """
    places, digits = core.get("decimal_places"), core.get("max_digits")
    most = max(digits - (places or 0), 1) if digits else None
    whole = f"[0-9]{{1,{most}}}" if most else "[0-9]+"
    if not leading_zeros:
        whole = f"(0|[1-9][0-9]{{0,{most - 1}}})" if most else "(0|[1-9][0-9]*)"
    fraction = r"(\.[0-9]+)?" if places is None else rf"(\.[0-9]{{1,{places}}})?" if places else ""
    exponent = "([eE][+-]?[0-9]+)?" if digits is None and places is None else ""
    special = "|-?Infinity|-?s?NaN" if core.get("allow_inf_nan") else ""
    return f"^(-?{whole}{fraction}{exponent}{special})$"


def moment(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A date and time; a pattern where it may be without an offset, which the format forces."""
    words = "A date and time as YYYY-MM-DDTHH:MM:SS" + OFFSET_WORDS[python.data]
    form = "date-time" if python.data == "aware" else None
    return string(walk, at, LeafCodec(python.type), words, f"^{DATE}T{TIME}{OFFSETS[python.data]}$", form)


def clock(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A time of day."""
    words = "A time as HH:MM:SS" + OFFSET_WORDS[python.data]
    form = "time" if python.data == "aware" else None
    return string(walk, at, LeafCodec(python.type), words, f"^{TIME}{OFFSETS[python.data]}$", form)


def span(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A span of time; the format `duration` has no fractions and no signs."""
    return string(walk, at, LeafCodec(python.type), sentence("format", "duration"), DURATION)


def binary(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """Bytes in base64."""
    walk.note(at, "format", "re-encoded", "bytes as base64 text")
    wire, codec = string(walk, at, Bytes(), "", BASE64)
    names = {"min_length": "minBytes", "max_length": "maxBytes"}
    lengths = {keyword: python.data[name] for name, keyword in names.items() if name in python.data}
    return in_words(walk, walk.tell(wire, "Base64."), lengths, at), codec


def encoded(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """Base64 text that is decoded by the type itself."""
    codec = Encoded(python.data, python.type or str)
    wire, made = string(walk, at, codec, "", "^[A-Za-z0-9+/_-]*={0,2}$")
    return walk.tell(wire, "Base64."), made
