"""Files that are one text each, folders of them, and tables in other formats than CSV."""

from __future__ import annotations

import gzip
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import ConfigError, Extractor, Run, tables
from extractor.tables import Holding
from extractor.tables.documents import decoded
from extractor.tables.files import table
from extractor.testing import ChatServer
from tests.readers.drawing import Paper
from tests.tables.towns import Visit, asked, lines, write


def town_of(row: dict[str, Any]) -> Any:
    return row["visit"] and row["visit"]["town"]


@pytest.fixture
def mail(ex: Extractor) -> Path:
    """A folder of mails: in folders, packed, in four encodings, and some that are broken."""
    folder = Path("mail")
    (folder / "old").mkdir(parents=True)
    (folder / "a.txt").write_text("Basel")
    (folder / "b.txt").write_bytes("Grüße aus Köln".encode("windows-1252"))
    (folder / "old" / "c.txt").write_text("Bonn – 3 €", "utf-16")
    (folder / "old" / "d.txt.gz").write_bytes(gzip.compress(b"Bern"))
    (folder / "old" / "e.txt").write_bytes("Ulm".encode("utf-16-le"))
    (folder / "f.txt").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    (folder / "g.txt").write_text("")
    (folder / "h.txt.gz").write_bytes(gzip.compress(b"Trier" * 100)[:-9])
    (folder / "i.csv").write_text("id,body\n1,Jena\n")
    (folder / ".hidden.txt").write_text("nobody asked")
    return folder


@pytest.mark.slow
def test_documents_are_rows_beside_texts(mail: Path, ex: Extractor) -> None:
    paper = Paper()
    paper.write("Worms", 72, 700)
    (mail / "old" / "w.pdf").write_bytes(paper.pdf())
    result = tables.run("mail/old/*", Visit, into="out.jsonl", model=ex)
    assert result.sum == "4 rows = 4 ok"
    assert {row["path"]: town_of(row) for row in lines("out.jsonl")}["mail/old/w.pdf"] == "Worms"


@pytest.mark.slow
def test_each_file_of_a_folder_is_a_row_and_all_are_accounted_for(mail: Path, ex: Extractor) -> None:
    result = tables.run("mail", Visit, into="out.jsonl", quarantine="bad.jsonl", model=ex)
    assert result.sum == "9 rows = 6 ok + 2 failed + 1 empty"
    assert result.places == (Holding("out.jsonl", 6, 6), Holding("bad.jsonl", 3, 3))
    assert {row["path"]: town_of(row) for row in lines("out.jsonl")} == {
        "mail/a.txt": "Basel",
        "mail/b.txt": "Grüße aus Köln",
        "mail/i.csv": "id,body\n1,Jena\n",
        "mail/old/c.txt": "Bonn – 3 €",
        "mail/old/d.txt.gz": "Bern",
        "mail/old/e.txt": "Ulm",
    }
    why = {line["input"]["path"]: line["error"]["message"] for line in lines("bad.jsonl")}
    assert "the PDF cannot be opened" in why["mail/f.txt"]
    assert "there is no text" in why["mail/g.txt"]
    assert "is damaged" in why["mail/h.txt.gz"]
    (told,) = result.notes
    assert "1 as windows-1252 (mail/b.txt)" in told


@pytest.mark.slow
def test_files_that_were_mended_are_fed_again_out_of_the_quarantine(mail: Path, ex: Extractor) -> None:
    tables.run("mail", Visit, into="out.jsonl", quarantine="bad.jsonl", model=ex)
    (mail / "f.txt").write_text("Fulda")
    (mail / "h.txt.gz").write_bytes(gzip.compress(b"Trier"))
    again = {"into": "out.jsonl", "append": True, "quarantine": "bad.jsonl", "run": Run(retry="failed")}
    result = tables.run("bad.jsonl", Visit, model=ex, **again)  # type: ignore[arg-type]
    assert result.places == (Holding("out.jsonl", 8, 2), Holding("bad.jsonl", 1, 0))
    assert [town_of(row) for row in lines("out.jsonl")[-2:]] == ["Fulda", "Trier"]


@pytest.mark.slow
def test_a_run_over_files_is_resumed(mail: Path, ex: Extractor, server: ChatServer) -> None:
    tables.run("mail/**/*.txt", Visit, into="out.parquet", model=ex, limit=2)
    result = tables.run("mail/**/*.txt", Visit, into="out.parquet", model=ex, resume=True)
    assert result.sum == "6 rows = 2 done before + 2 ok + 1 failed + 1 empty"
    assert sorted(map(asked, server.requests)) == ["Basel", "Bonn – 3 €", "Grüße aus Köln", "Ulm"]


@pytest.mark.slow
def test_several_files_and_folders_are_read_once_each_and_not_what_is_written(
    mail: Path, ex: Extractor
) -> None:
    first = tables.run(
        ["mail/old", "mail/a.txt", "mail/*.txt"], Visit, into="mail/out.jsonl", model=ex, limit=3
    )
    assert first.rows == 3
    again = tables.run(["mail", "mail/a.txt"], Visit, into="mail/out.jsonl", model=ex)
    assert again.rows == 9, "the output is no input"


