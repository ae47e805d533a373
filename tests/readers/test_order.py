"""Words of a page in the order in which they are read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.readers.composing import Passage, ReadPage, composed, composed_passages
from extractor.readers.order import PlacedText, as_read, in_order
from extractor.readers.ruled import TextBlock, blocks_of


def row(text: str, left: float, top: float, height: float = 10.0) -> list[PlacedText]:
    """Words of a line, each letter half as wide as it is high."""
    pieces, x = [], left
    for word in text.split():
        pieces.append(PlacedText(word, x, top, x + len(word) * height / 2, top + height))
        x += (len(word) + 1) * height / 2
    return pieces


def read(*rows: list[PlacedText]) -> str:
    pieces = [piece for pieces in rows for piece in pieces]
    return composed([ReadPage(1, 600, 800, blocks=blocks_of(pieces))])[0]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = ["the first column goes down here", "and on to its second line", "until it ends at last"]
    right = ["while the other one begins above", "at the same height as that", "and ends there as well"]
    lines = [row(text, 20, 100 + 12 * i) for i, text in enumerate(left)]
    lines += [row(text, 300, 100 + 12 * i) for i, text in enumerate(right)]
    assert read(row("A title over both of the columns", 150, 60), *lines[::-1]) == (
        "A title over both of the columns\n\n" + "\n".join(left) + "\n\n" + "\n".join(right)
    )


def test_a_table_is_read_row_by_row() -> None:
    rows = [("Latte", "2", "3.50"), ("Blue cheese ripe", "1", "12.75"), ("Office chair", "10", "99.00")]
    cells = [
        row(text, x, 100 + 14 * i)
        for i, cells in enumerate(rows)
        for text, x in zip(cells, (20, 200, 300), strict=True)
    ]
    assert read(*cells) == "Latte   2   3.50\nBlue cheese ripe   1   12.75\nOffice chair   10   99.00"


def test_labels_stay_beside_their_values() -> None:
    fields = [
        ("Invoice number:", "INV 2031 of May"),
        ("Sold to:", "Ada Lovelace London"),
        ("Due:", "in ten days"),
    ]
    lines = [
        row(text, x, 100 + 14 * i)
        for i, pair in enumerate(fields)
        for text, x in zip(pair, (20, 250), strict=True)
    ]
    assert read(*lines).split("\n")[1] == "Sold to:   Ada Lovelace London"


def test_addresses_side_by_side_are_read_apart() -> None:
    ours, theirs = (
        ["ACME Tools Ltd", "12 High Street", "London E1"],
        ["Bolt and Nut", "Lange Strasse 5", "10115 Berlin"],
    )
    lines = [row(text, 20, 100 + 14 * i) for i, text in enumerate(ours)]
    lines += [row(text, 300, 100 + 14 * i) for i, text in enumerate(theirs)]
    assert read(*lines) == "\n".join(ours) + "\n\n" + "\n".join(theirs)


def test_turned_words_are_lines_of_their_own() -> None:
    up = [
        PlacedText("Secret", 5, 60, 15, 100, angle=270, vertical=True),
        PlacedText("copy", 5, 30, 15, 55, angle=270, vertical=True),
    ]
    assert (
        read(row("Dear reader", 50, 50), up, row("of this page", 50, 62))
        == "Dear reader\nof this page\n\nSecret copy"
    )


def test_lines_of_a_skewed_page_are_told_apart() -> None:
    lines = [
        [
            PlacedText(
                f"w{i}{j}", 40 * j, 100 + 14 * i + 6 * j, 40 * j + 30, 110 + 14 * i + 6 * j, angle=8.53
            )
            for j in range(9)
        ]
        for i in range(4)
    ]
    assert read(*lines) == "\n".join(" ".join(piece.text for piece in line) for line in lines)


PIECES = st.builds(
    PlacedText,
    st.text("ab1:", min_size=1, max_size=5),
    left := st.integers(0, 500).map(float),
    left,
    left,
    left,
    st.just(1.0),
    st.sampled_from([0.0, 90.0, 180.0, 270.0, 45.0, 7.5]),
)


@pytest.mark.slow
@given(st.lists(PIECES, max_size=40))
def test_whatever_stands_on_a_page_each_word_is_read_once(pieces: Sequence[PlacedText]) -> None:
    real = [piece for piece in pieces if piece.right >= piece.left and piece.bottom >= piece.top]
    found = [piece for block in in_order(pieces) for line in block for piece in line]
    assert sorted(map(id, found)) == sorted(map(id, real))
    text, layout = composed([ReadPage(1, 600, 800, blocks=blocks_of(pieces))])
    assert [text[word.start : word.end] for word in layout.words] == [piece.text for piece in found]


@pytest.mark.slow
@given(st.lists(PIECES, max_size=9))
def test_a_page_comes_back_from_json(pieces: list[PlacedText]) -> None:
    page = ReadPage(3, 10.0, 20.0, "px", 90, "ocr", "a note", [TextBlock([pieces], (([], [pieces]),), True)])
    assert ReadPage.of_json(page.to_json()) == page


def test_passages_have_names_and_tables_have_cells() -> None:
    cells = ((("a", "S!A1"), ("", "S!B1")), (("b", "S!A2"), ("c", "S!B2")))
    text, layout = composed_passages([Passage("Title", "paragraph 1"), Passage("", cells=cells)])
    assert text == "Title\na | \nb | c\n"
    assert [(each.name, text[each.start : each.end]) for each in layout.sections] == [
        ("paragraph 1", "Title"), ("S!A1", "a"), ("S!A2", "b"), ("S!B2", "c")
    ]  # fmt: skip
    assert [[text[a:b] for a, b in line] for line in layout.tables[0].rows] == [["a", ""], ["b", "c"]]


def placed(*words: str) -> list[PlacedText]:
    """Return words that stand side by side, from left to right."""
    return [PlacedText(word, 50.0 * at, 0, 50.0 * at + 40, 10) for at, word in enumerate(words)]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (("Total", "12.50", "EUR"), "Total 12.50 EUR"),
        (("עולם", "שלום"), "שלום עולם"),
        (("₪", "120.50", "סך:"), "סך: 120.50 ₪"),
        (("Acme", "Ltd", "12", "שלום", "חברת", "של"), "של חברת שלום 12 Acme Ltd"),
        (("Name:", "ישראלי", "ישראל", "paid", "5", "today"), "Name: ישראל ישראלי paid 5 today"),
    ],
)
def test_words_of_scripts_from_the_right_are_read_from_there(shown: tuple[str, ...], said: str) -> None:
    assert " ".join(piece.text for piece in as_read(placed(*shown))) == said


CAFE = [("Corner Cafe", ""), ("Mill Lane", ""), ("Latte", "3.50"), ("Rye bread", "2.40"), ("Total", "5.90")]
TOOLS = [("Nordic Tools", ""), ("Harbour", ""), ("Hammer", "18.90"), ("Nails", "6.25"), ("Total", "25.15")]


def paper(lines: Sequence[tuple[str, str]], left: float, top: float) -> list[list[PlacedText]]:
    return [
        piece
        for i, (said, price) in enumerate(lines)
        for piece in (row(said, left, top + 16 * i), row(price, left + 150, top + 16 * i))
    ]


@pytest.mark.parametrize("shift", [4, 7, -5])
def test_two_receipts_on_one_photo_are_read_one_after_the_other(shift: float) -> None:
    text = read(*paper(CAFE, 20, 100), *paper(TOOLS, 320, 100 + shift))
    one = "\n".join("   ".join(filter(None, line)) for line in CAFE)
    other = "\n".join("   ".join(filter(None, line)) for line in TOOLS)
    assert text == f"{one}\n\n{other}"


def test_a_table_with_two_items_in_a_row_stays_a_table() -> None:
    text = read(*paper(CAFE, 20, 100), *paper(TOOLS, 320, 100.5))
    assert "Latte   3.50   Hammer   18.90" in text


def test_prices_that_sit_lower_than_their_items_stay_beside_them() -> None:
    rows = [row(said, 20, 100 + 16 * i) for i, (said, _) in enumerate(CAFE)]
    rows += [row(price, 250, 103 + 16 * i) for i, (_, price) in enumerate(CAFE)]
    assert "Latte   3.50" in read(*rows)


def test_long_columns_of_prose_may_have_a_narrow_gutter() -> None:
    left = ["the first column has many words", "and goes on to its second line"] * 2
    right = ["while the other column begins here", "and has as many lines of words"] * 2
    lines = [row(text, 20, 100 + 12 * i) for i, text in enumerate(left)]
    lines += [row(text, 183, 100 + 12 * i) for i, text in enumerate(right)]
    assert read(*lines) == "\n".join(left) + "\n\n" + "\n".join(right)
