"""Many items at once: concurrency, retries, rate limits and the circuit breaker.

This room knows no language model, table, file of ours or SQL.
"""
