"""Inputs of any size that once took more than their share: for each the work that is done on it.

`make(n)` builds the input and returns the work, so that only the work is measured. The benchmark
`growth.py` shows the seconds at n, 2n and 4n.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import create_model

from extractor.evidence import Span, align, find_elided, find_said
from extractor.evidence.merging import ChunkReading, merge
from extractor.evidence.spans import How
from extractor.schema import Verbatim, compile_schema
from extractor.schema.types.documents.library import problems
from tests.record_types import checker_of

Work = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """n: the least of the sizes to be shown; the attack is made at 4n."""

    make: Callable[[int], Work]
    n: int


def judged(schema: dict[str, Any], record: Any) -> Work:
    """Return the work of judging a record: what is wrong with it, by kind."""
    judge, check = problems(schema), checker_of(schema)
    data = json.dumps(record).encode()

    def work() -> list[str]:
        found = judge(record)
        assert bool(found) == bool(check(data))
        return sorted({each.type for each in found})

    return work


def compiled(schema: dict[str, Any]) -> Work:
    return lambda: len(json.dumps(compile_schema(schema).schema))


def objects(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


# -- judging


def pattern(text: str) -> Callable[[int], Work]:
    return lambda n: judged(objects(a={"type": "string", "pattern": text}), {"a": "a" * n + "!"})


def pattern_named(keyword: str) -> Callable[[int], Work]:
    def make(n: int) -> Work:
        schema = {
            "type": "object",
            "patternProperties": {r"^(?=a)(a+)+$": {"type": "integer"}},
            keyword: False,
        }
        return judged(schema, {"a" * n + "!": 1})

    return make


def recursive_any_of(leaf: Any) -> Callable[[int], Work]:
    def make(n: int) -> Work:
        node = {
            "type": "object",
            "properties": {"next": {"$ref": "#/$defs/node"}, "kind": {"type": "string"}},
        }
        one, two = ({**node, "required": ["kind", name]} for name in ("never", "next"))
        three = {
            "type": "object",
            "properties": {"kind": {"const": "end"}},
            "required": ["kind"],
            "additionalProperties": False,
        }
        record: Any = {"kind": leaf}
        for _ in range(n):
            record = {"kind": "x", "next": record}
        return judged({"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [one, two, three]}}}, record)

    return make


def recursive_one_of(n: int) -> Work:
    part = {"type": "object", "properties": {"in": {"$ref": "#/$defs/node"}}}
    node = {"oneOf": [{**part, "required": ["b"]}, {**part, "required": ["a"]}]}
    record: Any = {"a": 1}
    for _ in range(n):
        record = {"a": 1, "in": record}
    return judged({"$ref": "#/$defs/node", "$defs": {"node": node}}, record)


def recursive_unevaluated(n: int) -> Work:
    node = {
        "anyOf": [
            {"properties": {"a": {"$ref": "#/$defs/node"}}},
            {"properties": {"b": {"type": "integer"}}},
        ],
        "unevaluatedProperties": False,
        "type": "object",
    }
    record: Any = {"b": 1}
    for _ in range(n):
        record = {"a": record}
    return judged({"$ref": "#/$defs/node", "$defs": {"node": node}}, record)


def unique(item: Callable[[int], Any]) -> Callable[[int], Work]:
    return lambda n: judged(
        objects(a={"type": "array", "uniqueItems": True, "items": {}}), {"a": [item(i) for i in range(n)]}
    )


def formatted(name: str, unit: str, tail: str = "") -> Callable[[int], Work]:
    return lambda n: judged(objects(a={"type": "string", "format": name}), {"a": unit * n + tail})


def many_in_enum(n: int) -> Work:
    schema = objects(a={"type": "array", "items": {"enum": [f"code {i}" for i in range(n)]}})
    return judged(schema, {"a": [f"code {n - 1 - i}" for i in range(n)]})


def objects_in_enum(n: int) -> Work:
    schema = objects(a={"type": "array", "items": {"enum": [{"code": i} for i in range(n)]}})
    return judged(schema, {"a": [{"code": n - 1 - i} for i in range(n)]})


def all_invalid(n: int) -> Work:
    schema = objects(
        a={"type": "array", "items": {"anyOf": [{"type": "string"}, objects(b={"type": "string"})]}}
    )
    return judged(schema, {"a": [{"b": i} for i in range(n)]})


def deep_messages(n: int) -> Work:
    record: Any = "x" * 20_000
    for _ in range(n):
        record = {"next": record}
    node = {
        "anyOf": [
            {"type": "object", "properties": {"next": {"$ref": "#"}}, "additionalProperties": False},
            {"type": "integer"},
        ]
    }
    return judged(node, record)


# -- compiling


def enum_of(value: Callable[[int], Any]) -> Callable[[int], Work]:
    return lambda n: compiled(objects(code={"enum": [value(i) for i in range(n)]}))


def typed_enum(n: int) -> Work:
    return compiled(objects(code={"type": "string", "enum": [f"{i:07}" for i in range(n)]}))


def constants(n: int) -> Work:
    return compiled(objects(code={"oneOf": [{"const": f"c{i}", "title": f"t{i}"} for i in range(n)]}))


def doubling(keyword: str) -> Callable[[int], Work]:
    def make(n: int) -> Work:
        definitions: dict[str, Any] = {"d0": objects(a={"type": "string"})}
        for i in range(1, n + 1):
            definitions[f"d{i}"] = {keyword: [{"$ref": f"#/$defs/d{i - 1}"}, {"$ref": f"#/$defs/d{i - 1}"}]}
        return compiled({"$ref": f"#/$defs/d{n}", "$defs": definitions})

    return make


def doubling_apart(n: int) -> Work:
    definitions: dict[str, Any] = {"d0": {"type": "object", "properties": {"a": {"type": "string"}}}}
    for i in range(1, n + 1):
        definitions[f"d{i}"] = {
            "allOf": [
                {"$ref": f"#/$defs/d{i - 1}"},
                {"$ref": f"#/$defs/d{i - 1}", "properties": {f"p{i}": {"type": "integer"}}},
            ]
        }
    return compiled({"$ref": f"#/$defs/d{n}", "$defs": definitions})


def references(n: int) -> Work:
    return compiled(
        {
            **objects(**{f"m{i}": {"$ref": "#/$defs/one"} for i in range(n)}),
            "$defs": {"one": {"type": "string"}},
        }
    )


def definitions(n: int) -> Work:
    return compiled(
        {
            **objects(**{f"m{i}": {"$ref": f"#/$defs/d{i}"} for i in range(n)}),
            "$defs": {f"d{i}": objects(a={"type": "string", "maxLength": i + 1}) for i in range(n)},
        }
    )


def chained(n: int) -> Work:
    named = {
        f"d{i}": objects(next={"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"type": "null"}]}) for i in range(n)
    }
    return compiled({"$ref": "#/$defs/d0", "$defs": {**named, f"d{n}": objects(a={"type": "string"})}})


def members(n: int) -> Work:
    return compiled(objects(**{f"m{i}": {"type": ["string", "null"]} for i in range(n)}))


def branches(n: int) -> Work:
    return compiled(objects(a={"anyOf": [objects(**{f"m{i}": {"type": "string"}}) for i in range(n)]}))


def similar_names(n: int) -> Work:
    return compiled(
        {
            **objects(
                **{f"m{i}": {"$ref": f"#/$defs/a{'-' * (i % 50)}{'.' * (i // 50)}b"} for i in range(n)}
            ),
            "$defs": {
                f"a{'-' * (i % 50)}{'.' * (i // 50)}b": objects(a={"type": "string", "maxLength": i})
                for i in range(n)
            },
        }
    )


# -- texts


def verbatim(n: int) -> Work:
    model = create_model("M", values=(list[Verbatim[str]], ...))
    text = "ab " * n
    data = json.dumps({"values": [f"{'ab ' * (1 + i % 7)}ab" for i in range(100)]})
    return lambda: model.model_validate_json(data, context={"text": text})


def said(value: str, unit: str) -> Callable[[int], Work]:
    return lambda n: lambda: len(find_said(value, unit * n))


def elided(n: int) -> Work:
    return lambda: len(find_elided("ab ... " * 200, "ab " * n))


def aligned(record: Callable[[int], Any], text: Callable[[int], str]) -> Callable[[int], Work]:
    def make(n: int) -> Work:
        one, other = record(n), text(n)
        return lambda: len(align(one, other))

    return make


def quoted(n: int) -> Work:
    record = {"a": {f"f{i}": "ab" for i in range(50)}}
    return lambda: len(align(record, "ab " * n, {"/a": ["ab"]}))


def samples(n: int) -> Work:
    """Three samples of n items, each of a value that all share and one of its own."""

    def reading(number: int) -> ChunkReading:
        record = [{"name": f"item {i}", "unit": "kg", "price": i % 7} for i in range(n)]
        found = {f"/{i}/name": (Span(i * 30, i * 30 + 9, f"item {i}", How.EXACT),) for i in range(n)}
        found |= {f"/{i}/unit": (Span(i * 30 + 10, i * 30 + 12, "kg", How.EXACT),) for i in range(n)}
        return ChunkReading(0, n * 30, record, found, number)

    readings = [reading(number) for number in (1, 2, 3)]
    return lambda: len(merge(readings).record)


def overlapping(n: int) -> Work:
    """Samples whose items all have spans that overlap with those of all others."""

    def reading(number: int) -> ChunkReading:
        record = [{"name": f"item {i} {number}"} for i in range(n)]
        found = {f"/{i}/name": (Span(i, 10 * n + i, "x", How.FUZZY),) for i in range(n)}
        return ChunkReading(0, n * 30, record, found, number)

    readings = [reading(number) for number in (1, 2, 3)]
    return lambda: len(merge(readings).record)


def same_key(n: int) -> Work:
    readings = [ChunkReading(i, i + 1, [{"id": 1, "v": i}], {}, 1) for i in range(n)]
    return lambda: len(merge(readings, key_of=lambda path, item: item["id"]).record)


def unplaced(n: int) -> Work:
    readings = [ChunkReading(0, 1, [{"v": f"{i}"} for i in range(n)], {}, number) for number in (1, 2, 3)]
    return lambda: len(merge(readings).record)


JUDGING: Mapping[str, Case] = {
    "pattern with look-ahead": Case(pattern(r"^(?=a)(a+)+$"), 12),
    "pattern with a back reference": Case(pattern(r"^(a*)*\1$(?=x)"), 12),
    "pattern with look-behind": Case(pattern(r"^(?:(?:a|a)*)(?<=b)$"), 12),
    "pattern with counts too large for an automaton": Case(
        pattern(r"^(?:(?:a{0,999}){0,999}){0,999}(?!x)$"), 100
    ),
    "patternProperties and unevaluatedProperties": Case(pattern_named("unevaluatedProperties"), 12),
    "patternProperties and additionalProperties": Case(pattern_named("additionalProperties"), 12),
    "recursive anyOf, valid": Case(recursive_any_of("end"), 7),
    "recursive anyOf, invalid": Case(recursive_any_of(1), 7),
    "recursive oneOf": Case(recursive_one_of, 7),
    "recursive unevaluatedProperties": Case(recursive_unevaluated, 7),
    "unique objects": Case(unique(lambda i: {"name": f"a{i}"}), 1000),
    "unique lists": Case(unique(lambda i: [i, [i]]), 1000),
    "unique mixed": Case(unique(lambda i: i if i % 2 else str(i)), 1000),
    "uri-template": Case(formatted("uri-template", "{a}"), 10_000),
    "uri-template, unclosed": Case(formatted("uri-template", "{a"), 10_000),
    "uri": Case(formatted("uri", "a", ":b"), 25_000),
    "uri-reference": Case(formatted("uri-reference", "a/", "%"), 25_000),
    "email": Case(formatted("email", "a"), 25_000),
    "hostname": Case(formatted("hostname", "a-", "_"), 25_000),
    "duration": Case(formatted("duration", "P1Y"), 25_000),
    "date-time": Case(formatted("date-time", "2026-11-29T00:00:00Z"), 5_000),
    "time": Case(formatted("time", "0"), 25_000),
    "ipv6": Case(formatted("ipv6", ":1"), 25_000),
    "ipv4": Case(formatted("ipv4", "1."), 25_000),
    "json-pointer": Case(formatted("json-pointer", "/~0"), 25_000),
    "relative-json-pointer": Case(formatted("relative-json-pointer", "1"), 25_000),
    "color": Case(formatted("color", "r"), 25_000),
    "regex, brackets": Case(formatted("regex", "("), 750),
    "regex, classes": Case(formatted("regex", "[a"), 10_000),
    "regex, choices": Case(formatted("regex", "a|"), 10_000),
    "idn-email": Case(formatted("idn-email", "ä"), 25_000),
    "idn-hostname": Case(formatted("idn-hostname", "ä."), 10_000),
    "iri": Case(formatted("iri", "ä"), 25_000),
    "uuid": Case(formatted("uuid", "0"), 25_000),
    "an enum of texts for each item": Case(many_in_enum, 1000),
    "an enum of objects for each item": Case(objects_in_enum, 500),
    "nothing valid": Case(all_invalid, 2500),
    "deep and invalid": Case(deep_messages, 20),
}
COMPILING: Mapping[str, Case] = {
    "enum of texts": Case(typed_enum, 2500),
    "enum of untyped texts": Case(enum_of(lambda i: f"{i:07}"), 2500),
    "enum of integers": Case(enum_of(lambda i: i), 2500),
    "enum of numbers": Case(enum_of(lambda i: i / 8), 2500),
    "enum of objects": Case(enum_of(lambda i: {"code": i}), 2500),
    "enum of mixed values": Case(
        enum_of(lambda i: [i, str(i), None, i % 2 == 0][i % 4] if i > 3 else i), 2500
    ),
    "constants with titles": Case(constants, 500),
    "doubling allOf": Case(doubling("allOf"), 5),
    "doubling anyOf": Case(doubling("anyOf"), 5),
    "doubling oneOf": Case(doubling("oneOf"), 5),
    "doubling allOf, told apart": Case(doubling_apart, 5),
    "references to one definition": Case(references, 5000),
    "references to as many definitions": Case(definitions, 1000),
    "a chain of definitions": Case(chained, 250),
    "members": Case(members, 2500),
    "branches of anyOf": Case(branches, 250),
    "definitions of like names": Case(similar_names, 500),
}
TEXTS: Mapping[str, Case] = {
    "Verbatim of 100 strings at n places": Case(verbatim, 2500),
    "a value at n places": Case(said("Ab", "ab "), 25_000),
    "a value at n places, other accents": Case(said("áb", "ab "), 25_000),
    "an elided quote": Case(elided, 2500),
    "letters": Case(aligned(lambda n: {"a": "a" * n}, lambda n: "a" * (n // 2) + "b" * n), 1000),
    "letters, and as many words": Case(aligned(lambda n: {"a": "ab" * n}, lambda n: "a b " * n), 1000),
    "many words nearly": Case(
        aligned(lambda n: {"a": "word " * (n // 5) + "end"}, lambda n: "wird " * n), 1000
    ),
    "one ideograph": Case(aligned(lambda n: {"a": "中" * (n // 2) + "国"}, lambda n: "中" * n), 25_000),
    "one ideograph, found": Case(aligned(lambda n: {"a": "中" * (n // 2)}, lambda n: "中" * n), 25_000),
    "one ideograph, said": Case(lambda n: lambda: len(find_said("中" * (n // 2) + "。", "中" * n)), 25_000),
    "booleans by name": Case(
        aligned(lambda n: [{"gift wrap": bool(i % 2)} for i in range(50)], lambda n: "gift wrap: yes " * n),
        5000,
    ),
    "different booleans by name": Case(
        aligned(lambda n: {f"gift{' ' * i}": True for i in range(50)}, lambda n: "gift: yes " * n), 5000
    ),
    "booleans without an answer": Case(
        aligned(lambda n: [{"gift": True} for i in range(500)], lambda n: "gift " * n), 5000
    ),
    "values at n places": Case(
        aligned(lambda n: [{f"k{i}": "ab", f"l{i}": "ab ab"} for i in range(50)], lambda n: "ab " * n), 5000
    ),
    "like values at n places": Case(
        aligned(lambda n: [f"ab{' ' * i}" for i in range(100)], lambda n: "ab " * n), 5000
    ),
    "numbers at n places": Case(
        aligned(lambda n: [f"5.{'0' * i}" for i in range(100)], lambda n: "5 " * n), 5000
    ),
    "dates at n places": Case(
        aligned(lambda n: [f"2026-01-01T00:00:{i % 60:02}" for i in range(100)], lambda n: "2026-01-01 " * n),
        1000,
    ),
    "labels at n places": Case(
        aligned(lambda n: {f"ab{'_' * i}": "cd" for i in range(100)}, lambda n: "ab cd " * n), 2500
    ),
    "n values": Case(
        aligned(
            lambda n: [f"item {i}" for i in range(n)],
            lambda n: "".join(f"item {i} costs {i}\n" for i in range(n)),
        ),
        1000,
    ),
    "n values that are missing": Case(
        aligned(
            lambda n: [f"itam {i} is" for i in range(n)],
            lambda n: "".join(f"item {i} costs {i}\n" for i in range(n)),
        ),
        250,
    ),
    "digits": Case(aligned(lambda n: [1], lambda n: "1" * n), 12_500),
    "digits and marks": Case(aligned(lambda n: [1], lambda n: "1," * n), 12_500),
    "digits and spaces": Case(aligned(lambda n: [1], lambda n: "1 000" + " 000" * n + "0"), 12_500),
    "numerals in words": Case(aligned(lambda n: [1], lambda n: "one hundred and " * n), 2500),
    "entities": Case(aligned(lambda n: ["a & b"], lambda n: "&amp;" * n), 12_500),
    "hyphens at line ends": Case(aligned(lambda n: ["ab"], lambda n: "a-\n" * n), 12_500),
    "hyphens and line ends": Case(aligned(lambda n: ["ab"], lambda n: "a" + "-" * n + "\n" * n), 5000),
    "soft hyphens": Case(aligned(lambda n: ["ab"], lambda n: "a" + "\xad" * n), 12_500),
    "quotes of an object": Case(quoted, 2500),
    "three samples": Case(samples, 100),
    "overlapping samples": Case(overlapping, 100),
    "readings of one key": Case(same_key, 250),
    "samples without evidence": Case(unplaced, 250),
}
CASES: Mapping[str, Case] = {**JUDGING, **COMPILING, **TEXTS}
