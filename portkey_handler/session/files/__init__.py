"""Files of the session: found by name, read where they are, written without touching what is there."""
