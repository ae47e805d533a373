"""Strings are found as they are, or as the same words written otherwise."""

import pytest

from extractor.evidence import How, find_verbatim
from extractor.evidence.folding import fold
from extractor.evidence.strings import find

VERBATIM = [  # value, text, the piece of the text
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


@pytest.mark.parametrize(("value", "text"), ABSENT)
def test_a_part_of_a_word_or_of_a_number_is_not_the_value(value: str, text: str) -> None:
    assert find(value, fold(text)) == []
