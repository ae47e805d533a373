"""Whatever texts, patterns and replies: nothing masked is in a request, or in what is kept and told."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel

from extractor import Extractor, Run
from extractor.masking import TextMask
from extractor.telemetry import DialogueEnded
from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, reply

LETTERS = "abcxyzÄß漢 .,-/~\\\"'\n"
secrets = st.lists(
    st.text(alphabet="QWJK7913ÖØ/~\\\"'", max_size=6).map("QÖ~J{}".format), min_size=1, max_size=3
)
around = st.lists(st.text(alphabet=LETTERS, max_size=20), min_size=2, max_size=5)


def refused(said: str) -> str:
    if "no" in said:
        raise ValueError(f"{said!r} is not wanted")
    if "bug" in said:
        raise KeyError(said)
    return said


class Found(BaseModel):
    values: list[Annotated[str, AfterValidator(refused)]]
    by_name: dict[str, int]


def answers(names: list[str], data: st.DataObject) -> Iterator[dict[str, Any]]:
    """Replies of a model that copies placeholders, adds to them, misspells and mixes them up, and errs."""
    misspelt = [each for name in names for each in (name.strip("[]"), f"<{name.lower()[1:]}")]
    said = st.sampled_from([*names, *misspelt, "[VALUE_77]", "other"])
    value = st.builds("{}{}".format, said, st.sampled_from(["", " no", " bug", "!", '"', "\\", " and more"]))
    for _ in range(4):
        yield {
            "values": data.draw(st.lists(value, max_size=3)),
            "by_name": data.draw(
                st.lists(st.fixed_dictionaries({"key": value, "value": st.sampled_from([1, "x"])}))
            ),
        }


@pytest.mark.slow
@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.generate))  # its servers take long
@given(secrets, around, st.data())
def test_nothing_masked_is_in_a_request_journal_log_error_or_attempt(
    hidden: list[str], pieces: list[str], data: st.DataObject
) -> None:
    text = data.draw(st.permutations([*pieces, *hidden, *hidden]).map(" ".join))
    mask = {f"kind {i}": re.escape(secret) for i, secret in enumerate(hidden)}
    masked = TextMask.of(mask)
    assert masked is not None
    names = [*masked.hide([text]).values]
    script = iter([*answers(names, data)])

    def answer(request: ReceivedRequest) -> Scripted:
        return reply(next(script, {"values": [], "by_name": []}))

    told, events = list[str](), list[Any]()
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("extractor")
    log.addHandler(handler)
    try:
        with TemporaryDirectory() as folder, ChatServer(answer) as server:
            journal = Path(folder, "journal.sqlite")
            with Extractor(
                "m", base_url=server.base_url, mask=mask, max_repairs=3, on_event=events.append
            ) as ex:
                [outcome] = ex.rows([text], Found, run=Run(journal=journal))
            kept = b"".join(path.read_bytes() for path in Path(folder).iterdir())
            sent = [request.body for request in server.requests]
    finally:
        log.removeHandler(handler)
    error = outcome.error
    seen = [event for event in events if not isinstance(event, DialogueEnded)]  # which has the result
    said = [*told, *map(repr, seen), repr(outcome.attempts)]
    said.append(f"{error} {error!r} {vars(error) if error else ''}")
    if error is not None:
        said += [repr(error.__cause__), repr(error.__context__)]
    for secret in hidden:
        for body in (*sent, kept):
            assert not any(form.encode() in body for form in spellings(secret))
        for line in said:
            assert not any(form in line for form in spellings(secret))


class Rewritten(BaseModel):
    backwards: Annotated[str, AfterValidator(lambda said: said[::-1])]
    other: str


@pytest.mark.slow
@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(secrets, around, st.data())
def test_nothing_masked_reaches_a_second_model_in_any_form(
    hidden: list[str], pieces: list[str], data: st.DataObject
) -> None:
    text = data.draw(st.permutations([*pieces, *hidden]).map(" ".join))
    mask = {f"kind {i}": re.escape(secret) for i, secret in enumerate(hidden)}
    masked = TextMask.of(mask)
    assert masked is not None
    name = data.draw(st.sampled_from([*masked.hide([text]).values]))
    first = logprobs(reply({"backwards": name, "other": "x"}), {'"x"': -3.0})
    with ChatServer(first) as one, ChatServer(reply({"other": "y"})) as two:
        second = Extractor("large", base_url=two.base_url, mask=mask)
        with second, Extractor("m", base_url=one.base_url, mask=mask, escalate=second, below=0.4) as ex:
            result = ex.run(Rewritten, text)
    assert result.escalation is not None
    assert len(two.requests) == 1
    for secret in hidden:
        for form in spellings(secret) | spellings(secret[::-1]):
            assert form.encode() not in two.requests[0].body


def spellings(secret: str) -> set[str]:
    """How a secret may be written in what is sent or kept."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }


@pytest.mark.slow
@given(
    st.lists(st.text(max_size=12), max_size=4),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.text(max_size=5)), max_size=6),
    st.data(),
)
def test_whatever_a_function_finds_is_gone_and_unmasking_gives_the_texts_back(
    pieces: list[str], places: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    texts = ["".join(data.draw(st.permutations(pieces))) for _ in range(2)]

    def find(text: str) -> Iterator[tuple[int, int, str]]:
        for start, end, label in places:
            if start <= end <= len(text):
                yield start, end, label

    mask = TextMask.of(find)
    assert mask is not None
    masked = mask.hide(texts)
    assert tuple(map(masked.back, masked.texts)) == tuple(texts)
    placeholders = "|".join(map(re.escape, masked.values)) or r"(?!)"
    left = [part for text in masked.texts for part in re.split(placeholders, text)]
    for text in texts:
        for start, end, _ in find(text):
            assert not text[start:end].strip() or not any(text[start:end] in part for part in left)


@pytest.mark.slow
@given(st.lists(st.text(min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=3), st.data())
def test_a_reply_of_placeholders_comes_back_as_json_with_the_values(
    values: list[str], data: st.DataObject
) -> None:
    mask = TextMask.of(lambda text: [(0, len(text), "x y")])
    assert mask is not None
    masked = mask.hide(values)
    said = data.draw(st.lists(st.sampled_from(masked.texts), max_size=4))
    assert json.loads(masked.json_back(json.dumps(said))) == [masked.back(each) for each in said]
