"""The types that calls are described by and results are made of: public, beside the names of `extractor`.

from extractor.types import Attempt, ExtractOptions
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any
from warnings import warn

if TYPE_CHECKING:
    from .bulk import Estimate
    from .bulk.journal import Journal, Ledger
    from .dialects import PROVIDERS, BatchLimits, Provider
    from .dialogue import DEFAULT_PROMPT
    from .documents import ChunkOutcome, SettledItem
    from .documents.splitting import Split
    from .evidence import How
    from .evidence.coverage import Coverage, ListCoverage, TextLine
    from .evidence.merging import Candidate, Conflict
    from .layout import Box
    from .messages import (
        Attempt,
        BatchStatus,
        Choice,
        Completion,
        CompletionChunk,
        Failure,
        FunctionCall,
        ParsedCompletion,
        Prompt,
        ToolCall,
        Turns,
    )
    from .options import (
        ChatOptions,
        ClientOptions,
        ColumnOptions,
        DocumentOptions,
        EngineOptions,
        ExtractOptions,
        FrameOptions,
        LiveRowOptions,
        ModelOptions,
        Params,
        ParseOptions,
        RowOptions,
        RunToolsOptions,
        UpdateOptions,
    )
    from .previewing import Preview
    from .quotas import LimitGrant, Quota, SharedLimits, SharedQuota
    from .results import PartOutcome, Progress
    from .schema import CompiledSchema, Partial, Target
    from .streams import AsyncChatStream, AsyncRecordStream, ChatStream, RecordStream
    from .tables.databases.sink import Written
    from .telemetry import AttemptEnded, DialogueEnded, DialogueStarted, Event
    from .tools import ToolResult, ToolRun
    from .transport.connection import ConnectionOptions
    from .updating import Change, Update
    from .vocabularies import Shortlist

__all__ = [
    "DEFAULT_PROMPT",
    "PROVIDERS",
    "AsyncChatStream",
    "AsyncRecordStream",
    "Attempt",
    "AttemptEnded",
    "BatchLimits",
    "BatchStatus",
    "Box",
    "Candidate",
    "Change",
    "ChatOptions",
    "ChatStream",
    "Choice",
    "ChunkOutcome",
    "ClientOptions",
    "ColumnOptions",
    "CompiledSchema",
    "Completion",
    "CompletionChunk",
    "Conflict",
    "ConnectionOptions",
    "Coverage",
    "DialogueEnded",
    "DialogueStarted",
    "DocumentOptions",
    "EngineOptions",
    "Estimate",
    "Event",
    "ExtractOptions",
    "Failure",
    "FrameOptions",
    "FunctionCall",
    "How",
    "Journal",
    "Ledger",
    "LimitGrant",
    "ListCoverage",
    "LiveRowOptions",
    "ModelOptions",
    "Params",
    "ParseOptions",
    "ParsedCompletion",
    "PartOutcome",
    "Partial",
    "Preview",
    "Progress",
    "Prompt",
    "Provider",
    "Quota",
    "RecordStream",
    "RowOptions",
    "RunToolsOptions",
    "SettledItem",
    "SharedLimits",
    "SharedQuota",
    "Shortlist",
    "Split",
    "Target",
    "TextLine",
    "ToolCall",
    "ToolResult",
    "ToolRun",
    "Turns",
    "Update",
    "UpdateOptions",
    "Written",
]

_ROOMS = {
    "AsyncChatStream": "streams",
    "AsyncRecordStream": "streams",
    "Attempt": "messages",
    "AttemptEnded": "telemetry",
    "BatchLimits": "dialects",
    "BatchStatus": "messages",
    "Box": "layout",
    "Candidate": "evidence.merging",
    "Change": "updating",
    "ChatOptions": "options",
    "ChatStream": "streams",
    "Choice": "messages",
    "ChunkOutcome": "documents",
    "ClientOptions": "options",
    "ColumnOptions": "options",
    "CompiledSchema": "schema",
    "Completion": "messages",
    "CompletionChunk": "messages",
    "Conflict": "evidence.merging",
    "ConnectionOptions": "transport.connection",
    "Coverage": "evidence.coverage",
    "DEFAULT_PROMPT": "dialogue",
    "DialogueEnded": "telemetry",
    "DialogueStarted": "telemetry",
    "DocumentOptions": "options",
    "EngineOptions": "options",
    "Estimate": "bulk",
    "Event": "telemetry",
    "ExtractOptions": "options",
    "Failure": "messages",
    "FrameOptions": "options",
    "FunctionCall": "messages",
    "How": "evidence",
    "Journal": "bulk.journal",
    "Ledger": "bulk.journal",
    "ListCoverage": "evidence.coverage",
    "LimitGrant": "quotas",
    "LiveRowOptions": "options",
    "ModelOptions": "options",
    "PROVIDERS": "dialects",
    "Params": "options",
    "ParseOptions": "options",
    "PartOutcome": "results",
    "ParsedCompletion": "messages",
    "Partial": "schema",
    "Preview": "previewing",
    "Progress": "results",
    "Prompt": "messages",
    "Provider": "dialects",
    "Quota": "quotas",
    "RecordStream": "streams",
    "RowOptions": "options",
    "RunToolsOptions": "options",
    "SettledItem": "documents",
    "SharedLimits": "quotas",
    "SharedQuota": "quotas",
    "Shortlist": "vocabularies",
    "Split": "documents.splitting",
    "Target": "schema",
    "TextLine": "evidence.coverage",
    "ToolCall": "messages",
    "ToolResult": "tools",
    "ToolRun": "tools",
    "Turns": "messages",
    "Update": "updating",
    "UpdateOptions": "options",
    "Written": "tables.databases.sink",
}
_RENAMED = {"Reach": "ConnectionOptions"}  # former names, which warn


def __getattr__(name: str) -> Any:
    """Load a type with its room on first use (PEP 562)."""
    if name in _RENAMED:
        warn(f"extractor.types.{name} is now called {_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        return __getattr__(_RENAMED[name])
    if name in _ROOMS:
        module = import_module(f".{_ROOMS[name]}", __package__)
        return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
