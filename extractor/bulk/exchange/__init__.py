"""One row's requests: within limits, sent once, with their answers kept."""
