"""How a long text is cut: whole, at natural borders, with overlap."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.evidence.chunking import Chunk, shorter, split

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")

WORDS = st.sampled_from(["Ada", "wrote", "12.50", "naïve", "日本語", "👩‍👩‍👧", "e\u0301té", "🇩🇪", "x" * 90])
BREAKS = st.sampled_from([" ", ". ", "\n", "\r\n", "\n\n", "  ", ""])
TEXTS = st.lists(st.tuples(WORDS, BREAKS), max_size=80).map(lambda pairs: "".join(map("".join, pairs)))
ANY = st.characters(exclude_categories=())  # lone surrogates too
SIZES = st.tuples(st.integers(8, 120), st.integers(0, 59)).map(lambda s: (s[0], min(s[1], (s[0] - 1) // 2)))


@settings(deadline=None)
@given(TEXTS | st.text(ANY, max_size=400), SIZES, st.integers(1, 3), st.integers(1, 3))
def test_chunks_make_up_the_text_and_overlap_as_asked(
    text: str, sizes: tuple[int, int], one: int, other: int
) -> None:
    size, overlap = sizes
    reading, of = sorted((one, other))
    chunks = split(text, size, overlap, reading=reading, of=of)
    assert "".join(text[c.fresh : c.end] for c in chunks) == text
    assert [c.number for c in chunks] == list(range(1, len(chunks) + 1))
    for chunk in chunks:
        assert chunk.start <= chunk.fresh < chunk.end or not text
        assert chunk.end - chunk.start <= size
        assert chunk.reading == reading
        if chunk.fresh:
            assert min(overlap // 2, chunk.fresh) <= chunk.fresh - chunk.start <= overlap
    assert len(chunks) == 1 or len(text) > size


@settings(deadline=None)
@given(st.lists(st.text("abcdefgh", min_size=1, max_size=6), min_size=1, max_size=60), st.integers(30, 90))
def test_no_border_stands_within_a_word_that_fits(words: list[str], size: int) -> None:
    text = " ".join(words)
    for chunk in split(text, size, (size - 1) // 2):
        for border in (chunk.start, chunk.fresh):
            assert border == 0 or text[border - 1] == " " or text[border] == " "


def test_paragraphs_come_before_lines_and_lines_before_sentences() -> None:
    text = "One. Two.\nThree. Four.\n\nFive. Six.\nSeven. Eight."
    assert [text[c.fresh : c.end] for c in split(text, 30, 0)] == [
        "One. Two.\nThree. Four.\n\n",
        "Five. Six.\nSeven. Eight.",
    ]
    assert [text[c.fresh : c.end].strip() for c in split(text, 14, 0)] == [
        "One. Two.",
        "Three. Four.",
        "Five. Six.",
        "Seven. Eight.",
    ]


def test_a_text_that_fits_is_one_chunk_and_a_giant_word_is_cut_all_the_same() -> None:
    assert split("short", 100, 10) == (Chunk(0, 0, 5),)
    assert split("", 100, 10) == (Chunk(0, 0, 0),)
    assert max(c.end - c.start for c in split("x" * 5000, 100, 10)) == 100


def test_an_overlap_begins_at_a_line_where_there_is_one() -> None:
    text = "\n".join(f"item {i:03} costs {i} euros" for i in range(100))
    for chunk in split(text, 500, 60)[1:]:
        assert text[chunk.start - 1] == "\n"
        assert re.match(r"item \d{3}", text[chunk.start : chunk.end])


def test_each_pass_has_its_borders_elsewhere() -> None:
    text = "\n".join(f"item {i:03} costs {i} euros" for i in range(100))
    borders = [{c.fresh for c in split(text, 500, 60, reading=r, of=3)} - {0} for r in (1, 2, 3)]
    for one, other in pairwise(borders):
        assert len(one & other) <= 1


@settings(deadline=None)
@given(TEXTS, SIZES)
def test_shorter_chunks_make_up_the_chunk_that_they_stand_for(text: str, sizes: tuple[int, int]) -> None:
    size, overlap = sizes
    for chunk in split(text, size, overlap):
        parts = shorter(text, chunk, overlap)
        if parts:
            assert len(parts) > 1
            assert (parts[0].start, parts[-1].end) == (chunk.start, chunk.end)
            assert all(p.end - p.start < chunk.end - chunk.start for p in parts)
            assert all(a.end >= b.start for a, b in pairwise(parts))
