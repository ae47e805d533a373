"""Limits of requests: concurrency, pauses, rates, a budget, and what workers share."""
