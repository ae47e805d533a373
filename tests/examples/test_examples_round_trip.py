"""Any value of the example types survives the way to the model and back, for every target."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from extractor import compile_schema
from extractor.schema import TARGETS
from tests.selecting import examples

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from invoice import Currency, Invoice, LineItem
from job_ad import JobAd, Remote, Salary
from support_email import Action, Category, Sentiment, SupportEmail, Urgency

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(str.strip)
money = st.decimals(-99_999_999, 99_999_999, places=2)
lines = st.builds(
    LineItem,
    description=texts,
    quantity=st.decimals(0, 999_999, places=3) | st.just(Decimal(1)),
    unit_price=st.none() | money,
    amount=money,
)
invoices = st.builds(
    Invoice,
    number=texts,
    issued=st.dates(),
    due=st.none() | st.dates(),
    seller=texts,
    buyer=texts,
    currency=st.sampled_from(Currency),
    items=st.lists(lines, min_size=1, max_size=3),
    net=st.none() | money,
    tax=st.none() | money,
    total=money,
)
emails = st.builds(
    SupportEmail,
    customer=st.none() | texts,
    sent=st.none() | st.dates(),
    order_number=st.none() | texts,
    product=st.none() | texts,
    category=st.sampled_from(Category),
    action=st.sampled_from(Action),
    urgency=st.sampled_from(Urgency),
    sentiment=st.sampled_from(Sentiment),
    deadline=st.none() | st.dates(),
)
pay = st.none() | st.decimals(0, 9_999_999, places=2)
salaries = st.builds(
    Salary,
    minimum=pay,
    maximum=pay,
    currency=st.sampled_from(["CHF", "EUR", "GBP", "PLN", "USD"]),
    period=st.sampled_from(["hour", "day", "month", "year"]),
)
job_ads = st.builds(
    JobAd,
    title=texts,
    employer=texts,
    location=st.none() | texts,
    remote=st.none() | st.sampled_from(Remote),
    salary=st.none() | salaries,
    skills=st.lists(texts, max_size=3),
    experience_years=st.none() | st.integers(0, 50),
    apply_by=st.none() | st.dates(),
    contact=st.none() | st.from_regex(JobAd.model_fields["contact"].metadata[0].pattern, fullmatch=True),
)


@pytest.mark.parametrize("target", [name for name, target in TARGETS.items() if target.sends_schema])
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=examples(20))
@given(record=invoices | emails | job_ads)
def test_a_record_survives_the_way_to_the_model_and_back(target: str, record: BaseModel) -> None:
    compiled = compile_schema(type(record), target)
    wire = compiled.encode(record)
    validator: Any = Draft202012Validator(compiled.schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(json.loads(wire))
    assert compiled.decode(wire) == record
