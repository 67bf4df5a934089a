"""A client in a process of its own: reads a task from stdin, runs its SQL, writes the rows to stdout."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys


def main() -> None:
    """Run the task."""
    # A shell starts what runs in its background with interrupts ignored, and so the tests' children too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    task = json.loads(sys.stdin.readline())
    sys.path.insert(0, task["package"])  # the package that the tests test, whatever is installed
    # First of all, so that what is imported and opened later meets it, too.
    if task["umask"] is not None:
        os.umask(task["umask"])
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    from portkey_handler.session import Session

    if task["largest_file"] is not None:
        sys.dont_write_bytecode = True  # Python would leave a half of a compiled module behind
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["largest_file"], task["largest_file"]))
    if task["quick_batches"]:
        from portkey_handler.batches import submission, waiting

        waiting.FIRST_LOOK = waiting.LONGEST_LOOK = 0.01
        submission.SETTLING = 0.0
    with Session(files=task["files"]) as session:
        rows = session.sql(task["sql"])
    sys.stdout.write(rows.to_json(orient="records"))


if __name__ == "__main__":
    main()
