"""What a reply says: one reading by the strict schema, told where it is not plain; else none."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AllowInfNan, BaseModel

from extractor.reading import Read
from extractor.schema import compile_schema
from extractor.schema.compiler.targets import TARGETS
from tests.steps import steps


class Person(BaseModel):
    name: str
    age: int


class Note(BaseModel):
    """All of it may be left out, and it holds itself."""

    name: str | None = None
    n: float | None = None
    sub: Note | None = None


class Company(BaseModel):
    name: str
    city: str | None = None


class Empty(BaseModel):
    pass


class Team(BaseModel):
    people: list[Person]


class Crew(BaseModel):
    boat: str
    people: list[Person] = []


class Colour(Enum):
    RED = "r"
    DARK_BLUE = "dark blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Shirt(BaseModel):
    colour: Colour | None
    size: Size
    price: float | None
    pieces: int | None
    label: str | None
    cost: Decimal | None
    sold: date | None


class Shelf(BaseModel):
    shirts: list[Shirt]


ADA, BOB = '{"name":"Ada","age":36}', '{"name":"Bob","age":7}'
ACME = '{"name":"ACME","n":1,"sub":null}'
ROME = '{"name":"ACME","city":"Rome"}'


def read(record_type: Any, text: str, **options: bool) -> Read:
    return compile_schema(record_type).reader(**options).read(text)


def value(found: Read) -> Any:
    assert found.problem is None
    return json.loads(found.text or "")


@pytest.mark.parametrize(
    ("record_type", "text", "said"),
    [
        (Person, ADA, ADA),
        (Person, f"Here it is:\n```json\n{ADA}\n```\nAnything else?", ADA),
        (Person, f"{ADA} That is: {ADA}", ADA),
        (Person, f'An [example] of {{it}}: {{"age": "?"}}. Now {ADA}', ADA),
        (Note, f'{ACME}\n{{"note":"all taken from the text"}}', ACME),
        (Note, '{"name":"ACME"} {"note":"all taken"}', '{"name":"ACME"}'),
        (Note, f"{ACME}<think>That was {{}}</think>", ACME),
        (Note, f'<think>Or {{"name":"X","n":1,"sub":null}}?</think>{ACME}', ACME),
        (Note, f"What stands in {{}}: {ACME}", ACME),
        (Note, "{}", "{}"),
        (Company, ROME, ROME),
        (list[int], '{"value": [1]}', '{"value": [1]}'),
    ],
    ids=range(12),
)
def test_json_in_shape_is_read_as_it_is(record_type: Any, text: str, said: str) -> None:
    for strictly in (False, True):
        found = read(record_type, text, strictly=strictly)
        assert (found.text, found.slice, found.notes, found.problem) == (said, said, (), None)


@pytest.mark.parametrize(
    ("record_type", "text", "said", "how"),
    [
        (Person, '{"name":"A\nda\t","age":36}', {"name": "A\nda\t", "age": 36}, "raw line breaks"),
        (Person, '{"name":"Ada","age":36,}', {"name": "Ada", "age": 36}, "trailing commas"),
        (Person, '{"name":"A\\\'da","age":36}', {"name": "A'da", "age": 36}, "apostrophes"),
        (Team, json.dumps({"people": f"[{ADA}]"}), {"people": [json.loads(ADA)]}, "string (/people)"),
        (Team, json.dumps({"people": [ADA]}), {"people": [json.loads(ADA)]}, "(/people/0)"),
        (Person, json.dumps(ADA), json.loads(ADA), "JSON in a string"),
        (Person, json.dumps(json.dumps(ADA)), json.loads(ADA), "JSON in a string"),
        (list[Person], f"[{ADA},{BOB}]", {"value": [json.loads(ADA), json.loads(BOB)]}, "was left out"),
        (Team, f"[{ADA}]", {"people": [json.loads(ADA)]}, "was left out"),
        (list[Person], f"{ADA}\n{BOB}", {"value": [json.loads(ADA), json.loads(BOB)]}, "a line"),
        (list[Person], f"```jsonl\n{ADA}\n{BOB}\n```",
         {"value": [json.loads(ADA), json.loads(BOB)]}, "a line"),
        (Person, f'{{"Person":{ADA}}}', json.loads(ADA), "'Person'"),
        (Person, f'{{"result":{ADA}}}', json.loads(ADA), "'result'"),
        (Note, f'{{"Note":{ACME}}}', json.loads(ACME), "'Note'"),
        (Note, '{"note":{"name":"ACME"}}', {"name": "ACME"}, "'note'"),
        (Person, f"[{ADA}]", json.loads(ADA), "list of one"),
        (Person, f'[{{"Person":{ADA}}}]', json.loads(ADA), "list of one"),
        (Company, f'{{"name":"Company","arguments":{ROME}}}', json.loads(ROME), "words of a call"),
        (Company, json.dumps({"name": "Company", "arguments": ROME}), json.loads(ROME), "words of a call"),
        (Company, f'{{"type":"function","function":{{"name":"company","parameters":{ROME}}}}}',
         json.loads(ROME), "words of a call"),
        (Person | Company, ADA, {"value": json.loads(ADA)}, "was left out"),
        (Company, f'{{"name":"extract","arguments":{ROME}}}', json.loads(ROME), "words of a call"),
        (Empty, "null", {}, "nothing"),
        (Empty, '""', {}, "nothing"),
        (list[Person], f"Here:\n```\n{ADA}\n{BOB}\n``` Done.", {"value": [json.loads(ADA), json.loads(BOB)]},
         "a line"),
        (list[Person], f'{{"persons":[{ADA}]}}', {"value": [json.loads(ADA)]}, "'persons'"),
        (list[Person], f'{{"items":[{ADA}]}}', {"value": [json.loads(ADA)]}, "'items'"),
        (list[Person], f"1. {ADA},\n2. {BOB}", {"value": [json.loads(ADA), json.loads(BOB)]}, "a line"),
        (Note, json.dumps({"name": "x", "sub": '{"n":1}'}), {"name": "x", "sub": {"n": 1}}, "string (/sub)"),
        (dict[str, int], '{"value":{"a":1}}', {"value": [{"key": "a", "value": 1}]}, "entries (/value)"),
        (Person, json.dumps({"tool_calls": [{"function": {"name": "Person", "arguments": ADA}}]}),
         json.loads(ADA), "words of a call"),
        (Company, f'{{"action":"Company","action_input":{ROME}}}', json.loads(ROME), "words of a call"),
        (Note, f'{{"properties":{ACME}}}', json.loads(ACME), "'properties'"),
        (Note, json.dumps({"arguments": ACME}), json.loads(ACME), "'arguments'"),
    ],
    ids=range(34),
)  # fmt: skip
def test_what_has_one_reading_is_read_and_told(record_type: Any, text: str, said: Any, how: str) -> None:
    found = read(record_type, text)
    assert (value(found), found.slice) == (said, None)
    assert how in "; ".join(found.notes)
    strictly = read(record_type, text, strictly=True)
    assert strictly.problem or value(strictly) != said


@pytest.mark.parametrize(
    ("record_type", "text"),
    [
        (Person, f"{ADA} or {BOB}"),
        (Person, f"{ADA}\n{BOB}"),
        (Person, f'{{"Person":{ADA}}} {BOB}'),
        (list[Person], f'{{"value":[{ADA}]}} {{"value":[{BOB}]}}'),
        (list[Person], f"[{ADA}]\n[{BOB}]"),
        (list[Person], f"{ADA} and {BOB}"),
        (Note, f'{ACME} {{"name":"Other","n":2,"sub":null}}'),
        (Note, '{"name":"A"} {"name":"B"}'),
    ],
    ids=range(8),
)
def test_two_readings_are_none(record_type: Any, text: str) -> None:
    found = read(record_type, text)
    assert (found.text, found.invalid) == (None, True)
    assert found.problem is not None
    assert found.problem.type == "ambiguous"


@pytest.mark.parametrize(
    ("record_type", "text"),
    [
        (Note, '{"name":"Invoice 7","n":1,234.50,"sub":{"name":"ACME","n":1,"sub":null}}'),
        (Note, '{"name":None,"n":1,"sub":{"name":"ACME","n":1,"sub":null}}'),
        (Note, '{"name":"a "b" c","n":1,"sub":{"name":"ACME","n":1,"sub":null}}'),
        (Note, '{"name":"x","n":01,"sub":{"name":"ACME","n":1,"sub":null}}'),
        (Note, f'{{"name":None}} {ACME}'),
        (Note, f"<think>{ACME}"),
        (Note, f"{ACME}</think>"),
        (Note, '{"other":{"name":"ACME"}}'),
        (Note, '{"name":"x","sub":{"other":1}}'),
        (Note, "nothing at all"),
        (Note, '{"name":"a","name":"b","n":1,"sub":null}'),
        (Note, '{"name":"a","n":1,"sub":{"name":"a","n":1,"sub":null,"name":"b"}}'),
        (Note, ""),
        (Note, "[" * 100_000),
        (Note, '{"sub":' * 100_000),
        (Person, '"just words"'),
        (Note, '{"name":"one \\\nline","n":1,"sub":null}'),
        (Note, f"name: X\nsub: {ACME}"),
        (Note, f"Note(name='X', sub={ACME})"),
        (Note, f"<name>X</name><sub>{ACME}</sub>"),
        (Company, '{"name":"Company","arguments":{"firm":"ACME"}}'),
        (Company, '{"name":"Company","arguments":"ACME, Rome"}'),
        (Company, '{"name":"a call","function":{"name":"Company","arguments":{"firm":"ACME"}}}'),
        (Company, '{"name":"Company","company":{"name":"ACME"}}'),
    ],
    ids=range(24),
)
def test_what_has_no_reading_is_no_record(record_type: Any, text: str) -> None:
    found = read(record_type, text)
    assert found.problem is not None or record_type is Person


INLINE = {
    "type": "object",
    "properties": {
        "no": {"type": "string"},
        "buyer": {"type": "object", "properties": {"id": {"type": "string"}}},
    },
}


@pytest.mark.parametrize("target", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("record_type", "text"),
    [
        (INLINE, '{"no":"1","buyer":{"id":"a","id":"b"}}'),
        (INLINE, '{"no":"1","buyer":{"id":"a","\\u0069d":"b"}}'),
        (dict[str, int], '{"value":{"a":1,"b":2,"a":3}}'),
    ],
    ids=range(3),
)
def test_two_values_of_one_name_are_none_wherever_they_stand(
    record_type: Any, text: str, target: str
) -> None:
    found = compile_schema(record_type, target=target).reader().read(text)
    assert (found.text, found.problem and found.problem.type) == (None, "json_invalid")


class Moments(BaseModel):
    day: date | None = None
    at: datetime | None = None
    hour: time | None = None
    span: timedelta | None = None
    host: IPv4Address | None = None


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("day", "2026"), ("day", 0), ("at", "20260302"), ("at", 1.5), ("hour", "1030"), ("hour", 10)),
        *(("span", 90), ("span", "05:06"), ("host", 1), ("host", True)),
    ],
)
def test_for_every_target_what_would_become_another_value_is_told(target: str, name: str, said: Any) -> None:
    compiled = compile_schema(Moments, target)
    empty = json.loads(compiled.encode(Moments()))
    found = compiled.reader().read(json.dumps({**empty, name: said}))
    assert [(each.pointer, each.type) for each in found.problems] == [(f"/{name}", "mistyped")]
    plain = {
        "day": "2026-03-02",
        "at": "2026-03-02T05:06:07Z",
        "hour": "05:06:07Z",
        "span": "PT5M6S",
        "host": "10.0.0.1",
    }
    found = compiled.reader().read(json.dumps({**empty, name: plain[name]}))
    assert (found.problems, found.notes, found.remarks) == ((), (), ())
    found = compiled.reader().read(json.dumps({**empty, "at": "2026-03-02"}))
    assert found.remarks == ("dates whose time is not told and became midnight: /at",)


class Nested(BaseModel):
    days: dict[str, date] = {}
    pair: tuple[int, date] | None = None
    pairs: list[tuple[int, date]] = []
    deep: dict[str, list[Person]] = {}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("right", "place", "wrong", "told"),
    [
        (Nested(days={"a": date(2026, 3, 2)}), "2026-03-02", "2026", "mistyped"),
        (Nested(pair=(7, date(2026, 3, 2))), 7, True, "mistyped"),
        (Nested(pairs=[(7, date(2026, 3, 2))]), "2026-03-02", 0, "mistyped"),
        (Nested(deep={"a": [Person(name="Ada", age=36)]}), 36, False, "mistyped"),
        (Nested(deep={"a": [Person(name="Ada", age=36)]}), 36, "36", "converted"),
        (Nested(pair=(7, date(2026, 3, 2))), 7, "7", "converted"),
    ],
)
def test_what_is_doubtful_is_told_inside_of_maps_and_tuples_too(
    target: str, right: Nested, place: Any, wrong: Any, told: str
) -> None:
    compiled = compile_schema(Nested, target)
    said = compiled.encode(right).replace(json.dumps(place), json.dumps(wrong))
    found = compiled.reader().read(said)
    if told == "mistyped":
        assert [each.type for each in found.problems] == ["mistyped"]
    else:
        assert any("values of another type" in remark for remark in found.remarks)


def test_a_number_as_text_is_told_where_numbers_have_names_too() -> None:
    class Loose(BaseModel):
        value: Annotated[float, AllowInfNan(True)]

    compiled = compile_schema(Loose)
    assert compiled.reader().read('{"value": "1"}').remarks != ()
    assert compiled.reader().read('{"value": "NaN"}').remarks == ()


def test_a_member_that_could_be_the_record_makes_two_readings() -> None:
    found = read(Company, f'{{"name":"A call","payload":{ROME}}}')
    assert found.problem is not None
    assert (found.problem.pointer, found.problem.type) == ("/payload", "ambiguous")


def test_members_that_the_schema_does_not_have_are_told() -> None:
    found = read(Person, '{"name":"Ada","age":36,"why":"it says so"}')
    assert value(found)["age"] == 36
    assert (found.notes, found.others) == ((), ("/why",))


def test_members_that_no_type_of_a_union_has_are_told() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]
        age: int | None = None

    class Owner(BaseModel):
        pet: Cat | Dog

    assert read(Owner, '{"pet":{"kind":"cat","age":3}}').others == ("/pet/age",)
    assert read(Owner, '{"pet":{"kind":"dog","age":3}}').others == ()
    assert read(Empty, '{"a":1}').others == ("/a",)


@pytest.mark.parametrize(
    ("record_type", "text", "pointer"),
    [
        (Note, '{"Name":"ACME","n":1,"sub":null}', "/name"),
        (Note, '{"name":"x","n":1,"sub":{"name":"y","N":1,"sub":null}}', "/sub/n"),
        (Crew, f'{{"boat":"x","sailors":[{ADA}]}}', "/people"),
        (Shelf, '{"shirts":[{"colour":"r","size":1,"price":1,"pieces":1,"Label":"x"}]}', "/shirts/0/label"),
    ],
    ids=range(4),
)
def test_a_member_that_is_missing_and_seems_to_have_another_name_is_asked_for(
    record_type: Any, text: str, pointer: str
) -> None:
    found = read(record_type, text)
    assert found.problem is not None
    assert found.problem.pointer == pointer


def test_numbers_stay_as_they_were_written() -> None:
    class Priced(BaseModel):
        price: float

    assert read(Priced, '[{"price":1.10,}]').text == '{"price":1.10}'
    assert read(Priced, '[{"price":1e999}]').text == '{"price":1e999}'


class Club(BaseModel):
    """Each member is asked for otherwise than it is written by hand."""

    members: list[Person] = []
    head: Person | None = None
    years: list[int] = []
    rank: int | None = None
    both: list[Person] | list[Company] = []
    more: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("said", "meant", "how"),
    [
        ({"members": json.loads(ADA)}, {"members": [json.loads(ADA)]}, "an item in place of a list of one"),
        (
            {"members": {"0": json.loads(ADA), "1": json.loads(BOB)}},
            {"members": [json.loads(ADA), json.loads(BOB)]},
            "an object of indices as a list",
        ),
        ({"members": {"1": json.loads(ADA)}}, {"members": [json.loads(ADA)]}, "an object of indices"),
        ({"head": [json.loads(ADA)]}, {"head": json.loads(ADA)}, "a list of one in place of its item"),
        ({"years": 1815}, {"years": [1815]}, "an item in place of a list of one"),
        ({"rank": [5]}, {"rank": 5}, "a list of one in place of its item"),
        (
            {"both": [json.loads(ROME)]},
            {"both": {"list_2": [json.loads(ROME)]}},
            "a list without its wrapper",
        ),
    ],
)
def test_a_value_in_another_form_that_has_one_reading_is_read_and_told(
    said: Any, meant: Any, how: str
) -> None:
    plain = {"members": [], "head": None, "years": [], "rank": None, "both": {"list": []}, "more": []}
    found = read(Club, json.dumps(plain | said))
    assert value(found) == plain | meant
    assert how in "; ".join(found.notes)
    assert read(Club, json.dumps(plain | said), strictly=True).notes == ()


@pytest.mark.parametrize(
    "said",
    [
        {"members": {"2": json.loads(ADA)}},
        {"members": {"0": json.loads(ADA), "2": json.loads(BOB)}},
        {"members": {"0": json.loads(ADA), "1": "Bob"}},
        {"members": {}},
        {"members": "Ada"},
        {"head": [json.loads(ADA), json.loads(BOB)]},
        {"head": []},
        {"years": "1815"},
        {"years": None},
        {"rank": [5, 6]},
        {"both": [json.loads(ADA), json.loads(ROME)]},
    ],
)
def test_a_value_in_another_form_that_has_no_one_reading_stays_as_it_is(said: Any) -> None:
    plain = {"members": [], "head": None, "years": [], "rank": None, "both": {"list": []}, "more": []}
    found = read(Club, json.dumps(plain | said))
    assert (json.loads(found.text or ""), found.notes) == (plain | said, ())


@pytest.mark.parametrize("target", ["openai", "compatible", "permissive"])
@pytest.mark.parametrize(
    "more", [{}, {"a": 1}, {"a": {"b": [1, {"c": None}]}, "d": []}, {"key": "a", "value": {"entries": 1}}]
)
def test_any_value_is_read_as_it_is_written_by_hand(target: str, more: dict[str, Any]) -> None:
    compiled = compile_schema(Club, target)
    plain = {"members": [], "head": None, "years": [], "rank": None, "both": {"list": []}}
    found = compiled.reader().read(json.dumps({**plain, "more": more}))
    if more.keys() == {"key", "value"} and target != "permissive":
        assert found.notes == ()  # one entry without its list, or two entries
    else:
        assert compiled.decode(found.text or "") == Club(more=more)


SHIRT = {
    "colour": "r",
    "size": 1,
    "price": 2.5,
    "pieces": 3,
    "label": "x",
    "cost": "1.5",
    "sold": "2026-05-03",
}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"colour": "R"}, {"colour": "r"}),
        ({"colour": "Red"}, {"colour": "r"}),
        ({"colour": "dark_blue"}, {"colour": "dark blue"}),
        ({"size": "LARGE"}, {"size": 2}),
        ({"price": "1,234.50"}, {"price": 1234.5}),
        ({"price": "-0.5"}, {"price": -0.5}),
        ({"pieces": "1,234"}, {"pieces": 1234}),
        ({"price": "N/A", "pieces": "", "label": "N/A"}, {"price": None, "pieces": None, "label": None}),
        ({"cost": "1,234.50"}, {"cost": "1234.50"}),
        ({"cost": "-", "sold": ""}, {"cost": None, "sold": None}),
    ],
    ids=range(10),
)
def test_values_in_other_words_are_read_where_that_is_asked_for(said: Any, meant: Any) -> None:
    text = json.dumps({"shirts": [SHIRT | said]})
    assert value(read(Shelf, text, values=True)) == {"shirts": [SHIRT | meant]}
    assert all(f"/shirts/0/{name}" in "; ".join(read(Shelf, text, values=True).notes) for name in said)
    assert value(read(Shelf, text)) == json.loads(text)


@pytest.mark.parametrize("said", [{"price": "1,234"}, {"price": "1.234,50"}, {"colour": "green"},
                                  {"pieces": "12,34"}, {"label": "Nobody"}, {"size": "3"},
                                  {"cost": "1,234"}])  # fmt: skip
def test_values_with_two_readings_stay_as_they_are(said: Any) -> None:
    text = json.dumps({"shirts": [SHIRT | said]})
    assert value(read(Shelf, text, values=True)) == json.loads(text)


json_like = st.text(st.sampled_from("{}[]\",:\\n1 ae'\n<think>/`"), max_size=60)


@pytest.mark.slow
@given(
    json_like | st.text(),
    st.sampled_from([Person, Note, list[Person], Team, Shelf]),
    st.booleans(),
    st.booleans(),
)
def test_whatever_the_text_reading_it_ends(text: str, record_type: Any, strictly: bool, values: bool) -> None:
    found = read(record_type, text, strictly=strictly, values=values)
    assert found.problem is not None or found.text is not None


@pytest.mark.parametrize(
    "unit",
    ["{", "[", '{"', '{"a":', "[[{", '"', "\\", "`", "</think>", "<think>", "<", '{"name":"x"} ',
     '{"name":"x",} ', "{a} ", "[x", "[x]", '{"name":1,2} ', '{"a" ', "]}"],
)  # fmt: skip
def test_the_work_grows_with_the_text_alone(unit: str) -> None:
    read(Note, unit)
    small = steps(lambda: read(Note, unit * 30))
    large = steps(lambda: read(Note, unit * 300))
    assert large <= 12 * small + 500
