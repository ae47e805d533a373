"""How each provider's HTTP API spells a request, a reply, a stream chunk and an error. Pure."""

from . import openai_chat
from .accumulate import Accumulator
from .providers import COMPATIBLE, PROVIDERS, Provider

__all__ = ["COMPATIBLE", "PROVIDERS", "Accumulator", "Provider", "openai_chat"]
