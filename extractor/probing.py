"""Finding out what a server does with a model: asks the probe's questions, and keeps what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from .connections import SyncModels
from .dialogue import Ask, accept
from .dialogue.probe import LIMIT, PLAIN, QUESTIONS, SCHEMA, Findings, ProbeAnswer, Question, answer
from .errors import ConfigError
from .messages import Completion, Usage
from .model import Model
from .results import Extraction
from .settings import kept_at
from .streams import chunks
from .transport import kept


def known(model: Model, now: float) -> Findings | None:
    """Return what was found out within the last 30 days; None if nothing was. now: Unix time."""
    findings = Findings.of(kept.load(kept_at(model.settings.config)))
    return findings if findings is not None and findings.is_fresh(now) else None


def probe(models: SyncModels, now: float, report: Callable[[str], None] = lambda feature: None) -> Findings:
    """Ask the server of the first model, and keep the answers for later processes. At most six requests.

    report: called with each feature before it is asked for. Raises ServiceError if the server does not
    even answer a plain question: then nothing is kept.
    """
    findings = _found(models, now, report)
    with suppress(OSError):  # a read-only home: it is found out, and not kept
        kept.save(kept_at(models.first.settings.config), findings.to_json())
    return findings


def _found(models: SyncModels, now: float, report: Callable[[str], None]) -> Findings:
    report(PLAIN.feature)
    first = models.begin(_plainly)
    *_, last = chunks(models.pump(first, once=False))
    assert last.completion is not None  # noqa: S101  the last chunk carries it, or an error was raised
    answers = {PLAIN.feature: answer(PLAIN, last.completion)}
    usage, requests = last.completion.usage or Usage(), 1
    cost = models.first.policy.budget.cost(models.first.name, last.completion.usage)
    for question in QUESTIONS:
        report(question.feature)
        result = _asked(models, question)
        answers[question.feature] = _meaning(question, result)
        if result is not None:
            usage, requests = usage + result.usage, requests + len(result.attempts)
            cost = None if cost is None else cost + (result.cost or Decimal(0))
    return Findings(answers, now, requests, usage, cost)


def _plainly(model: Model) -> Ask[Completion]:
    return model.start(model.request(PLAIN.messages, model.params({"max_tokens": LIMIT})), accept)


def _asked(models: SyncModels, question: Question) -> Extraction[Completion] | None:
    """Return how one question ended; None if its row, or its API, has no such thing."""
    model = models.first
    params = {"max_tokens": LIMIT, **({"logprobs": True} if question.logprobs else {})}
    try:
        request = model.request(question.messages, model.params(params))
        if question.mode is not None:
            request = replace(request, response_schema=SCHEMA, mode=question.mode)
        return models.drive(model.start(request, accept))
    except ConfigError:
        return None


def _meaning(question: Question, result: Extraction[Completion] | None) -> ProbeAnswer:
    if result is None:
        return ProbeAnswer.NO
    event = result.attempts[-1].failure or result.completion
    return ProbeAnswer.UNKNOWN if event is None else answer(question, event)
