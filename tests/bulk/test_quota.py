"""What headers say of a quota is read where it makes sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.limits.headers import quotas, seconds
from extractor.quotas import Quota

NOW = 1_700_000_000.0


def test_openai_tells_requests_and_tokens() -> None:
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-limit-tokens": "150000",
        "x-ratelimit-remaining-tokens": "149984",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    requests, tokens = quotas(headers, NOW)
    assert requests == Quota("requests", 60, 59, 1.0)
    assert requests.per_second == 1
    assert tokens == Quota("tokens", 150_000, 149_984, 360.0)


def test_anthropic_tells_the_moment_of_the_reset() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "25",
        "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:50Z",
    }
    assert list(quotas(headers, NOW)) == [Quota("requests", 50, 25, 30.0)]


@pytest.mark.parametrize(
    ("limit", "remaining"),
    [
        ("-1", "-1"),
        ("0", "0"),
        ("100", "-1"),
        ("100", "101"),
        ("many", "1"),
        ("100", ""),
        ("nan", "1"),
        ("inf", "1"),
    ],
)
def test_nonsense_is_ignored(limit: str, remaining: str) -> None:
    headers = {"x-ratelimit-limit-requests": limit, "x-ratelimit-remaining-requests": remaining}
    assert not list(quotas(headers, NOW))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1s", 1),
        ("120ms", 0.12),
        ("6m0s", 360),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400),
        ("17", 17),
        ("0.5", 0.5),
        ("1700000060", 60),
        ("2023-11-14T22:14:20+00:00", 60),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", None),
        ("2001-01-01T00:00:00Z", None),
    ],
)
def test_a_reset_is_read_in_each_of_its_spellings(text: str, expected: float | None) -> None:
    assert seconds(text, NOW) == expected


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20))
def test_no_header_breaks_a_run(limit: str, remaining: str, reset: str) -> None:
    headers = {
        "x-ratelimit-limit-tokens": limit,
        "x-ratelimit-remaining-tokens": remaining,
        "x-ratelimit-reset-tokens": reset,
    }
    for quota in quotas(headers, NOW):
        assert quota.limit > 0
        assert 0 <= quota.remaining <= quota.limit
        assert quota.per_second > 0
