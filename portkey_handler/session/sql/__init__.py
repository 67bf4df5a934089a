"""SQL of the session: parse it, plan it, and write it for DuckDB."""
