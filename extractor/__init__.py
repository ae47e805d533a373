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

from .lazy import lazy_names

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

_load = lazy_names(
    globals(),
    {
        "bulk": "Files RowOutcome",
        "client": "AsyncExtractor Extractor extract",
        "content": "image pdf",
        "documents": "DocumentExtraction",
        "errors": "ConfigError ExtractionError ExtractorError RunStopped SchemaError ServiceError",
        "evidence": "Span align",
        "groups": "Chunks Columns Run",
        "layout": "Source",
        "messages": "Message Mode Outcome Usage",
        "pricing": "Price",
        "readers": "read",
        "readers.given": "Reading",
        "results": "Extraction",
        "saying": "FromColumn",
        "schema": "Coded Free Verbatim compile_schema tool_schema",
        "tables.databases.sink": "DatabaseSink",
        "tables.databases.source": "DatabaseSource",
        "transport.connection": "Timeouts",
        "viewing": "view",
        "vocabularies": "Vocabulary",
    },
)

_MOVED = ("types", "errors")  # what the names are in that were here before, too


def __getattr__(name: str) -> Any:
    """Load a public name with its room on first use (PEP 562): a plain import of the package is cheap."""
    for room in _MOVED if name[:1].isupper() and name not in __all__ else ():
        module = import_module(f".{room}", __name__)
        if name in module.__all__:
            return globals().setdefault(name, getattr(module, name))
    return _load(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
