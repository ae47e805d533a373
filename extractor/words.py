"""Words of strangers on their way to a person: of models, servers, texts and files."""

from __future__ import annotations

import re

MOST = 2_000  # characters of a message
_UNSEEN = re.compile(  # control characters, overrides of the direction of writing, halves of pairs
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\s\u0085\u2028\u2029]+")


def printable(text: str) -> str:
    """Return text that moves no cursor, sets no colour and turns no line around. Lines and tabs stay."""
    return _UNSEEN.sub("\ufffd", text)


def escaped(text: str) -> str:
    """Return JSON text that means the same and is printable."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def shortened(text: str, most: int = MOST) -> str:
    """Return a text with its middle left out, which is said, where it is longer than `most` characters."""
    if len(text) <= most:
        return text
    end = most // 4
    return f"{text[: most - end]} … ({len(text):,} characters) … {text[-end:]}"


def one_line(text: str, most: int = MOST) -> str:
    """Return text as a line of a log can have it: in one line, printable and not long."""
    return printable(_BREAKS.sub(" ", shortened(text, most)))
