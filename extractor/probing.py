"""Finding out what a server does with a model: asks the probe's questions, and keeps what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from .calls import kept_at
from .client import Extractor
from .dialogue import accept, start
from .dialogue.probe import LIMIT, PLAIN, QUESTIONS, SCHEMA, Findings, ProbeAnswer, Question, answer
from .errors import ConfigError
from .messages import Completion, Extraction, Usage
from .transport import kept


def known(ex: Extractor, now: float) -> Findings | None:
    """Return what was found out within the last 30 days; None where nothing was. now: Unix time."""
    findings = Findings.of(kept.load(kept_at(ex._config)))
    return findings if findings is not None and findings.is_fresh(now) else None


def probe(ex: Extractor, now: float, report: Callable[[str], None] = lambda feature: None) -> Findings:
    """Ask the server, and keep the answers for later processes. At most six requests.

    report: told each feature before it is asked for. Raises ServiceError where the server does not
    even answer a plain question: then nothing is kept.
    """
    report(PLAIN.feature)
    *_, last = ex.chat_stream(PLAIN.messages, max_tokens=LIMIT)
    assert last.completion is not None  # noqa: S101  the last chunk carries it, or an error was raised
    answers = {PLAIN.feature: answer(PLAIN, last.completion)}
    usage, requests = last.completion.usage or Usage(), 1
    cost = ex._policy.budget.cost(ex.model, last.completion.usage)
    for question in QUESTIONS:
        report(question.feature)
        result = _asked(ex, question)
        answers[question.feature] = _meaning(question, result)
        if result is not None:
            usage, requests = usage + result.usage, requests + len(result.attempts)
            cost = None if cost is None else cost + (result.cost or Decimal(0))
    findings = Findings(answers, now, requests, usage, cost)
    with suppress(OSError):  # a read-only home: it is found out, and not kept
        kept.save(kept_at(ex._config), findings.to_json())
    return findings


def _asked(ex: Extractor, question: Question) -> Extraction[Completion] | None:
    """Return how one question ended; None where its row, or its API, has no such thing."""
    params = {"max_tokens": LIMIT, **({"logprobs": True} if question.logprobs else {})}
    try:
        request = ex._request(question.messages, params)
        if question.mode is not None:
            request = replace(request, response_schema=SCHEMA, mode=question.mode)
        return ex._dialogue(start(request, accept, ex._policy, time.monotonic()))
    except ConfigError:
        return None


def _meaning(question: Question, result: Extraction[Completion] | None) -> ProbeAnswer:
    if result is None:
        return ProbeAnswer.NO
    event = result.attempts[-1].failure or result.completion
    return ProbeAnswer.UNKNOWN if event is None else answer(question, event)
