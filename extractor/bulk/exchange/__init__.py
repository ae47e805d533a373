"""How one row is asked: within limits, once, its answers kept."""
