"""Text in, validated records out: structured data extraction with language models.

    from extractor import extract
    invoice = extract(Invoice, text)

Only the names in `__all__` are public, and `extractor.testing` beside them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch.estimate import Estimate
    from .batch.outcomes import Progress, RowOutcome
    from .batch.texts import Files
    from .client import AsyncExtractor, Extractor, extract
    from .content import image, pdf
    from .dialects import PROVIDERS, BatchLimits, Provider
    from .documents import ChunkOutcome, DocumentExtraction
    from .errors import (
        BudgetExceeded,
        ConfigError,
        Empty,
        ExtractionError,
        ExtractorError,
        Filtered,
        Invalid,
        InvalidJSON,
        JournalError,
        Problem,
        Refused,
        RunStopped,
        SchemaError,
        ServiceError,
        Truncated,
        UnreadableSource,
    )
    from .evidence import How, Span, align
    from .evidence.merging import Candidate, Conflict
    from .layout import Box, Source
    from .messages import (
        Attempt,
        BatchStatus,
        Choice,
        Completion,
        CompletionChunk,
        Failure,
        FunctionCall,
        Message,
        Mode,
        Outcome,
        ParsedCompletion,
        ToolCall,
        Usage,
    )
    from .previewing import Preview
    from .pricing import Price
    from .readers import read
    from .results import Extraction
    from .schema import CompiledSchema, Free, Partial, Target, Verbatim, compile_schema, tool_schema
    from .streams import AsyncChatStream, AsyncRecordStream, ChatStream, RecordStream
    from .tables.databases.sink import DatabaseSink, Written
    from .tables.databases.source import DatabaseSource
    from .telemetry import AttemptEnded, DialogueEnded, DialogueStarted, Event
    from .tools import ToolResult, ToolRun
    from .transport.reach import Timeouts

__all__ = [
    "PROVIDERS",
    "AsyncChatStream",
    "AsyncExtractor",
    "AsyncRecordStream",
    "Attempt",
    "AttemptEnded",
    "BatchLimits",
    "BatchStatus",
    "Box",
    "BudgetExceeded",
    "Candidate",
    "ChatStream",
    "Choice",
    "ChunkOutcome",
    "CompiledSchema",
    "Completion",
    "CompletionChunk",
    "ConfigError",
    "Conflict",
    "DatabaseSink",
    "DatabaseSource",
    "DialogueEnded",
    "DialogueStarted",
    "DocumentExtraction",
    "Empty",
    "Estimate",
    "Event",
    "Extraction",
    "ExtractionError",
    "Extractor",
    "ExtractorError",
    "Failure",
    "Files",
    "Filtered",
    "Free",
    "FunctionCall",
    "How",
    "Invalid",
    "InvalidJSON",
    "JournalError",
    "Message",
    "Mode",
    "Outcome",
    "ParsedCompletion",
    "Partial",
    "Preview",
    "Price",
    "Problem",
    "Progress",
    "Provider",
    "RecordStream",
    "Refused",
    "RowOutcome",
    "RunStopped",
    "SchemaError",
    "ServiceError",
    "Source",
    "Span",
    "Target",
    "Timeouts",
    "ToolCall",
    "ToolResult",
    "ToolRun",
    "Truncated",
    "UnreadableSource",
    "Usage",
    "Verbatim",
    "Written",
    "align",
    "compile_schema",
    "extract",
    "image",
    "pdf",
    "read",
    "tool_schema",
]
__version__ = "0.1.0"

# light ones first
_ROOMS = (
    "errors",
    "messages",
    "results",
    "layout",
    "readers",
    "batch.outcomes",
    "batch.estimate",
    "batch.texts",
    "pricing",
    "dialects",
    "content",
    "tables.databases.source",
    "tables.databases.sink",
    "schema",
    "tools",
    "streams",
    "transport.reach",
    "telemetry",
    "client",
    "evidence",
    "evidence.merging",
    "documents",
    "previewing",
)


def __getattr__(name: str) -> Any:
    """Load a public name with its room on first use (PEP 562): a plain import of the package is cheap."""
    if name in __all__:
        for room in _ROOMS:
            module = import_module(f".{room}", __name__)
            if hasattr(module, name):
                return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
