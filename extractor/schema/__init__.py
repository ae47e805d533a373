"""Record type -> strict schema and codec. Pure: nothing here reads, writes or waits."""

from .compile import CompiledSchema, compile_schema
from .functions import tool_schema
from .nodes import Note
from .targets import TARGETS, Target

__all__ = ["TARGETS", "CompiledSchema", "Note", "Target", "compile_schema", "tool_schema"]
