"""Estimates of a run: its requests are built as the run would build them, and looked up, not sent."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from .. import packing
from ..connections import Models
from ..dialects import DIALECTS, read_reply
from ..errors import ConfigError
from ..messages import Completion, Request, Usage
from ..model import Endpoint, Model
from ..options import RowOptions
from ..readers.given import opened, text_of
from ..saying import Saying, columns_by_row
from ..secrets import Secret
from .estimate import (
    BYTES_A_TOKEN,
    Asked,
    Counted,
    Estimate,
    Learned,
    PackEstimate,
    answer_tokens,
    estimate,
    prompt_tokens,
)
from .exchange.context import request_key
from .frames.enrich import is_frame, open_frame, rows_of
from .job import Job, known_unbounded
from .journal.interface import TOGETHER, Journal, Kept, key_of
from .texts import Select

AT_ONCE = 500  # keys looked up together
ENOUGH = 20  # answers to learn from


def estimated(
    models: Models[Any], given: Any, record_type: Any, text: Select, options: RowOptions
) -> Estimate:
    """Return what a run over the rows would come to. Raises ConfigError and SchemaError."""
    more = columns_by_row(options)
    rows, select = rows_of(open_frame(given), text, more) if is_frame(given) else (given, text)
    job = Job.of(models, rows, record_type, select, options)
    counted = _counted(job, rows)
    rest = [key for row in counted.asked.values() for key in (row.together, *row.earlier) if key is not None]
    kept = dict(_kept(job.settings.journal, [*counted.asked, *rest]))
    learned = _learned(job, counted.asked, kept)
    model = models.first
    price = model.policy.budget.price
    batch = model.provider.batch if job.settings.mode == "batch" else None
    share = batch.share if batch else 1

    def cost(usage: Usage) -> Decimal | None:
        found = price(model.name, usage)
        return None if found is None else found * share

    shared = PackEstimate(job.settings.rows_per_request, partial(_rest, job))
    found = estimate(counted, kept, learned, cost, model.name, shared)
    return replace(found, parts=len(job.prepared.division.shares))


def _counted(job: Job, rows: Iterable[Any]) -> Counted:
    count = empty = bad = 0
    samples = job.task.samples
    asked: dict[bytes, Asked] = {}
    for given in rows:
        count += 1
        try:
            made = job.row_of(given)
            text = text_of(opened(made.text))
            if made.asked(text) is None:
                empty += 1
                continue
            requests = list(_requests(job, text, made.saying))
        except ConfigError:
            bad += 1
        else:
            for key, row in requests:
                for _ in range(samples):
                    asked[key] = row
                    key = key_of(key)  # as the journal knows the next answer to the same
    return Counted(count, empty, bad, asked)


def _requests(job: Job, text: Any, saying: Saying | None) -> Iterator[tuple[bytes, Asked]]:
    """Yield the key that the journal knows each of a row's first requests by, and what there is to know of
    it: one for each part of its record.
    """
    tasks = job.prepared.tasks(job.models.first)
    if len(tasks) == 1:
        yield _request(job, text, saying)
        return
    for i, task in enumerate(tasks):
        key, size = _key(job, task.ask(text, by_row=saying).request)
        yield key, Asked(size, first=i == 0)


def _request(job: Job, text: Any, saying: Saying | None) -> tuple[bytes, Asked]:
    step = job.task.ask(text, by_row=saying)
    key, size = _key(job, step.request)
    ladder = step.ladder
    earlier = tuple(_key(job, ladder.request(mode))[0] for mode in ladder.earlier) if ladder else ()
    if job.settings.rows_per_request == 1 or not packing.takes(text):
        return key, Asked(size, earlier=earlier)
    plain, _ = _key(job, job.models.first.plainly(step))
    return key, Asked(size, key_of(TOGETHER, plain), len(text), _line(text), earlier)


def _key(job: Job, request: Request) -> tuple[bytes, int]:
    """Return a request's key in the journal, and the size of its body."""
    model: Model = job.models.first
    nowhere = Endpoint(model.settings.config.base_url or "", Secret(""))
    post = model.post(nowhere, request, 1.0)
    if job.bounded:
        post = known_unbounded(model, request, post)
    return request_key(model.place, post), len(post.body)


def _line(text: str) -> int:
    """Return the bytes of a text in a request for several."""
    return len(json.dumps(packing.shown([text]) + "\n", ensure_ascii=False).encode("utf-8", "replace")) - 2


def _rest(job: Job, count: int) -> int:
    """Return the bytes of a request for so many texts, these apart."""
    _, size = _key(job, job.task.together(["?"] * count).request)
    return size - count * _line("?")


def _kept(journal: Any, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Kept]]:
    """Yield what the journal has, where it is there."""
    from .journal.places import find_store, place_of

    if journal is False or isinstance(journal, Journal):
        return  # none; or a journal of the user's own, which is asked in a run alone
    store = find_store(place_of(journal))
    if store is None:
        return
    try:
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            found = store.look([(key, 0.0) for key in some])
            yield from ((key, kept) for key, kept in zip(some, found, strict=True) if kept is not None)
    finally:
        store.close()


def _learned(job: Job, asked: Mapping[bytes, Asked], kept: Mapping[bytes, Kept]) -> Learned:
    """Return what the journal's answers to these rows tell; else what is assumed."""
    used = [
        (asked.get(key), usage) for key, each in [*kept.items()][:AT_ONCE] for usage in _usages(job, each)
    ]
    if len(used) < ENOUGH:
        schemas = [task.compiled.schema for task in job.prepared.tasks(job.models.first)]
        tokens = round(sum(map(answer_tokens, schemas)) / len(schemas))
        what = "a record" if len(schemas) == 1 else "a part of a record"
        assumed = f"{tokens} completion tokens for {what} are estimated from its schema"
        return Learned(tokens, 1, f"{assumed}, one prompt token for {BYTES_A_TOKEN} bytes")
    alone = [(prompt_tokens(row.size), usage.prompt_tokens) for row, usage in used if row is not None]
    prompt = sum(took for _, took in alone) / sum(told for told, _ in alone) if len(alone) >= ENOUGH else 1
    answer = sum(usage.completion_tokens for _, usage in used) / len(used)
    which = "tokens" if len(alone) >= ENOUGH else "completion tokens"
    return Learned(answer, prompt, f"{which} as in {len(used)} answers of the journal")


def _usages(job: Job, kept: Kept) -> Iterator[Usage]:
    """Yield the tokens of an answer, where they were told."""
    spoken = (job.models.first.dialect, DIALECTS["openai_chat"])  # the latter by what was asked in packs
    for dialect in dict.fromkeys(spoken):
        event = read_reply(dialect, kept.status, {}, kept.body, kept.latency, time.time())
        if isinstance(event, Completion) and event.is_counted and event.usage:
            yield event.usage
