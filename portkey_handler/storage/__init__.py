"""SQLite files that outlive a query: the answer cache and its key locks."""
