"""What the package promises: its names, its weight, and pages that know of both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import extractor
from extractor.dialects import PROVIDERS

DOCS = Path(__file__).parent.parent / "docs"

PUBLIC = """
AsyncChatStream AsyncExtractor AsyncRecordStream Attempt AttemptEnded BatchLimits BatchStatus Box
BudgetExceeded Candidate ChatStream Choice ChunkOutcome CompiledSchema Completion CompletionChunk ConfigError
Conflict DatabaseSink DatabaseSource DialogueEnded DialogueStarted DocumentExtraction Empty Estimate Event
Extraction ExtractionError Extractor ExtractorError Failure Files Filtered Free FunctionCall How Invalid
InvalidJSON JournalError Message Mode Outcome PROVIDERS ParsedCompletion Partial Preview Price Problem
Progress Provider RecordStream Refused RowOutcome RunStopped SchemaError ServiceError Source Span Target
Timeouts ToolCall ToolResult ToolRun Truncated UnreadableSource Usage Verbatim Written align compile_schema
extract image pdf read tool_schema
"""


def test_the_public_names_are_these() -> None:
    assert sorted(extractor.__all__) == sorted(PUBLIC.split())
    assert all(hasattr(extractor, name) for name in extractor.__all__)


@pytest.mark.parametrize("name", extractor.__all__)
def test_each_public_name_is_described_where_it_is_and_in_the_docs(name: str) -> None:
    assert getattr(extractor, name).__doc__ or name == "PROVIDERS"
    assert f"`{name}`" in (DOCS / "api.md").read_text()


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_each_provider_stands_in_the_docs_with_its_key(provider: object) -> None:
    page = (DOCS / "providers.md").read_text()
    assert f"| `{provider.name}` | " in page  # type: ignore[attr-defined]
    assert f"`{provider.key_env}`" in page or provider.key_env is None  # type: ignore[attr-defined]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys; from extractor import *; print(*sys.modules)"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert "pydantic" in loaded
    assert not loaded & {
        "pandas",
        "pyarrow",
        "numpy",
        "xllamacpp",
        "typer",
        "rich",
        "jsonschema",
        "openai",
        "pytest",
    }
