"""Streamed replies: events in; chunks, growing records or list items out, the whole at the end."""

from .chat import AsyncChatStream, ChatStream, Streamed, achunks, chunks
from .reader import StreamReader
from .records import AsyncRecordStream, ItemGrowth, RecordGrowth, RecordStream, aending, agrown, ending, grown

__all__ = [
    "AsyncChatStream",
    "AsyncRecordStream",
    "ChatStream",
    "ItemGrowth",
    "RecordGrowth",
    "RecordStream",
    "StreamReader",
    "Streamed",
    "achunks",
    "aending",
    "agrown",
    "chunks",
    "ending",
    "grown",
]
