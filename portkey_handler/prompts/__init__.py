"""Cells as text, and templates: one row of a frame becomes the prompt of one request."""
