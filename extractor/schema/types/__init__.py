"""Record types as the compiler reads them: Python's, and JSON Schema documents. Pure."""
