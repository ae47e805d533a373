"""Record type -> strict schema and codec. Pure: nothing here reads, writes or waits."""

from .chunked import Chunked
from .compile import CompiledSchema, WithExtras, check_type, compile_schema, with_extras
from .functions import tool_schema
from .grammar import can_ground, lark
from .nodes import Note
from .places import measured
from .quotes import Quoted, quote_example
from .targets import TARGETS, Target, bounded, grounding
from .verbatim import Free, Verbatim, source_text
from .wrapped import unwrapped

__all__ = [
    "TARGETS",
    "Chunked",
    "CompiledSchema",
    "Free",
    "Note",
    "Quoted",
    "Target",
    "Verbatim",
    "WithExtras",
    "bounded",
    "can_ground",
    "check_type",
    "compile_schema",
    "grounding",
    "lark",
    "measured",
    "quote_example",
    "source_text",
    "tool_schema",
    "unwrapped",
    "with_extras",
]
