"""A reference date and a locale stand in the prompt, and serve the reading of values and evidence alike."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Chunks, ConfigError, Extractor, Run
from extractor.evidence.customs import customs_of
from extractor.evidence.meanings import Meanings
from extractor.testing import ChatServer, reply

FRIDAY = date(2026, 3, 27)
GERMAN = Meanings(customs_of("de"), FRIDAY)


class Order(BaseModel):
    due: date | None = None
    count: float | None = None
    total: Decimal | None = None


def asked(answer: str, text: str, **options: Any) -> Any:
    with (
        ChatServer([reply(answer)]) as server,
        Extractor("llamacpp:m", base_url=server.base_url, max_repairs=0, read_values=True) as ex,
    ):
        return ex.run(Order, text, **options)


def first_message(**options: Any) -> str:
    ex = Extractor("openai:m", api_key="k")
    said: str = ex.preview(Order, "?", **options).json["messages"][0]["content"]
    return said


def test_both_stand_in_the_prompt() -> None:
    said = first_message(reference_date=FRIDAY, locale="de-DE")
    assert "count from Friday, 2026-03-27." in said
    assert "in the locale de-DE (1.234,5 is 1234.5, and 03/04 is 3 April)." in said


def test_without_them_the_prompt_is_what_it_was() -> None:
    assert "locale" not in first_message()
    assert first_message(reference_date=None, locale=None) == first_message()


def test_a_call_says_more_than_the_client() -> None:
    ex = Extractor("openai:m", api_key="k", reference_date="2020-01-01", locale="en-US")
    said = ex.preview(Order, "?", reference_date="2026-03-27").json["messages"][0]["content"]
    assert "Friday, 2026-03-27" in said
    assert "en-US (1,234.5 is 1234.5, and 03/04 is 4 March)" in said


@pytest.mark.parametrize("day", [FRIDAY, "2026-03-27", datetime(2026, 3, 27, 18, 30), "2026-03-27T18:30:00"])
def test_a_day_is_a_date_or_its_text(day: Any) -> None:
    assert "Friday, 2026-03-27" in first_message(reference_date=day)


def test_what_is_no_day_and_no_locale_is_told() -> None:
    with pytest.raises(
        ConfigError, match="reference_date must be a date, or text such as '2026-03-31', not 'now'"
    ):
        first_message(reference_date="now")
    with pytest.raises(ConfigError, match="locale='german' is not a language"):
        first_message(locale="german")
    with pytest.raises(ConfigError, match="can differ by row only in `rows`"):
        first_message(reference_date=lambda row: FRIDAY)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("next Tuesday", date(2026, 3, 31)),
        ("gestern", date(2026, 3, 26)),
        ("03/04/2026", date(2026, 4, 3)),
        ("3. April 2026", date(2026, 4, 3)),
        ("April", None),
        ("2026-02-30", None),
    ],
)
def test_a_day_is_read_as_the_text_means_it(said: str, day: date | None) -> None:
    assert GERMAN.day(said) == day


def test_what_may_be_two_days_is_none() -> None:
    assert Meanings().day("03/04/2026") is None
    assert Meanings(customs_of("en-US")).day("03/04/2026") == date(2026, 3, 4)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("1.234", "1234"),
        ("1.234,50", "1234.50"),
        ("-0,5", "-0.5"),
        ("12", "12"),
        ("1,2,3", None),
        ("x", None),
    ],
)
def test_a_number_is_read_as_the_locale_writes_it(said: str, number: str | None) -> None:
    assert GERMAN.number(said) == number


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_every_amount_reads_back_from_its_german_form(amount: Decimal) -> None:
    said = f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    found = GERMAN.number(said)
    assert found is not None
    assert Decimal(found) == amount


@pytest.mark.slow
@given(st.text(max_size=30))
def test_no_text_makes_reading_fail(said: str) -> None:
    GERMAN.number(said)
    GERMAN.day(said)


def test_values_of_a_reply_are_read_so() -> None:
    answer = '{"due": "nächsten Dienstag", "count": "1.234", "total": "1.250,50"}'
    text = "Bis nächsten Dienstag 1.234 Stück, 1.250,50 EUR"
    result = asked(answer, text, reference_date=FRIDAY, locale="de")
    assert result.record == Order(due=date(2026, 3, 31), count=1234, total=Decimal("1250.50"))
    assert "as the text writes it" in str(result.attempts[0].note)


def test_without_them_such_values_are_no_record() -> None:
    assert asked('{"due": "nächsten Dienstag"}', "Bis nächsten Dienstag").record is None


def test_evidence_counts_from_the_same_day() -> None:
    text = "Please deliver by next Tuesday."
    (span,) = asked('{"due": "2026-03-31"}', text, reference_date=FRIDAY).evidence["/due"]
    assert span.text == "next Tuesday"
    assert asked('{"due": "2026-03-31"}', text).evidence["/due"] == ()


def test_evidence_reads_by_the_same_locale() -> None:
    text = "Option A costs 1,234 and option B 1.234."
    spans = {
        locale: asked('{"total": "1234"}', text, locale=locale).evidence["/total"][0].text
        for locale in ("de", "en")
    }
    assert spans == {"de": "1.234", "en": "1,234"}


def test_a_document_hands_them_on() -> None:
    with (
        ChatServer([reply('{"due": "2026-03-31"}')]) as server,
        Extractor("llamacpp:m", base_url=server.base_url) as ex,
    ):
        found = ex.document(
            Order,
            "By next Tuesday.",
            chunks=Chunks(window=8000),
            reference_date=FRIDAY,
            run=Run(journal=False),
        )
    assert found.evidence["/due"][0].text == "next Tuesday"
