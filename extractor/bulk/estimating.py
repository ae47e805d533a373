"""Estimates of a run: its requests are built as the run would build them, and looked up, not sent."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from .. import packing
from ..connections import Models
from ..dialects import DIALECTS, read_reply
from ..dialogue import Ask
from ..errors import ConfigError
from ..messages import Completion, Usage
from ..options import RowOptions
from ..readers.given import opened, text_of
from ..results import Extraction
from ..saying import Saying, columns_by_row
from .estimate import (
    BYTES_A_TOKEN,
    ENOUGH,
    NAMED,
    Asked,
    Counted,
    Estimate,
    Learned,
    PackEstimate,
    SecondModel,
    answer_tokens,
    estimate,
    prompt_tokens,
    with_second,
)
from .exchange.ways import AskedWay
from .frames.enrich import is_frame, open_frame, rows_of
from .job import Job
from .journal.interface import TOGETHER, Journal, Kept, key_of
from .journal.store import Store
from .replay import asked_as, known_ways, replayed
from .texts import Select

AT_ONCE = 500  # keys looked up together


@dataclass(frozen=True, slots=True)
class RowsLeft:
    """The rows of a run that goes on. like: some of those that are done, whose answers tell what one takes.
    It may fill while `rows` are read.
    """

    rows: Iterable[Any]
    like: Sequence[Any]


def estimated(
    models: Models[Any],
    given: Any,
    record_type: Any,
    text: Select,
    options: RowOptions,
    second: SecondModel | None = None,
) -> Estimate:
    """Return what a run over the rows would come to. given: a frame, rows, or RowsLeft. second: the model
    that doubtful values are put to.

    Raises ConfigError and SchemaError.
    """
    more = columns_by_row(options)
    given, like = (given.rows, given.like) if isinstance(given, RowsLeft) else (given, ())
    rows, select = rows_of(open_frame(given), text, more) if is_frame(given) else (given, text)
    job = Job.of(models, rows, record_type, select, options)
    with _store(job.settings.journal) as store:
        counted = _counted(job, rows, store, second)
        rest = [key for row in counted.asked.values() for key in (row.together, *row.earlier) if key]
        kept = dict(_kept(store, [*counted.asked, *rest]))
        done = _counted(job, like, store, None).asked
        answers = {**dict(_kept(store, [*done])), **kept}
    learned = _learned(job, {**done, **counted.asked}, answers)
    model = models.first
    price = model.policy.budget.price
    batch = model.provider.batch if job.settings.mode == "batch" else None
    share = batch.share if batch else 1

    def cost(usage: Usage) -> Decimal | None:
        found = price(model.name, usage)
        return None if found is None else found * share

    shared = PackEstimate(job.settings.rows_per_request, partial(_rest, job))
    found = estimate(counted, kept, learned, cost, model.name, shared)
    found = replace(found, parts=len(job.prepared.division.plan))
    return found if second is None else with_second(found, counted, learned, second)


def _counted(job: Job, rows: Iterable[Any], store: Store | None, second: SecondModel | None) -> Counted:
    count = empty = bad = 0
    errors = list[str]()
    samples, ways, retry = job.task.samples, known_ways(job, store), job.settings.retry == "failed"
    asked: dict[bytes, Asked] = {}
    texts = Counter[tuple[bytes, ...]]()
    seen = doubtful = 0
    for given in rows:
        count += 1
        try:
            made = job.row_of(given)
            text = text_of(opened(made.text))
            if made.asked(text) is None:
                empty += 1
                continue
            requests = list(_requests(job, text, made.saying, ways))
        except ConfigError as error:
            bad += 1
            errors += [f"row {count - 1}: {error}"] if bad <= NAMED else []
            continue
        keys = list[bytes]()
        for key, row, begun in requests:
            judged = store is not None and (retry or (second is not None and seen < AT_ONCE))
            ended = replayed(job, store, begun, row.together) if judged and store is not None else None
            if (
                retry
                and ended is not None
                and not (isinstance(ended, Extraction) and ended.outcome.has_record)
            ):
                row = row._replace(again=True, together=None)  # what is asked again is asked alone
            elif second is not None and isinstance(ended, Extraction):
                seen, doubtful = seen + 1, doubtful + second.is_asked(ended)
            for _ in range(samples):
                asked[key] = row
                keys.append(key)
                key = key_of(key)  # as the journal knows the next answer to the same
        texts[tuple(keys)] += 1
    return Counted(count, empty, bad, tuple(errors), asked, texts, seen, doubtful)


def _requests(
    job: Job, text: Any, saying: Saying | None, ways: Sequence[AskedWay]
) -> Iterator[tuple[bytes, Asked, Sequence[Ask[Any]]]]:
    """Yield a row's first requests, one for each part of its record. Each has its key in the journal, the
    request, and the ways in which its dialogue may have begun.
    """
    tasks = job.prepared.tasks(job.models.first)
    for i, task in enumerate(tasks):
        step = task.ask(text, by_row=saying)
        key, size = asked_as(job, step)
        before = [AskedWay(mode, step.request.turns) for mode in step.ladder.earlier] if step.ladder else []
        begun = [step, *(way.begin(step) for way in dict.fromkeys((*ways, *before)) if step.ladder)]
        earlier = tuple(asked_as(job, each)[0] for each in begun[1:])
        if len(tasks) > 1 or job.settings.rows_per_request == 1 or not packing.takes(text):
            yield key, Asked(size, earlier=earlier, first=i == 0), begun
            continue
        plain, _ = asked_as(job, replace(step, request=job.models.first.plainly(step)))
        yield key, Asked(size, key_of(TOGETHER, plain), len(text), _line(text), earlier), begun


def _line(text: str) -> int:
    """Return the bytes of a text in a request for several."""
    return len(json.dumps(packing.shown([text]) + "\n", ensure_ascii=False).encode("utf-8", "replace")) - 2


def _rest(job: Job, count: int) -> int:
    """Return the bytes of a request for so many texts, these apart."""
    _, size = asked_as(job, job.task.together(["?"] * count))
    return size - count * _line("?")


@contextmanager
def _store(journal: Any) -> Iterator[Store | None]:
    """Yield the journal; None if there is none, or one of the user's own, which only a run asks."""
    from .journal.places import find_store, place_of

    own = journal is False or isinstance(journal, Journal)
    store = None if own else find_store(place_of(journal))
    try:
        yield store
    finally:
        if store is not None:
            store.close()


def _kept(store: Store | None, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Kept]]:
    """Yield what the journal has."""
    for start in range(0, len(keys) if store is not None else 0, AT_ONCE):
        assert store is not None  # noqa: S101  it was looked at
        some = keys[start : start + AT_ONCE]
        found = store.look([(key, 0.0) for key in some])
        yield from ((key, kept) for key, kept in zip(some, found, strict=True) if kept is not None)


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
    """Yield the tokens of an answer, if the server counted them."""
    spoken = (job.models.first.dialect, DIALECTS["openai_chat"])  # the latter by what was asked in packs
    for dialect in dict.fromkeys(spoken):
        event = read_reply(dialect, kept.status, {}, kept.body, kept.latency, time.time())
        if isinstance(event, Completion) and event.is_counted and event.usage:
            yield event.usage
