"""E-mail: EML by the standard library, MSG by python-oxmsg. Runs in the reading process alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from io import BytesIO
from typing import Any

from . import web
from .composing import Passage
from .unreadable import ReadFailed

HEAD = ("From", "To", "Cc", "Date", "Subject")
PARTS = 1_000
ATTACHED = 100


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document within a mail."""

    name: str
    data: bytes


def eml(data: bytes) -> Iterator[Passage | Attachment]:
    """Yield the head of a mail, its body, and its attachments."""
    mail = BytesParser(policy=policy.default).parsebytes(data)
    assert isinstance(mail, EmailMessage)  # noqa: S101
    for name in HEAD:
        if mail[name]:
            yield Passage(f"{name}: {_one_line(str(mail[name]))}", name)
    yield Passage("")
    parts = list(_parts(mail))
    body = mail.get_body(("plain", "html"))
    if body is not None:
        yield from _body(body)
    attached = [part for part in parts if part is not body and _is_attached(part)]
    if len(attached) > ATTACHED:
        raise ReadFailed("too_large", f"the mail has more than {ATTACHED} attachments")
    for number, part in enumerate(attached, 1):
        name = part.get_filename() or f"attachment {number}"
        yield Passage(f"Attachment: {_one_line(name)}")
        yield Attachment(name, _content(part))


def _parts(mail: Any) -> Iterator[Any]:
    """Yield the parts of a mail that are no containers; a mail within it is one part."""
    todo, count = [mail], 0
    while todo:
        part = todo.pop()
        count += 1
        if count > PARTS:
            raise ReadFailed("too_large", f"the mail has more than {PARTS:,} parts")
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            todo += reversed(list(part.iter_parts()))
        else:
            yield part


def _is_attached(part: Any) -> bool:
    return bool(
        part.get_content_disposition() == "attachment"
        or part.get_filename()
        or part.get_content_maintype() not in ("text", "multipart")
    )


def _content(part: Any) -> bytes:
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        return bytes(part.get_payload(0).as_bytes())
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _body(part: Any) -> Iterator[Passage]:
    charset = part.get_content_charset()
    data = _content(part)
    if part.get_content_subtype() == "html":
        yield from web.html(data, charset)
        return
    try:
        text = data.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        text = data.decode("windows-1252", errors="replace")
    yield Passage(text.replace("\r\n", "\n").strip(), "body")


def msg(data: bytes) -> Iterator[Passage | Attachment]:
    """Yield the head of an Outlook message, its body, and its attachments."""
    from oxmsg import Message

    mail = Message.load(BytesIO(data))
    heads = {"From": mail.sender, "Date": mail.sent_date, "Subject": mail.subject}
    heads["To"] = ", ".join(_address(each) for each in mail.recipients)
    for name in HEAD:
        if heads.get(name):
            yield Passage(f"{name}: {_one_line(str(heads[name]))}", name)
    yield Passage("")
    if mail.body:
        yield Passage(mail.body.replace("\r\n", "\n").strip(), "body")
    elif mail.html_body:
        yield from web.html(mail.html_body.encode(), "utf-8")
    for number, attached in enumerate(mail.attachments[:ATTACHED], 1):
        name = attached.file_name or f"attachment {number}"
        yield Passage(f"Attachment: {_one_line(name)}")
        yield Attachment(name, attached.file_bytes or b"")


def _address(recipient: Any) -> str:
    return f"{recipient.name} <{recipient.email_address}>"


def _one_line(text: str) -> str:
    return " ".join(text.split())
