"""What a verb may be given beside a string: a document, read before anything is asked."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from ..errors import ConfigError
from ..layout import Source


def is_document(given: Any) -> bool:
    """Whether a document is yet to be read: a path or bytes. A string is always a text."""
    return isinstance(given, bytes | bytearray | memoryview | os.PathLike)


def opened(given: Any) -> Any:
    """Return a Source for a path or bytes; anything else as it is. Raises UnreadableSource."""
    if not is_document(given):
        return given
    from .reading import read

    return read(given)


async def aopened(given: Any) -> Any:
    """Return what `opened` does; a document is read in a thread."""
    return await asyncio.to_thread(opened, given) if is_document(given) else given


def as_source(given: Any) -> Source:
    """Return a source, or a text as one. Raises ConfigError for anything else, and for a text of nothing."""
    found = Source(given) if isinstance(given, str) else given
    if not isinstance(found, Source) or not found.text.strip():
        raise ConfigError("split(source, Type) needs a document, or a text that is not empty")
    return found


def text_of(given: Any) -> Any:
    """Return the text of a source; anything else as it is."""
    return given.text if isinstance(given, Source) else given