def test_a_template_sees_the_path_and_the_text(mail: Path, ex: Extractor, server: ChatServer) -> None:
    tables.run("mail/a.txt", Visit, text="{path}: {text}", into="out.jsonl", model=ex)
    assert asked(server.requests[0]) == "mail/a.txt: Basel"


def test_an_encoding_that_is_named_is_not_guessed(ex: Extractor) -> None:
    Path("in.txt").write_bytes("Привет".encode("koi8-r"))
    result = tables.run("in.txt", Visit, into="out.jsonl", encoding="koi8-r", model=ex)
    assert town_of(lines("out.jsonl")[0]) == "Привет"
    assert result.notes == ()


def test_tables_under_a_pattern_are_texts_unless_their_rows_are_asked_for(
    ex: Extractor, server: ChatServer
) -> None:
    for name in ("a", "b"):
        Path(f"{name}.csv").write_text(f"id;body\n1;{name} Basel\n2;{name} Bonn\n")
    with pytest.raises(ConfigError, match="each of these files is read as one document"):
        tables.run("*.csv", Visit, text="body", into="out.jsonl", model=ex)
    result = tables.run("*.csv", Visit, text="body", into="out.jsonl", rows=True, model=ex)
    assert [town_of(row) for row in lines("out.jsonl")] == ["a Basel", "a Bonn", "b Basel", "b Bonn"]
    assert "The delimiter is ';'" in result.notes[0]
    Path("c.csv").write_text("id;text\n1;Bern\n")
    with pytest.raises(ConfigError, match=r"c.csv and a.csv have different columns"):
        tables.run("*.csv", Visit, text="body", into="out.jsonl", rows=True, model=ex)


@pytest.mark.parametrize("output", ["out.xlsx", "out.json", "out.csv.gz", "out.jsonl.gz"])
@pytest.mark.parametrize("source", ["in.xlsx", "in.json", "in.csv.gz", "in.jsonl.gz"])
def test_workbooks_arrays_and_packed_files_are_read_written_and_gone_on_with(
    source: str, output: str, ex: Extractor
) -> None:
    rows = [{"id": "7", "body": "Basel"}, {"id": "=1+1", "body": "bad"}, {"id": "9", "body": "Bonn"}]
    if source == "in.xlsx":
        book = openpyxl.Workbook()
        page = book.worksheets[0]
        for row in [["id", "body"], ["7", "Basel"], ["'=1+1", "bad"], ["9", "Bonn"]]:
            page.append(row)
        page["A3"].value, page["A3"].data_type = "=1+1", "s"
        book.save(source)
    elif source == "in.json":
        Path(source).write_text(json.dumps(rows))
    elif source == "in.csv.gz":
        Path(source).write_bytes(gzip.compress(b"id,body\n7,Basel\n=1+1,bad\n9,Bonn\n"))
    else:
        Path(source).write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    tables.run(source, Visit, text="body", into=output, limit=2, model=ex)
    result = tables.run(source, Visit, text="body", into=output, resume=True, model=ex)
    assert result.sum == "3 rows = 2 done before + 1 ok"
    found = [row for row in table(output).rows() if isinstance(row, dict)]
    assert [row["id"] for row in found] == ["7", "=1+1", "9"]
    visits = [json.loads(v) if isinstance(v := row["visit"], str) and v else v or None for row in found]
    assert [each and each["town"] for each in visits] == ["Basel", None, "Bonn"]


def test_a_sheet_is_named_or_the_first_one_is_read_and_told(ex: Extractor) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["body"])
    book.worksheets[0].append(["Basel"])
    book.create_sheet("Later").append(["text"])
    book["Later"].append(["Bonn"])
    book.save("in.xlsx")
    result = tables.run("in.xlsx", Visit, text="body", into="out.jsonl", model=ex)
    assert "in.xlsx has 2 sheets: only 'Sheet' is read" in result.notes[0]
    tables.run("in.xlsx", Visit, text="text", into="out.jsonl", sheet="Later", model=ex)
    assert town_of(lines("out.jsonl")[0]) == "Bonn"


def test_csv_in_an_encoding_and_with_a_delimiter_that_are_named(ex: Extractor) -> None:
    Path("in.csv").write_bytes("id#body\n1#Köln, am Rhein\n".encode("windows-1252"))
    tables.run("in.csv", Visit, text="body", into="o.jsonl", encoding="cp1252", delimiter="#", model=ex)
    assert town_of(lines("o.jsonl")[0]) == "Köln, am Rhein"


