"""help() and completion show the keywords of a call, with their defaults."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import pydoc
import typing
from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, is_typeddict

import pytest
from pydantic import BaseModel, ValidationError, validate_call

from extractor import AsyncExtractor, ConfigError, Extractor, Run, extract, options, tables
from extractor.bulk import RUN_OPTIONS
from extractor.bulk.run import RunSettings
from extractor.client.conversing import Conversing
from extractor.dialogue.policy import Policy
from extractor.errors import ExtractionError, ExtractorError
from extractor.options import PARAMETERS
from extractor.signatures import DEFAULTS, NOT_SENT, OF_EXTRACTOR, explicit
from extractor.testing import ChatServer, shaped
from extractor.transport.connection import ConnectionOptions
from extractor.transport.exchange import LARGE

VERBS = [
    "run",
    "extract",
    "stream",
    "items",
    "document",
    "document_items",
    "rows",
    "frame",
    "estimate",
    "preview",
    "parse",
    "chat",
    "chat_stream",
    "run_tools",
]


def parameters(call: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(call).parameters)


@pytest.mark.parametrize("kind", [Extractor, AsyncExtractor])
@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_hides_its_keywords(kind: type, verb: str) -> None:
    verb = "aframe" if verb == "frame" and kind is AsyncExtractor else verb
    shown = parameters(getattr(kind, verb))
    assert not [each for each in shown.values() if each.kind is each.VAR_KEYWORD]
    assert shown["temperature"].default is NOT_SENT


def test_keywords_come_with_their_types_and_defaults() -> None:
    shown = parameters(Extractor.run)
    assert shown["samples"].default == 1
    assert str(shown["confidence"]) == "confidence: 'bool | str | PathLike[str] | None' = None"
    assert list(shown)[:4] == ["self", "record_type", "text", "instructions"]
    assert "journal" not in parameters(Extractor.rows)
    assert parameters(Extractor)["mode"].default == "auto"
    assert parameters(extract)["model"].default is None
    assert parameters(Extractor.run_tools)["tools"].default is inspect.Parameter.empty


MOST_SHOWN = {  # keywords of ours: what is asked, how documents are read, and the groups
    **dict.fromkeys(("run", "extract", "stream", "items", "preview", "update"), 10),
    **dict.fromkeys(("document", "document_items", "split", "estimate"), 12),
    **dict.fromkeys(("rows", "frame"), 13),
    **dict.fromkeys(("parse", "chat", "chat_stream", "run_tools"), 4),
}


@pytest.mark.parametrize("kind", [Extractor, AsyncExtractor])
@pytest.mark.parametrize("verb", MOST_SHOWN)
def test_a_verb_shows_about_ten_keywords_of_ours(kind: type, verb: str) -> None:
    shown = parameters(getattr(kind, verb))
    ours = [n for n, each in shown.items() if each.kind is each.KEYWORD_ONLY and n not in PARAMETERS]
    assert len(ours) <= MOST_SHOWN[verb], ours


def test_the_limits_are_those_of_every_verb() -> None:
    verbs = {**vars(Conversing), **vars(Extractor)}
    taken = {name for name, verb in verbs.items() if inspect.isfunction(verb) and name[0] != "_"}
    assert taken - {"close", "probe"} == MOST_SHOWN.keys()


@pytest.mark.parametrize("option", sorted(OF_EXTRACTOR))
def test_an_option_of_an_extractor_is_shown_there_and_taken_by_a_call(option: str) -> None:
    assert option in parameters(Extractor)
    assert option not in parameters(Extractor.run)
    given: dict[str, Any] = {"mask": ["email"], "parts": "never", "prompt": "plain"}
    ex = Extractor("openai:gpt-5-mini", api_key="any")
    assert ex.preview(Town, "Rome", **{option: given.get(option, True)}).tokens


def test_runs_over_tables_show_theirs() -> None:
    for call in (tables.run, tables.estimate):
        shown = parameters(call)
        assert not [each for each in shown.values() if each.kind is each.VAR_KEYWORD]
        assert shown["run"].default is None
        assert shown["temperature"].default is NOT_SENT


def test_help_shows_them() -> None:
    text = pydoc.render_doc(Extractor.document, renderer=pydoc.plaintext)
    for said in (
        "chunks: 'Chunks | None' = None",
        "samples: 'int' = 1",
        "temperature: 'float | None' = <not sent>",
    ):
        assert said in text


def test_the_defaults_are_those_that_hold() -> None:
    bulk = {f.name: f.default for f in fields(RunSettings) if f.default is not MISSING}
    policy = {f.name: f.default for f in fields(Policy) if f.default is not MISSING}
    reach = {f.name: f.default for f in fields(ConnectionOptions) if f.default is not MISSING}
    run, told = {f.name: f.default for f in fields(Run)}, DEFAULTS
    for name in RUN_OPTIONS & bulk.keys():
        assert run[name] == bulk[name]
    for name in ("max_repairs", "max_retries", "deadline"):
        assert told[name] == policy[name]
    for name in ("verify", "http2"):
        assert told[name] == reach[name]
    assert (told["max_reply_bytes"], told["max_line_bytes"]) == (LARGE, LARGE // 4)


def test_each_default_is_of_a_keyword() -> None:
    tables = [each for each in vars(options).values() if is_typeddict(each)]
    names = {name for table in tables for name in table.__annotations__}
    assert DEFAULTS.keys() <= names - PARAMETERS


def test_a_function_without_options_stays_as_it_is() -> None:
    def add(a: int, *, b: int = 1) -> int:
        return a + b

    assert str(inspect.signature(explicit(add))) == "(a: 'int', *, b: 'int' = 1) -> 'int'"


class Town(BaseModel):
    name: str


MESSAGES = [{"role": "user", "content": "hello"}]
WRONG: list[tuple[str, Sequence[Any], dict[str, Any], str]] = [
    (
        "extract",
        [Town],
        {"messages": MESSAGES},
        "the text is the second argument of `extract`.*The call is extract\\(record_type, text",
    ),
    ("extract", [Town, "Rome"], {"messages": MESSAGES}, "'messages' is not a keyword here: `parse`, `chat`"),
    ("run", [Town], {"txt": "Rome"}, r"did you mean 'text'\?"),
    (
        "run",
        [],
        {"response_model": Town},
        r"the record type is the first argument.*run\(record_type, text, ...\)",
    ),
    ("stream", [Town], {"temprature": 0}, r"did you mean 'temperature'\?"),
    ("items", [Town], {"max_repairs": 0}, r"is an option of Extractor"),
    ("preview", [Town], {"texts": "Rome"}, r"did you mean 'text'\?"),
    ("parse", [MESSAGES], {"response_model": Town}, "the record type is the first argument"),
    ("chat", [], {"message": MESSAGES}, r"did you mean 'messages'\?"),
    ("chat_stream", [], {"temprature": 0}, r"did you mean 'temperature'\?"),
    ("run_tools", [], {"messsages": MESSAGES}, r"did you mean 'messages'\?"),
    ("rows", [], {"texts": ["Rome"], "record_type": Town}, "'texts' is not a keyword here"),
    ("document", [Town], {"chunk_size": 5}, r"chunks=Chunks\(size=...\)"),
    ("split", ["a"], {"schema": Town}, "the record type is the first argument"),
    ("estimate", [["a"]], {"output_type": Town}, "the record type is the first argument"),
]


@pytest.mark.parametrize(("verb", "args", "given", "told"), WRONG, ids=[each[0] for each in WRONG])
def test_a_wrong_keyword_is_told_also_where_another_argument_is_missing(
    verb: str, args: Sequence[Any], given: dict[str, Any], told: str
) -> None:
    async def awaited() -> None:
        await getattr(AsyncExtractor("openai:gpt-5-mini", api_key="any"), verb)(*args, **given)

    with pytest.raises(ConfigError, match=told):
        getattr(Extractor("openai:gpt-5-mini", api_key="any"), verb)(*args, **given)
    with pytest.raises(ConfigError, match=told):
        asyncio.run(awaited())


def test_an_argument_that_is_missing_alone_is_told_by_python_and_the_form_is_its_note() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'text'") as told:
        Extractor("openai:gpt-5-mini", api_key="any").run(Town)  # type: ignore[call-overload]
    assert told.value.__notes__ == ["The call is run(record_type, text, ...)"]


def look_up(name: str) -> str:
    """Look a town up."""
    return name


SENT: list[tuple[str, Sequence[Any], dict[str, Any]]] = [
    ("run", [Town, "Rome"], {}),
    ("extract", [Town, "Rome"], {}),
    ("update", [Town(name="Rome"), "It is Ostia"], {}),
    ("document", [Town, "Rome"], {"run": Run(journal=False)}),
    ("parse", [MESSAGES, Town], {}),
    ("chat", [MESSAGES], {}),
    ("run_tools", [MESSAGES, Town], {"tools": [look_up]}),
]


@pytest.mark.parametrize(("verb", "args", "given"), SENT, ids=[each[0] for each in SENT])
def test_what_a_signature_says_holds_without_an_argument_is_the_same_as_an_argument(
    verb: str, args: Sequence[Any], given: dict[str, Any]
) -> None:
    with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        call = getattr(ex, verb)
        with contextlib.suppress(ExtractorError):  # of the reply, which is not the matter here
            call(*args, **given)
        bound = inspect.signature(call).bind(*args, **given)
        bound.apply_defaults()
        with contextlib.suppress(ExtractionError):
            call(*bound.args, **bound.kwargs)
        sent = [request.body for request in server.requests]
    assert sent[: len(sent) // 2] == sent[len(sent) // 2 :] != []


@pytest.mark.parametrize(
    "verb", ["run", "stream", "items", "preview", "update", "parse", "chat", "run_tools"]
)
def test_a_call_can_be_validated_by_pydantic(verb: str) -> None:
    assert validate_call(getattr(Extractor("openai:m", api_key="any"), verb))
    assert validate_call(getattr(AsyncExtractor("openai:m", api_key="any"), verb))


def test_a_call_that_pydantic_validates_does_what_it_did() -> None:
    with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        validate_call(ex.chat)(MESSAGES, temperature=0)
        assert isinstance(validate_call(ex.extract)(Town, "Rome"), Town)
        with pytest.raises(ValidationError, match="valid number"):
            validate_call(ex.chat)(MESSAGES, temperature="warm")
        assert json.loads(server.requests[0].body)["temperature"] == 0


def test_the_types_of_the_keywords_are_found_where_they_are_defined() -> None:
    hints = typing.get_type_hints(Extractor.run_tools)
    assert hints["temperature"] == float | None
    assert "options" not in hints
    assert inspect.signature(Extractor.run_tools).parameters.keys() - {"self"} == hints.keys() - {"return"}


def test_a_type_error_of_a_tool_or_a_validator_stays_what_it_is() -> None:
    def add(a: int, b: int = 1) -> int:
        raise TypeError("missing 1 required positional argument")

    with pytest.raises(TypeError, match="missing 1 required"):
        explicit(add)(1)
