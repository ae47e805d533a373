"""How much may go out: concurrency, pauses, rates, a budget, and what workers share."""
