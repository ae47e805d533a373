"""A row's dialogue, replayed from the answers in a journal without a request."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..dialects import DIALECTS, read_reply
from ..dialogue import Ask
from ..messages import Completion, Failure
from ..model import Endpoint, Model
from ..results import Extraction
from ..secrets import Secret
from ..transport.http import HttpReply
from .exchange.context import request_key
from .exchange.ways import AskedWay, every_way, way_key
from .job import Job, known_unbounded
from .journal.interface import Kept, next_key
from .journal.store import Store


def known_ways(job: Job, store: Store | None) -> Sequence[AskedWay]:
    """Return the ways in which the journal knows that the endpoint was asked, if there were several."""
    if store is None:
        return ()
    every, place = every_way(), job.models.first.place
    found = store.look([(way_key(place, way), 0.0) for way in every])
    return [way for way, kept in zip(every, found, strict=True) if kept is not None]


def asked_as(job: Job, step: Ask[Any]) -> tuple[bytes, int]:
    """Return the key in the journal of a step's request, and the size of its body."""
    model = _model(job, step)
    post = model.post(_nowhere(model), step.request, 1.0)
    if job.bounded:
        post = known_unbounded(model, step.request, post)
    return request_key(model.place, post), len(post.body)


def replayed(
    job: Job, store: Store, begun: Sequence[Ask[Any]], together: bytes | None
) -> Ask[Any] | Extraction[Any] | None:
    """Return what the journal's answers to a row came to: how its dialogue ended, or what it asks next. None
    if the journal has none.

    begun: the first step of its dialogue, in each way in which it may have been asked. together: the key of
    its answer in a request for several rows.
    """
    firsts = [(step, asked_as(job, step)[0]) for step in begun]
    if together is not None:
        firsts.append((replace(begun[0], counted=False), together))
    for step, key in firsts:
        if (kept := _look(store, key)) is not None:
            return _replayed(job, store, step, key, kept)
    return None


def _replayed(
    job: Job, store: Store, first: Ask[Any], key: bytes, kept: Kept | None
) -> Ask[Any] | Extraction[Any]:
    step: Ask[Any] | Extraction[Any] = first
    keys = list[bytes]()
    while isinstance(step, Ask) and kept is not None:
        keys.append(key)
        step = step.receive(_event(_model(job, step), kept), time.monotonic(), 0.5)
        if isinstance(step, Ask):
            key = next_key(asked_as(job, step)[0], keys)
            kept = _look(store, key)
    return step


def _event(model: Model, kept: Kept) -> Completion | Failure:
    """Return what a kept answer says. Those to requests for several rows are kept in one dialect."""
    event = model.read(HttpReply(kept.status, {}, kept.body, kept.latency), _nowhere(model))
    if isinstance(event, Completion):
        return event
    packed = read_reply(DIALECTS["openai_chat"], kept.status, {}, kept.body, kept.latency, time.time())
    return packed if isinstance(packed, Completion) else event


def _look(store: Store, key: bytes) -> Kept | None:
    return store.look([(key, 0.0)])[0]


def _model(job: Job, step: Ask[Any]) -> Model:
    """Return the model that a step asks, which may be a fallback model."""
    return step.model if isinstance(step.model, Model) else job.models.first


def _nowhere(model: Model) -> Endpoint:
    return Endpoint(model.settings.config.base_url or "", Secret(""))
