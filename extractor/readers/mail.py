"""E-mail: EML by the standard library, MSG by python-oxmsg. Runs in the reading process alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from io import BytesIO
from itertools import islice
from typing import Any

from . import web
from .composing import Passage
from .decoding import decoded
from .unreadable import ReadFailed, Remark

HEAD = ("From", "To", "Cc", "Date", "Subject")
PARTS = 1_000
ATTACHED = 100
CONTENT_ID = 0x3712  # by which a body refers to a picture. Source: [MS-OXPROPS], PidTagAttachContentId
SMALL = 200  # pixels of the shorter side of a picture that decorates a mail, at most
FEW_BYTES = 20_000  # of such a picture, where nothing can tell its sides


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document within a mail."""

    name: str
    data: bytes


def eml(data: bytes) -> Iterator[Passage | Attachment | Remark]:
    """Yield the head of a mail, its body, and its attachments."""
    mail = BytesParser(policy=policy.default).parsebytes(data.removeprefix(b"\xef\xbb\xbf"))
    assert isinstance(mail, EmailMessage)  # noqa: S101
    for name in HEAD:
        if mail[name]:
            yield Passage(f"{name}: {_one_line(str(mail[name]))}", name)
    yield Passage("")
    attached: list[Any] = []
    for part in _parts(mail):
        if _is_attached(part):
            attached.append(part)
        else:
            yield from _body(part)
    _check_count(attached)
    for number, part in enumerate(attached, 1):
        name = part.get_filename() or f"attachment {number}"
        if _is_shown_within(part) and is_small(_content(part)):
            yield _left_out(name)
            continue
        yield Passage(f"Attachment: {_one_line(name)}")
        yield from _attachment(part, name)


def _is_shown_within(part: Any) -> bool:
    """Whether a picture is one of the body, such as a logo below a name."""
    return bool(part.get_content_maintype() == "image" and part.get_content_disposition() != "attachment")


def is_small(picture: bytes, side: int = SMALL) -> bool:
    """Whether a picture is too small for a document: by its sides; by its bytes where these are not known.

    side: pixels of the shorter one, at most.
    """
    try:
        from PIL import Image

        Image.MAX_IMAGE_PIXELS = None  # nothing is unpacked
        return min(Image.open(BytesIO(picture)).size) <= side
    except (ImportError, OSError, ValueError, SyntaxError):
        return len(picture) <= FEW_BYTES


def _left_out(name: str) -> Remark:
    return Remark(f"a small picture within the mail is not read: {_one_line(name)}")


def _check_count(attached: Sequence[Any]) -> None:
    if len(attached) > ATTACHED:
        raise ReadFailed("too_large", f"the mail has more than {ATTACHED} attachments")


def _parts(mail: Any) -> Iterator[Any]:
    """Yield the parts of a mail that are no containers; a mail within it is one part. Of a body in several
    forms it is one of them.
    """
    todo, count = [mail], 0
    while todo:
        part = todo.pop()
        count += 1
        if count > PARTS:
            raise ReadFailed("too_large", f"the mail has more than {PARTS:,} parts")
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            inner = list(part.iter_parts())
            todo += reversed(_chosen(inner) if part.get_content_subtype() == "alternative" else inner)
        else:
            yield part


def _chosen(forms: list[Any]) -> list[Any]:
    """Return the form that mail programs show, which is the last; the longest one where that says much less.
    What is no form of the body, such as an invitation, is kept.
    """
    bodies = [form for form in forms if form.get_content_maintype() == "multipart" or not _is_attached(form)]
    if not bodies:
        return forms
    sizes = list(map(_size, bodies))
    at = len(bodies) - 1 if 2 * sizes[-1] >= max(sizes) else sizes.index(max(sizes))
    return [form for form in forms if form is bodies[at] or form not in bodies]


def _size(form: Any) -> int:
    """Return how many characters of a form of the body are shown."""
    texts = (
        part for part in islice(form.walk(), PARTS) if not part.is_multipart() and not _is_attached(part)
    )
    said = (each for part in texts for each in _body(part) if isinstance(each, Passage))
    return sum(
        len(passage.text) + sum(len(text) for row in passage.cells for text, _ in row) for passage in said
    )


def _is_attached(part: Any) -> bool:
    is_text = part.get_content_type() in ("text/plain", "text/html", "text/enriched")
    return bool(part.get_content_disposition() == "attachment" or part.get_filename() or not is_text)


def _content(part: Any) -> bytes:
    if part.get_content_type() == "message/rfc822" and part.is_multipart():
        return bytes(part.get_payload(0).as_bytes())
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _body(part: Any) -> Iterator[Passage | Remark]:
    if part.get_content_subtype() == "html":
        yield from web.html(_content(part), part.get_content_charset(), "body,")
        return
    text, remarks = decoded(_content(part), [part.get_content_charset()], "the body")
    yield from remarks
    text = text.replace("\r\n", "\n")
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _joined(text, str(part.get_param("delsp", "")).lower() == "yes")
    if text.strip():
        yield Passage(text.strip(), "body")


def _attachment(part: Any, name: str) -> Iterator[Attachment | Remark]:
    if part.get_content_maintype() == "text" and part.get_content_subtype() != "html":
        text, remarks = decoded(_content(part), [part.get_content_charset()], f"attachment {_one_line(name)}")
        yield from remarks
        yield Attachment(name, text.encode())
    else:
        yield Attachment(name, _content(part))


def _joined(text: str, without_spaces: bool) -> str:
    """Return the paragraphs of a text that was broken into lines to be sent. Source: RFC 3676, section 4."""
    lines: list[str] = []
    before = None  # how deep the line is quoted that goes on
    for line in text.split("\n"):
        inner = line.lstrip(">")
        depth = len(line) - len(inner)
        inner = inner.removeprefix(" ")
        goes_on = inner.endswith(" ") and inner != "-- "
        said = inner[:-1] if goes_on and without_spaces else inner
        if before == depth and inner != "-- ":
            lines[-1] += said
        else:
            lines.append(f"{'>' * depth} {said}" if depth else said)
        before = depth if goes_on else None
    return "\n".join(lines)


def msg(data: bytes) -> Iterator[Passage | Attachment | Remark]:
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
    _check_count(mail.attachments)
    for number, attached in enumerate(mail.attachments, 1):
        name, content = attached.file_name or f"attachment {number}", attached.file_bytes or b""
        is_picture = str(attached.mime_type or "").startswith("image/")
        if is_picture and attached.properties.str_prop_value(CONTENT_ID) and is_small(content):
            yield _left_out(name)
            continue
        yield Passage(f"Attachment: {_one_line(name)}")
        yield Attachment(name, content)


def _address(recipient: Any) -> str:
    return f"{recipient.name} <{recipient.email_address}>"


def _one_line(text: str) -> str:
    return " ".join(text.split())
