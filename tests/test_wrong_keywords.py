"""A public class or function names the keyword that it does not have, and what may have been meant."""

from __future__ import annotations

import inspect
import pickle
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel

import extractor
from extractor import (
    Chunks,
    Columns,
    ConfigError,
    DatabaseSink,
    DatabaseSource,
    Extractor,
    Files,
    FromColumn,
    Price,
    Run,
    Timeouts,
    Vocabulary,
    align,
    compile_schema,
    image,
    pdf,
    read,
    tool_schema,
    view,
)
from extractor.evaluation import evaluate
from extractor.inferring import infer
from extractor.keywords import names_wrong_keywords
from extractor.tuning import tune


@pytest.mark.parametrize(
    ("callee", "keyword", "meant"),
    [
        (Timeouts, "read", "between_chunks"),
        (Timeouts, "total", "request"),
        (Price, "completion", "output"),
        (FromColumn, "column", "name"),
        (Files, "column", "name"),
        (DatabaseSource, "sql", "query"),
        (DatabaseSink, "uri", "url"),
        (Vocabulary, "codes", "entries"),
        (Run, "max_workers", "concurrency"),
        (Run, "budget", "max_cost"),
        (Run, "cache", "journal"),
        (Columns, "prefix", "name"),
        (Chunks, "chunk_size", "size"),
        (Chunks, "extraction_passes", "passes"),
        (read, "text_from", "text_form"),
        (read, "page", "pages"),
        (image, "url", "source"),
        (pdf, "page", "pages"),
        (view, "titel", "title"),
        (align, "local", "locale"),
        (compile_schema, "strict", "target"),
        (tool_schema, "function", "tool"),
        (evaluate, "scorin", "scoring"),
        (tune, "max_request", "max_requests"),
        (infer, "abut", "about"),
    ],
)
def test_a_wrong_keyword_is_told_with_the_right_one(callee: Any, keyword: str, meant: str) -> None:
    why = f"{callee.__name__} has no '{keyword}': did you mean '{meant}'? It has "
    with pytest.raises(ConfigError, match=re.escape(why)):
        callee(**{keyword: None})
    assert meant in inspect.signature(callee).parameters


@pytest.mark.parametrize(
    ("call", "form"),
    [
        (lambda: Run(5), "Run(journal=..., ...)"),  # type: ignore[call-arg]
        (lambda: Price(), "Price(input, output, ...)"),  # type: ignore[call-arg]
        (lambda: Timeouts(1, 2, 3, 4, 5), "Timeouts(connect, ...)"),  # type: ignore[call-arg]
        (lambda: read(), "read(source, ...)"),  # type: ignore[call-arg]
    ],
)
def test_an_argument_too_few_or_too_many_shows_the_form_of_the_call(call: Any, form: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert caught.value.__notes__ == [f"The call is {form}"]


def test_a_type_error_from_within_stays_as_it_is() -> None:
    @names_wrong_keywords()
    def add(a: int) -> int:
        return a + "1"  # type: ignore[operator]

    with pytest.raises(TypeError, match="unsupported operand") as caught:
        add(a=1)
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("value", [Timeouts(request=3.0), Price(1, 2), FromColumn("a"), Files("a")])
def test_values_stay_values(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value


def test_the_call_of_a_client_is_named_by_its_class() -> None:
    with pytest.raises(ConfigError, match=re.escape("(The call is Extractor(...))")):
        Extractor("openai:m", api_key="k", journal=False)  # type: ignore[call-arg]


@pytest.mark.parametrize("given", [3, None])
def test_what_is_no_result_is_told_before_it_is_viewed(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"view\(\) needs results, outcomes of rows"):
        view(given)


def test_a_text_and_a_record_in_the_wrong_order_are_told() -> None:
    with pytest.raises(ConfigError, match=re.escape("align(record, text) needs a text, not {'a': 1}")):
        align("a is 1", {"a": 1})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Run", "Columns", "Chunks", "Reading", "Timeouts", "Price"])
def test_each_group_of_options_says_what_it_has(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} has no 'no_such_option'"):
        getattr(extractor, name)(no_such_option=1)


@pytest.mark.parametrize(
    "call",
    [
        lambda ex: evaluate(ex, Ticket, GOLD, max_workers=3),
        lambda ex: infer(ex, ["The P20 is on fire"], about="the product", max_workers=3),
    ],
)
def test_a_wrong_option_that_is_passed_on_is_told_before_anything_is_sent(call: Any) -> None:
    ex = Extractor("openai:m", api_key="k", base_url="http://127.0.0.1:9/v1")
    with ex, pytest.raises(ConfigError, match="'max_workers' is not a keyword here: run="):
        call(ex)


class Ticket(BaseModel):
    product: str


GOLD = [{"text": "The P20 is on fire", "record": {"product": "P20"}}]


@pytest.mark.parametrize("score", [evaluate, tune])
@pytest.mark.parametrize("gold", [GOLD, "gold.jsonl", Path("gold.jsonl")])
def test_gold_before_the_record_type_is_told_as_that(score: Any, gold: Any) -> None:
    ex = Extractor("openai:m", api_key="k", base_url="http://127.0.0.1:9/v1")
    with ex, pytest.raises(ConfigError, match="the record type comes before the gold, as in evaluate"):
        score(ex, gold, Ticket)


def test_a_single_column_is_told_how_it_becomes_a_frame() -> None:
    ex = Extractor("openai:m", api_key="k", base_url="http://127.0.0.1:9/v1")
    with ex, pytest.raises(ConfigError, match=re.escape("pass the frame itself, or its .to_frame()")):
        ex.frame(pd.Series(["a"], name="text"), Ticket, text="text")
