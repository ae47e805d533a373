"""What is sent stays as it is, byte for byte. `python -m tests.golden_bodies` takes in a wanted change."""

from __future__ import annotations

import json

import pytest

from tests.golden_bodies import FILE, cases


@pytest.mark.slow
def test_requests_are_the_same_bytes_as_ever() -> None:
    golden = {line["case"]: line for line in map(json.loads, FILE.read_text("utf-8").splitlines())}
    found = {case["case"]: case for case in cases()}
    assert [case for case in golden | found if golden.get(case) != found.get(case)] == []
