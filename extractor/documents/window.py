"""The size of a chunk: the part of a model's window that is left for the text. Pure but for one question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from ..dialogue import MAX_TOKENS
from ..dialogue.wording import compact
from ..errors import ConfigError
from ..messages import JSON, Failure, Request
from ..model import Model
from ..transport import http, tape

BYTES_A_TOKEN = 3  # of UTF-8, at least: what fits by this measure fits by the model's own
ANY_MODEL_TAKES = 4096  # tokens
SPARE = 0.95  # of the window: chat templates have words of their own
LEAST = 200  # characters of a chunk
WAIT = 10.0  # seconds for the server to say how large its window is
NAMES = (  # of the window in lists of models
    *("max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens"),
    *("inputTokenLimit", "max_context_window_tokens"),
)


def tokens_of(text: str) -> int:
    """Return how many tokens a text can have at most, as a rule."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_A_TOKEN)


def chunk_size(text: str, request: Request, shows_schema: bool, window: int, longest: int | None) -> int:
    """Return the most characters of a text that fit a window beside the rest of a request and its answer.

    request: as it is sent, for a text of one character. shows_schema: whether the server puts the schema
    before the model. longest: tokens of the longest answer that the model gives. Raises ConfigError.
    """
    said = "".join(m.content for m in request.messages if isinstance(m.content, str))
    schema = compact(request.response_schema.schema) if shows_schema and request.response_schema else ""
    limits = [n for name in MAX_TOKENS if isinstance(n := request.params.get(name), int)]
    answer = min(limits) if limits else min(longest or window, window // 6)
    left = int(window * SPARE) - tokens_of(said + schema) - 2 * answer  # one that is rejected is said again
    size = int(left * BYTES_A_TOKEN * len(text) / max(1, len(text.encode("utf-8", "replace"))))
    if size < LEAST:
        raise ConfigError(
            f"a window of {window:,} tokens has no room for a text: instructions, examples and schema "
            f"take about {tokens_of(said + schema):,} of them, and {answer:,} are reserved for the "
            "answer (max_tokens)"
        )
    return size


def needs_chunks(text: str, window: int | None) -> bool:
    """Whether a text may be too long to be asked of at once."""
    return tokens_of(text) > (ANY_MODEL_TAKES if window is None else window) * 0.4


def ask_window(model: Model) -> int | None:
    """Return the tokens that a server says a request and its answer may have together; None if it does
    not say.
    """
    base = model.settings.config.base_url
    if base is None or tape.current() is not None:
        return None
    connection, headers = model.settings.connection, model.headers(model.endpoint(), Request(model.name, ()))
    window = window_in(_json(http.get(f"{base}/models", headers, connection, WAIT)), model.name)
    if window is None and model.provider.name in ("llamacpp", "compatible"):
        props = _json(http.get(f"{base.removesuffix('/v1')}/props", headers, connection, WAIT))
        settings = (props or {}).get("default_generation_settings")
        window = _size(settings.get("n_ctx") if isinstance(settings, Mapping) else None)
    return window


def window_in(listed: JSON, model: str) -> int | None:
    """Return the window of a model in what a server lists of its models, None if it says nothing.

    Sources: the lists of vLLM and SGLang (max_model_len), OpenRouter (context_length), Groq
    (context_window), Mistral (max_context_length), Anthropic (max_input_tokens), Gemini (inputTokenLimit).
    """
    if not isinstance(listed, Mapping):
        return None
    rows = listed.get("data") or listed.get("models") or ()
    rows = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, Iterable) else []
    named = [
        row for row in rows if model in (row.get("id"), str(row.get("name", "")).removeprefix("models/"))
    ]
    sizes = (_size(row.get(name)) for row in named for name in NAMES)
    return next((size for size in sizes if size is not None), None)


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _json(reply: http.HttpReply | Failure) -> Any:
    told = None
    if isinstance(reply, http.HttpReply) and reply.status == 200:
        with suppress(ValueError, RecursionError):
            told = json.loads(reply.body)
    return told if isinstance(told, Mapping) else None
