"""`extract`: one record in one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, Unpack, overload

from ..given import Text
from ..options import ClientOptions
from ..readers.given import Reading
from ..saying import Examples
from ..signatures import explicit
from .blocking import Extractor

T = TypeVar("T")


@overload
def extract(
    record_type: type[T],
    text: Text,
    *,
    model: str | None = ...,
    examples: Examples = ...,
    context: Mapping[str, Any] | None = ...,
    reading: Reading | None = ...,
    **options: Unpack[ClientOptions],
) -> T: ...
@overload
def extract(
    record_type: Any,
    text: Text,
    *,
    model: str | None = ...,
    examples: Examples = ...,
    context: Mapping[str, Any] | None = ...,
    reading: Reading | None = ...,
    **options: Unpack[ClientOptions],
) -> Any: ...
@explicit
def extract(
    record_type: Any,
    text: Text,
    *,
    model: str | None = None,
    examples: Examples = (),
    context: Mapping[str, Any] | None = None,
    reading: Reading | None = None,
    **options: Unpack[ClientOptions],
) -> Any:
    """Return the record that a text holds, in one call. Extractor describes the options.

    - model: by default the environment variable EXTRACTOR_MODEL, else the embedded model.
    - examples, context, reading: see ExtractOptions.

    For more than one text keep an Extractor, since it keeps its connections.
    """
    with Extractor(model, **options) as extractor:
        return extractor.extract(
            record_type,
            text,
            examples=examples,
            context=context,
            reading=reading,
        )
