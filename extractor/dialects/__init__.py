"""Each provider's HTTP API: requests, replies, stream chunks and errors. Pure."""

from . import anthropic, anthropic_batches, gemini, openai_batches, openai_chat, openai_responses
from .accumulate import Accumulator
from .added import ADDED_TEXT, AddedText
from .batches import BatchApi, BatchApis
from .bodies import Bodies
from .bounds import most_usage
from .dialect import Dialect, Dialects
from .providers import COMPATIBLE, PROVIDERS, BatchLimits, Provider
from .replies import parse_json, read_event, read_reply, request_id_of, unreadable

DIALECTS: Dialects = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
}
BATCH_APIS: BatchApis = {"openai": openai_batches, "anthropic": anthropic_batches}

__all__ = [
    "ADDED_TEXT",
    "BATCH_APIS",
    "COMPATIBLE",
    "DIALECTS",
    "PROVIDERS",
    "Accumulator",
    "AddedText",
    "BatchApi",
    "BatchLimits",
    "Bodies",
    "Dialect",
    "Provider",
    "anthropic",
    "gemini",
    "most_usage",
    "openai_chat",
    "openai_responses",
    "parse_json",
    "read_event",
    "read_reply",
    "request_id_of",
    "unreadable",
]
