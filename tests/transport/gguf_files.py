"""GGUF files of a few bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

LLAMA: Mapping[str, Any] = {
    "general.architecture": "llama",
    "general.type": "model",
    "llama.block_count": 30,
    "llama.context_length": 2048,
    "llama.embedding_length": 576,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "llama.rope.freq_base": 10_000.0,
    "tokenizer.ggml.tokens": ["a"] * 2000,
    "tokenizer.ggml.scores": [0.5] * 2000,
    "tokenizer.ggml.add_bos_token": False,
}


def gguf(changes: Mapping[str, Any] | None = None, tensors: int = 1, version: int = 3) -> bytes:
    """Return a header with a value for each name; None takes one away."""
    facts = {name: value for name, value in {**LLAMA, **(changes or {})}.items() if value is not None}
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, len(facts))
    return head + b"".join(_text(name) + _typed(value) for name, value in facts.items())


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _typed(value: Any) -> bytes:
    kind, content = _value(value)
    return struct.pack("<I", kind) + content


def _value(value: Any) -> tuple[int, bytes]:
    match value:
        case bool():
            return 7, struct.pack("<?", value)
        case int():
            return 4, struct.pack("<I", value)
        case float():
            return 6, struct.pack("<f", value)
        case str():
            return 8, _text(value)
    items = [_value(item) for item in value]
    return 9, struct.pack("<IQ", items[0][0], len(items)) + b"".join(content for _, content in items)
