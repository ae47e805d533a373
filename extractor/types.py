"""The types that calls are described by and results are made of: public, beside the names of `extractor`.

from extractor.types import Attempt, ExtractOptions
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from warnings import warn

from .lazy import lazy_names

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

_load = lazy_names(
    globals(),
    {
        "bulk": "Estimate",
        "bulk.journal": "Journal Ledger",
        "dialects": "BatchLimits PROVIDERS Provider",
        "dialogue": "DEFAULT_PROMPT",
        "documents": "ChunkOutcome SettledItem",
        "documents.splitting": "Split",
        "evidence": "How",
        "evidence.coverage": "Coverage ListCoverage TextLine",
        "evidence.merging": "Candidate Conflict",
        "layout": "Box",
        "messages": (
            "Attempt BatchStatus Choice Completion CompletionChunk Failure FunctionCall ParsedCompletion "
            "Prompt ToolCall Turns"
        ),
        "options": (
            "ChatOptions ClientOptions ColumnOptions DocumentOptions EngineOptions ExtractOptions "
            "FrameOptions LiveRowOptions ModelOptions Params ParseOptions RowOptions RunToolsOptions "
            "UpdateOptions"
        ),
        "previewing": "Preview",
        "quotas": "LimitGrant Quota SharedLimits SharedQuota",
        "results": "PartOutcome Progress",
        "schema": "CompiledSchema Partial Target",
        "streams": "AsyncChatStream AsyncRecordStream ChatStream RecordStream",
        "tables.databases.sink": "Written",
        "telemetry": "AttemptEnded DialogueEnded DialogueStarted Event",
        "tools": "ToolResult ToolRun",
        "transport.connection": "ConnectionOptions",
        "updating": "Change Update",
        "vocabularies": "Shortlist",
    },
)

_RENAMED = {"Reach": "ConnectionOptions"}  # former names, which warn


def __getattr__(name: str) -> Any:
    """Load a type with its room on first use (PEP 562)."""
    if name in _RENAMED:
        warn(f"extractor.types.{name} is now called {_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        return __getattr__(_RENAMED[name])
    return _load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
