"""A row without a record as a quarantine's line: all of it JSON, nothing of it lost."""

from __future__ import annotations

import json
from datetime import date

from pydantic import BaseModel

from extractor import Extractor
from extractor.batch.quarantine import is_held
from extractor.batch.stamps import meaning_of, stamp
from extractor.testing import ChatServer, reply, status


class Visit(BaseModel):
    town: str
    day: date


def test_an_outcome_gives_the_line_that_the_command_line_takes() -> None:
    script = [reply({"town": "Bern", "day": "never"}), status(400, "no"), status(400, "no")]
    rows = [{"on": date(2026, 1, 2), "body": "Bern"}, {"body": None}]
    with ChatServer(script) as server, Extractor("m", base_url=server.base_url, api_key="secret-key") as ex:
        invalid, empty = ex.rows(rows, Visit, text="body", journal=False)
        (text,) = ex.rows(["no text of a mapping"], Visit, journal=False)
    line = json.loads(json.dumps(invalid.held(Visit), allow_nan=False))
    assert is_held(line)
    assert line["input"] == {"on": "2026-01-02", "body": "Bern"}
    assert line["schema"] == stamp(meaning_of(Visit))
    assert line["error"]["http_status"] == 400
    assert line["attempts"][0]["problems"][0]["pointer"] == "/day"
    assert json.loads(line["attempts"][0]["text"]) == {"town": "Bern", "day": "never"}
    assert line["attempts"][1]["failure"]["message"] == "no"
    assert empty.held(Visit)["error"]["kind"] == "no_text"
    assert text.held(Visit)["input"] == {"text": "no text of a mapping"}
    assert "secret-key" not in json.dumps(line)
