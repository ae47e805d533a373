"""The example texts and their gold records: that gold is whole, valid, and says what the texts say."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from extractor.evaluation.metrics import flatten, score, total

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS: dict[str, dict[str, str]] = json.loads((EXAMPLES / "kinds.json").read_text("utf-8"))

# Leaves whose text says it in other words. By field: labels and what is understood. By leaf: the rest.
LABELS = {"/currency", "/category", "/action", "/urgency", "/sentiment", "/remote"}
LABELS |= {"/salary/currency", "/salary/period"}
DERIVED = {
    ("03-agency-nurse.txt", "/experience_years"): "at least 12 months",
    ("05-baker-window-note.txt", "/title"): "B A K E R",
    ("07-scanned-newspaper.txt", "/title"): "SCHOOL BUS DRlVER",  # read with an l for the I
    ("07-scanned-newspaper.txt", "/employer"): "Tri-County Unified ",  # goes on in the next line
    ("08-forwarded-by-a-friend.txt", "/experience_years"): "three years",
    ("10-kurier-rowerowy.txt", "/experience_years"): "doświadczenie niepotrzebne",
    ("12-freelance-gig-chat.txt", "/experience_years"): "a year or two",
    ("12-freelance-gig-chat.txt", "/apply_by"): "friday, that's the 27th",
    ("12-gst-invoice.txt", "/tax"): "5,028.75",  # twice, and nowhere their sum
}
MONTHS = {
    1: "january|janvier|jan", 2: "february|februar|février|feb", 3: "march|mars|märz|mar", 4: "april|apr",
    5: "may|mai", 6: "june|juin|jun", 7: "july|juli|jul", 8: "august|aug", 9: "september|sep",
    10: "october|oct", 11: "november|nov", 12: "december|dezember|dec",
}  # fmt: skip


class Example(NamedTuple):
    """One text with its gold record."""

    kind: str
    file: str
    text: str
    record: dict[str, Any]

    def validated(self) -> BaseModel:
        record_type: type[BaseModel] = load(KINDS[self.kind]["type"])
        return record_type.model_validate(self.record)


def load(name: str) -> Any:
    file, _, type_name = name.partition(":")
    module_name = f"examples_{Path(file).stem}"
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, EXAMPLES / file)
        assert spec
        assert spec.loader
        sys.modules[module_name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[module_name])
    return getattr(sys.modules[module_name], type_name)


def examples() -> Iterator[Example]:
    for kind, where in KINDS.items():
        for line in (EXAMPLES / where["gold"]).read_text("utf-8").splitlines():
            row = json.loads(line)
            text = (EXAMPLES / where["texts"] / row["file"]).read_text("utf-8")
            yield Example(kind, row["file"], text, row["record"])


ALL = list(examples())
each_kind = pytest.mark.parametrize("kind", KINDS)
each_example = pytest.mark.parametrize("example", ALL, ids=[example.file for example in ALL])


@each_kind
def test_every_text_has_one_gold_record_and_there_are_at_least_ten(kind: str) -> None:
    texts = sorted(path.name for path in (EXAMPLES / KINDS[kind]["texts"]).iterdir())
    assert [example.file for example in ALL if example.kind == kind] == texts
    assert len(texts) >= 10


@each_example
def test_gold_is_valid_and_names_every_field_as_the_record_type_writes_it(example: Example) -> None:
    assert example.validated().model_dump(mode="json") == example.record


def test_gold_agrees_perfectly_with_itself() -> None:
    records = [example.validated().model_dump() for example in ALL]
    scores = total(score(record, record) for record in records)
    assert scores.records == scores.strict.perfect == scores.normalised.perfect == len(ALL)


@each_example
def test_what_gold_says_stands_in_the_text(example: Example) -> None:
    astray = [
        (pointer, leaf)
        for pointer, leaf in flatten(example.validated().model_dump()).items()
        if leaf is not None and not isinstance(leaf, Enum) and pointer not in LABELS
        if not stands(leaf, pointer, example)
    ]
    assert not astray


def test_where_a_leaf_is_excepted_by_name_the_text_says_it_in_the_words_given() -> None:
    text_of = {example.file: example.text for example in ALL}
    assert [file for (file, _), words in DERIVED.items() if words not in text_of[file]] == []


@each_kind
def test_each_optional_field_is_null_in_some_text_and_given_in_others(kind: str) -> None:
    given: dict[str, Counter[bool]] = {}
    for example in (example for example in ALL if example.kind == kind):
        for name, value in example.record.items():
            given.setdefault(name, Counter())[value is not None] += 1
    optional = [n for n, f in load(KINDS[kind]["type"]).model_fields.items() if not f.is_required()]
    assert optional
    assert not [name for name in optional if len(given[name]) < 2]


@each_example
def test_texts_name_only_reserved_domains_and_are_of_realistic_length(example: Example) -> None:
    domains = re.findall(r"(?:@|www\.)([\w.-]+\w)", example.text)
    reserved = re.compile(r"(.*\.)?example(\.(com|net|org))?|[a-z_]+(\.[a-z])?")  # or no domain: @dario_p
    assert [domain for domain in domains if not reserved.fullmatch(domain)] == []
    assert 300 <= len(example.text) <= 2600


def test_all_gold_invoices_add_up_but_for_the_one_that_is_rounded() -> None:
    invoices = [example for example in ALL if example.kind == "invoice"]
    rounded = [i.file for i in invoices if not i.validated().adds_up]  # type: ignore[attr-defined]
    assert rounded == ["12-gst-invoice.txt"]


def stands(leaf: Any, pointer: str, example: Example) -> bool:
    understood = pointer.endswith("/quantity") and leaf == 1  # lines seldom say that they mean one
    return understood or (example.file, pointer) in DERIVED or written(leaf, example.text)


def written(leaf: Any, text: str) -> bool:
    """Whether the text holds the leaf: a string as it is, a number or a date in some written form."""
    if isinstance(leaf, str):
        return leaf in text
    pattern = date_pattern(leaf) if isinstance(leaf, date) else number_pattern(Decimal(leaf))
    return re.search(pattern, unicodedata.normalize("NFKC", text), re.IGNORECASE) is not None


def number_pattern(value: Decimal) -> str:
    whole, _, decimals = f"{abs(value):f}".partition(".")
    digits = r"[,.' ]?".join(whole)
    trimmed = decimals.rstrip("0")
    zeros = "0" * (len(decimals) - len(trimmed))
    tail = rf"[.,]{trimmed}(?:{zeros})?" if trimmed else rf"(?:[.,]0{{{len(decimals) or 1}}})?"
    return rf"{'-' if value < 0 else ''}(?<![\d.,]){digits}{tail}(?![.,]?\d)"


def date_pattern(day: date) -> str:
    d, m, y = f"0?{day.day}", f"0?{day.month}", f"(?:20)?{day.year % 100:02}"
    name = rf"(?:{MONTHS[day.month]})\b"
    numeric = "|".join(rf"{a}[/.-]{b}[/.-]{c}" for a, b, c in ((d, m, y), (m, d, y), (y, m, d)))
    worded = rf"{d}(?:st|nd|rd|th|er|\.)?[\s-]+(?:of\s+)?{name}|{name}\s+{d}"
    return rf"(?<!\d)(?:{numeric}|{worded}|{day.year}年{day.month}月{day.day}日)(?!\d)"
