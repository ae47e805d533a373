"""Many rows: a window of them in flight, within limits and budget, with a journal of what was paid for."""
