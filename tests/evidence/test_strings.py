"""Strings are found as they are, or as the same words written otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evidence import How, find_said, find_verbatim
from extractor.evidence.folding import fold
from extractor.evidence.strings import find

VERBATIM = [  # value, text, the piece of the text
    ("AT&T", "of AT&amp;T Inc.", "AT&amp;T"),
    ("AT&amp;T", "of AT&T Inc.", "AT&T"),
    ("café au lait", "un caf&eacute; au&nbsp;lait", "caf&eacute; au&nbsp;lait"),
    ("R&Dfoo;", "of R&Dfoo; here", "R&Dfoo;"),
    ("information", "more informa-\ntion here", "informa-\ntion"),
    ("well-known", "a well-\nknown fact", "well-\nknown"),
    ("deficits", "Information deﬁcits in", "deﬁcits"),
    ("Café", "at the Cafe\u0301 Central", "Cafe\u0301"),
    ('He said "no"', "He  said\n“no”!", "He  said\n“no”"),
    ("O'Brien", "Mr O’Brien", "O’Brien"),
    ("東京", "彼は東京都に住む", "東京"),
    ("ガム", "ｶﾞﾑを買う", "ｶﾞﾑ"),
    ("สวัสดี", "ครับสวัสดีค่ะ", "สวัสดี"),
    ("שלום", "אמר שלום לכולם", "שלום"),
    ("서울", "서울에서 만나요", "서울"),
    ("Acme 12", "Ａｃｍｅ　１２ Ltd", "Ａｃｍｅ　１２"),
    ("soft", "so\u00adft", "so\u00adft"),
    ("C++", "C and C++", "C++"),
    ("Smith, J. D.", "Smith, J. D. (1999)", "Smith, J. D."),
    ("...", "a ... b", "..."),
    ("$1,234.50", "for $1,234.50 net", "$1,234.50"),
    ("🙂 ok", "fine 🙂 ok", "🙂 ok"),
]
FOLDED = [
    ("acme corp", "ACME  Corp.", "ACME  Corp"),
    ("US", "in the U.S. today", "U.S"),
    ("Cafe", "au Café", "Café"),
    ("12 Jalan Besar, 50480 KL", "12 JALAN BESAR\n50480, K.L.", "12 JALAN BESAR\n50480, K.L"),
    ("القاهرة", "في القَاهِرَة اليوم", "القَاهِرَة"),
    ("Ivanov Petr", "ИВАНОВ - IVANOV, Petr", "IVANOV, Petr"),
]
ABSENT = [
    ("art", "a party"),
    ("5", "15 and 5.75 and 1,5"),
    ("12", "2012"),
    ("C++", "C and C#"),
    ("", "anything"),
    ("東京", "京東"),
]


@pytest.mark.parametrize(("value", "text", "piece"), VERBATIM)
def test_what_stands_in_the_text_is_found_however_unicode_writes_it(
    value: str, text: str, piece: str
) -> None:
    (span,) = find_verbatim(value, text)
    assert (span.text, span.how, span.score) == (piece, How.EXACT, 1.0)
    assert text[span.start : span.end] == piece


@pytest.mark.parametrize(("value", "text", "piece"), FOLDED)
def test_the_same_words_written_otherwise_are_folded_and_not_verbatim(
    value: str, text: str, piece: str
) -> None:
    (span,) = find(value, fold(text))
    assert (span.text, span.how) == (piece, How.FOLDED)
    assert span.score < 1
    assert find_verbatim(value, text) == ()


SAID = [  # value, text, the piece of the text
    ("Acme Ltd", "by ACME LTD, 2026", "ACME LTD"),
    ("The kettle leaks.", "that the kettle leaks again", "the kettle leaks"),
    ('"no"', "He said no.", "no"),
    ("Straße 5", "STRASSE 5", "STRASSE 5"),
    ("fish & chips", "Fish &amp; Chips!", "Fish &amp; Chips"),
    ('say "no"', "say &quot;no&quot; now", "say &quot;no"),
    ("É", "x &Eacute; y", "&Eacute;"),
]
NOT_SAID = [
    ("-5", "is 5 now"),
    (".5", "is 5 now"),
    ("12", "a B12 pill"),
    ("1.234", "1,234"),
    ("C#", "C++ and C"),
    ("Cafe", "au Café"),
    ("amp", "AT&amp;T"),
    ("12 Jalan, 50", "12 Jalan 50"),
]


@pytest.mark.parametrize(("value", "text", "piece"), SAID)
def test_what_is_said_in_another_case_or_between_other_marks_is_found(
    value: str, text: str, piece: str
) -> None:
    (span,) = find_said(value, text)
    assert span.text == piece == text[span.start : span.end]


@pytest.mark.parametrize(("value", "text"), NOT_SAID)
def test_what_differs_by_a_sign_within_a_digit_or_an_accent_is_not_said(value: str, text: str) -> None:
    assert find_said(value, text) == ()


@given(st.text(st.sampled_from("ab &;#39ampé\n.,'"), max_size=30))
def test_the_words_of_a_text_with_entities_stand_where_they_are_said_to(text: str) -> None:
    words = fold(text)
    assert all(0 <= a <= b <= len(text) for a, b in zip(words.starts, words.ends, strict=True))
    assert sorted(words.starts) == list(words.starts)
    for span in find_said(text, text):
        assert span.text == text[span.start : span.end]


@pytest.mark.parametrize(("value", "text"), ABSENT)
def test_a_part_of_a_word_or_of_a_number_is_not_the_value(value: str, text: str) -> None:
    assert find(value, fold(text)) == []
