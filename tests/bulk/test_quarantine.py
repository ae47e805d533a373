"""A row without a record as a quarantine's line: all of it JSON, nothing of it lost."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Extractor, RowOutcome, Run
from extractor.bulk.quarantine import KEYS, is_quarantined, line_of
from extractor.schema.outline import fingerprint
from extractor.tables.placed import placed
from extractor.testing import ChatServer, reply, status
from tests.record_types import meaning_of


class Visit(BaseModel):
    town: str
    day: date


def test_an_outcome_gives_the_line_that_the_command_line_takes() -> None:
    script = [reply({"town": "Bern", "day": "never"}), status(400, "no"), status(400, "no")]
    rows = [{"on": date(2026, 1, 2), "body": "Bern"}, {"body": None}]
    with ChatServer(script) as server, Extractor("m", base_url=server.base_url, api_key="secret-key") as ex:
        invalid, empty = ex.rows(rows, Visit, text="body", run=Run(journal=False))
        (text,) = ex.rows(["no text of a mapping"], Visit, run=Run(journal=False))
    line = json.loads(json.dumps(invalid.quarantined(Visit), allow_nan=False))
    assert is_quarantined(line)
    assert line["input"] == {"on": "2026-01-02", "body": "Bern"}
    assert line["schema"] == fingerprint(meaning_of(Visit))
    assert line["error"]["http_status"] == 400
    assert line["attempts"][0]["problems"][0]["pointer"] == "/day"
    assert json.loads(line["attempts"][0]["text"]) == {"town": "Bern", "day": "never"}
    assert line["attempts"][1]["failure"]["message"] == "no"
    assert empty.quarantined(Visit)["error"]["kind"] == "no_text"
    assert text.quarantined(Visit)["input"] == {"text": "no text of a mapping"}
    assert "secret-key" not in json.dumps(line)


LINE = line_of(3, {"body": "Bern"}, {"kind": "invalid", "message": "no"}, "0" * 16, "extractor run in.csv")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_a_line_stays_one_when_its_row_is_mended() -> None:
    assert is_quarantined(LINE)
    assert is_quarantined({**LINE, "input": {"body": "Basel"}, "error": None, "attempts": []})


@pytest.mark.parametrize("key", ["index", "schema", "again", "seal"])
def test_a_line_whose_envelope_was_changed_is_a_row_like_any_other(key: str) -> None:
    assert not is_quarantined({**LINE, key: "another"})


@pytest.mark.slow
@given(st.fixed_dictionaries(dict.fromkeys(sorted(KEYS), VALUES)))
def test_a_row_that_has_a_quarantines_keys_by_chance_is_no_line_of_one(row: dict[str, Any]) -> None:
    assert not is_quarantined(row)
    assert [(each.index, each.row) for each in placed([row])] == [(0, row)]


def test_a_row_of_values_that_are_no_json_is_a_row() -> None:
    assert not is_quarantined(dict.fromkeys(KEYS, date(2026, 1, 2)))


def test_a_row_like_a_line_of_an_earlier_version_is_a_row() -> None:
    earlier = {name: value for name, value in LINE.items() if name != "seal"} | {"quarantine": 1}
    assert not is_quarantined(earlier)


def test_the_former_name_of_quarantined_warns() -> None:
    outcome: RowOutcome[Visit] = RowOutcome(0, key="a text")
    with pytest.warns(DeprecationWarning, match="now called quarantined"):
        assert outcome.held(Visit) == outcome.quarantined(Visit)
