"""What a verb may be given beside a string: a document, read before anything is asked."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

from ..callers import warn
from ..errors import ConfigError
from ..keywords import names_wrong_keywords
from ..layout import Source
from .choices import Ocr, TextForm, check_choices


@names_wrong_keywords()
@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the documents that a call opens are read.

    - text_form: "plain"; "layout", which keeps columns apart by spaces; or "markdown", which writes tables as
      Markdown.
    - page_images: whether models that see are also shown a picture of each page.
    - ocr: "auto" recognises the words of pictures and of pages that are pictures, "always" those of all
      pages. With "never" such pages are "unread".

    `read` has the same keywords. A Source has been read already. Raises ConfigError for a value that is none
    of the choices.
    """

    text_form: TextForm = "plain"
    page_images: bool = False
    ocr: Ocr = "auto"

    def __post_init__(self) -> None:
        check_choices(self.text_form, self.page_images, self.ocr)

    @classmethod
    def taken_from(cls, options: MutableMapping[str, Any]) -> Reading:
        """Take what is said of documents out of the options of a call, and return it. Raises ConfigError."""
        given = options.pop("reading", None)
        if not isinstance(given, cls | None):
            raise ConfigError(f"reading= must be a Reading(...), not {given!r:.80}")
        return USUAL if given is None else given

    @classmethod
    def told_by(cls, line: Mapping[str, Any]) -> Reading:
        """Return how the text of a document was read, as a line of results has it, see `told`; as usual
        where it says nothing of it.
        """
        match line.get("reading"):
            case {**told}:
                named: dict[str, Any] = {name: told[name] for name in _OF_TEXT if name in told}
                with suppress(ConfigError):
                    return cls(**named)
        return USUAL

    def told(self) -> dict[str, Any]:
        """Return what a line of results says of it: {} if the text was read as usual."""
        found = {name: value for name, value in self.differing().items() if name in _OF_TEXT}
        return {"reading": found} if found else {}

    def differing(self) -> dict[str, Any]:
        """Return what is not as usual, by the names of the options."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in told.items() if value != getattr(USUAL, name)}

    def of(self, given: Any) -> Any:
        """Return a document as one that is read so when it is opened; a text as it is. Raises ConfigError
        for a Source, which is read.
        """
        if self == USUAL:
            return given
        if isinstance(given, Source):
            said = ", ".join(f"{name}=" for name in self.differing())
            raise ConfigError(f"the document has been read already: give {said} to read(...)")
        return Unread(given, self) if is_document(given) else given

    def of_one(self, given: Any) -> Any:
        """Return what `of` does for what a call reads alone. Raises ConfigError for a text as well. Warns of
        the name of a document in place of one.
        """
        if isinstance(given, str) and _is_name_of_document(given):
            warn(NAME_AS_TEXT)
        found = self.of(given)
        if self != USUAL and not isinstance(found, Unread):
            raise ConfigError("reading= is for a document: a Path, or the bytes of a file")
        return found

    def read(self, given: Any, name: str | None = None) -> Source:
        """Return the source of a path or bytes. Raises UnreadableSource."""
        from .reading import read

        return read(given, name=name, text_form=self.text_form, page_images=self.page_images, ocr=self.ocr)


USUAL = Reading()
_OF_TEXT = ("text_form", "ocr")  # on what the text of a document depends
NAME_AS_TEXT = (
    "the text is the name of a file, which was not opened, since a string is always the text itself: pass a "
    "Path for the file, or a Source for the name"
)
_LONGEST_NAME = 255
_DOCUMENTS = (
    *(".docx", ".eml", ".htm", ".html", ".jpeg", ".jpg", ".md", ".msg"),
    *(".odp", ".ods", ".odt", ".pdf", ".png", ".pptx", ".rtf", ".tif", ".tiff", ".txt", ".xlsx"),
)
_LONGEST_ENDING = max(map(len, _DOCUMENTS))


def read_as(given: Any, options: Any) -> Any:
    """Return what a call is given, a document as one that is read as the options say, which are taken out of
    them. Raises ConfigError.
    """
    return Reading.taken_from(options).of_one(given)


@dataclass(frozen=True, slots=True)
class Unread:
    """A document that is to be read, and how."""

    document: Any
    reading: Reading


def _is_name_of_document(text: str) -> bool:
    """Whether a text is one word with the ending of a document. The file is not looked for: a text may be a
    stranger's, who would learn which files there are.
    """
    ending = text[-_LONGEST_ENDING:].lower().endswith(_DOCUMENTS)
    return ending and len(text) <= _LONGEST_NAME and "://" not in text and not any(map(str.isspace, text))


_TO_BE_READ = (bytes, bytearray, memoryview, os.PathLike, Unread)


def is_document(given: Any) -> bool:
    """Whether a document is yet to be read: a path or bytes. A string is always a text."""
    return not isinstance(given, str) and isinstance(given, _TO_BE_READ)


def opened(given: Any) -> Any:
    """Return a Source for a path or bytes; anything else as it is. Raises UnreadableSource."""
    if isinstance(given, Unread):
        return given.reading.read(given.document)
    return USUAL.read(given) if is_document(given) else given


async def aopened(given: Any) -> Any:
    """Return what `opened` does; a document is read in a thread."""
    if not is_document(given):
        return given
    import asyncio

    return await asyncio.to_thread(opened, given)


def as_source(given: Any) -> Source:
    """Return a source, or a text as one. Raises ConfigError for anything else, and for a text of nothing."""
    found = Source(given) if isinstance(given, str) else given
    if not isinstance(found, Source) or not found.text.strip():
        raise ConfigError("split(source, Type) needs a document, or a text that is not empty")
    return found


def text_of(given: Any) -> Any:
    """Return the text of a source; anything else as it is."""
    return given.text if isinstance(given, Source) else given
