"""JSON Schema documents of any draft, and the judge of their records."""
