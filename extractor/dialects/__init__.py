"""How each provider's HTTP API spells a request, a reply, a stream chunk and an error. Pure."""

from . import anthropic, gemini, openai_chat, openai_responses
from .accumulate import Accumulator
from .added import ADDED_TEXT, AddedText
from .bodies import Bodies
from .dialect import Dialect, Dialects
from .providers import COMPATIBLE, PROVIDERS, Provider
from .replies import parse_json, read_event, read_reply, request_id_of

DIALECTS: Dialects = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
}

__all__ = [
    "ADDED_TEXT",
    "COMPATIBLE",
    "DIALECTS",
    "PROVIDERS",
    "Accumulator",
    "AddedText",
    "Bodies",
    "Dialect",
    "Provider",
    "anthropic",
    "gemini",
    "openai_chat",
    "openai_responses",
    "parse_json",
    "read_event",
    "read_reply",
    "request_id_of",
]
