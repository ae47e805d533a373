"""Regular expressions as JSON Schema, Python and the targets spell them. Pure."""
