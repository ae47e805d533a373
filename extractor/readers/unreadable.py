"""Why a document can't be read, or not all of it, inside of the reading process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remark:
    """What of a document is left out, or read otherwise than it stands there: one sentence."""

    text: str


class ReadFailed(Exception):
    """A document can't be read. kind: as of UnreadableSource; message: one sentence, and what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind, self.message = kind, message

    def __str__(self) -> str:
        return self.message


def why_not_loaded(error: ImportError) -> str:
    """Return what is missing where a library can't be loaded: the first cause, in one line."""
    cause: BaseException = error
    while (before := cause.__cause__ or cause.__context__) is not None and isinstance(before, ImportError):
        cause = before
    told = " ".join(str(cause).split())[:300]
    return f"a library that is needed to read this can't be loaded, {type(cause).__name__}: {told}"
