"""The judge can convict: each rule has a schema that breaks it, and a plain schema breaks none."""

from typing import Any

import pytest

from tests.schema.checker import RULES, violations

JSON = Any


def closed(**properties: JSON) -> JSON:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def nested(depth: int) -> JSON:
    return closed(leaf={"type": "integer"}) if depth == 1 else closed(below=nested(depth - 1))


def rooted(body: JSON) -> JSON:
    return closed(x={"$ref": "#/$defs/T"}) | {"$defs": {"T": body}}


INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
LINK = closed(next={"$ref": "#/$defs/T"})
MAYBE_LINK = LINK | {"required": []}
GUILTY = [
    ("openai", {"type": "array", "items": INTEGER}, "root is no object"),
    ("openai", {"anyOf": [closed(), closed(a=TEXT)]}, "anyOf at the root"),
    ("openai", closed(x=TEXT) | {"required": []}, "not all properties are required"),
    ("openai", closed(x=TEXT) | {"additionalProperties": TEXT}, "an open object"),
    ("openai", closed(x={}), "/properties/x: an untyped node"),
    ("openai", closed(x={"type": "array"}), "an array without items"),
    ("openai", rooted(INTEGER) | closed(x={"$ref": "#/$defs/T", "description": "d"}), "$ref beside"),
    ("openai", closed(x={"type": "array", "prefixItems": [TEXT]}), "keyword prefixItems"),
    ("openai", closed(x=TEXT | {"default": "x"}), "keyword default"),
    ("openai", closed(x=TEXT | {"format": "uri"}), "format uri"),
    ("openai", closed(x=TEXT | {"pattern": "^(?=a)a$"}), "look-around"),
    ("openai", closed(x=TEXT | {"pattern": r"^(a)\1$"}), "look-around"),
    ("openai", nested(11), "11 levels of objects"),
    ("openai", closed(**{f"p{i}": INTEGER for i in range(5_001)}), "5001 properties"),
    ("openai", closed(x={"enum": list(range(1_001))}), "1001 enum values"),
    ("openai", closed(x={"enum": [f"{i:060}" for i in range(251)]}), "an enum of 251 texts"),
    ("openai", closed(**{f"{i:0200}": INTEGER for i in range(601)}), "characters of names"),
    ("openai", closed(x={"$ref": "#"}), "$ref to #"),
    ("openai", rooted(INTEGER) | {"$defs": {"T": INTEGER, "a.b": INTEGER}}, "definition name 'a.b'"),
    ("openai", closed(x={"type": "nothing"}), "not a JSON Schema"),
    ("azure", nested(6), "6 levels of objects"),
    ("azure", closed(**{f"p{i}": INTEGER for i in range(101)}), "101 properties"),
    ("anthropic", rooted(MAYBE_LINK), "recursion"),
    ("anthropic", closed(**{f"p{i}": INTEGER for i in range(25)}) | {"required": []}, "25 optional"),
    (
        "anthropic",
        closed(**{f"p{i}": {"anyOf": [INTEGER, TEXT]} for i in range(17)}),
        "17 union",
    ),
    ("anthropic", closed(x={"type": "array", "items": TEXT, "minItems": 2}), "minItems above 1"),
    ("anthropic", closed(x=INTEGER | {"minimum": 1}), "keyword minimum"),
    ("gemini", closed(x={"const": 1}), "keyword const"),
    ("gemini", closed(x=TEXT | {"minLength": 1}), "keyword minLength"),
    ("gemini", rooted(LINK), "recursion through required properties"),
    ("mistral", closed(x=TEXT | {"format": "date"}), "keyword format"),
    ("groq", closed(x={"type": "array", "items": TEXT, "minItems": 1}), "keyword minItems"),
    ("fireworks", closed(x={}), "an untyped node"),
    ("fireworks", rooted(INTEGER) | closed(x={"$ref": "#/$defs/T", "default": 1}), "$ref beside default"),
    ("together", closed(x={}), "an untyped node"),
    ("cerebras", closed(x={"type": ["integer", "null"]}), "an array of types"),
    ("cerebras", closed(x={"anyOf": [{"const": i} for i in range(6)]}), "6 branches"),
    ("cerebras", rooted(MAYBE_LINK), "recursion"),
    ("deepseek", closed(x=closed()), "a nested object without properties"),
    ("deepseek", closed(x=TEXT | {"format": "date"}), "format date"),
    ("ollama", closed(x={"type": "number", "minimum": 1}), "minimum of a number is ignored"),
    ("llamacpp", closed(x=TEXT | {"pattern": r"^\d$"}), "shorthand class"),
    ("llamacpp", closed(x={"type": "integer", "maximum": 10**17}), "over 16 digits"),
    ("local", closed(x=TEXT), "an unbounded string"),
    ("local", closed(x={"type": "array", "items": INTEGER}), "an unbounded array"),
    ("llguidance", closed(x={"oneOf": [INTEGER, TEXT]}), "keyword oneOf"),
    ("xgrammar", closed(x=TEXT | {"pattern": "a"}), "unanchored pattern"),
    ("xgrammar", closed(x=TEXT | {"pattern": "^a|b$"}), "unanchored pattern"),
    ("sglang", closed(x={"allOf": [TEXT]}), "keyword allOf"),
    ("vllm", closed(x=TEXT | {"pattern": "^a$", "maxLength": 2}), "pattern or format together"),
    ("vllm", closed(x=INTEGER | {"multipleOf": 2}), "keyword multipleOf"),
    ("outlines", closed(x=INTEGER | {"minimum": 2}), "minimum is ignored and not told"),
    ("outlines", closed(x=TEXT | {"format": "ipv4"}), "format ipv4"),
    ("permissive", closed(x={"$ref": "https://example.org/x"}), "$ref to https"),
]


@pytest.mark.parametrize(("target", "schema", "wrong"), GUILTY)
def test_a_broken_rule_is_found(target: str, schema: JSON, wrong: str) -> None:
    found = violations(schema, "T", target)
    assert any(wrong in violation for violation in found), found


def test_an_illegal_name_is_found() -> None:
    assert violations(closed(), "a b", "openai") == ["name 'a b'"]
    assert violations(closed(), "n" * 65, "permissive") == ["name '" + "n" * 65 + "'"]


@pytest.mark.parametrize("target", RULES)
def test_a_plain_schema_breaks_no_rule(target: str) -> None:
    short = TEXT | ({"maxLength": 9} if target == "local" else {})
    assert violations(rooted(closed(a=INTEGER, b=short)), "T", target) == []
