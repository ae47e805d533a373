"""Whether a server can have read the whole text: what it counts beside what the text must have. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..errors import Problem
from ..messages import Attempt, Request, Usage

INPUT_CUT: Final = "input_cut"  # the type of the problem
LONGEST_TOKEN = 64  # bytes of UTF-8 of one token, runs of one character aside
LONG_TOKEN = 6  # characters of a token, on average, that hardly any text has
LONG_WIDE_TOKEN = 2.5  # the same for Chinese, Japanese and Korean
LEAST_COUNT = 100  # tokens; a server that counts fewer leaves out what it had cached
_CLOSER_LOOK = 4, 2  # characters a counted token, of ASCII and of other texts
_REPEATED = re.compile(r"(.)\1{3,}")
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ud7ff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff]")
ADVICE = (
    "`document(...)` reads a long text in chunks, or configure a larger window on the server (Ollama: "
    "num_ctx)"
)


def cut_input(request: Request, usage: Usage | None, earlier: Sequence[Attempt]) -> Problem | str | None:
    """Return why a server can't have read the whole text: a Problem; a note where that is only likely.

    None if nothing speaks for it, or nothing is counted. earlier: the dialogue's attempts before; where
    one of them counts enough for the text, the server leaves out what it had cached.
    """
    counted = _counted(usage)
    text = _text(request) if counted and request.response_schema is not None else ""
    if len(text) <= counted * _CLOSER_LOOK[not text.isascii()]:
        return None
    fewest = fewest_tokens(text)
    before = (_counted(each.usage) for each in earlier if each.request.model == request.model)
    if any(count >= fewest for count in before):
        return None
    what = f"the server counted {counted:,} tokens for a prompt with a text of {len(text):,} characters"
    if fewest > counted >= LEAST_COUNT:
        reason = f"the input was cut off: {what}, which has at least {fewest:,}; {ADVICE}"
        return Problem("", reason, type=INPUT_CUT)
    if likely_tokens(text) > counted:
        return f"{what}: the model may not have read all of it"
    return None


def fewest_tokens(text: str) -> int:
    """Return the fewest tokens that a text can have, whatever the tokenizer.

    Common tokenizers put no two words into one token: they split at white space first. Of what has no
    white space, LONGEST_TOKEN bytes are more than any token of tiktoken's, Llama's, Gemma's or Qwen's
    vocabularies has, but for runs of one character. Words of signs alone are not counted.
    """
    return sum(_fewest(word) for word in text.split() if word.isalnum() or any(map(str.isalnum, word)))


def _fewest(word: str) -> int:
    if len(word) * 4 <= LONGEST_TOKEN:
        return 1
    size = len(_REPEATED.sub(r"\1", word).encode("utf-8", "replace"))
    return -(-size // LONGEST_TOKEN) or 1


def likely_tokens(text: str) -> int:
    """Return fewer tokens than nearly all texts like this one have."""
    plain = _REPEATED.sub(r"\1", " ".join(text.split()))
    wide = 0 if plain.isascii() else len(_WIDE.findall(plain))
    return int((len(plain) - wide) / LONG_TOKEN + wide / LONG_WIDE_TOKEN)


def _counted(usage: Usage | None) -> int:
    """Return the prompt's tokens; those that were cached are part of them, or are counted apart."""
    return 0 if usage is None else usage.prompt_tokens + usage.cached_tokens


def _text(request: Request) -> str:
    """Return the text that the record is extracted from, without what images and files may hold."""
    if request.source is not None:
        return request.source
    said = next((each.content for each in reversed(request.messages) if each.role == "user"), None) or ""
    if isinstance(said, str):
        return said
    return "\n".join(str(part.get("text") or "") for part in said if part.get("type") == "text")
