"""The choices of how a document is read. Pure."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from ..errors import ConfigError

Ocr: TypeAlias = Literal["auto", "always", "never"]
TextForm: TypeAlias = Literal["plain", "layout", "markdown"]


def check_choices(text_form: Any, page_images: Any, ocr: Any) -> None:
    """Raise ConfigError for a value that is not one of the choices."""
    for option, value, known in (
        ("text_form", text_form, get_args(TextForm)),
        ("page_images", page_images, (True, False)),
        ("ocr", ocr, get_args(Ocr)),
    ):
        if type(value) is not type(known[0]) or value not in known:
            raise ConfigError(f"{option} must be one of {', '.join(map(repr, known))}, not {value!r:.80}")
