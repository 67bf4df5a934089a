"""SQL of the session: parsed, planned, and written again for DuckDB."""
