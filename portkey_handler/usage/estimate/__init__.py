"""The estimate of a query before it runs: requests, tokens, cost, time."""
