"""What must not leave: placeholders are sent in its place, and the values come back in the record."""

from __future__ import annotations

import json
import logging
import re
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from extractor import Chunks, ConfigError, Extractor, Invalid, Outcome, Run, image, tables
from extractor.masking import TextMask
from extractor.testing import ChatServer, reply, status

TEXT = "Ada Lovelace (ada@example.org, +44 20 7946 0018) asks for C-123456. Reply to ada@example.org."
MASK = ["email", "phone", {"customer": r"C-\d{6}"}]
MAIL, CUSTOMER = "email_1@masked.invalid", "[CUSTOMER_1]"
SECRETS = ("ada@example.org", "+44 20 7946 0018", "C-123456")
ANSWER = {"name": "Ada Lovelace", "mail": MAIL, "customer": CUSTOMER}


class Inquiry(BaseModel):
    name: str
    mail: str
    customer: str


def client(server: ChatServer, **options: Any) -> Extractor:
    return Extractor("m", base_url=server.base_url, mask=MASK, **options)


def test_placeholders_are_sent_and_the_values_come_back_with_their_places() -> None:
    with ChatServer([reply(ANSWER)]) as server, client(server) as ex:
        result = ex.run(Inquiry, TEXT)
        sent = json.dumps(server.requests[0].json, ensure_ascii=False)
    assert result.record == Inquiry(name="Ada Lovelace", mail="ada@example.org", customer="C-123456")
    assert not any(secret in sent for secret in SECRETS)
    assert sent.count(MAIL) == 2  # the same value, the same placeholder
    assert result.source == TEXT
    assert [TEXT[span.start : span.end] for span in result.evidence["/customer"]] == ["C-123456"]
    assert len(result.evidence["/mail"]) >= 1


def test_a_mask_of_one_call_stands_in_place_of_the_clients() -> None:
    with ChatServer([reply(ANSWER | {"mail": "ada@example.org", "customer": "C-123456"})]) as server:
        with client(server) as ex:
            ex.extract(Inquiry, TEXT, mask=[{"nobody": "Grace"}])
        assert "ada@example.org" in server.requests[0].body.decode()


def test_a_value_beside_a_placeholder_is_put_back_too() -> None:
    with ChatServer([reply(ANSWER | {"mail": f"{MAIL} (work)"})]) as server, client(server) as ex:
        assert ex.extract(Inquiry, TEXT).mail == "ada@example.org (work)"


def test_what_the_model_wrote_beside_a_placeholder_is_told_in_a_note() -> None:
    guessed = ANSWER | {"mail": f"{MAIL} (work)", "name": "Ada, +44 20 7946 0018"}
    with ChatServer([reply(guessed)]) as server, client(server) as ex:
        [note] = ex.run(Inquiry, TEXT).notes
    assert note == (
        "the model added text to a placeholder that the source does not have there: /mail; "
        "the model wrote a masked value that it had not seen: /name"
    )


def test_a_run_counts_the_rows_where_the_model_added_to_a_placeholder(tmp_path: Path) -> None:
    (tmp_path / "mails.jsonl").write_text(
        json.dumps({"body": TEXT}) + "\n" + json.dumps({"body": f"{TEXT} Bye."})
    )
    with ChatServer(reply(ANSWER | {"mail": f"{MAIL} (work)"})) as server, client(server) as ex:
        told = tables.run(
            tmp_path / "mails.jsonl",
            Inquiry,
            text="body",
            into=tmp_path / "o.jsonl",
            model=ex,
            run=Run(journal=False),
        )
    assert told.notes == (
        "2 rows: the model added text to a placeholder that the source does not have there",
    )


def test_a_placeholder_with_the_words_around_it_in_the_text_is_no_note() -> None:
    copied = ANSWER | {"name": f"Ada Lovelace ({MAIL}"}
    with ChatServer([reply(copied)]) as server, client(server) as ex:
        assert ex.run(Inquiry, TEXT).notes == ()


