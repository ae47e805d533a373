"""Grammars of pieces of a text, judged by llguidance, the engine that they are for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from extractor import Free, Verbatim, compile_schema
from extractor.reading import laid_out, whole_value
from extractor.schema.compiler.targets import grounding
from extractor.schema.grounding.grammar import BOUNDED, DATES, LONGEST, can_ground, chunks, lark
from extractor.schema.grounding.numerals import numbers_in
from tests.schema import engines
from tests.schema.corpus import CASES, Case

TEXT = 'Invoice "88-17"\nfrom   Omar\tHaddad: 2 Latte at 2.50, in all \\5.00\\ EUR (paid 1,234).'


class Line(BaseModel):
    what: Verbatim[Annotated[str, Field(max_length=12)]]
    count: Verbatim[int] | None = None
    more: list[Line] = []


class Bill(BaseModel):
    number: Verbatim[str]
    seller: Verbatim[str] | None
    total: Verbatim[Decimal]
    rate: Verbatim[float] = 2.5
    kind: Literal["bill", "receipt"] = "bill"
    note: Free[str] = "free"
    lines: list[Line] = []
    about: Line | Verbatim[str] | None = None
    named: dict[str, Verbatim[str]] = {}


def takes(record_type: Any, text: str, bind: Any = "marked") -> engines.Takes:
    schema = compile_schema(record_type, grounding("local", bind)).schema
    return engines.lark(lark(schema, text))


def spaced(encoded: str) -> str:
    """Return JSON text without white space as json.dumps writes it."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|([,:])', lambda part: part[1] or f"{part[2]} ", encoded)


def bill(**changes: Any) -> Bill:
    return Bill(**{"number": "88-17", "seller": "Omar Haddad", "total": "5.00", **changes})


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"number": "88-18"}, False),
        ({"number": '"88-17"'}, True),
        ({"number": "8-17"}, False),
        ({"number": ""}, False),
        ({"number": " "}, False),
        ({"number": "all \\5.00\\ EUR"}, True),
        ({"seller": None}, True),
        ({"seller": "Omar"}, True),
        ({"seller": "Oma"}, False),
        ({"seller": "Haddad Omar"}, False),
        ({"total": "5"}, True),
        ({"total": "1234"}, True),
        ({"total": "1.234"}, True),
        ({"total": "5.75"}, False),
        ({"rate": 2.0}, True),
        ({"rate": 7.5}, False),
        ({"note": "anything at all"}, True),
        ({"lines": [{"what": "Latte", "count": 2}, {"what": "2 Latte at"}]}, True),
        ({"lines": [{"what": "Latte", "count": 3}]}, False),
        ({"lines": [{"what": "Latte", "more": [{"what": "EUR", "more": [{"what": "paid"}]}]}]}, True),
        ({"lines": [{"what": "Latte", "more": [{"what": ""}]}]}, False),
        ({"lines": [{"what": "Latte", "more": [{"what": "eur"}]}]}, False),
        ({"about": "EUR"}, True),
        ({"about": "USD"}, False),
        ({"about": {"what": "EUR"}}, True),
        ({"named": {"any key": "paid", "other": "EUR"}}, True),
        ({"named": {"any key": "owed"}}, False),
    ],
)
def test_marked_values_can_only_be_pieces_of_the_text(changes: dict[str, Any], stands: bool) -> None:
    encoded = compile_schema(Bill, grounding("local", "marked")).encode(bill(**changes))
    assert takes(Bill, TEXT)(spaced(encoded)) is stands


WORDS = st.text(alphabet='abé"\\/\x00\x7f\n\t .,-5你Ⅳ\u0301\u2028😀', max_size=30)


class Pair(BaseModel):
    one: Verbatim[str]
    two: Verbatim[Annotated[str, Field(min_length=1, max_length=5)]] | None


def pieces(text: str) -> set[str]:
    parts = chunks(text)
    found = {"".join(parts[i:j]) for i in range(len(parts)) for j in range(i, len(parts) + 1)}
    return {piece for piece in found if piece and piece == piece.strip(" ")}


@pytest.mark.slow
@given(WORDS, WORDS, st.data())
@example("", "", None)
def test_the_grammar_takes_the_records_whose_values_are_pieces_and_no_others(
    text: str, other: str, data: Any
) -> None:
    stand = pieces(text)
    known = st.sampled_from(["", *sorted(stand)]) | st.just(other) | st.none()
    one, two = (data.draw(known), data.draw(known)) if data else (other, None)
    one = one or ""
    schema = compile_schema(Pair, grounding("local", "marked"))
    said = json.dumps({"one": one, "two": two}, ensure_ascii=False)
    fits = one in stand and (two is None or (two in stand and 1 <= len(two) <= 5))
    assert engines.lark(lark(schema.schema, text))(said) is fits


