"""What a GGUF header says of the model in the file, and which files are no model."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ConfigError
from extractor.transport.gguf import Header, read_header
from extractor.transport.models import MODELS
from tests.transport.gguf_files import gguf


def test_the_header_of_the_embedded_model_agrees_with_its_row(smollm2: Path) -> None:
    row = MODELS["smollm2"]
    header = Header(size=row.size, context=8192, cache=row.traits.cache)
    assert read_header(smollm2) == header


def test_heads_may_be_told_layer_by_layer_and_their_width_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(
        gguf(
            {
                "llama.attention.head_count_kv": [2, 0, 4],
                "llama.attention.key_length": 100,
                "llama.attention.value_length": 28,
            }
        )
    )
    assert read_header(path).cache == 2 * (2 + 0 + 4) * (100 + 28)


def test_what_the_header_does_not_tell_is_nought(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    names = ("context_length", "attention.head_count", "attention.head_count_kv")
    path.write_bytes(gguf({f"llama.{name}": None for name in names}))
    assert read_header(path) == Header(path.stat().st_size, context=0, cache=0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not a GGUF file: it starts with b'', not b'GGUF'"),
        (b"PK\3\4 a zip", r"is not a GGUF file: it starts with b'PK\\x03\\x04'"),
        (b"<html>no such page</html>", "is not a GGUF file"),
        (b"GGUF", "is not a model: its GGUF header is damaged or cut off"),
        (gguf()[:-1], "is not a model: its GGUF header is damaged or cut off"),
        (gguf(version=9), "is not a model: its GGUF version is 9, and llama.cpp reads 2 and 3"),
        (b"GGUF" + b"\xff" * 100, "is not a model: its GGUF version is 4294967295"),
        (gguf(tensors=0), "is not a model: it has no weights"),
        (gguf({"general.architecture": None}), "is not a model: it names no architecture"),
        (
            gguf({"general.type": "adapter"}),
            "is not a model: it is only part of a model, of the type 'adapter'",
        ),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_the_reason(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"m\.gguf {why}"):
        read_header(tmp_path / "m.gguf")


@pytest.mark.slow
@given(at=st.integers(4, 400), byte=st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, at: int, byte: int
) -> None:
    content = bytearray(gguf())
    content[at] = byte
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    path.write_bytes(content)
    try:
        size = read_header(path).size
    except ConfigError:
        size = len(content)
    assert size == len(content)
