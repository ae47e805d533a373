"""Why a document can't be read, inside of the reading process."""

from __future__ import annotations


class ReadFailed(Exception):
    """A document can't be read. kind: as of UnreadableSource; message: one sentence, and what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind, self.message = kind, message

    def __str__(self) -> str:
        return self.message