def test_no_value_begins_with_the_end_of_a_contraction() -> None:
    assert chunks("What's in Ann’s car, we're at O'Reilly's l'hôtel 'b'") == [
        *("What", "'s", " ", "in", " ", "Ann", "’s", " ", "car", ",", " ", "we", "'re", " ", "at", " "),
        *("O", "'", "Reilly", "'s", " ", "l", "'", "hôtel", " ", "'", "b", "'"),
    ]


@given(WORDS)
def test_the_chunks_of_a_text_make_it_up(text: str) -> None:
    assert "".join(chunks(text)) == " ".join(text.split())


@pytest.mark.filterwarnings("ignore:Item .a. on TypedDict")
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_value_of_a_type_stands_in_a_text_that_holds_it(case: Case) -> None:
    compiled = compile_schema(case.record_type, grounding("llguidance", "all"))
    for value in case.values:
        encoded = compiled.encode(value)
        text = "\n".join(strings(json.loads(encoded)))
        pieces = all(s and s == " ".join(s.split()) for s in strings(json.loads(encoded)))
        if len(encoded) < BOUNDED and pieces and can_ground(text):
            assert engines.lark(lark(compiled.schema, text))(spaced(encoded)), (encoded, text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Item .a. on TypedDict")
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_without_a_text_every_value_of_a_type_is_taken(case: Case) -> None:
    compiled = compile_schema(case.record_type, grounding("llguidance", "all"))
    fits = engines.lark(lark(compiled.schema))
    for encoded in map(compiled.encode, case.values):
        assert fits(spaced(encoded)), encoded


def in_one_line(schema: Any) -> bool:
    """Whether a part of the schema is never laid out: it leads to itself, or its names are not all known."""
    to = {name: named(body) for name, body in schema.get("$defs", {}).items()}
    for _ in to:
        to = {name: direct.union(*(to[other] for other in direct)) for name, direct in to.items()}
    is_open = '"additionalProperties": {' in json.dumps(schema) and '"properties": {"' in json.dumps(schema)
    return is_open or any(name in reached for name, reached in to.items())


def named(node: Any) -> set[str]:
    return set(re.findall(r'"#/\$defs/([^"]+)"', json.dumps(node)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Item .a. on TypedDict")
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_over_several_lines_every_value_of_a_type_is_taken_as_it_is_laid_out(case: Case) -> None:
    for target in (grounding("llguidance", "all"), replace(grounding("local", "all"), max_string=None)):
        compiled = compile_schema(case.record_type, target)
        if in_one_line(compiled.schema):
            continue
        fits = engines.lark(lark(compiled.schema, lines=True))
        for encoded in map(compiled.encode, case.values):
            said = laid_out(whole_value(encoded))
            assert fits(said), encoded
            assert "{" not in encoded or encoded == "{}" or not fits(spaced(encoded))


def test_objects_stand_over_several_lines_and_lists_of_scalars_in_one() -> None:
    compiled = compile_schema(Bill, grounding("local", "marked"))
    plain = bill(note="a", named={"x": "paid", "y": "EUR"}).model_dump(exclude={"lines", "about"})
    laid_out = """{
  "number": "88-17",
  "seller": "Omar Haddad",
  "total": 5.00,
  "rate": 2.5,
  "kind": "bill",
  "note": "a",
  "lines": [],
  "about": null,
  "named": {
    "x": "paid",
    "y": "EUR"
  }
}"""
    assert engines.lark(lark(compiled.schema, TEXT, lines=True))(laid_out)
    assert compiled.decode(laid_out).model_dump(exclude={"lines", "about"}) == plain


def test_what_leads_to_itself_stands_in_one_line_where_it_begins() -> None:
    compiled = compile_schema(Bill, grounding("local", "marked"))
    said = """{
  "number": "88-17",
  "seller": null,
  "total": 5,
  "rate": 2.5,
  "kind": "bill",
  "note": "",
  "lines": [{"what": "Latte", "count": null, "more": [{"what": "EUR", "count": 2, "more": []}]}],
  "about": {"what": "EUR", "count": null, "more": []},
  "named": {}
}"""
    assert engines.lark(lark(compiled.schema, TEXT, lines=True))(said)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ("12.50", True),
        ("0", True),
        ("-0.5", True),
        ("123456.78", True),
        ("12.505", False),
        ("1234567", False),
        ("012.50", False),
        ("1e3", False),
        (".5", False),
        ('"12.50"', False),
    ],
)
@pytest.mark.parametrize("lines", [False, True])
def test_a_bare_decimal_has_the_digits_that_its_type_admits(said: str, fits: bool, lines: bool) -> None:
    class Price(BaseModel):
        price: Annotated[Decimal, Field(max_digits=8, decimal_places=2)] | None

    takes = engines.lark(lark(compile_schema(Price, grounding("local", "marked")).schema, lines=lines))
    shown = '{\n  "price": %s\n}' if lines else '{"price": %s}'
    assert takes(shown % said) is fits
    assert takes(shown % "null")


def test_a_bare_decimal_that_has_to_stand_in_the_text_has_its_digits_too() -> None:
    class Price(BaseModel):
        price: Verbatim[Annotated[Decimal, Field(max_digits=8, decimal_places=2)]]

    fits = takes(Price, "2.50 a piece, 1,000.125 in all", "marked")
    assert [fits(f'{{"price": {said}}}') for said in ("2.50", "2.5", "1000.125", "3.50")] == [
        True,
        True,
        False,
        False,
    ]


def test_an_empty_string_is_taken_where_the_type_names_it() -> None:
    class Named(BaseModel):
        unit: Literal["", "kg"]
        names: list[str]

    fits = takes(Named, "one two", "all")
    assert fits('{"unit": "", "names": ["one"]}')
    assert not fits('{"unit": "", "names": ["one", ""]}')


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_without_a_text_a_grammar_is_the_schema_in_the_separators_that_json_dumps_writes() -> None:
    fits = takes(Bill, TEXT)
    free = engines.lark(lark(compile_schema(Bill, grounding("local", "marked")).schema))
    tight = compile_schema(Bill, grounding("local", "marked")).encode(bill(number="INV-1"))
    assert (fits(spaced(tight)), free(spaced(tight)), free(tight)) == (False, True, False)


def test_plain_strings_are_bound_where_all_are_but_for_exempt_and_formed_ones() -> None:
    class Mixed(BaseModel):
        plain: str
        code: Annotated[str, Field(pattern="^[A-Z]{2}$")]
        free: Free[str]
        kind: Literal["x"]

    fits = takes(Mixed, "one two", "all")
    record = {"plain": "two", "code": "ZZ", "free": "three", "kind": "x"}
    assert fits(json.dumps(record))
    assert not fits(json.dumps(record | {"plain": "three"}))


def test_members_that_may_be_missing_are_so_in_order() -> None:
    schema = {
        "type": "object",
        "properties": {name: {"type": "string", "x-verbatim": True} for name in "abcd"},
        "required": ["c"],
        "additionalProperties": False,
    }
    fits = engines.lark(lark(schema, "w"))
    wanted = {"c", "ac", "bc", "abc", "cd", "acd", "bcd", "abcd"}
    said = {keys: json.dumps(dict.fromkeys(keys, "w")) for keys in [*wanted, "", "a", "ba", "ab"]}
    assert {keys for keys, text in said.items() if fits(text)} == wanted


@pytest.mark.parametrize("length", [BOUNDED, LONGEST])
@pytest.mark.parametrize("word", ["word{}, ", "你好{}", '{}\n"', "\\{} "])
def test_texts_of_every_length_that_is_taken_are_within_the_engines_bounds(length: int, word: str) -> None:
    text = "".join(word.format(i * 7919 % 65521) for i in range(length))[:length]
    schema = {"type": "string", "maxLength": 300, "x-verbatim": True}
    piece = "".join(chunks(text)[50:58]).strip(" ")
    assert engines.lark(lark(schema, text))(json.dumps(piece, ensure_ascii=False))


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "lone \ud800 surrogate"])
def test_texts_past_them_are_not_taken(text: str) -> None:
    assert not can_ground(text)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5", "5"),
        ("1,234.50 and 1.234,50 and 1'234.50", "1234.5"),
        ("1\u202f234.5", "1234.5"),
        ("1,234", "1234 1.234"),
        ("3,5", "3.5"),
        ("on 05.03.2026 at 10:30", "5 3 2026 10 30"),
        ("version 1.2.3", "1 2 3"),
        ("-€5.00 (7)", "5 -5 7 -7"),
        ("rooms 12 345", "12 345 12345"),
        ("٣ cups of B12", "3 12"),
        ("none", ""),
    ],
)
def test_numbers_stand_in_a_text_by_every_reading(text: str, numbers: str) -> None:
    assert numbers_in(text) == set(map(Decimal, numbers.split()))


class Stay(BaseModel):
    guest: str
    until: date


@pytest.mark.parametrize(
    ("day", "there_is"),
    [
        ("2024-02-29", True),
        ("2026-02-29", False),
        ("2000-02-29", True),
        ("1900-02-29", False),
        ("2026-04-31", False),
        ("2026-12-31", True),
        ("0000-01-01", False),
    ],
)
def test_a_grammar_takes_the_days_that_there_are_and_no_others(day: str, there_is: bool) -> None:
    assert takes(Stay, "Ann")(f'{{"guest": "Ann", "until": "{day}"}}') is there_is


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
@example(2100, 2, 29)
@example(2400, 2, 29)
def test_the_pattern_of_dates_takes_what_python_takes(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        date.fromisoformat(text)
    except ValueError:
        assert re.search(DATES, text) is None
    else:
        assert re.search(DATES, text)
