"""A locale says what 1.234 and 03/04/26 mean, where the text itself does not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from extractor import ConfigError, align
from extractor.evidence.customs import Customs, customs_of


@pytest.mark.parametrize(
    ("locale", "customs"),
    [
        (None, Customs()),
        ("de", Customs(",", "d")),
        ("de-CH", Customs(".", "d")),
        ("de_AT.UTF-8", Customs(",", "d")),
        ("en", Customs(".", "m")),
        ("en-US", Customs(".", "m")),
        ("en-GB", Customs(".", "d")),
        ("EN_gb", Customs(".", "d")),
        ("ja", Customs(".", "m")),
        ("zh-Hant-HK", Customs(".", "d")),
    ],
)
def test_a_locale_is_a_language_with_or_without_its_territory(locale: str | None, customs: Customs) -> None:
    assert customs_of(locale) == customs


@pytest.mark.parametrize("locale", ["", "german", "xx-YY", "C"])
def test_what_is_no_locale_is_a_config_error(locale: str) -> None:
    with pytest.raises(ConfigError, match="is not a language"):
        align({"a": 1}, "1", locale=locale)


def score(value: object, text: str, locale: str | None) -> float:
    (span,) = align({"value": value}, text, locale=locale)["/value"]
    return span.score


@pytest.mark.parametrize(
    ("value", "other", "text", "locale"),
    [
        (Decimal(1234), Decimal("1.234"), "Es sind 1.234 Euro.", "de"),
        (Decimal("1.234"), Decimal(1234), "It is 1.234 euros.", "en"),
        (Decimal("1.234"), Decimal(1234), "Das sind 1,234 Euro.", "de"),
        (Decimal(1234), Decimal("1.234"), "It is 1,234 euros.", "en-GB"),
        (date(2026, 4, 3), date(2026, 3, 4), "due 03/04/26", "en-GB"),
        (date(2026, 3, 4), date(2026, 4, 3), "due 03/04/26", "en-US"),
        (date(2026, 3, 4), date(2026, 4, 3), "due 03/04/26", "ja"),
    ],
)
def test_the_reading_of_the_locale_is_surer_than_the_other_one(
    value: object, other: object, text: str, locale: str
) -> None:
    assert score(value, text, locale) > 0.9
    assert score(other, text, locale) <= 0.6
    assert min(score(value, text, None), score(other, text, None)) > 0.8  # neither is unlikely, else


def test_what_the_text_itself_says_counts_more() -> None:
    text = "from 25/12/25 to 03/05/26"
    assert score(date(2026, 5, 3), text, "en-US") > score(date(2026, 3, 5), text, "en-US")
    assert score(Decimal("1234.5"), "1.234,50", "en") > 0.9
