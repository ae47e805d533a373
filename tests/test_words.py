"""Words of strangers: what a terminal and a log are shown of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from extractor import Extractor
from extractor.testing import ChatServer, reply
from extractor.words import escaped, one_line, printable, shortened

ODD = "a\x1b[2J\x9b31m\x07\r\x7f\u202eb\ud800"


def test_text_moves_no_cursor_sets_no_colour_and_turns_no_line_around() -> None:
    assert printable(ODD) == "a\ufffd[2J\ufffd31m" + 4 * "\ufffd" + "b\ufffd"
    assert printable("äöü\n\t東京 שלום") == "äöü\n\t東京 שלום"


@given(st.text(st.characters()))
def test_text_for_a_log_is_one_line_that_utf_8_can_hold(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert "?" not in one_line(text.replace("?", "")).encode("utf-8", "replace").decode()


@given(st.text(st.characters()))
def test_json_that_is_escaped_means_the_same(text: str) -> None:
    told = escaped(json.dumps(text, ensure_ascii=False))
    assert utf_16(json.loads(told)) == utf_16(text)
    assert told.encode()
    assert printable(told) == told


def utf_16(text: str) -> bytes:
    return text.encode("utf-16", "surrogatepass")


def test_of_a_long_text_both_ends_are_shown_and_its_length() -> None:
    assert shortened("a" * 2_000) == "a" * 2_000
    told = shortened("a" * 3_000_000 + "b" * 2_000_000)
    assert told == f"{'a' * 1_500} … (5,000,000 characters) … {'b' * 500}"


class Loud(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def shout(cls, name: str) -> str:
        raise ValueError(name)


@pytest.mark.slow
def test_a_validator_that_quotes_megabytes_makes_no_message_of_megabytes() -> None:
    with (
        ChatServer(reply({"name": "x" * 5_000_000})) as server,
        Extractor("m", base_url=server.base_url, max_repairs=0) as ex,
    ):
        result = ex.run(Loud, "text")
    assert len(str(result.error)) < 2_500
    assert len(result.attempts[-1].problems[0].reason) > 5_000_000