def test_a_fallback_model_reads_what_the_first_one_would() -> None:
    with ChatServer(status(400, "no")) as first, ChatServer(reply(ANSWER)) as second:
        with Extractor("n", base_url=second.base_url) as other, client(first, fallback=other) as ex:
            assert ex.extract(Inquiry, TEXT).customer == "C-123456"
            [outcome] = ex.rows([TEXT], Inquiry, run=Run(journal=False))
        assert outcome.unwrap().customer == "C-123456"
        assert len(second.requests) == 2
        for request in (*first.requests, *second.requests):
            assert not any(secret in request.body.decode() for secret in SECRETS)


def test_conversations_are_refused_where_the_client_masks_texts() -> None:
    with ChatServer() as server, client(server) as ex:
        for call in (ex.chat, ex.chat_stream, lambda text: ex.parse(text, Inquiry)):
            with pytest.raises(ConfigError, match="messages can't be masked"):
                call(TEXT)
        with pytest.raises(ConfigError, match="messages can't be masked"):
            ex.run_tools(TEXT, tools=[Inquiry])
        assert not server.requests


def test_what_overlaps_is_hidden_as_one_value() -> None:
    mask = TextMask.of([{"left": "abcd", "right": "cdefg"}])
    assert mask is not None
    masked = mask.hide(["abcdefg and cdefg"])
    assert masked.texts == ("[RIGHT_1] and [RIGHT_2]",)
    assert masked.back(masked.texts[0]) == "abcdefg and cdefg"


def test_a_function_that_gives_no_place_in_the_text_is_named() -> None:
    def names(text: str) -> list[Any]:
        return [(0, 99, "NAME")]

    with (
        Extractor("m", base_url="http://127.0.0.1:9/v1", mask=names) as ex,
        pytest.raises(ConfigError, match=r"the mask names returned .0, 99, 'NAME'."),
    ):
        ex.extract(Inquiry, "Ada")


def test_a_function_that_fails_is_named_with_its_line_and_without_the_text() -> None:
    def broken(text: str) -> list[Any]:
        raise KeyError(text)

    with (
        Extractor("m", base_url="http://127.0.0.1:9/v1", mask=broken) as ex,
        pytest.raises(
            ConfigError, match=r"the mask broken raised KeyError in .*test_masking.py, line \d+"
        ) as raised,
    ):
        ex.extract(Inquiry, TEXT)
    assert not any(secret in "".join(traceback.format_exception(raised.value)) for secret in SECRETS)


class Buggy(Inquiry):
    @field_validator("mail")
    @classmethod
    def known(cls, mail: str) -> str:
        return {"nobody@example.org": mail}[mail]


def test_an_error_of_a_validator_itself_is_told_without_what_is_masked() -> None:
    with ChatServer(reply(ANSWER)) as server, client(server) as ex:
        error = ex.run(Buggy, TEXT).error
    told = "".join(traceback.format_exception(error))
    assert f"KeyError: '{MAIL}'" in told
    assert not any(secret in told for secret in SECRETS)


def test_a_placeholder_that_stands_for_nothing_is_asked_for_again() -> None:
    wrong = ANSWER | {"customer": "[CUSTOMER_7]"}
    with ChatServer([reply(wrong), reply(ANSWER)]) as server, client(server) as ex:
        result = ex.run(Inquiry, TEXT)
        complaint = server.requests[1].json["messages"][-1]["content"]
    assert result.outcome is Outcome.REPAIRED
    assert result.unwrap().customer == "C-123456"
    assert "[CUSTOMER_7] stands nowhere in the text" in complaint


class Strict(Inquiry):
    @field_validator("mail")
    @classmethod
    def of_the_firm(cls, mail: str) -> str:
        if not mail.endswith("firm.example"):
            raise ValueError(f"{mail} is no address of the firm")
        return mail


def test_neither_errors_nor_repairs_nor_logs_hold_what_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ChatServer(reply(ANSWER)) as server, client(server, max_repairs=1) as ex:
        with pytest.raises(Invalid) as raised:
            ex.extract(Strict, TEXT)
        sent = "".join(request.body.decode() for request in server.requests)
    error = raised.value
    told = f"{error} {error.problems} {error.attempts} {error.__cause__} {error.__context__}"
    for secret in SECRETS:
        assert secret not in sent
        assert secret not in told
        assert secret not in caplog.text
    assert f"{MAIL} is no address of the firm" in sent


