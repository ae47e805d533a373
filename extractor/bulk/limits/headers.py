"""A service's quota, as the headers of its replies state it. Pure.

Sources: https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers (also Groq, Azure,
OpenRouter and others), https://docs.anthropic.com/en/api/rate-limits#response-headers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from ...quotas import Dimension, Quota

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_NAMES: tuple[tuple[Dimension, str, str, str], ...] = (
    (
        "requests",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    ("tokens", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    (
        "requests",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        "tokens",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
)
_EPOCH = 1e9  # larger numbers are moments, smaller ones spans


def quotas(headers: Mapping[str, str], now: float) -> Iterator[Quota]:
    """Yield what the headers (lower-case names) say that makes sense. now: Unix time, in seconds."""
    for dimension, limit, remaining, reset in _NAMES:
        if limit in headers:
            quota = _quota(dimension, headers[limit], headers.get(remaining, ""), headers.get(reset, ""), now)
            if quota is not None:
                yield quota


def _quota(dimension: Dimension, limits: str, left: str, resets: str, now: float) -> Quota | None:
    limit, remaining = _number(limits), _number(left)
    if limit is None or remaining is None or limit <= 0 or not 0 <= remaining <= limit:
        return None
    return Quota(dimension, limit, remaining, seconds(resets, now))


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def seconds(text: str, now: float) -> float | None:
    """Return the seconds that a reset header means; None if it can't be read. It may be a number of seconds,
    a Unix time, a span such as "6m0s" or "120ms", or a time as RFC 3339 writes it.
    """
    number = _number(text)
    if number is None:
        number = _span(text)
    elif number > _EPOCH:
        number -= now
    if number is None:
        number = _moment(text, now)
    return number if number is not None and number > 0 else None


def _span(text: str) -> float | None:
    found = _SPAN.fullmatch(text) if text else None
    if found is None:
        return None
    scales = (86_400, 3600, 60, 1, 0.001)
    return sum(float(part or 0) * scale for part, scale in zip(found.groups(), scales, strict=True))


def _moment(text: str, now: float) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
