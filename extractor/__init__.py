"""Text in, validated records out: structured data extraction with language models.

    from extractor import extract
    invoice = extract(Invoice, text)

Public are the names in `__all__`; `extractor.types`, what results, options and events are made of;
`extractor.errors`, all kinds of errors; `extractor.tables`, `extractor.evaluation`, `extractor.engines` and
`extractor.testing`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bulk import Files, RowOutcome
    from .client import AsyncExtractor, Extractor, extract
    from .content import image, pdf
    from .documents import DocumentExtraction
    from .errors import ConfigError, ExtractionError, ExtractorError, RunStopped, SchemaError, ServiceError
    from .evidence import Span, align
    from .groups import Chunks, Columns, Run
    from .layout import Source
    from .messages import Message, Mode, Outcome, Usage
    from .pricing import Price
    from .readers import read
    from .readers.given import Reading
    from .results import Extraction
    from .saying import FromColumn
    from .schema import Coded, Free, Verbatim, compile_schema, tool_schema
    from .tables.databases.sink import DatabaseSink
    from .tables.databases.source import DatabaseSource
    from .transport.connection import Timeouts
    from .viewing import view
    from .vocabularies import Vocabulary

__all__ = [
    "AsyncExtractor",
    "Chunks",
    "Coded",
    "Columns",
    "ConfigError",
    "DatabaseSink",
    "DatabaseSource",
    "DocumentExtraction",
    "Extraction",
    "ExtractionError",
    "Extractor",
    "ExtractorError",
    "Files",
    "Free",
    "FromColumn",
    "Message",
    "Mode",
    "Outcome",
    "Price",
    "Reading",
    "RowOutcome",
    "Run",
    "RunStopped",
    "SchemaError",
    "ServiceError",
    "Source",
    "Span",
    "Timeouts",
    "Usage",
    "Verbatim",
    "Vocabulary",
    "align",
    "compile_schema",
    "extract",
    "image",
    "pdf",
    "read",
    "tool_schema",
    "view",
]
__version__ = "0.1.0"

_ROOMS = {
    "AsyncExtractor": "client",
    "Chunks": "groups",
    "Coded": "schema",
    "Columns": "groups",
    "ConfigError": "errors",
    "DatabaseSink": "tables.databases.sink",
    "DatabaseSource": "tables.databases.source",
    "DocumentExtraction": "documents",
    "Extraction": "results",
    "ExtractionError": "errors",
    "Extractor": "client",
    "ExtractorError": "errors",
    "Files": "bulk",
    "Free": "schema",
    "FromColumn": "saying",
    "Message": "messages",
    "Mode": "messages",
    "Outcome": "messages",
    "Price": "pricing",
    "Reading": "readers.given",
    "RowOutcome": "bulk",
    "Run": "groups",
    "RunStopped": "errors",
    "SchemaError": "errors",
    "ServiceError": "errors",
    "Source": "layout",
    "Span": "evidence",
    "Timeouts": "transport.connection",
    "Usage": "messages",
    "Verbatim": "schema",
    "Vocabulary": "vocabularies",
    "align": "evidence",
    "compile_schema": "schema",
    "extract": "client",
    "image": "content",
    "pdf": "content",
    "read": "readers",
    "tool_schema": "schema",
    "view": "viewing",
}
_MOVED = ("types", "errors")  # what the names are in that were here before, too


def __getattr__(name: str) -> Any:
    """Load a public name with its room on first use (PEP 562): a plain import of the package is cheap."""
    if name in _ROOMS:
        return globals().setdefault(name, getattr(import_module(f".{_ROOMS[name]}", __name__), name))
    for room in _MOVED if name[:1].isupper() else ():
        module = import_module(f".{room}", __name__)
        if name in module.__all__:
            return globals().setdefault(name, getattr(module, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
