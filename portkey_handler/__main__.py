"""The program `portkey-handler`, and `python -m portkey_handler`."""

import signal


def main() -> None:
    """Run the command line. Ctrl-C while it is loaded ends it without a traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from .cli import main as run

    signal.signal(signal.SIGINT, before)
    run()


if __name__ == "__main__":
    main()
