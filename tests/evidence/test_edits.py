"""Distances counted in bits are those of RapidFuzz."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import process
from rapidfuzz.distance import LCSseq, Levenshtein

from extractor.evidence.edits import common, distance, nearest
from extractor.evidence.folding import fold
from extractor.evidence.fuzzy import TextWords, find_fuzzy
from tests.selecting import examples

WORDS = st.text("abc1é", max_size=80)


@pytest.mark.slow
@given(WORDS, WORDS)
@settings(max_examples=examples(500))
def test_the_distance_is_levenshteins(a: str, b: str) -> None:
    assert distance(a, b) == Levenshtein.distance(a, b)


@pytest.mark.slow
@given(WORDS, st.lists(WORDS, max_size=4))
@settings(max_examples=examples(300))
def test_common_letters_are_the_longest_common_subsequence_after_each_piece(
    a: str, pieces: list[str]
) -> None:
    expected = [LCSseq.similarity(a, "".join(pieces[: i + 1])) for i in range(len(pieces))]
    assert list(common(a, pieces)) == expected


@pytest.mark.slow
@given(st.text("ab", max_size=12), st.text("ab", max_size=25))
@settings(max_examples=examples(300))
def test_no_piece_of_a_text_is_nearer_than_the_nearest(letters: str, text: str) -> None:
    start, end, edits = nearest(letters, text)
    pieces = [text[a:b] for a in range(len(text) + 1) for b in range(a, len(text) + 1)]
    assert edits == min(Levenshtein.distance(letters, piece) for piece in pieces)
    assert Levenshtein.distance(letters, text[start:end]) == edits


@pytest.mark.slow
@given(st.lists(st.text("abcdefgh", min_size=3, max_size=9), min_size=1, max_size=40), st.data())
@settings(max_examples=examples(300))
def test_similar_words_are_those_of_fewest_edits(words: list[str], data: st.DataObject) -> None:
    word = data.draw(st.text("abcdefgh", min_size=3, max_size=9).filter(lambda w: w not in words))
    edits = 1 + len(word) // 5
    vocabulary = TextWords(fold(" ".join(words)))
    found = vocabulary.similar(word)
    scores = process.extract(
        word, list(vocabulary.places), scorer=Levenshtein.distance, score_cutoff=edits, limit=5
    )
    assert [Levenshtein.distance(word, w) for w in found] == [score for _, score, _ in scores]


def test_a_long_value_with_a_few_other_letters_is_found_whole() -> None:
    value = " ".join(f"clause {n} binds both parties" for n in "abcdefghijklmnopqrstuvwxyz")
    text = "Preamble. " + value.replace("both", "boht") + " Signed."
    (span,) = find_fuzzy(fold(value), TextWords(fold(text)))
    assert text[span.start : span.end] == value.replace("both", "boht")
