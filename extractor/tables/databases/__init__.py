"""Tables and queries of databases as Arrow batches, in and out: PostgreSQL, SQLite, DuckDB."""
