"""Web pages and mails: what a reader sees of them, laid out by tables or broken by hand."""

from __future__ import annotations

from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from io import BytesIO
from zipfile import ZipFile

import pytest
from PIL import Image

from extractor.readers.composing import Passage
from extractor.readers.kinds import EML, is_locked_office, kind_of, not_read
from extractor.readers.mail import Attachment, eml
from extractor.readers.unreadable import Remark
from extractor.readers.web import epub, html
from tests.readers.drawing import file_of
from tests.readers.writing import book, mail


def lines(markup: str) -> list[str]:
    found = [each for each in html(markup.encode()) if isinstance(each, Passage)]
    return [
        line
        for each in found
        for line in (
            [each.text] if each.text else [" | ".join(text for text, _ in row) for row in each.cells]
        )
    ]


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("<html><head><title>no<body><p>without ends", ["without ends"]),
        ("<p hidden>no<p>yes", ["yes"]),
        ("<div><p hidden>no</div>yes", ["yes"]),
        ("<p style='display: none'>no</p>yes", ["yes"]),
        ("<ol><li>x<li>y<ol type=a><li>i</ol></ol><ol start=5><li>e</ol>", ["1. x", "2. y", "a. i", "5. e"]),
        ("<pre>Tea  3.00\nMilk 1.20</pre>", ["Tea 3.00", "Milk 1.20"]),
        ("<input value='Ada'><input type=checkbox checked>yes<input type=hidden value=no>", ["Ada [x] yes"]),
        ("<select><option>no<option selected>Germany</select><textarea>note</textarea>", ["Germany note"]),
        ("<table>stray<tr><td>a<td>b</table>", ["stray", "a | b"]),
        (
            "<table><tr><td>Order<tr><td><table><tr><td>Tea<td>3.00</table><tr><td>Total<td>3.00</table>",
            ["Order", "Tea | 3.00", "Total | 3.00"],
        ),
        (
            "<table><tr><td rowspan=2>R<td>1<td>x<tr><td>2<td>y<tr><td colspan=2>wide<td>z</table>",
            ["R | 1 | x", " | 2 | y", "wide |  | z"],
        ),
        ("<table><tr><td colspan=99>wide<td>x</table>", ["wide | x"]),
        ("<table><tr><td>only</table>", ["only"]),
    ],
)  # fmt: skip
def test_a_page_is_what_it_shows(markup: str, said: list[str]) -> None:
    assert lines(markup) == said


