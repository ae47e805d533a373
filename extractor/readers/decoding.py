"""Bytes of web pages and mails -> text, by the encodings that they name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .unreadable import Remark

GUESSED = "windows-1252"
LATIN = frozenset({"iso-8859-1", "iso8859-1", "latin-1", "latin1", "iso_8859-1", "l1", "cp819"})


def decoded(data: bytes, named: Iterable[str | None], where: str) -> tuple[str, list[Remark]]:
    """Return the text, and a remark if no encoding fits that is named, nor UTF-8. where: what the bytes are.

    Latin-1 is read as windows-1252, which has its letters, and the quotes and the euro sign that writers
    mean. Source: WHATWG Encoding Standard, section 4.2.
    """
    for name in (*_meant(named), "utf-8"):
        try:
            return data.decode(name), []
        except (LookupError, UnicodeDecodeError):
            continue
    said = f"{where} names no encoding that fits: read as {GUESSED}, so some characters may be wrong"
    return data.decode(GUESSED, errors="replace"), [Remark(said)]


def _meant(named: Iterable[str | None]) -> Iterator[str]:
    for name in filter(None, named):
        if name.lower() in LATIN:
            yield GUESSED
        yield name
