"""What the package promises: its names, its weight, and pages that know of both."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, get_type_hints

import pytest
from pydantic.dataclasses import is_pydantic_dataclass

import extractor
from extractor import engines, errors, evaluation, tables, testing, types
from extractor.dialects import PROVIDERS

DOCS = Path(__file__).parent.parent / "docs"

PUBLIC = """
AsyncExtractor Chunks Coded Columns ConfigError DatabaseSink DatabaseSource DocumentExtraction Extraction
ExtractionError Reading Run
Extractor ExtractorError Files Free FromColumn Message Mode Outcome Price RowOutcome RunStopped SchemaError
ServiceError Source Span Timeouts Usage Verbatim Vocabulary align compile_schema extract image pdf read
tool_schema
view
"""
TYPES = """
AsyncChatStream AsyncRecordStream Attempt AttemptEnded BatchLimits BatchStatus Box Candidate
Change ChatOptions ChatStream Choice ChunkOutcome ClientOptions ColumnOptions CompiledSchema Completion
CompletionChunk Conflict ConnectionOptions Coverage DEFAULT_PROMPT DialogueEnded DialogueStarted
DocumentOptions EngineOptions Estimate Event ExtractOptions Failure FrameOptions FunctionCall How
Journal Ledger LimitGrant ListCoverage LiveRowOptions ModelOptions PROVIDERS Params ParseOptions
ParsedCompletion PartOutcome Partial Preview Progress Prompt Provider Quota RecordStream RowOptions
RunToolsOptions SettledItem SharedLimits SharedQuota Shortlist Split Target TextLine ToolCall ToolResult
ToolRun Turns Update UpdateOptions Written
"""
ERRORS = """
BudgetExceeded ConfigError Empty ExtractionError ExtractorError Filtered Invalid InvalidJSON
JournalError Problem Refused RunStopped SchemaError ServiceError Truncated Unjudged
UnreadableSource
"""


@pytest.mark.parametrize(("module", "names"), [(extractor, PUBLIC), (types, TYPES), (errors, ERRORS)])
def test_the_public_names_are_these(module: ModuleType, names: str) -> None:
    assert sorted(module.__all__) == sorted(names.split())
    assert all(hasattr(module, name) for name in module.__all__)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("name", sorted({*TYPES.split(), *ERRORS.split()} - {*PUBLIC.split()}))
def test_a_name_that_moved_is_found_where_it_was(name: str) -> None:
    home = types if name in types.__all__ else errors
    assert getattr(extractor, name) is getattr(home, name)


@pytest.mark.parametrize("module", [extractor, types])
def test_a_name_that_is_not_there_is_an_attribute_error(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        module.Nothing  # noqa: B018


@pytest.mark.parametrize("module", [extractor, types, errors])
def test_each_public_name_is_described_where_it_is_and_in_the_docs(module: ModuleType) -> None:
    page = (DOCS / "api.md").read_text()
    for name in module.__all__:
        assert getattr(module, name).__doc__ or name == "PROVIDERS"
        assert f"`{name}`" in page, name


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_each_provider_stands_in_the_docs_with_its_key(provider: object) -> None:
    page = (DOCS / "providers.md").read_text()
    assert f"| `{provider.name}` | " in page  # type: ignore[attr-defined]
    assert f"`{provider.key_env}`" in page or provider.key_env is None  # type: ignore[attr-defined]


@pytest.mark.slow
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


def test_a_former_name_still_works_and_tells_the_new_one() -> None:
    with pytest.warns(DeprecationWarning, match="Reach is now called ConnectionOptions"):
        assert types.Reach is types.ConnectionOptions


@pytest.mark.slow
def test_importing_the_client_loads_no_room_that_a_single_call_does_not_need() -> None:
    code = "import sys; from extractor import Extractor; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(found.stdout.split())
    assert "extractor.client" in loaded
    assert not loaded & {
        "aiohttp",
        "asyncio",
        "httpx",
        "jsonschema",
        "psutil",
        "subprocess",
        "tenacity",
        "zipfile",
        "extractor.bulk.outcomes",
        "extractor.client.aio",
        "extractor.documents.outcome",
        "extractor.evaluation.votes",
        "extractor.evidence.merging",
        "extractor.masking.masks",
        "extractor.readers.reading",
        "extractor.report.pages",
        "extractor.schema.functions",
        "extractor.schema.grounding.grammar",
        "extractor.tables",
        "extractor.tools.rounds",
        "extractor.transport.models",
    }


PUBLIC_MODULES = [extractor, types, errors, testing, tables, evaluation, engines]
NAMES_EXTRAS = re.compile(r"\b(pa|pandas|polars)\.")  # libraries that may be missing


def functions_of(value: Any) -> Iterator[Any]:
    """Yield a public callable and its public methods."""
    if isinstance(value, FunctionType | type):
        yield value
    for name, method in vars(value).items() if isinstance(value, type) else ():
        plain = getattr(method, "fget", None) or getattr(method, "__func__", method)
        if isinstance(plain, FunctionType) and (name == "__init__" or not name.startswith("_")):
            yield plain


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=lambda module: module.__name__)
def test_the_annotations_of_all_public_callables_can_be_read(module: ModuleType) -> None:
    seen = 0
    for name in getattr(module, "__all__", ()):
        for each in functions_of(getattr(module, name)):
            if is_pydantic_dataclass(getattr(module, name)) and each is not getattr(module, name):
                continue  # Pydantic's own methods
            with suppress(NameError) if NAMES_EXTRAS.search(str(each.__annotations__)) else nullcontext():
                assert get_type_hints(each, include_extras=True) is not None
                seen += 1
    assert seen
