"""A reply's text as it grows: records in part, and where each value stands. Pure."""
