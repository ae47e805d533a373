"""In every API, whole or streamed: a reply ends in an outcome, and `ok` only with what the model gave."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor.dialects import DIALECTS
from extractor.dialects.replies import read_reply
from extractor.dialogue import Policy, judge_record, start
from extractor.messages import Choice, Completion, Failure, FunctionCall, Message, Outcome, Request, ToolCall
from extractor.results import Extraction
from extractor.schema import compile_schema
from extractor.streams import RecordGrowth, StreamReader
from extractor.testing import Reply
from extractor.transport.http import Head
from tests.dialects.test_every_dialect import ASKED, RECEIVED, SERVERS

HEAD = Head(200, {"content-type": "text/event-stream"})
every_dialect = pytest.mark.parametrize("name", DIALECTS)


class Note(BaseModel):
    """All of it may be left out, and it holds itself: any piece of JSON could be one."""

    name: str | None = None
    n: float | None = None
    sub: Note | None = None


NOTE, NOTES = compile_schema(Note), compile_schema(list[Note])


def ended(event: Completion | Failure, compiled: Any = NOTE) -> Extraction[Any]:
    judge = partial(judge_record, decode=compiled.decode, reader=compiled.reader())
    request = Request("m", (Message("user", "?"),), response_schema=compiled.strict)
    end = start(request, judge, Policy(max_repairs=0, max_retries=0), 0.0).receive(event, 0.0, 0.0)
    assert isinstance(end, Extraction)
    return end


def whole(name: str, reply: Reply) -> Completion | Failure:
    said = SERVERS[name].whole(reply, ASKED[name], RECEIVED)
    return read_reply(DIALECTS[name], 200, {}, json.dumps(said).encode(), 0.0, 0.0)


def streamed(name: str, reply: Reply, compiled: Any = NOTE) -> tuple[Completion | Failure, list[Any]]:
    events = SERVERS[name].events(reply, ASKED[name], RECEIVED)
    lines = (e if isinstance(e, str) else json.dumps(e) for e in events)
    return read_stream(name, [f"data: {line}\n\n".encode() for line in lines], compiled)


def read_stream(name: str, pieces: Iterable[bytes], compiled: Any = NOTE) -> Any:
    reading, growth = StreamReader(DIALECTS[name], lambda: 0.0, lambda: 0.0), RecordGrowth(compiled)
    shown = []
    for piece in (HEAD, *pieces):
        for chunk in reading.feed(piece):
            shown += growth.add(chunk)
    return reading.end(), shown


def both(name: str, reply: Reply, compiled: Any = NOTE) -> Extraction[Any]:
    """Return how the whole reply ended, and see that the streamed one ends alike."""
    one = ended(whole(name, reply), compiled)
    other = ended(streamed(name, reply, compiled)[0], compiled)
    assert (one.outcome, one.record, one.attempts[0].note) == (
        other.outcome, other.record, other.attempts[0].note,
    )  # fmt: skip
    return one


def said(text: str) -> Reply:
    return Reply((Choice(Message("assistant", text), "stop"),))


def called(*arguments: str) -> Reply:
    calls = tuple(ToolCall(f"c{i}", FunctionCall("Note", text)) for i, text in enumerate(arguments))
    return Reply((Choice(Message("assistant", None, tool_calls=calls), "tool_calls"),))


words = st.text("ab ,.'<>{}[]\\\"\n\té\U0001f600", min_size=1, max_size=8)
leaves = st.fixed_dictionaries({"name": words, "n": st.integers(0, 99) | st.none(), "sub": st.none()})
notes = leaves | st.builds(lambda outer, inner: outer | {"sub": inner}, leaves, leaves)
prose = st.sampled_from(["", "Here it is:\n", "As {in} the text [1): ", "```json\n"])
PLAIN = {
    "alone": "{a}",
    "said twice": "{a} again: {a}",
    "with a remark": '{a}\n{{"note":"all taken from the text"}}',
    "after a thought": "<think>Or {b}?</think>{a}",
    "after a thought without its beginning": "{b}? No.</think>{a}",
    "before a thought": "{a}\n<think>Or {b}?</think>",
    "in the final channel": "<|channel|>analysis<|message|>Or {b}?<|end|><|start|>assistant"
    "<|channel|>final <|constrain|>json<|message|>{a}",
}
NOTED = {
    "under its name": '{{"Note":{a}}}',
    "in a list of one": "[{a}]",
    "in the words of a call": '{{"name":"Note","arguments":{a}}}',
    "with a comma": "{comma}",
    "with raw line breaks": "{raw}",
    "encoded twice": "{text}",
    "as the properties of a schema": '{{"properties":{a}}}',
}
NONE = {
    "broken before its end": '{{"name":None,"n":1,"sub":{a}}}',
    "with an unescaped quote": '{{"name":"5" screen","n":1,"sub":{a}}}',
    "with a number in groups": '{{"name":"x","n":1,234.50,"sub":{a}}}',
    "cut off": '{{"name":"x","sub":{a}',
    "in a thought without an end": "<think>Perhaps {a}",
    "two answers": "{a}\n{b}",
    "a broken one and another": '{{"name":None}} {a}',
    "under another name": '{{"other":{a}}}',
    "after other members without braces": "name: x\nn: 1\nsub: {a}",
}


SHOWN = ("two answers", "in a list of one", "with a comma", "in the words of a call",
         "after other members without braces", "as the properties of a schema")  # fmt: skip


def written(form: str, a: Any, b: Any) -> str:
    text = json.dumps(a, ensure_ascii=False)
    raw = json.dumps(a | {"name": "\0"}, ensure_ascii=False).replace("\\u0000", "one\nline\tor two")
    return form.format(
        a=text, b=json.dumps(b), comma=text[:-1] + " , }", raw=raw, text=json.dumps(text, ensure_ascii=False)
    )


@pytest.mark.slow
@every_dialect
@settings(deadline=None, max_examples=40)
@given(before=prose, form=st.sampled_from([*PLAIN, *NOTED, *NONE]), a=notes, b=notes, data=st.data())
def test_a_record_is_what_the_model_gave_and_each_tolerant_reading_is_noted(
    name: str, before: str, form: str, a: Any, b: Any, data: st.DataObject
) -> None:
    b = b | {"name": f"{a['name']}!"}
    text = written({**PLAIN, **NOTED, **NONE}[form], a, b)
    if form not in ("encoded twice", "after a thought without its beginning"):
        text = before + text
    as_call = name.startswith("openai") and not before and data.draw(st.booleans())  # elsewhere it is no text
    result = both(name, called(text) if as_call else said(text))
    if form in NONE:
        assert result.outcome in (Outcome.INVALID, Outcome.INVALID_JSON)
        return
    expected = Note.model_validate(
        a | ({"name": "one\nline\tor two"} if "{raw}" in NOTED.get(form, "") else {})
    )
    assert (result.outcome, result.record) == (Outcome.OK, expected)
    if form in NOTED:
        assert "tolerance" in (result.attempts[0].note or "")


@every_dialect
@settings(deadline=None, max_examples=25)
@given(form=st.sampled_from([*NOTED, *NONE]), a=notes, b=notes)
def test_while_it_streams_nothing_is_shown_that_stands_inside_of_something_broken(
    name: str, form: str, a: Any, b: Any
) -> None:
    text = written({**NOTED, **NONE}[form], a | {"name": "inner"}, b)
    _, shown = streamed(name, said(text))
    names = {partial.name for partial in shown if not isinstance(partial.name, type(None))}
    if form not in SHOWN:
        assert not names & {"inner"}


@pytest.mark.slow
@every_dialect
@settings(deadline=None, max_examples=25)
@given(parts=st.lists(st.lists(leaves, min_size=1, max_size=2), min_size=2, max_size=3))
def test_the_lists_of_parallel_calls_are_joined_in_order(name: str, parts: list[list[Any]]) -> None:
    texts = [json.dumps({"value": part}) for part in parts]
    result = both(name, called(*texts), NOTES)
    assert result.record == [Note.model_validate(item) for part in parts for item in part]
    assert f"the lists of {len(parts)} calls were joined" in (result.attempts[0].note or "")
    assert both(name, called(*texts[:-1], '{"value": 3}'), NOTES).outcome is Outcome.INVALID


TOKENS = ['{"name":', '"x"', ",", "}", "]", "[", "null", '"sub":', '"n":1', "<think>", "</think>", "so ",
          "\n", '{"n":1}', '"y', "{"]  # fmt: skip


@pytest.mark.slow
@every_dialect
@settings(deadline=None, max_examples=150)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=14))
def test_without_a_note_a_record_is_json_that_stands_in_the_reply(name: str, tokens: list[str]) -> None:
    result = both(name, said("".join(tokens) or "-"))
    if result.outcome is Outcome.OK and result.attempts[0].note is None:
        spans = ("".join(tokens[a:b]) for a, b in combinations(range(len(tokens) + 1), 2))
        assert any(_record(span) == result.record for span in spans)


def _record(text: str) -> Note | None:
    try:
        return Note.model_validate(json.loads(text))
    except ValueError:
        return None


@pytest.mark.slow
@every_dialect
@settings(deadline=None, max_examples=60)
@given(body=st.binary(max_size=80) | st.text(max_size=80).map(str.encode), text=st.text(max_size=40))
def test_for_any_bytes_a_call_ends_in_an_outcome(name: str, body: bytes, text: str) -> None:
    plain = json.dumps(SERVERS[name].whole(said(text or "-"), ASKED[name], RECEIVED)).encode()
    for sent in (body, plain, plain[: len(body)], plain.replace(b'"', body[:1] or b"'")):
        assert ended(read_reply(DIALECTS[name], 200, {}, sent, 0.0, 0.0)).outcome in Outcome
        assert ended(read_stream(name, [b"data: " + sent + b"\n\n"])[0]).outcome in Outcome
