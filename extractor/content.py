"""Parts of a message beside text: images and PDFs, as the chat-completions API spells them.

What a file is is read from its bytes, never from its name. Files are read only if a Path is given,
and URLs are passed on, never fetched.
"""

from __future__ import annotations

import base64
import binascii
import operator
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

from .errors import ConfigError
from .keywords import names_wrong_keywords
from .messages import Message
from .readers.kinds import PDF, SNIFFED, sniffed

if TYPE_CHECKING:
    from .dialects import Provider

Part: TypeAlias = Mapping[str, Any]


class Picture(Protocol):
    """An image of Pillow, which may not be installed."""

    def save(self, fp: Any, format: str | None = ..., **params: Any) -> None:  # noqa: A002  its own word
        """Write it."""


Detail: TypeAlias = Literal["auto", "low", "high"]
URL = re.compile(r"(https?|gs)://", re.IGNORECASE)
As: TypeAlias = Literal["file", "images", "text"]
MOST_DPI = 1200


def text(words: str) -> Part:
    """Return a part that is text. A plain string in a list of parts is one too."""
    return {"type": "text", "text": words}


@names_wrong_keywords(dict.fromkeys(("data", "path", "url"), "source"))
def image(source: Path | bytes | str | Picture, detail: Detail | None = None) -> Part:
    """Return a content part with an image.

    - source: a Path, the bytes of a file, a URL (a str, which the provider fetches), or a PIL image.
    - detail: how closely OpenAI's models look at it.

    Raises ConfigError if it is not an image.
    """
    if isinstance(source, str) and URL.match(source):
        url = source
    else:
        data = _png(source) if _is_pil(source) else _bytes(source, "an image")
        url = _data_url(data, _media_type(data, "image/"))
    return {"type": "image_url", "image_url": {"url": url, **({"detail": detail} if detail else {})}}


@names_wrong_keywords({"page": "pages", "path": "source", "url": "source"})
def pdf(
    source: Path | bytes | str,
    *,
    pages: Iterable[int] | None = None,
    as_: As = "file",
    dpi: int = 150,
) -> list[Part]:
    """Return the content parts of a PDF: one file, or an image or a text for each page.

    - source: a Path, the bytes of a file, or a URL (a str, which the provider fetches).
    - pages: numbers from 1, in this order; None for all. Pages of a URL cannot be chosen.
    - as_: "file" for models that read PDFs, "images" for those that see, "text" for the text layer as `read`
      reads it. Scans have no text layer.
    - dpi: the resolution of the images.

    Except for a whole file, this needs `pip install 'typed-extractor[pdf]'`. The PDF is read in a process of
    its own, within 1 GiB and two minutes of CPU. Raises ConfigError.
    """
    if isinstance(source, str) and URL.match(source):
        if pages is not None or as_ != "file":
            raise ConfigError("a PDF given by URL can't be split into pages: download it, and pass its bytes")
        return [{"type": "file", "file": {"file_url": source}}]
    data = _bytes(source, "a PDF")
    _media_type(data, PDF)
    name = source.name if isinstance(source, Path) else "document.pdf"
    if as_ == "file" and pages is None:
        return [_file(data, name)]
    found = _pages(data, as_, pages, dpi)
    match as_:
        case "file":
            return [_file(whole, name) for whole in found]
        case "images":
            return [image(picture) for picture in found]
    texts = [words.decode() for words in found]
    if not any(words.strip() for words in texts):
        raise ConfigError("these pages of the PDF have no text, only pictures: use as_='images'")
    return [text(words) for words in texts]


def parts(content: Iterable[Any]) -> list[Part]:
    """Return content with its strings as text parts, and lists within it flattened. Raises ConfigError."""
    return [part for item in content for part in _flat(item)]


def _flat(item: Any) -> Iterator[Part]:
    if isinstance(item, str):
        yield text(item)
    elif isinstance(item, list | tuple):
        for inner in item:
            yield from _flat(inner)
    elif isinstance(item, Message) or (isinstance(item, Mapping) and "role" in item):
        raise ConfigError(
            "this is a message, not a text or a content part: `parse(messages, RecordType)` and "
            "`chat(messages)` take conversations"
        )
    elif isinstance(item, Mapping):
        yield item
    else:
        raise ConfigError(
            f"a content part must be a text, image(...), pdf(...) or a mapping, not {type(item).__name__}"
        )


# -- what a provider takes


