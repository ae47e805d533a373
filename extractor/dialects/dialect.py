"""What every dialect does: how one API spells a request, a reply, a stream's event and an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..messages import JSON, Completion, CompletionChunk, Request
from .providers import Provider


class Dialect(Protocol):
    """One provider API. Pure: no client, no clock. A module with these functions is one.

    Replies have the shared form, whatever the API calls things. `finish_reason` is "stop", "length",
    "tool_calls", "content_filter", "refusal", or the API's own word if none of these fits.
    """

    def path(self, request: Request, *, stream: bool = False) -> str:
        """Return what follows the base URL, query included."""
        ...

    def headers(self, key: str, request: Request, provider: Provider) -> dict[str, str]:
        """Return the headers that carry the key, and those that the API wants. key: "" for none."""
        ...

    def encode(self, request: Request, provider: Provider, *, stream: bool = False) -> dict[str, JSON]:
        """Return the request body. What never changes between rows of a job comes first."""
        ...

    def decode(self, body: JSON) -> Completion | None:
        """Return the completion in a reply's body; None if the body is no completion."""
        ...

    def decode_chunk(self, body: JSON) -> CompletionChunk | None:
        """Return the chunk in one event's data; one without choices where it says nothing new; None
        if the data is an error or no event of this API.
        """
        ...

    def explain(self, body: JSON) -> tuple[str, str | None]:
        """Return the message and the code of an error body, "" and None if there are none."""
        ...


Dialects = Mapping[str, Dialect]