@pytest.mark.parametrize(
    ("source", "options", "why"),
    [
        ("no/*.txt", {}, "no file is no/"),
        ("empty", {}, "there is no file in empty"),
        (["in.jsonl", "gone.txt"], {}, "there is no file or folder gone.txt"),
        (["in.jsonl", "-"], {}, "must be the only input"),
        ("in.jsonl", {"encoding": "latin-99"}, "no encoding 'latin-99'"),
        ("in.jsonl", {"encoding": "rot13"}, "no encoding 'rot13'"),
        ("in.jsonl", {"delimiter": "ab"}, "one character"),
        ("in.jsonl", {}, "which column has the text"),
        ("broken.xlsx", {"text": "body"}, "not an Excel workbook"),
        ("object.json", {"text": "body"}, "is one JSON dict"),
        ("broken.json", {"text": "body"}, "is not JSON"),
        ("packed.csv.gz", {"text": "body"}, "damaged|gzip"),
        ("in.parquet.gz", {"text": "body"}, "there is no file or folder in.parquet.gz"),
    ],
)
def test_what_can_not_be_read_is_said_before_anything_is_sent(
    source: Any, options: dict[str, Any], why: str, ex: Extractor, server: ChatServer
) -> None:
    write("in.jsonl", ["Basel"])
    Path("empty").mkdir()
    Path("broken.xlsx").write_bytes(b"PK\x03\x04 nothing")
    Path("object.json").write_text('{"body": "Basel"}')
    Path("broken.json").write_text('[{"body": ')
    Path("packed.csv.gz").write_bytes(b"id,body\n")
    with pytest.raises(ConfigError, match=why):
        tables.run(source, Visit, into="out.jsonl", model=ex, **options)
    assert not server.requests
    assert not Path("out.jsonl").exists()


def test_a_text_that_is_too_long_for_a_cell_is_counted(ex: Extractor) -> None:
    Path("in.jsonl").write_text(json.dumps({"body": "Basel", "note": "x" * 40_000}) + "\n")
    result = tables.run("in.jsonl", Visit, text="body", into="out.xlsx", model=ex)
    assert "1 texts were cut at" in result.notes[0]


def test_a_workbook_whose_rows_are_damaged_is_said_so(ex: Extractor, server: ChatServer) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["body"])
    book.save("whole.xlsx")
    with zipfile.ZipFile("whole.xlsx") as whole, zipfile.ZipFile("in.xlsx", "w") as broken:
        for name in whole.namelist():
            data = whole.read(name)
            broken.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)
    with pytest.raises(ConfigError, match=r"in\.xlsx is (damaged|no workbook)"):
        tables.run("in.xlsx", Visit, text="body", into="out.jsonl", model=ex)


FILLER = "The lamp costs 12.50 EUR. " + "Please have a look at it soon. " * 8


@pytest.mark.parametrize(
    ("text", "encoding", "guessed"),
    [
        ("Señor Muñoz pagó 300 dólares en Málaga", "windows-1252", True),
        ("Müller bestellt 3 Stück für 5 €", "windows-1252", True),
        ("Счёт на оплату № 5 от 3 мая, покупатель Иванов", "windows-1251", True),
        ("Zażółć gęślą jaźń, faktura dla Wrocław", "iso8859-2", True),
        ("請求書の金額は三万円です。東京都新宿区", "cp932", True),
        ("发票金额为三万元,北京市朝阳区", "gb18030", True),
        (f"Здравствуйте, прошу изменить мой заказ, спасибо. {FILLER}", "windows-1251", True),
        (f"Dziękuję, proszę, łóżko, zażółć gęślą jaźń. {FILLER}", "windows-1250", True),
        (f"Καλημέρα σας, θα ήθελα να αλλάξω την παραγγελία μου. {FILLER}", "windows-1253", True),
        (f"Merhaba, siparişimi değiştirmek istiyorum, teşekkürler. {FILLER}", "windows-1254", True),
        (f"שלום אני רוצה לשנות את ההזמנה שלי. {FILLER}", "windows-1255", True),
        (f"Góðan daginn, ég vil breyta pöntuninni minni, það er þörf á því. {FILLER}", "windows-1252", True),
        (f"Für die Lieferung möchte ich Größe und Maß ändern. {FILLER}", "windows-1252", True),
        ("Grüße", "utf-8", False),
        ("Grüße", "utf-8-sig", False),
        ("Grüße", "utf-16", False),
        ("Grüße", "utf-32", False),
        ("Gruss an Ada", "utf-16-be", False),
    ],
)
def test_encodings_are_found_out_and_a_guess_is_called_one(text: str, encoding: str, guessed: bool) -> None:
    found = decoded(text.encode(encoding))
    assert found.text == text
    assert (found.guessed is not None) == guessed


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n" + bytes(9), bytes(range(256)) * 4, b"PK\x03\x04\x14\x00\xff", b"a\0b"]
)
def test_what_is_no_text_is_not_taken_for_one(data: bytes) -> None:
    with pytest.raises(ConfigError):
        decoded(data)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=99))
def test_any_text_in_utf_8_with_a_mark_comes_back(text: str) -> None:
    assert decoded(text.encode("utf-8-sig")) == (text, None)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_text_or_an_error_of_ours(data: bytes) -> None:
    with suppress(ConfigError):
        assert "\0" not in decoded(data).text
