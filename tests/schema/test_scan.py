"""Growing JSON text: however it is cut, the same tree; as strict as decoding it; linear work."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from extractor.reading import found_json
from extractor.schema.reading.scan import Node, Scan

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    SCALARS | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)
JSON_LIKE = st.text(st.sampled_from('{}[]",:\\utrefalsn0123456789.-+ \n\tdDbBcC8xé\U0001f600'), max_size=60)


def written(value: Any, ascii_only: bool, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, indent=indent)


def scanned(*pieces: str) -> Scan:
    scan = Scan()
    for piece in pieces:
        scan.feed(piece)
    return scan


def read(scan: Scan, node: Node) -> Any:
    """Return the value that the tree says."""
    if node.kind == "{":
        return {child.key: read(scan, child) for child in node.children or ()}
    if node.kind == "[":
        return [read(scan, child) for child in node.children or ()]
    return json.loads(scan.raw(node))


def layout(scan: Scan, node: Node | None) -> Any:
    if node is None:
        return None
    inside = [layout(scan, child) for child in node.children or ()]
    return node.kind, node.start, node.key, node.end, node.whole, inside


def cut(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    return [text[a:b] for a, b in pairwise(places)]


@pytest.mark.slow
@settings(deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]), st.lists(st.integers(0, 999)))
def test_the_tree_of_a_text_is_its_value_however_it_is_cut(
    value: Any, ascii_only: bool, indent: int | None, cuts: list[int]
) -> None:
    text = written([value], ascii_only, indent)
    scan = scanned(*cut(text, cuts))
    assert scan.root is not None
    assert scan.root.whole == scan.root.end == len(text)
    assert read(scan, scan.root) == [value]
    assert layout(scan, scan.root) == layout(scan, scanned(text).root)


@settings(deadline=None)
@given(JSON_LIKE, st.lists(st.integers(0, 60)))
def test_any_text_is_scanned_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    one, other = scanned(text), scanned(*cut(text, cuts))
    assert layout(one, one.root) == layout(other, other.root)


@pytest.mark.slow
@settings(deadline=None)
@given(st.one_of(JSON_LIKE, st.text(), VALUES.map(json.dumps)))
def test_what_is_whole_is_what_decoding_takes(text: str) -> None:
    scan = scanned(text, " ")
    try:
        expected = from_json(text, allow_inf_nan=False)
    except ValueError:
        found = found_json(text)
        whole = [from_json(scan.raw(root)) for root in scan.roots if root.whole]
        if not found.broken:
            assert whole == [from_json(piece.text) for piece in found.pieces][: len(whole)]
    else:
        assert scan.root is not None
        assert from_json(scan.raw(scan.root)) == expected


@settings(deadline=None)
@given(st.lists(TEXTS | JSON_LIKE | st.text(), max_size=30))
def test_the_work_is_linear_in_the_text(pieces: list[str]) -> None:
    scan = scanned(*pieces)
    assert scan.steps <= 3 * scan.length + len(pieces)


HOSTILE = {
    "arrays": "[" * 100_000,
    "objects": '{"a":' * 50_000,
    "both": "[1," * 1000 + "{" * 1000,
    "escapes": '["' + "\\u00e9" * 50_000,
    "one number": "[" + "9" * 200_000,
    "broken arrays": "[x" * 50_000,
    "quotes": '"' * 100_000,
    "prose": "{" * 50_000 + "x" * 50_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_take_no_more(text: str) -> None:
    scan = scanned(*(text[i : i + 4] for i in range(0, len(text), 4)))
    assert scan.steps <= 4 * len(text)


def test_a_string_grows_by_whole_characters() -> None:
    scan, seen = Scan(), []
    for character in '["a\\ud83d\\ude00\\n\\u00e9"':
        scan.feed(character)
        if scan.tip is not None:
            seen.append(scan.text(scan.tip, scan.tip_length))
    assert list(dict.fromkeys(seen)) == ["", "a", "a\U0001f600", "a\U0001f600\n", "a\U0001f600\n\u00e9"]


NO_JSON = ["[,]", "[01]", "[.5]", "[1.]", "[NaN]", "['a']", '["\\x"]', '["\\ud83d"]', "{1:2}"]
NO_JSON += ["[tru]", '{"a" 1}', "{,}", "[1 2]", "[+1]", "[//\n1]"]


@pytest.mark.parametrize("text", NO_JSON)
def test_what_is_no_json_is_never_whole(text: str) -> None:
    scan = scanned(text, " ")
    assert scan.root is None or scan.root.start > 0 or not scan.root.whole


@pytest.mark.parametrize(
    ("text", "value"),
    [('[1, 2, ]', [1, 2]), ('{"a": [1,],}', {"a": [1]}), ('{"a": "one\ntwo\t"}', {"a": "one\ntwo\t"}),
     ('["it\\\'s", "\\\\"]', ["it's", "\\"])],
)  # fmt: skip
def test_slips_with_one_reading_are_read(text: str, value: Any) -> None:
    for scan in (scanned(text), scanned(*text)):
        assert scan.root is not None
        assert (from_json(scan.raw(scan.root)), scan.root.whole) == (value, len(text))


def test_in_prose_the_last_json_that_is_whole_counts() -> None:
    scan = scanned('Like {"a": 1} I [see]:\n```json\n{"a": [2]}\n``` and so on {oops')
    assert scan.root is not None
    assert scan.raw(scan.root) == '{"a": [2]}'