def check(messages: Iterable[Message], provider: Provider) -> None:
    """Raise ConfigError for parts that the provider does not take. Nothing has been sent then."""
    inline = 0
    for message in messages:
        if isinstance(message.content, str) or message.content is None:
            continue
        for part in message.content:
            inline += _check(part, provider)
    _check_size(inline, provider.max_inline, "the images and files of one request", provider, "base64 digits")


def _check(part: Part, provider: Provider) -> int:
    """Return the base64 digits of a part."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            _demand(provider.images, "images", provider)
            digits, kind = _inline(url)
            if kind and kind.startswith("image/") and kind not in provider.image_types:
                taken = ", ".join(provider.image_types)
                raise ConfigError(f"{provider.name} does not accept {kind}: convert it to one of {taken}")
            _check_size(digits, provider.max_image, "an image", provider, "base64 digits")
            return digits
        case {"type": "file", "file": {"file_url": str()}}:
            _demand(provider.pdfs, "PDFs", provider)
            if provider.dialect == "openai_chat":
                raise ConfigError(
                    f"{provider.name} does not accept the URL of a file: download it, and give pdf(bytes)"
                )
        case {"type": "file", "file": {"file_data": str(url)}}:
            digits, kind = _inline(url)
            if kind == PDF:
                _demand(provider.pdfs, "PDFs", provider)
                _check_size(digits * 3 // 4, provider.max_pdf, "a PDF", provider, "bytes")
            return digits
    return 0


def _demand(takes: bool, what: str, provider: Provider) -> None:
    if not takes:
        instead = "send its pages with pdf(..., as_='images') or as_='text'; " if what == "PDFs" else ""
        raise ConfigError(
            f"{provider.name} does not accept {what}: {instead}if your server does, pass "
            f"provider=dataclasses.replace(PROVIDERS[{provider.name!r}], {what.lower()}=True)"
        )


def _check_size(size: int, limit: int | None, what: str, provider: Provider, unit: str) -> None:
    if limit is not None and size > limit:
        raise ConfigError(
            f"{what} may have {limit:,} {unit} at {provider.name}, not {size:,}: make it smaller"
        )


def _inline(url: str) -> tuple[int, str | None]:
    """Return the base64 digits of a data URL, and the media type of its bytes, whatever it says."""
    head, comma, digits = url.partition(",")
    if not comma or not head.startswith("data:"):
        return 0, None
    try:
        beginning = base64.b64decode(digits[: SNIFFED * 4 // 3 // 4 * 4])
    except binascii.Error:
        beginning = b""
    return len(digits), sniffed(beginning) or head.removeprefix("data:").partition(";")[0]


# -- bytes


def _media_type(data: bytes, wanted: str) -> str:
    kind = sniffed(data)
    if kind is None or not kind.startswith(wanted):
        what = "an image" if wanted == "image/" else "a PDF"
        raise ConfigError(
            f"this is not {what} but {kind or 'an unknown kind of file'}: it begins with {data[:12]!r}"
        )
    return kind


def _bytes(source: Any, what: str) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, os.PathLike):
        try:
            return Path(source).read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {source}: {error.strerror or error}") from error
    if isinstance(source, str) and source.startswith("data:") and ";base64," in source:
        try:
            return base64.b64decode(source.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise ConfigError(f"the data URL of {what} is not base64: {error}") from error
    if isinstance(source, str):
        raise ConfigError(f"{source[:60]!r} is not a URL; for a file on this machine give pathlib.Path(...)")
    raise ConfigError(f"{what} must be a Path, bytes or a URL, not {type(source).__name__}")


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _file(data: bytes, name: str) -> Part:
    return {"type": "file", "file": {"filename": name, "file_data": _data_url(data, PDF)}}


def _is_pil(source: Any) -> bool:
    return type(source).__module__.startswith("PIL.")


def _png(picture: Any) -> bytes:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    known = upright.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
    file = BytesIO()
    (upright if known else upright.convert("RGB")).save(file, "PNG")
    return file.getvalue()


# -- pages


def _pages(data: bytes, as_: As, numbers: Iterable[int] | None, dpi: float) -> list[bytes]:
    """Return what the pages of a PDF make. Raises ConfigError."""
    if as_ not in get_args(As):
        raise ConfigError(f"as_ must be 'file', 'images' or 'text', not {as_!r}")
    if isinstance(dpi, bool) or not isinstance(dpi, int | float) or not 0 < dpi <= MOST_DPI:
        raise ConfigError(f"dpi must be a number above 0 and at most {MOST_DPI}, not {dpi!r:.80}")
    chosen = None if numbers is None else [operator.index(number) for number in numbers]
    from .readers.reading import pdf_parts

    return pdf_parts(data, as_, chosen, dpi)
