"""Record type -> strict schema and codec. Pure: nothing here reads, writes or waits.

Imports point down, as in the whole house:

    functions  reading  unions       tools; a reply's text as it grows; the types of a union
    record_type                      a record type as a value, and what it can be asked
    compiled  dividing               a record type for one target; its shares for several requests
    compiler  outline                what becomes of each node; what a type looks like, unsent
    forms  types                     quoted, listed, narrowed, shares ...; Python's types, JSON Schemas
    coded                            codes of long lists
    codec  grounding  patterns       values on the wire; values of the text; regular expressions
    words  names  strict             what the compiler says; strict schemas as data
    problems  nodes                  what is wrong, where; what the compiler reads

Names of functions and grammars are loaded with their modules on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names
from .coded import Coded, shortlists
from .compiled import VERSION, CompiledSchema
from .compiler.limits import size
from .compiler.targets import TARGETS, Target, bounded, grounding
from .forms.chunked import Chunked
from .forms.listed import Shortlisted
from .forms.narrowed import Fork, fork_question, kept_by
from .forms.quotes import Quoted, quote_example
from .forms.shares import Share, united
from .grounding.repeats import can_be_outweighed, outweighed, repeats
from .grounding.verbatim import VERBATIM, Free, Verbatim, source_text
from .names import fresh
from .nodes import TAG, VALUE, Note
from .problems import not_json, unmarked
from .reading.partial import Growing, Items, Partial
from .reading.places import measured
from .record_type import (
    RecordType,
    WithExtras,
    check_type,
    compile_schema,
    with_extras,
)
from .strict import is_nested
from .types.documents.wrapped import unwrapped
from .unions import place_of_type, types_in

if TYPE_CHECKING:
    from .functions import tool_schema
    from .grounding.grammar import can_ground, lark

__all__ = [
    "TAG",
    "TARGETS",
    "VALUE",
    "VERBATIM",
    "VERSION",
    "Chunked",
    "Coded",
    "CompiledSchema",
    "Fork",
    "Free",
    "Growing",
    "Items",
    "Note",
    "Partial",
    "Quoted",
    "RecordType",
    "Share",
    "Shortlisted",
    "Target",
    "Verbatim",
    "WithExtras",
    "bounded",
    "can_be_outweighed",
    "can_ground",
    "check_type",
    "compile_schema",
    "fork_question",
    "fresh",
    "grounding",
    "is_nested",
    "kept_by",
    "lark",
    "measured",
    "not_json",
    "outweighed",
    "place_of_type",
    "quote_example",
    "repeats",
    "shortlists",
    "size",
    "source_text",
    "tool_schema",
    "types_in",
    "united",
    "unmarked",
    "unwrapped",
    "with_extras",
]


__getattr__ = lazy_names(
    globals(),
    {
        "functions": "tool_schema",
        "grounding.grammar": "can_ground lark",
    },
)
