"""Constraints that a target can't carry, as short English sentences: the same constraint, the same words."""

from __future__ import annotations

from ..messages import JSON
from .formats import FORMATS

SENTENCES = {
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "exclusiveMinimum": "Greater than {}.",
    "exclusiveMaximum": "Less than {}.",
    "multipleOf": "A multiple of {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "pattern": "Matches the regular expression {}",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
    "uniqueItems": "No item comes twice.",
    "minBytes": "At least {} bytes.",
    "maxBytes": "At most {} bytes.",
    "minProperties": "At least {} members.",
    "maxProperties": "At most {} members.",
}


def sentence(keyword: str, value: JSON) -> str:
    """Return the sentence for one constraint; "" where there is nothing to say."""
    if keyword == "format":
        return FORMATS.get(value, f"In the format {value!r}.")
    if keyword == "uniqueItems" and not value:
        return ""
    text = SENTENCES.get(keyword)
    return text.format(value) if text else ""


def joined(*texts: str | None) -> str:
    """Return sentences one after the other; one that ends without a mark gets its full stop."""
    *before, last = [text.strip() for text in texts if text and text.strip()] or [""]
    return " ".join([*(text if text[-1] in ".!?:;…" else f"{text}." for text in before), last])
