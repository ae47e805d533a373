"""A record type divided into shares: each fits its target, and together they are the record again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, RootModel, create_model, model_validator

from extractor.errors import Invalid, Problem, SchemaError
from extractor.schema import TARGETS, RecordType, Share, compile_schema, united
from tests.schema.corpus import CASES, Case
from tests.schema.same import same
from tests.schema.test_budgets import members, wide
from tests.schema.test_random_types import TYPES, Typed
from tests.selecting import examples

WHOLE = (Share(((),)),)
DEEP = ("fifteen doubled described levels", "six thousand members", "names past the total length")


def places(shares: tuple[Share, ...]) -> list[list[str]]:
    return [list(share.pointers) for share in shares]


def trips(asked: RecordType, shares: tuple[Share, ...], record: Any, target: str = "openai") -> Any:
    """Return a record that went to the model in shares, and came back."""
    parts = [asked.shared(share).compiled(target) for share in shares]
    return asked.united(shares, [part.decode(part.encode(record)) for part in parts])


class Address(BaseModel):
    street: str
    city: str
    country: str = "NL"


class Party(BaseModel):
    name: str
    address: Address | None = None


class Line(BaseModel):
    number: int
    article: str
    price: float
    note: str | None = None


class Order(BaseModel):
    number: str
    buyer: Party
    seller: Party
    lines: list[Line] = []

    @model_validator(mode="after")
    def two_parties(self) -> Order:
        if self.buyer.name == self.seller.name:
            raise ValueError("buyer and seller are one")
        return self


ORDER = Order.model_validate(
    {
        "number": "17",
        "buyer": {"name": "Ann", "address": {"street": "Kade 1", "city": "Delft"}},
        "seller": {"name": "Bob"},
        "lines": [
            {"number": 1, "article": "ink", "price": 2.5},
            {"number": 2, "article": "pen", "price": 1},
        ],
    }
)


def test_a_type_that_fits_is_not_divided() -> None:
    assert RecordType.of(Order).divided(["openai"]) == WHOLE


def test_objects_stay_whole_where_they_fit() -> None:
    assert places(RecordType.of(Order).divided(["openai"], most=7)) == [
        ["/number", "/buyer"],
        ["/seller"],
        ["/lines"],
    ]


def test_an_object_that_is_too_large_is_cut_into_its_members() -> None:
    shares = RecordType.of(Order).divided(["openai"], most=4)
    assert places(shares)[:3] == [
        ["/number", "/buyer/name"],
        ["/buyer/address"],
        ["/seller/name"],
    ]


def test_a_list_is_cut_into_columns_that_repeat_what_tells_its_items_apart() -> None:
    first, second = RecordType.of(list[Line]).divided(["openai"], most=2)
    assert (first.pointers, second.pointers) == (("/*/number", "/*/article"), ("/*/price", "/*/note"))
    schema = RecordType.of(list[Line]).shared(second).compiled("openai").schema
    assert list(schema["properties"]["value"]["items"]["properties"]) == [
        "number",
        "article",
        "price",
        "note",
    ]


def test_an_object_of_one_member_is_cut_along_that_member() -> None:
    asked = RecordType.of(create_model("Holder", line=(Line, ...)))
    assert places(asked.divided(["openai"], most=3)) == [
        ["/line/number", "/line/article", "/line/price"],
        ["/line/note"],
    ]


def test_so_many_shares_are_made_as_are_asked_for() -> None:
    asked = RecordType.of(Order)
    assert [len(asked.divided(["openai"], count=n)) for n in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert len(RecordType.of(Address).divided(["openai"], count=9)) == 3


@pytest.mark.parametrize("most", [1, 2, 4, 7])
def test_the_shares_of_a_record_are_the_record(most: int) -> None:
    asked = RecordType.of(Order)
    assert trips(asked, asked.divided(["openai"], most), ORDER) == ORDER


def test_what_a_share_lacks_is_said_by_its_place() -> None:
    asked = RecordType.of(Order)
    share = asked.divided(["openai"], most=4)[0]
    with pytest.raises(Invalid) as caught:
        asked.shared(share).compiled("openai").decode('{"number": "17", "buyer": {}}')
    assert [problem.pointer for problem in caught.value.problems] == ["/buyer/name"]


def test_a_share_is_judged_by_its_own_values_and_the_whole_by_the_types_validators() -> None:
    asked = RecordType.of(Order)
    shares = asked.divided(["openai"], most=7)
    found = [{"number": "1", "buyer": {"name": "Ann"}}, {"seller": {"name": "Ann"}}, {"lines": []}]
    with pytest.raises(Invalid, match="buyer and seller are one"):
        asked.united(shares, found)


def test_lists_that_differ_in_length_are_a_problem_and_the_longer_one_stays() -> None:
    shares = RecordType.of(list[Line]).divided(["openai"], most=2)
    first = [{"number": 1, "article": "ink"}, {"number": 2, "article": "pen"}]
    whole = united(shares, [first, [{"number": 1, "article": "ink", "price": 2}]])
    assert [(p.pointer, p.reason) for p in whole.problems] == [("", "one part gives 2 items and another 1")]
    assert [item["article"] for item in whole.data] == ["ink", "pen"]


def test_a_mapping_of_large_values_is_cut_by_their_members_and_joined_by_key() -> None:
    asked = RecordType.of(dict[str, Line])
    shares = asked.divided(["openai"], most=2)
    assert places(shares) == [["/*/number", "/*/article"], ["/*/price", "/*/note"]]
    record = {"a": Line(number=1, article="ink", price=2), "b": Line(number=2, article="pen", price=3)}
    assert trips(asked, shares, record) == trips(asked, shares, record, "permissive") == record
    found = [
        {"a": {"number": 1, "article": "ink"}, "b": {"number": 2, "article": "pen"}},
        {"a": {"price": 2}},
    ]
    with pytest.raises(Invalid) as caught:
        asked.united(shares, found)
    assert [problem.pointer for problem in caught.value.problems] == ["/b/price"]


def test_items_in_another_order_are_known_by_what_is_shown_of_them() -> None:
    shares = RecordType.of(list[Line]).divided(["openai"], most=2)
    first = [{"number": 1, "article": "ink"}, {"number": 2, "article": "pen"}]
    second = [{"number": 2, "article": "pen", "price": 7}, {"number": 1, "article": "ink", "price": 5}]
    assert [item["price"] for item in united(shares, [first, second]).data] == [5, 7]


def test_an_object_that_one_part_says_is_not_there_is_what_the_other_has() -> None:
    shares = RecordType.of(Party).divided(["openai"], most=2)
    assert united(shares, [{"name": "Ann", "address": None}, {"address": {"city": "Delft"}}]).data == {
        "name": "Ann",
        "address": {"city": "Delft"},
    }


def test_a_type_of_too_many_parts_is_refused() -> None:
    with pytest.raises(SchemaError, match="more than 200 requests"):
        RecordType.of(wide(300)).divided(["openai"], most=1)


def test_tiny_budgets_divide_a_type_into_single_values_and_name_what_still_does_not_fit() -> None:
    def tiny(kind: Any, most: int) -> list[tuple[RecordType, Any]]:
        target = replace(TARGETS["azure"], name="tiny", max_properties=most)
        asked = RecordType.of(kind)
        return [(asked.shared(share), target) for share in asked.divided([target])]

    assert not any(share.exceeds(target) for share, target in tiny(Order, 4))
    assert all(share.compiled(target) for share, target in tiny(Order, 1))
    *_, (rest, target) = tiny(Opener, 2)
    with pytest.raises(SchemaError, match="even as JSON text: 6 properties, at most 2"):
        rest.compiled(target)


def test_a_type_that_cannot_be_read_is_refused_with_its_place() -> None:
    with pytest.raises(SchemaError) as caught:
        RecordType.of({"type": "object", "properties": {"a": {"type": "wrong"}}}).divided(["azure"], most=1)
    assert caught.value.pointer == "/properties/a/type"


@pytest.mark.slow
@pytest.mark.parametrize("fields", [25, 100, 101, 399, 400])
def test_the_parts_of_a_wide_type_have_no_json_text_on_azure(fields: int) -> None:
    asked = RecordType.of(create_model("Wide", **{f"f_{i}": (str | None, None) for i in range(fields)}))
    shares = asked.divided(["azure"])
    assert len(shares) == -(-fields // 100)
    assert not any(asked.shared(share).compiled("azure").past for share in shares)


WIDE = create_model("Wide", **{f"f_{i}": (str | None, None) for i in range(120)})  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (list[WIDE], [WIDE(f_1="x"), WIDE(f_119="y")]),
        (dict[str, WIDE], {"a": WIDE(f_1="x")}),
        (Optional[WIDE], WIDE(f_119="y")),  # noqa: UP045  (made at run time)
        (RootModel[WIDE], RootModel[WIDE](WIDE(f_119="y"))),
    ],
)
def test_what_is_wide_below_the_root_is_divided_too_and_alone_becomes_json_text(
    kind: Any, record: Any
) -> None:
    asked = RecordType.of(kind)
    shares = asked.divided(["azure"])
    assert len(shares) == 2
    assert not any(asked.shared(share).compiled("azure").past for share in shares)
    assert trips(asked, shares, record, "azure") == record
    whole = asked.compiled("azure")
    assert whole.decode(whole.encode(record)) == record
    assert "JSON text in a string: 12" in str(whole.report)


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int
    b: str


class Opener(BaseModel):
    model_config = ConfigDict(extra="allow")
    c: str
    inner: Open


@pytest.mark.parametrize("most", range(1, 6))
def test_unnamed_members_of_an_object_and_of_one_inside_it_may_be_one_share(most: int) -> None:
    asked = RecordType.of(Opener)
    record = Opener.model_validate({"c": "x", "inner": {"a": 1, "b": "y", "more": [2]}, "else": {"a": None}})
    shares = asked.divided(["openai"], most)
    assert trips(asked, shares, record) == record


def test_a_problem_of_a_named_member_is_none_of_the_unnamed_beside_it() -> None:
    shares = RecordType.of(Opener).divided(["openai"], most=1)
    (rest,) = [share for share in shares if share.pointers == ("/*",)]
    assert not rest.owns(Problem("/inner/a", "is missing", type="missing"))
    assert not rest.has("/c")
    assert rest.owns(Problem("/else/a", "is wrong"))


def test_members_that_a_document_does_not_name_are_asked_for_once() -> None:
    asked = RecordType.of({**wide(6), "additionalProperties": {"type": "integer"}})
    shares = asked.divided(["openai"], most=3)
    record = {"field_0": "a", "field_5": "b", "more": 1}
    assert trips(asked, shares, record, "permissive") == record
    assert trips(asked, shares, record) == record


@pytest.mark.filterwarnings("ignore:Item 'a' on TypedDict:UserWarning")
@pytest.mark.parametrize("case", [c for name, c in CASES.items() if name not in DEEP], ids=lambda c: c.name)
def test_every_value_of_the_corpus_comes_back_from_two_parts(case: Case) -> None:
    asked = RecordType.of(case.record_type)
    shares = asked.divided(["openai"], count=2)
    for value in case.values if shares != WHOLE else ():
        assert same(trips(asked, shares, value), value)


@pytest.mark.slow
@settings(max_examples=examples(40), derandomize=True, suppress_health_check=list(HealthCheck))
@given(TYPES, st.integers(1, 6), st.sampled_from(["openai", "anthropic", "gemini"]), st.data())
def test_a_random_value_of_a_random_type_comes_back_from_its_parts(
    typed: Typed, most: int, target: str, data: st.DataObject
) -> None:
    record_type, values = typed
    asked = RecordType.of(record_type)
    shares = asked.divided([target], most)
    assume(shares != WHOLE)
    value = data.draw(values)
    assert same(trips(asked, shares, value, target), value)
    assert len(set(shares)) == len(shares)


nested = st.recursive(
    st.just({"type": "string"}),
    lambda inner: st.lists(inner, min_size=1, max_size=8).map(
        lambda parts: members(**{f"m_{i}": part for i, part in enumerate(parts)})
    ),
    max_leaves=60,
)


@pytest.mark.slow
@settings(max_examples=examples(40), deadline=None)
@given(st.lists(nested, min_size=2, max_size=20), st.integers(2, 40))
def test_no_share_passes_its_bounds_and_every_leaf_is_in_one(parts: list[Any], most: int) -> None:
    asked = RecordType.of(members(**{f"p_{i}": part for i, part in enumerate(parts)}))
    shares = asked.divided(["azure"], most)
    assert not any(asked.shared(share).compiled("azure").past for share in shares)
    leaves = [x for share in shares for x in _leaves(asked.shared(share).compiled("permissive").schema)]
    assert sorted(leaves) == sorted(_leaves(compile_schema(asked, "permissive").schema))


def _leaves(schema: Any, at: str = "") -> list[str]:
    inner = schema.get("properties", {})
    return [leaf for key, part in inner.items() for leaf in _leaves(part, f"{at}/{key}")] or [at]
