"""Texts and content parts without what a mask hides."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigError
from ..given import Content
from ..schema import source_text
from .masks import Masked, TextMask


def hidden_content(
    mask: TextMask, content: Content, beside: Sequence[str | None]
) -> tuple[Content, Masked, list[str | None]]:
    """Return a text, or content parts, without what is hidden, and so what is said beside it. Raises
    ConfigError for parts that can't be looked into.
    """
    if source_text(content) is None:
        raise ConfigError("mask= can't mask images and files: pass their text, or no mask")
    texts = [content] if isinstance(content, str) else [part["text"] for part in content]
    masked = mask.hide([*texts, *(said for said in beside if said is not None)])
    hidden, told = masked.texts[: len(texts)], iter(masked.texts[len(texts) :])
    left = [None if said is None else next(told) for said in beside]
    if isinstance(content, str):
        return hidden[0], masked, left
    return [{**part, "text": text} for part, text in zip(content, hidden, strict=True)], masked, left
