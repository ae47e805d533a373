"""Files of requests for batches: when one is full, the next is begun."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from ...dialects import BatchApi
from ...messages import Request
from ..journal.handles import Handle, Stage
from ..journal.spool import Bounds, Filling, requests_of


class AskedRow(NamedTuple):
    """A row's first request."""

    key: bytes
    request: Request
    body: bytes
    path: str
    worst: Decimal


class Shelf:
    """Files of requests: where one is full, the next is begun."""

    def __init__(self, folder: Path, endpoint: str, api: BatchApi, bounds: Bounds) -> None:
        self._folder, self._endpoint, self._api, self._bounds = folder, endpoint, api, bounds
        self._files: list[tuple[Handle, Filling]] = []
        self.count = 0

    def add(self, asked: AskedRow, round_: int) -> None:
        """Put a request on it; one that no batch takes is left to an ordinary call."""
        request = self._api.request(asked.key.hex(), asked.path, asked.body)
        if not self._bounds.hold(1, len(request), asked.worst):
            return
        if not self._files or not self._files[-1][1].takes(request, asked.worst):
            self._begin(asked, round_)
        self._files[-1][1].add(asked.key, request, asked.worst)
        self.count += 1

    def _begin(self, asked: AskedRow, round_: int) -> None:
        if self._files:
            self._files[-1][1].close()
        id_, stage = uuid.uuid4().hex, Stage.BUILT if self._api.UPLOADS else Stage.READY
        handle = Handle(
            id_, self._endpoint, asked.request.model, asked.path, asked.key.hex(), round=round_, stage=stage
        )
        filling = Filling(requests_of(self._folder, id_), self._bounds, self._api.BETWEEN)
        self._files.append((handle, filling))

    def close(self) -> Iterator[tuple[Handle, Sequence[bytes]]]:
        """Yield a new batch for each file, with its keys."""
        for handle, file in self._files:
            file.close()
            yield (
                handle._replace(
                    requests=len(file.keys), size=file.size, worst=str(file.worst), at=time.time()
                ),
                file.keys,
            )

    def discard(self) -> None:
        """Remove the files."""
        for _, file in self._files:
            file.discard()
        self._files.clear()
