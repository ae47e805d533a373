"""The interface of batch APIs: many requests at once, answers within a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from ..messages import JSON, BatchStatus


class Call(NamedTuple):
    """One request to a batch API. path: what follows the base URL."""

    method: Literal["GET", "POST"]
    path: str
    body: bytes = b""


class Envelope(NamedTuple):
    """What stands around a file of requests where it is sent: its path, the content type of the whole,
    and the bytes before and after.
    """

    path: str
    content_type: str
    before: bytes = b""
    after: bytes = b""


class Listed(NamedTuple):
    """One page of a list, newest first. next: the call for the next page; None if it was the last."""

    items: Sequence[BatchStatus]
    next: Call | None


class Line(NamedTuple):
    """One answer out of a batch. status: the HTTP status that it would have had by itself; None if
    the provider did not come to it. body: as it would have come.
    """

    custom_id: str
    status: int | None
    body: JSON = None
    request_id: str | None = None


class BatchApi(Protocol):
    """One provider's batch API. Pure: no client, no key, no clock. A module with these names is one.

    A file's state is a BatchStatus too, with its name as the `marker`.
    """

    UPLOADS: bool  # whether the requests are uploaded as a file before the batch is made
    MARKS: bool  # whether the provider keeps our name for a batch
    BETWEEN: bytes  # what stands between two requests

    def request(self, custom_id: str, path: str, body: bytes) -> bytes:
        """Return a request as it stands in the file. path: where it would be posted to by itself."""
        ...

    def sending(self, marker: str) -> Envelope:
        """Return what stands around the file where it is sent: uploaded, or as the batch itself."""
        ...

    def create(self, marker: str, file: str, path: str) -> Call:
        """Return the call that makes a batch of an uploaded file."""
        ...

    def files(self) -> Call:
        """Return the call for a list of uploaded files."""
        ...

    def batches(self) -> Call:
        """Return the call for a list of batches."""
        ...

    def look(self, batch: str) -> Call:
        """Return the call that tells of a batch."""
        ...

    def cancel(self, batch: str) -> Call:
        """Return the call that ends a batch early."""
        ...

    def read(self, body: JSON) -> BatchStatus | None:
        """Return what a reply tells of a batch or a file; None if it tells of none."""
        ...

    def listed(self, call: Call, body: JSON) -> Listed | None:
        """Return what a reply to `call` lists; None if it is no list."""
        ...

    def answer(self, line: JSON) -> Line | None:
        """Return the answer in a line of the results; None if it is none."""
        ...


BatchApis = Mapping[str, BatchApi]
