"""The logger "extractor": quiet unless asked, and never a text or a key in it."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import BAD, GOOD, Person, extractor

from extractor import Extractor
from extractor.testing import ChatServer, reply, status
from tests.selecting import examples

TEXT = "Ada of the very private text, 36"


def test_debug_shows_each_attempt_in_a_line_without_texts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "extractor")
    with ChatServer([status(503), reply(BAD), reply(GOOD)]) as server, extractor(server) as ex:
        ex.extract(Person, TEXT)
    lines = [record.getMessage() for record in caplog.records if record.name == "extractor"]
    assert lines[0] == "m: attempt 1: status 503 server_error; next try in 0.0 s"
    assert lines[1].startswith("m: attempt 2: invalid at /age in 0.")
    assert lines[2].startswith("m: attempt 3: ok in 0.")
    assert "tokens" in lines[2]
    assert not any(word in caplog.text for word in ("Ada", "private", "old", "sk-secret"))


def test_a_step_down_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with (
        ChatServer([status(400, "response_format is not supported"), reply(GOOD)]) as server,
        Extractor("m", base_url=server.base_url) as ex,
    ):
        ex.run(Person, TEXT)
    (line,) = [record for record in caplog.records if record.name == "extractor"]
    assert line.levelno == logging.WARNING
    assert "does not support mode json_schema" in line.getMessage()


@pytest.mark.slow
def test_nothing_is_printed_by_a_program_that_has_set_up_no_logging() -> None:
    program = """
from extractor import Extractor
from extractor.testing import ChatServer, status
with ChatServer(status(400, "response_format is not supported")) as server:
    with Extractor("m", base_url=server.base_url) as ex:
        ex.run(int, "text")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=12, max_size=40))
def test_no_key_is_logged_though_a_server_quotes_it(caplog: pytest.LogCaptureFixture, key: str) -> None:
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    with (
        ChatServer(status(401, f"the key {key} is wrong", code=key)) as server,
        Extractor("openai:m", base_url=server.base_url, api_key=key) as ex,
    ):
        ex.run(Person, TEXT)
    assert "attempt 1" in caplog.text
    assert key not in caplog.text


@pytest.mark.slow
def test_words_of_a_server_forge_no_lines_and_are_not_long(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "extractor")
    code = "no\nWARNING extractor: all is paid\x1b[2J" + "x" * 100_000
    with (
        ChatServer(status(400, "no " * 1_000_000, code=code)) as server,
        Extractor("m", base_url=server.base_url) as ex,
    ):
        result = ex.run(Person, TEXT)
    assert len(str(result.error)) < 2_200
    (line,) = [record.getMessage() for record in caplog.records if record.name == "extractor"]
    assert line.startswith("m: attempt 1: status 400 no WARNING extractor: all is paid\ufffd[2Jx")
    assert len(line) < 200


@pytest.mark.slow
def test_of_where_a_reply_is_wrong_only_names_of_the_record_type_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "extractor")
    with (
        ChatServer([reply({"Ada Lovelace": "old"}), reply({"Ada Lovelace": 36})]) as server,
        extractor(server) as ex,
    ):
        ex.run(dict[str, int], TEXT)
    assert "invalid at /" in caplog.text
    assert "Lovelace" not in caplog.text