def test_journals_and_rows_hold_placeholders_alone(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    with ChatServer(reply(ANSWER)) as server, client(server) as ex:
        for _ in range(2):
            [outcome] = ex.rows([TEXT], Inquiry, run=Run(journal=journal, rows_per_request=4))
            assert outcome.record == Inquiry(name="Ada Lovelace", mail="ada@example.org", customer="C-123456")
        assert len(server.requests) == 1
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert MAIL.encode() in kept
    assert not any(secret.encode() in kept for secret in SECRETS)


def test_examples_are_masked_as_texts_are() -> None:
    example = (
        "Bob, bob@example.net, C-999999.",
        Inquiry(name="Bob", mail="bob@example.net", customer="C-999999"),
    )
    with ChatServer([reply(ANSWER)]) as server, client(server) as ex:
        ex.extract(Inquiry, TEXT, examples=[example])
        sent = server.requests[0].body.decode()
    assert "bob@example.net" not in sent
    assert "C-999999" not in sent


def test_a_long_text_is_masked_chunk_by_chunk() -> None:
    def answer(request: Any) -> Any:
        said = request.json["messages"][-1]["content"]
        return reply({"items": re.findall(r"\[CUSTOMER_\d+\]", said)})

    class Customers(BaseModel):
        items: list[str]

    numbers = [f"C-{number:06}" for number in range(40)]
    text = "\n\n".join(f"Line {i}: customer {number}, thank you." for i, number in enumerate(numbers))
    with ChatServer(answer) as server, client(server) as ex:
        found = ex.document(Customers, text, chunks=Chunks(size=400, overlap=0), run=Run(journal=False))
        sent = "".join(request.body.decode() for request in server.requests)
    assert found.unwrap().items == numbers
    assert not any(number in sent for number in numbers)


@pytest.mark.parametrize(
    ("given", "told"),
    [("e-mail", "not one of email"), ({"x": "("}, "not a regular expression"), (3, "names of patterns")],
)
def test_masks_that_mean_nothing_are_refused_at_once(given: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Extractor("m", base_url="http://127.0.0.1:9/v1", mask=given)


def test_what_can_not_be_looked_into_is_refused() -> None:
    with ChatServer() as server, client(server) as ex, pytest.raises(ConfigError, match="images and files"):
        ex.extract(Inquiry, ["Who is this?", image(bytes.fromhex("89504e470d0a1a0a0000000d49484452"))])


def test_streams_are_refused_since_they_show_replies_as_they_come() -> None:
    with ChatServer() as server, client(server) as ex:
        for options in ({}, {"mask": None}, {"mask": "email"}):
            with pytest.raises(ConfigError, match="mask= is for run"):
                ex.stream(Inquiry, TEXT, **options)


@pytest.mark.slow
@given(
    st.lists(st.text(min_size=0, max_size=20), min_size=1, max_size=3),
    st.lists(st.text(min_size=4, max_size=12), max_size=4),
    st.data(),
)
def test_nothing_that_was_found_is_left_and_unmasking_gives_the_texts_back(
    around: list[str], secrets: list[str], data: st.DataObject
) -> None:
    texts = [data.draw(st.permutations([piece, *secrets]).map("".join)) for piece in around]
    mask = TextMask.of([{f"secret {i}": re.escape(secret)} for i, secret in enumerate(secrets)])
    assert mask is not None
    masked = mask.hide(texts)
    assert tuple(map(masked.back, masked.texts)) == tuple(texts)
    for value, name in ((value, name) for name, value in masked.values.items()):
        assert value in name or not any(value in text for text in _between(masked.texts, masked.values))


def _between(texts: tuple[str, ...], names: Any) -> list[str]:
    """The texts without their placeholders."""
    placeholders = "|".join(map(re.escape, names)) or r"(?!)"
    return [part for text in texts for part in re.split(placeholders, text)]
