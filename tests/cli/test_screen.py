"""What fits on a screen."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from extractor.bulk.display import shown as progress_shown
from extractor.cli.screen import (
    ShownCell,
    ShownRow,
    console_on,
    how_many_fit,
    record_table,
    safe,
    say_error,
    shortened,
    shown,
)
from extractor.messages import BatchStatus
from extractor.results import Progress

ROWS = [
    ShownRow(
        "mail/one.txt",
        "ok",
        {
            "name": ShownCell("Ada\nLovelace", "right"),
            "items": ShownCell([{}, {}]),
            "note": ShownCell("x" * 99),
        },
    ),
    ShownRow("two.txt", "truncated", {}),
]


def drawn(width: int) -> list[str]:
    console = Console(file=StringIO(), width=width)
    console.print(record_table(ROWS, width))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ("  two\nlines ", "two lines"),
        (True, "yes"),
        (1.5, "1.5"),
        (["a", "b"], "a, b"),
        ([], ""),
        ([{"x": 1}], "1 of them"),
        ({"low": "1", "high": None, "unit": "EUR"}, "1 EUR"),
    ],
)
def test_a_value_is_shown_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text


def test_nothing_that_is_shown_can_steer_the_terminal() -> None:
    assert str(safe("a\x1b[31mb\x9bc\x07\nd\te")) == "a\ufffd[31mb\ufffdc\ufffd\nd\te"
    console = Console(file=StringIO(), width=80)
    console.print(record_table([ShownRow("a\x1b[2J.txt", "ok", {"x": ShownCell("\x1b]0;title\x07")})], 80))
    assert isinstance(console.file, StringIO)
    assert "\x1b" not in console.file.getvalue()


def test_of_a_long_path_the_last_part_is_shown() -> None:
    assert shortened("mail.txt", 10) == "mail.txt"
    assert shortened("a/long/path/to/mail.txt", 10) == "…/mail.txt"
    assert shortened("a/long/path/to/letters.txt", 10) == "…/letters…"
    assert shortened("01-invoice-from-march", 10) == "01-invoic…"


def test_a_wide_screen_shows_all_fields_shortened() -> None:
    table = "\n".join(drawn(120))
    assert "Ada Lovelace" in table
    assert "2 of them" in table
    assert "x" * 19 + "…" in table
    assert "not shown" not in table


def test_a_narrow_screen_shows_the_first_fields_and_names_the_others() -> None:
    table = "\n".join(drawn(50))
    assert "Ada Lovelace" in table
    assert "not shown: items, note" in table


@pytest.mark.slow
@given(st.integers(20, 200))
def test_no_line_is_longer_than_the_screen(width: int) -> None:
    assert all(len(line) <= width for line in drawn(width))


def test_columns_fit_until_the_first_that_does_not() -> None:
    assert how_many_fit([10, 10, 10], 25) == 2
    assert how_many_fit([10, 10], 20) == 2
    assert how_many_fit([50, 10], 20) == 1
    assert how_many_fit([], 20) == 0


WORDS = "[/nope] [red]x[/] :smile: a\x1b[2Jb\x9b31m"
SHOWN = "[/nope] [red]x[/] :smile: a\ufffd[2Jb\ufffd31m"


def test_names_and_titles_are_words_and_neither_markup_nor_escapes() -> None:
    file = StringIO()
    console = console_on(file)
    console.print(
        record_table([ShownRow(WORDS, WORDS, {WORDS: ShownCell(WORDS)}, WORDS)], 300, WORDS, WORDS), WORDS
    )
    assert "\x1b" not in file.getvalue()
    assert "\x9b" not in file.getvalue()
    assert SHOWN in file.getvalue()


def test_a_message_of_five_megabytes_is_shown_by_its_ends(capsys: pytest.CaptureFixture[str]) -> None:
    say_error("x" * 5_000_000)
    said = capsys.readouterr().err
    assert "(5,000,000 characters)" in said
    assert len(said) < 11_000


def test_what_a_display_shows_of_a_provider_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown(True, 1) as tell:
        tell(Progress(batches=(BatchStatus("b", "[/nope]\x1b[2J"),), elapsed=99.0))
    assert "[/nope]\ufffd[2J" in capsys.readouterr().err
