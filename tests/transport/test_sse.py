"""Server-sent events: the specification's own examples, and any split of the bytes."""

from __future__ import annotations

from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.transport.decoding import TooLarge
from extractor.transport.sse import ServerSentEvent, SSEDecoder


def events(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [  # https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [ServerSentEvent("YHOO\n+2\n10")]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
         [ServerSentEvent("first event"), ServerSentEvent("second event"), ServerSentEvent(" third event")]),
        (b"data\n\ndata\ndata\n\ndata:", [ServerSentEvent(""), ServerSentEvent("\n")]),
        (b"data:test\n\ndata: test\n\n", [ServerSentEvent("test"), ServerSentEvent("test")]),
        (b"event: error\ndata: {}\n\n", [ServerSentEvent("{}", "error")]),
        (b"event: lonely\n\ndata: x\n\n", [ServerSentEvent("x")]),
        (b"\xef\xbb\xbfdata: bom\r\n\r\n", [ServerSentEvent("bom")]),
        (b"data: a\r\rdata: b\n\r\n", [ServerSentEvent("a"), ServerSentEvent("b")]),
        (b"data: no blank line", []),
        (b"data: lonely cr\r", []),
        (b"retry: 10\n\n: keep-alive\n\n", []),
        (b"data: \xff\n\n", [ServerSentEvent("\ufffd")]),
    ],
)  # fmt: skip
def test_events_are_read_as_the_specification_says(stream: bytes, expected: list[ServerSentEvent]) -> None:
    assert events(stream) == expected


lines = st.sampled_from(
    [
        b'data: {"a": 1}',
        b"data:",
        b"data: \xc3\xa9\xe2\x82\xac",
        b"event: x",
        b": ping",
        b"",
        b"id: 3",
        b"\xef\xbb\xbf",
    ]
)


@given(st.lists(st.tuples(lines, st.sampled_from([b"\n", b"\r\n", b"\r"]))), st.data())
def test_however_the_bytes_are_split_the_events_are_the_same(
    pairs: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    stream = b"".join(line + end for line, end in pairs)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert events(*pieces) == events(stream) == events(*(stream[i : i + 1] for i in range(len(stream))))


@given(st.lists(st.binary()))
def test_random_bytes_never_crash_the_decoder(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    for chunk in chunks:
        list(decoder.feed(chunk))
    assert isinstance(decoder.pending, bool)


def test_an_event_without_its_blank_line_is_pending() -> None:
    decoder = SSEDecoder()
    assert list(decoder.feed(b"data: half")) == []
    assert decoder.pending
    assert list(decoder.feed(b"\n\n")) == [ServerSentEvent("half")]
    assert not decoder.pending


@given(st.integers(1, 40), st.sampled_from([b"data: ", b": ", b"event: "]), st.booleans())
def test_an_event_that_goes_on_and_on_is_too_large(size: int, field: bytes, ends: bool) -> None:
    decoder = SSEDecoder(most=1000)
    list(decoder.feed(b"data: x\n"))
    line = field + b"y" * size + (b"\n" if ends else b"")
    with pytest.raises(TooLarge, match="more than 1000 bytes; max_line_bytes="):
        list(chain.from_iterable(map(decoder.feed, repeat(line, 2000 // len(line)))))


@given(st.integers(1, 900))
def test_events_within_the_bound_are_read_however_many_there_are(size: int) -> None:
    decoder = SSEDecoder(most=1000)
    for _ in range(50):
        assert list(decoder.feed(b": ping\n\ndata: " + b"x" * size + b"\n\n")) == [
            ServerSentEvent("x" * size)
        ]
    assert not decoder.pending