def alternative(plain: str, markup: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "a@example.org"
    message.set_content(plain)
    message.add_alternative(markup, subtype="html")
    return message


def body(data: bytes) -> list[str]:
    found = [each for each in eml(data) if isinstance(each, Passage)]
    return [each.text for each in found if not each.text.startswith(("From:", "Attachment:")) and each.text]


@pytest.mark.parametrize(
    ("plain", "markup", "said"),
    [
        ("\n", "<p>Total 42</p>", "Total 42"),
        ("This mail needs a viewer of HTML", "<p>The total is 42 EUR</p>", "The total is 42 EUR"),
        ("The total is 42 EUR, due today", "<img src=x>", "The total is 42 EUR, due today"),
        ("Total 42", "<p>Total <b>42</b></p>", "Total 42"),
    ],
)  # fmt: skip
def test_of_a_body_in_several_forms_the_one_that_is_shown_is_read(plain: str, markup: str, said: str) -> None:
    assert body(bytes(alternative(plain, markup))) == [said]


def test_a_body_of_several_parts_is_read_whole() -> None:
    message = MIMEMultipart()
    for text, kind in (("Dear all", "plain"), ("Total 5", "plain"), ("<p>Sent from afar</p>", "html")):
        message.attach(MIMEText(text, kind))
    assert body(message.as_bytes()) == ["Dear all", "Total 5", "Sent from afar"]


def test_lines_that_were_broken_to_be_sent_are_joined() -> None:
    head = "Content-Type: text/plain; format=flowed\n\n"
    said = "The rent is EUR \n950 a month.\n> what is \n> the rent?\n-- \nAda"
    assert body((head + said).encode()) == ["The rent is EUR 950 a month.\n> what is the rent?\n-- \nAda"]


def test_a_text_that_is_attached_is_read_in_its_own_characters() -> None:
    message = EmailMessage()
    message.set_content("see below")
    message.add_attachment("Grüße, 3 €", subtype="plain", charset="windows-1252", filename="note.txt")
    (attached,) = (each for each in eml(bytes(message)) if isinstance(each, Attachment))
    assert attached.data.decode() == "Grüße, 3 €\n"


@pytest.mark.parametrize(
    ("head", "data", "said", "guessed"),
    [
        ("", "Grüße".encode(), "Grüße", False),
        ("text/plain; charset=us-ascii", "Grüße".encode(), "Grüße", False),
        ("text/plain; charset=iso-8859-1", b"3 \x80", "3 €", False),
        ("text/html; charset=latin1", b"<p>3 \x80</p>", "3 €", False),
        ("text/plain; charset=iso-8859-1", b"3 \x81", "3 \x81", False),
        ("text/plain; charset=unknown-8bit", "Grüße".encode("cp1252"), "Grüße", True),
        ("text/html", "<p>Łódź</p>".encode("iso-8859-2"), "£ód¼", True),
    ],
)
def test_the_characters_of_a_mail_are_those_it_names_or_a_remark_says_that_they_were_guessed(
    head: str, data: bytes, said: str, guessed: bool
) -> None:
    typed = f"Content-Type: {head}\n".encode() if head else b""
    found = list(eml(b"From: a@example.org\n" + typed + b"\n" + data))
    assert [each.text for each in found if isinstance(each, Passage)][2:] == [said]
    assert [type(each) for each in found if isinstance(each, Remark)] == [Remark] * guessed


def test_chapters_that_are_missing_from_a_book_are_told() -> None:
    whole = ZipFile(BytesIO(book()))
    cut = BytesIO()
    with ZipFile(cut, "w") as archive:
        for name in whole.namelist():
            if not name.endswith("a.xhtml"):
                archive.writestr(name, whole.read(name))
    found = list(epub(cut.getvalue()))
    assert [each.text for each in found if isinstance(each, Passage)] == ["The beginning"]
    assert Remark("1 of 2 chapters are not in the file: o/a.xhtml") in found


@pytest.mark.parametrize(
    "data",
    [
        b"From x@y Mon Mar  2 10:00:00 2026\nFrom: a@b.c\nMessage-ID: <1@x>\n\nbody",
        b"\xef\xbb\xbfFrom: a@b.c\nMIME-Version: 1.0\n\nbody",
        b"From: a@b.c\nContent-Type: multipart/mixed; boundary=z\n\n--z\n\nbody",
    ],
)
def test_a_mail_is_known_by_its_head(data: bytes) -> None:
    assert kind_of(data) == EML
    assert body(data) == ["body"]


def test_documents_that_are_not_read_are_named() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    assert [not_read(data) is None for data in (ole, b"PK\x03\x04", b"{\\rtf1", b"text")] == [
        False,
        False,
        True,
        True,
    ]
    assert is_locked_office(ole + "EncryptedPackage".encode("utf-16-le"))
    assert not is_locked_office(ole)


def test_small_pictures_within_a_mail_are_no_documents() -> None:
    message = mail()
    body = message.get_body(("plain",))
    assert body is not None
    logo, photo = (file_of(Image.new("RGB", size, "white")) for size in ((320, 90), (900, 1200)))
    message.make_mixed()
    for name, data, how in (
        ("logo.png", logo, "inline"),
        ("scan.png", photo, "inline"),
        ("a.png", logo, "attachment"),
    ):
        message.add_attachment(
            data, maintype="image", subtype="png", filename=name, disposition=how, cid=f"<{name}>"
        )
    found = list(eml(message.as_bytes()))
    assert [each.name for each in found if isinstance(each, Attachment)] == ["scan.png", "a.png"]
    assert [each.text for each in found if isinstance(each, Remark)] == [
        "a small picture within the mail is not read: logo.png"
    ]
    assert not any("logo.png" in each.text for each in found if isinstance(each, Passage))
