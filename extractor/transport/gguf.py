"""The header of a GGUF file, read without loading the model.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import ConfigError

MAGIC = b"GGUF"
VERSIONS = (2, 3)  # the first counted in 32 bits
_FORMATS = "BbHhIif?"  # the types 0 to 7, each one letter of `struct`
_STRING, _ARRAY = 8, 9
_SIZES = {
    **{kind: struct.calcsize(f"<{letter}") for kind, letter in enumerate(_FORMATS)},
    10: 8,
    11: 8,
    12: 8,
}
_LETTERS = {**dict(enumerate(_FORMATS)), 10: "Q", 11: "q", 12: "d"}
_LONGEST_LIST = (
    1024  # items that are kept of an array: one number for each layer; vocabularies are not needed
)


@dataclass(frozen=True, slots=True)
class Header:
    """A model in a GGUF file. size: bytes of the file. context: tokens that it was trained on. cache: bytes
    that one token takes in a cache of 16-bit numbers. A number is 0 if the header does not tell.
    """

    size: int
    context: int
    cache: int


def read_header(path: Path) -> Header:
    """Return what the header of the GGUF file says. Raises ConfigError for a file that holds no model."""
    try:
        stat = os.stat(path)
        return _read(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise ConfigError(f"cannot read the model file {path}: {error.strerror or error}") from error


@lru_cache(maxsize=16)
def _read(path: Path, size: int, changed: int) -> Header:
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            raise ConfigError(f"{path} is not a GGUF file: it starts with {magic!r}, not {MAGIC!r}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            try:
                facts = _facts(content)
            except (struct.error, IndexError, KeyError, ValueError, RecursionError) as error:
                raise ConfigError(f"{path} is not a model: its GGUF header is damaged or cut off") from error
    if why := _no_model(facts):
        raise ConfigError(f"{path} is not a model: {why}")
    return _header(size, facts)


def _facts(content: mmap.mmap) -> dict[str, Any]:
    """Return the header's key-value pairs; of a long array, its length."""
    version, tensors, count = struct.unpack_from("<IQQ", content, len(MAGIC))
    facts: dict[str, Any] = {"version": version, "tensors": tensors}
    at = len(MAGIC) + 20
    for _ in range(count if version in VERSIONS else 0):
        name, at = _string(content, at)
        (kind,) = struct.unpack_from("<I", content, at)
        facts[name.decode("utf-8", "replace")], at = _value(content, at + 4, kind)
    return facts


def _value(content: mmap.mmap, at: int, kind: int) -> tuple[Any, int]:
    """Return the value at an offset, and where the next begins."""
    if kind == _STRING:
        text, at = _string(content, at)
        return text.decode("utf-8", "replace"), at
    if kind == _ARRAY:
        return _array(content, at)
    (value,) = struct.unpack_from(f"<{_LETTERS[kind]}", content, at)
    return value, at + _SIZES[kind]


def _array(content: mmap.mmap, at: int) -> tuple[Any, int]:
    kind, count = struct.unpack_from("<IQ", content, at)
    at += 12
    if kind in _SIZES and count > _LONGEST_LIST:
        return count, _within(content, at + count * _SIZES[kind])
    items = []
    for _ in range(count):
        value, at = _value(content, at, kind) if kind != _STRING else (None, _skipped(content, at))
        if count <= _LONGEST_LIST:
            items.append(value)
    return items if count <= _LONGEST_LIST else count, at


def _string(content: mmap.mmap, at: int) -> tuple[bytes, int]:
    end = _skipped(content, at)
    return content[at + 8 : end], end


def _skipped(content: mmap.mmap, at: int) -> int:
    """Return where the string at an offset ends."""
    return _within(content, at + 8 + int(struct.unpack_from("<Q", content, at)[0]))


def _within(content: mmap.mmap, at: int) -> int:
    if at > len(content):
        raise ValueError("it ends before its values do")
    return at


def _no_model(facts: Mapping[str, Any]) -> str | None:
    """Return why llama.cpp could not run what the header describes, None if nothing speaks against it."""
    if facts["version"] not in VERSIONS:
        return f"its GGUF version is {facts['version']}, and llama.cpp reads 2 and 3"
    kind = facts.get("general.type", "model")
    if kind != "model":
        return f"it is only part of a model, of the type {kind!r}"
    if not isinstance(facts.get("general.architecture"), str) or not facts["tensors"]:
        return "it names no architecture" if facts["tensors"] else "it has no weights"
    return None


def _header(size: int, facts: Mapping[str, Any]) -> Header:
    def number(name: str) -> int:
        value = facts.get(f"{facts['general.architecture']}.{name}", 0)
        return value if isinstance(value, int) else 0

    return Header(
        size=size,
        context=number("context_length"),
        cache=_cache(
            facts, number("embedding_length"), number("attention.head_count"), number("block_count")
        ),
    )


def _cache(facts: Mapping[str, Any], width: int, heads: int, layers: int) -> int:
    """Return the bytes of keys and values, 2 each, that one token takes in all layers."""
    prefix = f"{facts['general.architecture']}.attention"
    usual = width // heads if heads else 0
    key, value = (facts.get(f"{prefix}.{name}_length", usual) for name in ("key", "value"))
    kept = facts.get(f"{prefix}.head_count_kv", heads)
    in_all = sum(kept) if isinstance(kept, list) else kept * layers
    return int(2 * in_all * (key + value))
