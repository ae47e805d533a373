"""Unpacking a body: whole, however it is split and packed, and within its bound."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.transport.decoding import STEP, Body, TooLarge, Unreadable


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "deflate ": bare,
    "identity": bytes,
    "": bytes,
}


def unpacked(encoding: str, pieces: list[bytes], most: int | None = None) -> bytes:
    body = Body(encoding, most)
    whole = b"".join(part for piece in pieces for part in body.feed(piece))
    body.end()
    return whole


@given(st.binary(), st.lists(st.sampled_from(sorted(PACKERS)), max_size=3), st.integers(1, 50))
def test_what_was_packed_comes_out_whole_however_it_is_split(
    data: bytes, names: list[str], size: int
) -> None:
    packed = data
    for name in names:
        packed = PACKERS[name](packed)
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert unpacked(", ".join(names), pieces, most=len(data) + 200) == data


@pytest.mark.slow
@given(st.binary(min_size=1), st.sampled_from(["gzip", "deflate"]), st.data())
def test_a_body_that_breaks_off_is_unreadable(data: bytes, name: str, draw: st.DataObject) -> None:
    packed = PACKERS[name](data)
    cut = draw.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(Unreadable, match="incomplete"):
        unpacked(name, [packed[:cut]])


def test_an_empty_body_is_empty_whatever_its_headers_tell() -> None:
    assert unpacked("gzip", []) == b""
    assert unpacked("deflate", [b""]) == b""


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_what_is_not_packed_as_told_is_unreadable(name: str) -> None:
    with pytest.raises(Unreadable):
        unpacked(name, [b"no, this is none"])


def test_an_encoding_that_was_not_asked_for_is_unreadable_and_named() -> None:
    with pytest.raises(Unreadable, match="'br', but gzip, deflate were requested"):
        Body("br", None)


@pytest.mark.slow
def test_no_more_is_unpacked_than_is_allowed() -> None:
    packed = gzip.compress(gzip.compress(bytes(100 * STEP)))
    assert len(packed) < 1000
    came: list[bytes] = []
    with pytest.raises(TooLarge, match="more than 786432 bytes; max_reply_bytes="):
        came.extend(Body("gzip, gzip", 3 * STEP).feed(packed))
    assert sum(map(len, came)) <= 3 * STEP


def test_the_bound_is_reached_only_by_what_is_larger() -> None:
    assert unpacked("gzip", [gzip.compress(bytes(1000))], most=1000) == bytes(1000)
    with pytest.raises(TooLarge):
        unpacked("gzip", [gzip.compress(bytes(1001))], most=1000)
