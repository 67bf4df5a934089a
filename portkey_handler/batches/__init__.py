"""Batches: the requests of a query as files that the provider answers within a day, for half the price."""
