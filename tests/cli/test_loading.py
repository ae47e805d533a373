"""What a user may name on the command line, and what is said where it is not there."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from extractor.errors import ConfigError
from extractor.loading import BadInput, decode_text, load_examples, load_schema, load_type, read_text

PERSON = "from pydantic import BaseModel\n\nclass Person(BaseModel):\n    name: str\n"


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def said(spec: str) -> str:
    with pytest.raises(ConfigError) as error:
        load_type(spec)
    return str(error.value)


def test_a_type_is_named_by_its_file_and_its_name(tmp_path: Path) -> None:
    file = write(tmp_path / "people.py", PERSON + "People = list[Person]\n")
    person = load_type(f"{file}:Person")
    assert person(name="Ada").model_dump() == {"name": "Ada"}
    assert load_type(f"{file}:People") == list[person]


def test_a_file_with_one_record_type_needs_no_name(tmp_path: Path) -> None:
    file = write(tmp_path / "single.py", PERSON + "from enum import Enum\nclass Colour(Enum):\n    RED = 1\n")
    assert load_type(file).__name__ == "Person"


def test_of_several_record_types_one_has_to_be_named(tmp_path: Path) -> None:
    file = write(tmp_path / "several.py", PERSON + "class Town(Person):\n    pass\n")
    assert said(file) == f"{file} defines Person, Town: name one, as in {file}:Town"


def test_a_file_without_record_types_says_so(tmp_path: Path) -> None:
    file = write(tmp_path / "nothing.py", "x = 1\n")
    assert "defines no record type" in said(file)
    assert "defines no 'Person'; it has no record type" in said(f"{file}:Person")


def test_dataclasses_and_typed_dicts_are_record_types(tmp_path: Path) -> None:
    data = write(
        tmp_path / "data_kind.py", "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
    )
    typed = write(
        tmp_path / "typed_kind.py",
        "from typing_extensions import TypedDict\nclass B(TypedDict):\n    x: int\n",
    )
    assert load_type(data).__name__ == "A"
    assert load_type(typed).__name__ == "B"


def test_a_type_is_named_by_its_module_too() -> None:
    assert load_type("datetime:date") is date


def test_a_nested_type_is_named_with_dots(tmp_path: Path) -> None:
    file = write(
        tmp_path / "nested.py", PERSON + "class Outer:\n    class Inner(Person):\n        age: int\n"
    )
    assert set(load_type(f"{file}:Outer.Inner").model_fields) == {"name", "age"}


def test_a_json_schema_may_be_a_file_or_a_value(tmp_path: Path) -> None:
    schema = write(tmp_path / "s.json", '\ufeff{"type": "object"}')
    python = write(tmp_path / "held.py", 'SCHEMA = {"type": "object"}\n')
    assert load_type(schema) == load_type(f"{python}:SCHEMA") == {"type": "object"}


def test_true_and_false_are_json_schemas(tmp_path: Path) -> None:
    assert load_schema(write(tmp_path / "t.json", "true")) == {}
    assert load_schema(write(tmp_path / "f.json", "false")) == {"not": {}}


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"minimum": NaN}', "type: object"])
def test_a_schema_file_that_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="is not JSON"):
        load_schema(write(tmp_path / "s.json", text))


def test_a_schema_file_that_holds_a_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a JSON Schema: a schema is an object, not list"):
        load_schema(write(tmp_path / "s.json", "[]"))


def test_a_wrong_name_is_answered_with_a_near_one(tmp_path: Path) -> None:
    file = write(tmp_path / "near.py", PERSON)
    assert f"did you mean {file}:Person?" in said(f"{file}:Persn")
    assert "its record types are Person" in said(f"{file}:Zebra")


def test_a_missing_file_is_answered_with_a_near_one(tmp_path: Path) -> None:
    write(tmp_path / "invoice.py", PERSON)
    assert f"did you mean {tmp_path / 'invoice.py'}?" in said(f"{tmp_path / 'invioce.py'}:Person")
    assert said(f"{tmp_path / 'x' / 'y.py'}:Person") == f"there is no file {tmp_path / 'x' / 'y.py'}"


@pytest.mark.parametrize(
    "spec", ["Person", "no_such_module:Person", "xml.no_such:Person", "", ":Person", "a b"]
)
def test_what_is_neither_file_nor_module_is_answered_with_how_to_write_it(spec: str) -> None:
    assert "write FILE.py:Name, package.module:Name, or FILE.json" in said(spec)


@pytest.mark.parametrize("value", ["3", "len", "lambda x: x", "'text'", "Person(name='Ada')", "object()"])
def test_what_is_no_type_is_refused(tmp_path: Path, value: str) -> None:
    file = write(tmp_path / f"no_type_{abs(hash(value))}.py", f"{PERSON}x = {value}\n")
    assert f"{file}:x is not a record type" in said(f"{file}:x")


@pytest.mark.parametrize(
    ("code", "line", "what"),
    [
        ("x = 1\ny = = 2\n", 2, "SyntaxError: invalid syntax"),
        ("\n\n1 / 0\n", 3, "ZeroDivisionError: division by zero"),
        ("import no_such_library\n", 1, "ModuleNotFoundError: No module named 'no_such_library'"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
    ],
)
def test_an_error_in_the_users_code_is_shown_with_its_file_and_line(
    tmp_path: Path, code: str, line: int, what: str
) -> None:
    file = write(tmp_path / "broken.py", code)
    assert said(f"{file}:X") == f"{file} cannot be loaded: {file}, line {line}: {what}"
    assert "broken" not in sys.modules


def test_an_error_in_a_file_beside_it_is_shown_there(tmp_path: Path) -> None:
    beside = write(tmp_path / "beside_it.py", "def f():\n    raise ValueError('no')\nf()\n")
    file = write(tmp_path / "imports_it.py", "import beside_it\n")
    assert f"{beside}, line 2: ValueError: no" in said(f"{file}:X")


def test_what_the_users_code_prints_stays_out_of_the_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_type(write(tmp_path / "chatty.py", f"print('hello')\n{PERSON}"))
    assert capsys.readouterr() == ("", "hello\n")


def test_a_file_named_like_a_module_hides_none(tmp_path: Path) -> None:
    import json

    file = write(tmp_path / "json.py", PERSON)
    assert load_type(f"{file}:Person").__name__ == "Person"
    assert sys.modules["json"] is json
    assert sys.path[0] != str(tmp_path)


def test_a_file_is_run_once(tmp_path: Path) -> None:
    file = write(tmp_path / "once.py", PERSON)
    assert load_type(f"{file}:Person") is load_type(f"{file}:Person")


# -- texts


def test_utf_8_is_read_without_its_byte_order_mark() -> None:
    assert decode_text("\ufeffGrüße, 東京\r\n".encode()) == "Grüße, 東京\r\n"


@pytest.mark.parametrize(
    ("data", "kind", "advice"),
    [
        (b"", "empty", "no text"),
        (b"\xef\xbb\xbf \n\t", "empty", "no text"),
        ("Grüße".encode("latin-1"), "encoding", "byte 0xfc at offset 2"),
        ("Grüße".encode("utf-16"), "encoding", "iconv -f UTF-16"),
        (b"%PDF-1.7\n\xe2\xe3", "encoding", "pdftotext"),
        (b"PK\x03\x04\xff\xff", "encoding", "ZIP archive"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "encoding", "it is an image, image/png: extract its text first"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "encoding", "image/jpeg"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "encoding", "old office document"),
        ("Hi, Ada".encode("utf-16-le"), "encoding", "iconv -f UTF-16LE -t UTF-8"),
        ("Hi, Ada".encode("utf-16-be"), "encoding", "iconv -f UTF-16BE -t UTF-8"),
        ("Grüße".encode("utf-32"), "encoding", "iconv -f UTF-32 -t UTF-8"),
    ],
)
def test_bytes_that_are_no_text_are_answered_with_what_to_do(data: bytes, kind: str, advice: str) -> None:
    bad = decode_text(data)
    assert isinstance(bad, BadInput)
    assert bad.kind == kind
    assert advice in bad.message


@pytest.mark.parametrize(
    "text", ["What is %PDF-1.7?", "BM and PK", "one \x00 byte in a text", "é" * 4_095 + "x"]
)
def test_a_text_that_looks_like_something_else_is_a_text(text: str) -> None:
    assert decode_text(text.encode()) == text


def test_a_file_that_cannot_be_read_is_answered_with_why(tmp_path: Path) -> None:
    def kind(source: Any) -> tuple[str, str]:
        bad = read_text(str(source))
        assert isinstance(bad, BadInput)
        return bad.kind, bad.message

    write(tmp_path / "mail.txt", "x")
    missing = tmp_path / "mial.txt"
    assert kind(missing) == ("missing", f"there is no file {missing}; did you mean {tmp_path / 'mail.txt'}?")
    assert kind(tmp_path)[0] == "unreadable"
    assert f"{tmp_path}/*.txt" in kind(tmp_path)[1]
    assert kind("nul\0byte")[0] == "unreadable"
    assert kind(tmp_path / "mail.txt" / "below")[0] == "unreadable"


# -- examples


def test_examples_are_pairs_of_a_text_and_a_record_of_the_type(tmp_path: Path) -> None:
    file = write(tmp_path / "e.jsonl", '{"text": "on 3 May 2026", "record": "2026-05-03"}\n\n')
    assert load_examples(file, date) == [("on 3 May 2026", date(2026, 5, 3))]
    assert load_examples(file, {"type": "string"}) == [("on 3 May 2026", "2026-05-03")]


def test_examples_that_are_not_utf_8_are_refused_and_none_is_shown_garbled(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes('{"text": "Zürich", "record": "Zürich"}\n'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"e\.jsonl: it is not UTF-8: byte 0xfc at offset 11"):
        load_examples(str(file), str)


def test_examples_of_a_strict_type_are_read_as_json(tmp_path: Path) -> None:
    types = write(
        tmp_path / "strict_one.py",
        "from datetime import date\nfrom pydantic import BaseModel\n"
        "class Day(BaseModel, strict=True):\n    day: date\n",
    )
    file = write(tmp_path / "e.jsonl", '{"text": "t", "record": {"day": "2026-05-03"}}')
    assert load_examples(file, load_type(types))[0][1].day == date(2026, 5, 3)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "this is not JSON"),
        ("[]", "an example must be"),
        ('{"text": 1, "record": 1}', "an example must be"),
        ('{"text": "t"}', "an example must be"),
        (
            '{"text": "t", "record": "soon"}',
            "the record is invalid at its root: Input should be a valid date",
        ),
    ],
)
def test_a_line_that_is_no_example_is_named(tmp_path: Path, line: str, why: str) -> None:
    file = write(tmp_path / "e.jsonl", f'{{"text": "t", "record": "2026-05-03"}}\n{line}\n')
    with pytest.raises(ConfigError, match=f"e.jsonl, line 2: {why}"):
        load_examples(file, date)


def test_a_file_that_shares_its_name_with_a_module_is_run_once_all_the_same(tmp_path: Path) -> None:
    file = write(tmp_path / "json.py", PERSON)
    assert load_type(f"{file}:Person") is load_type(f"{file}:Person")


def test_the_evidence_of_an_example_is_kept(tmp_path: Path) -> None:
    evidence = [{"pointer": "/name", "start": 0, "end": 3}]
    line = {"text": "Ada", "record": {"name": "Ada"}, "evidence": evidence}
    (tmp_path / "gold.jsonl").write_text(json.dumps(line))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    assert load_examples(str(tmp_path / "gold.jsonl"), schema) == [line]
