"""MindsDB around the handler: its hooks, its data directory, installation and checks."""
