"""help() and completion show the keywords of a call, with their defaults."""

from __future__ import annotations

import inspect
import pydoc
from dataclasses import MISSING, fields
from typing import Any, is_typeddict

import pytest

from extractor import AsyncExtractor, Extractor, Run, extract, options, tables
from extractor.bulk.run import RunSettings
from extractor.dialogue.policy import Policy
from extractor.options import PARAMETERS
from extractor.signatures import DEFAULTS, NOT_SENT, explicit
from extractor.tools.rounds import MAX_CALLS, MAX_ROUNDS
from extractor.transport.connection import ConnectionOptions
from extractor.transport.exchange import LARGE

VERBS = [
    "run",
    "extract",
    "stream",
    "items",
    "document",
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
    assert list(shown)[:4] == ["self", "record_type", "text", "prompt"]
    assert "journal" not in parameters(Extractor.rows)
    assert parameters(Extractor)["mode"].default == "auto"
    assert parameters(extract)["model"].default is None
    assert parameters(Extractor.run_tools)["tools"].default is inspect.Parameter.empty


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
    for name in bulk:
        assert run[name] == bulk[name]
    for name in ("max_repairs", "max_retries", "deadline"):
        assert told[name] == policy[name]
    for name in ("verify", "http2"):
        assert told[name] == reach[name]
    assert (told["max_rounds"], told["max_calls"]) == (MAX_ROUNDS, MAX_CALLS)
    assert (told["max_reply_bytes"], told["max_line_bytes"]) == (LARGE, LARGE // 4)


def test_each_default_is_of_a_keyword() -> None:
    tables = [each for each in vars(options).values() if is_typeddict(each)]
    names = {name for table in tables for name in table.__annotations__}
    assert DEFAULTS.keys() <= names - PARAMETERS


def test_a_function_without_options_stays_as_it_is() -> None:
    def add(a: int, *, b: int = 1) -> int:
        return a + b

    assert str(inspect.signature(explicit(add))) == "(a: 'int', *, b: 'int' = 1) -> 'int'"
