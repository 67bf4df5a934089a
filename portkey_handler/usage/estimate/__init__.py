"""Requests, tokens and price of a query before it runs."""
