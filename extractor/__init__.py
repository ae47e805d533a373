"""Text in, validated records out: structured data extraction with language models.

    from extractor import extract
    invoice = extract(Invoice, text)

Only the names in `__all__` are public, and `extractor.testing` beside them.
"""

from .client import AsyncExtractor, Extractor, extract
from .errors import (
    ConfigError,
    Empty,
    ExtractionError,
    ExtractorError,
    Filtered,
    Invalid,
    InvalidJSON,
    Problem,
    Refused,
    SchemaError,
    ServiceError,
    Truncated,
)
from .messages import (
    Attempt,
    Choice,
    Completion,
    CompletionChunk,
    Extraction,
    Failure,
    FunctionCall,
    Message,
    Outcome,
    ParsedCompletion,
    ToolCall,
    Usage,
)
from .schema import CompiledSchema, Target, compile_schema, tool_schema
from .streams import AsyncChatStream, ChatStream

__all__ = [
    "AsyncChatStream",
    "AsyncExtractor",
    "Attempt",
    "ChatStream",
    "Choice",
    "CompiledSchema",
    "Completion",
    "CompletionChunk",
    "ConfigError",
    "Empty",
    "Extraction",
    "ExtractionError",
    "Extractor",
    "ExtractorError",
    "Failure",
    "Filtered",
    "FunctionCall",
    "Invalid",
    "InvalidJSON",
    "Message",
    "Outcome",
    "ParsedCompletion",
    "Problem",
    "Refused",
    "SchemaError",
    "ServiceError",
    "Target",
    "ToolCall",
    "Truncated",
    "Usage",
    "compile_schema",
    "extract",
    "tool_schema",
]
__version__ = "0.1.0"
