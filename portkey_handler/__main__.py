"""`python -m portkey_handler` is `portkey-handler`."""

from .cli import main

main()
