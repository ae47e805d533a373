"""Records of chunks -> one record. Texts are cut by hand here, so that each case can be read."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.evidence import How, Span, align
from extractor.evidence.chunking import split
from extractor.evidence.merging import (
    NOTHING,
    Candidate,
    ChunkReading,
    Conflict,
    Merged,
    merge,
)
from extractor.evidence.plain_json import canonical, leaves_of
from extractor.pointers import step
from tests.selecting import examples


def read(text: str, start: int, end: int, record: Any, number: int = 1) -> ChunkReading:
    """What a chunk gave, with the evidence that `align` finds in it."""
    found = align(record, text[start:end])
    moved = {
        pointer: tuple(Span(s.start + start, s.end + start, s.text, s.how, s.score) for s in spans)
        for pointer, spans in found.items()
        if spans
    }
    return ChunkReading(start, end, record, moved, number)


ORDER = "2 pens at 3.00\n2 pens at 3.00\n5 inks at 7.50\n1 desk at 99.00\n"
PENS, INKS, DESK = (
    {"qty": 2, "what": "pens", "price": 3},
    {"qty": 5, "what": "inks", "price": 7.5},
    {"qty": 1, "what": "desk", "price": 99},
)


def test_an_item_that_two_chunks_see_is_one() -> None:
    first = read(ORDER, 0, 45, {"items": [PENS, PENS, INKS]})
    second = read(ORDER, 30, 62, {"items": [INKS, DESK]})
    merged = merge([first, second])
    assert merged.record == {"items": [PENS, PENS, INKS, DESK]}
    assert merged.conflicts == ()


def test_equal_items_at_two_places_are_two_items() -> None:
    first, second = read(ORDER, 0, 15, {"items": [PENS]}), read(ORDER, 15, 30, {"items": [PENS]})
    assert merge([first, second]).record == {"items": [PENS, PENS]}
    whole, again = read(ORDER, 0, 30, {"items": [PENS, PENS]}), read(ORDER, 15, 45, {"items": [PENS, INKS]})
    assert merge([whole, again]).record == {"items": [PENS, PENS, INKS]}


def test_an_item_cut_by_a_border_is_made_whole_by_the_chunk_that_sees_all_of_it() -> None:
    first = read(ORDER, 0, 37, {"items": [PENS, PENS, {"qty": 5, "what": "inks"}]})
    second = read(ORDER, 30, 62, {"items": [INKS, DESK]})
    assert merge([first, second]).record == {"items": [PENS, PENS, INKS, DESK]}


def test_items_under_one_heading_stay_apart() -> None:
    text = "1 March 2026:\nwalnut desk\noak table\n"
    desk, table = ({"day": "2026-03-01", "what": "walnut desk"}, {"day": "2026-03-01", "what": "oak table"})
    first, second = read(text, 0, 26, [desk]), read(text, 0, len(text), [table])
    assert merge([first, second]).record == [desk, table]
    assert merge([read(text, 0, 26, [desk]), read(text, 0, 36, [desk, table])]).record == [desk, table]


def test_items_come_in_the_order_of_the_text() -> None:
    second = read(ORDER, 30, 62, {"items": [DESK, INKS]})
    assert merge([second, read(ORDER, 0, 30, {"items": [PENS]})]).record == {"items": [PENS, INKS, DESK]}


def test_a_key_makes_one_item_of_several_wherever_they_stand() -> None:
    text = "A-1: Ada\nB-2: Bo\n...\nA-1 pays 30 euros\n"
    first = read(text, 0, 17, [{"id": "A-1", "name": "Ada"}, {"id": "B-2", "name": "Bo"}])
    second = read(text, 17, 40, [{"id": "A-1", "pays": 30}])
    merged = merge([first, second], key_of=lambda path, item: item["id"])
    assert merged.record == [{"id": "A-1", "name": "Ada", "pays": 30}, {"id": "B-2", "name": "Bo"}]
    assert len(merged.evidence["/0/id"]) == 2


def test_the_values_of_a_set_are_kept_once() -> None:
    text = "Ada and Bo. Then Ada again."
    readings = [read(text, 0, 11, {"names": ["Ada", "Bo"]}), read(text, 11, 27, {"names": ["Ada"]})]
    assert merge(readings).record == {"names": ["Ada", "Bo", "Ada"]}
    assert merge(readings, lambda path: "set").record == {"names": ["Ada", "Bo"]}


def test_items_that_stand_nowhere_are_as_many_as_one_chunk_gave() -> None:
    text = "It does not work. Send my money back."
    first = read(text, 0, 18, {"tags": ["broken", "broken", "angry"]})
    second = read(text, 18, 37, {"tags": ["angry", "refund"]})
    assert merge([first, second]).record == {"tags": ["broken", "broken", "angry", "refund"]}


NAMES = "Ann, -, Ben, -, -, Cem, Dee, -"
ROLES = ["Ann", None, "Ben", None, None, "Cem"], ["Ben", None, None, "Cem", "Dee", None]


@pytest.mark.parametrize(
    ("chunks", "merged"),
    [
        ([(0, 30, ROLES[0])], ROLES[0]),
        ([(0, 22, ROLES[0]), (8, 30, ROLES[1])], [*ROLES[0], "Dee", None]),
        ([(0, 22, ROLES[0]), (0, 22, ROLES[0], 2)], ROLES[0]),
        ([(0, 6, ["Ann", None]), (8, 30, [None, "Ben"])], ["Ann", None, None, "Ben"]),
        ([(0, 6, [None, None]), (0, 6, [None, None, None], 2)], [None, None, None]),
        ([(0, 6, []), (8, 30, [])], []),
    ],
    ids=range(6),
)
def test_nulls_of_a_list_stay_where_they_stand_among_its_items(chunks: Any, merged: list[Any]) -> None:
    readings = [read(NAMES, start, end, {"names": some}, *number) for start, end, some, *number in chunks]
    for order in (readings, readings[::-1]):
        assert merge(order).record == {"names": merged}


def test_a_set_has_null_once() -> None:
    readings = [ChunkReading(0, 5, {"s": [None, "a"]}, {}), ChunkReading(5, 9, {"s": ["b", None]}, {})]
    found = merge(readings, joins=lambda path: "set").record["s"]
    assert sorted(map(str, found)) == ["None", "a", "b"]


def test_a_scalar_that_stands_in_the_text_wins_over_one_that_does_not_and_the_other_is_kept() -> None:
    text = "Acme Ltd\npage 2\npage 3\n"
    guess = {"seller": "Globex"}
    merged = merge(
        [read(text, 0, 9, {"seller": "Acme Ltd"}), *(read(text, n, n + 7, guess) for n in (9, 16))]
    )
    assert merged.record == {"seller": "Acme Ltd"}
    (conflict,) = merged.conflicts
    assert conflict == Conflict(
        "/seller",
        (
            Candidate("Acme Ltd", (Span(0, 8, "Acme Ltd", How.EXACT),), 1),
            Candidate("Globex", (), 2),
        ),
    )
    assert conflict.chosen == "Acme Ltd"


def test_of_values_in_the_text_the_one_at_more_places_wins_then_the_first() -> None:
    text = "Total 10\nTotal 12\nTotal 12\n"
    parts = [read(text, n, n + 9, {"total": int(text[n + 6 : n + 8])}) for n in (0, 9, 18)]
    assert merge(parts).record == {"total": 12}
    assert merge(parts[:2]).record == {"total": 10}


def test_null_and_empty_texts_say_nothing() -> None:
    text = "Acme Ltd\nnothing\n"
    first, second = read(text, 0, 9, {"seller": "Acme Ltd"}), read(text, 9, 17, {"seller": "", "town": None})
    assert merge([first, second]) == Merged(
        {"seller": "Acme Ltd"}, {"/seller": (Span(0, 8, "Acme Ltd", How.EXACT),)}
    )
    assert merge([ChunkReading(0, 5, None, {})]).record is NOTHING


def test_nested_objects_and_lists_are_merged_likewise() -> None:
    text = "Order 7\nAda: pens, inks\nAda: inks, desk\nBerlin\n"
    first = read(text, 0, 24, {"no": 7, "people": [{"name": "Ada", "buys": ["pens", "inks"]}]})
    second = read(
        text, 24, 47, {"to": {"town": "Berlin"}, "people": [{"name": "Ada", "buys": ["inks", "desk"]}]}
    )
    by_name = merge([first, second], key_of=lambda path, item: item["name"] if path == ("people",) else None)
    assert by_name.record == {
        "no": 7,
        "people": [{"name": "Ada", "buys": ["pens", "inks", "inks", "desk"]}],
        "to": {"town": "Berlin"},
    }


def test_an_item_of_which_one_reading_invents_a_value_stays_one_with_the_conflict() -> None:
    text = "D-0001 to Ghent, 3 crates\nD-0002 to Lille, 4 crates\n"
    item = {"number": "D-0001", "town": "Ghent", "crates": 3}
    other = {"number": "D-0002", "town": "Lille", "crates": 4}
    first = read(text, 0, len(text), {"items": [item, other]})
    second = replace(read(text, 0, len(text), {"items": [{**item, "town": "Atlantis"}, other]}), number=2)
    merged = merge([first, second])
    assert merged.record == {"items": [item, other]}
    (conflict,) = merged.conflicts
    assert conflict.pointer == "/items/0/town"
    assert [one.value for one in conflict.candidates] == ["Ghent", "Atlantis"]


def test_confidence_goes_with_the_values_that_are_chosen() -> None:
    acme, globex = {"seller": "Acme Ltd"}, {"seller": "Globex"}
    evidence = {"/seller": (Span(0, 8, "Acme Ltd", How.EXACT),)}
    merged = merge(
        [
            ChunkReading(0, 9, {**acme, "n": [1]}, evidence, confidence={"/seller": 0.5, "/n/0": 0.7}),
            ChunkReading(9, 18, acme, evidence, confidence={"/seller": 0.8}),
            ChunkReading(18, 25, globex, {}, confidence={"/seller": 0.9}),
        ]
    )
    assert merged.confidence == {"/seller": pytest.approx(0.8 * 2 / 3), "/n/0": 0.7}


@given(st.lists(st.tuples(st.sampled_from(["Acme", "Globex", "", None]), st.floats(0, 1)), max_size=6))
def test_the_more_chunks_disagree_the_less_sure_a_value_is(said: list[tuple[str | None, float]]) -> None:
    readings = [
        ChunkReading(n, n + 9, {"seller": seller}, {}, confidence={} if seller is None else {"/seller": sure})
        for n, (seller, sure) in enumerate(said)
    ]
    merged = merge(readings)
    told = [one for one in said if one[0]] or [one for one in said if one[0] is not None]
    sures = [sure for seller, sure in told if seller == (merged.record or {}).get("seller")]
    expected = {"/seller": pytest.approx(max(sures) * len(sures) / len(told))} if sures else {}
    assert merged.confidence == expected


def test_lists_that_are_one_value_are_not_joined() -> None:
    text = "at 52.5, 13.4\nat 48.1, 11.6\n"
    readings = [read(text, 0, 14, {"at": [52.5, 13.4]}), read(text, 14, 28, {"at": [48.1, 11.6]})]
    merged = merge(readings, lambda path: "value")
    assert merged.record == {"at": [52.5, 13.4]}
    assert merged.conflicts[0].pointer == "/at"


# -- properties: readings of texts in which every word may come several times

WORDS = st.sampled_from(["pens", "inks", "desk", "lamp", "2", "3", "12"])
ITEM = st.fixed_dictionaries({}, optional={"what": WORDS, "qty": WORDS, "parts": st.lists(WORDS, max_size=2)})
RECORD = st.fixed_dictionaries(
    {},
    optional={
        "no": WORDS,
        "to": st.fixed_dictionaries({"town": WORDS | st.none()}),
        "items": st.lists(ITEM, max_size=3),
    },
)


@st.composite
def readings(draw: st.DrawFn) -> list[ChunkReading]:
    text = " ".join(draw(st.lists(WORDS, min_size=4, max_size=14)))
    found = []
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        found.append(read(text, start, end, draw(RECORD), draw(st.integers(1, 2))))
    return found


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(readings(), st.randoms(use_true_random=False))
def test_the_order_of_the_readings_does_not_matter_nor_that_some_come_twice(
    found: list[ChunkReading], chance: Any
) -> None:
    shuffled = [*found, *found[: len(found) // 2]]
    chance.shuffle(shuffled)
    assert merge(shuffled) == merge(found)


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(readings())
def test_what_is_merged_stays_as_it_is_when_it_is_merged_again(found: list[ChunkReading]) -> None:
    once = merge(found)
    again = (
        merge([ChunkReading(0, 10**6, once.record, once.evidence)]) if once.record is not NOTHING else once
    )
    assert (again.record, again.evidence, again.conflicts) == (once.record, once.evidence, ())


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(readings())
def test_no_value_is_lost(found: list[ChunkReading]) -> None:
    """Each value that a reading has at a place that is no list's stands there, or in the place's conflict."""
    merged = merge(found)
    if merged.record is NOTHING:
        return
    conflicts = {c.pointer: {canonical(one.value) for one in c.candidates} for c in merged.conflicts}
    values = dict(leaves_of(merged.record))
    for reading in found:
        for path, value in leaves_of(reading.record):
            if "items" not in path:
                pointer = "".join(map(step, path))
                assert canonical(value) in conflicts.get(pointer, {canonical(values[path])})
    told = {value for path, value in values.items() if "items" in path}
    told |= {one.value for c in merged.conflicts if "/items" in c.pointer for one in c.candidates}
    assert told == {v for r in found for path, v in leaves_of(r.record) if "items" in path}


@pytest.mark.slow
@settings(max_examples=examples(150))
@given(readings())
def test_no_more_and_no_fewer_items_than_chunks_gave(found: list[ChunkReading]) -> None:
    merged = merge(found)
    counts = [len([i for i in r.record.get("items", ()) if i]) for r in found]
    items = merged.record.get("items", []) if merged.record is not NOTHING else []
    assert max(counts) <= len([item for item in items if item]) <= sum(counts)


@settings(deadline=None)
@given(
    st.recursive(st.integers() | st.floats(allow_nan=False) | st.text(), lambda b: st.lists(b, max_size=3))
)
def test_equal_json_is_written_equally(value: Any) -> None:
    assert canonical(value) == canonical(json.loads(json.dumps(value)))


def test_an_integer_is_the_float_that_it_equals() -> None:
    assert canonical({"a": [1.0]}) == canonical({"a": [1]})


@pytest.mark.slow
@pytest.mark.parametrize("many", [2000])
def test_thousands_of_items_are_merged_in_seconds(many: int) -> None:
    text = "".join(f"SKU-{i:05} costs {i % 90} euros\n" for i in range(many))
    width = len(text) // many
    items = [{"sku": f"SKU-{i:05}", "price": i % 90} for i in range(many)]
    place = {i: text.index(f"SKU-{i:05}") for i in range(many)}

    def chunk(first: int, last: int) -> ChunkReading:
        evidence = {
            f"/{n}/sku": (Span(place[i], place[i] + 9, f"SKU-{i:05}", How.EXACT),)
            for n, i in enumerate(range(first, last))
        }
        return ChunkReading(first * width, last * width, items[first:last], evidence)

    parts = [chunk(max(0, n - 10), n + 100) for n in range(0, many, 100)]
    assert merge(parts).record == items


@pytest.mark.slow
def test_the_work_is_linear_in_the_items_under_a_heading_that_is_read_twice() -> None:
    def calls(many: int) -> int:
        """How many functions are called to merge what two passes gave."""
        items = [{"sku": f"SKU-{i:05}", "currency": "EUR"} for i in range(many)]
        heading = (Span(0, 3, "EUR", How.EXACT),)
        evidence = {f"/{i}/currency": heading for i in range(many)} | {
            f"/{i}/sku": (Span(10 * i + 10, 10 * i + 19, f"SKU-{i:05}", How.EXACT),) for i in range(many)
        }
        counted = Counter[str]()
        sys.setprofile(lambda frame, event, argument: counted.update([event]))
        try:
            merged = merge([ChunkReading(0, 10**6, items, evidence, number) for number in (1, 2)])
        finally:
            sys.setprofile(None)
        assert merged.record == items
        return counted["call"]

    assert calls(80) < 3 * calls(40)


# -- a price list, cut into chunks of which each gives the lines that stand whole in it

PRICED = re.compile(r"^(\S+): (\d) x (.+) at (\d+\.\d\d)$", re.M)
PRICED_ITEM = st.tuples(
    st.integers(1, 3),
    st.sampled_from(["walnut desk", "oak table", "desk lamp"]),
    st.sampled_from([3.5, 7.25]),
)


@st.composite
def price_lists(draw: st.DrawFn, names: bool) -> tuple[list[dict[str, Any]], list[ChunkReading]]:
    """Lines of few products and prices, some twice in a row. names: each line has one of its own."""
    drawn = draw(st.lists(PRICED_ITEM, min_size=8, max_size=30))
    lines = [line for line in drawn for _ in range(1 + line[0] // 3)]
    items = [
        {"name": f"A-{n:02}" if names else "item", "qty": qty, "what": what, "price": price}
        for n, (qty, what, price) in enumerate(lines)
    ]
    text = "\n".join("{name}: {qty} x {what} at {price:.2f}".format(**item) for item in items)
    size = draw(st.integers(120, 400))
    found = []
    for number in range(1, 1 + draw(st.integers(1, 2))):
        for chunk in split(text, size, draw(st.integers(50, size // 2 - 1)), reading=number, of=2):
            whole = [
                {"name": m[1], "qty": int(m[2]), "what": m[3], "price": float(m[4])}
                for m in PRICED.finditer(text)
                if chunk.start <= m.start() and m.end() <= chunk.end
            ]
            found.append(read(text, chunk.start, chunk.end, whole, number))
    return items, found


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(price_lists(names=True))
def test_a_list_whose_lines_can_be_told_apart_comes_back_as_it_is(case: Any) -> None:
    items, found = case
    assert merge(found).record == items


@pytest.mark.slow
@settings(max_examples=examples(60))
@given(price_lists(names=False))
def test_of_a_list_whose_lines_are_all_alike_none_is_lost(case: Any) -> None:
    items, found = case
    counts, wanted = (Counter(map(canonical, each)) for each in (merge(found).record, items))
    assert counts >= wanted
