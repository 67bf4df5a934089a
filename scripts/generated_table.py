"""Write or check a generated table inside a module.

The table is between the lines `# Generated: begin` and `# Generated: end`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_BEGIN, _END = "# Generated: begin\n", "# Generated: end\n"


def main(arguments: Sequence[str], default: Path, table: Callable[[], str]) -> int:
    """Write the table into a file, or with ``--check`` return 1 where the file is stale.

    Args:
        arguments: ``--check``, and optionally another file.
        default: The file, if no other is given.
        table: Returns the lines between the two marks.
    """
    check = "--check" in arguments
    target = next((Path(one) for one in arguments if one != "--check"), default)
    current = target.read_text(encoding="utf-8")
    before, _, rest = current.partition(_BEGIN)
    wanted = f"{before}{_BEGIN}{table()}{_END}{rest.partition(_END)[2]}"
    if check and wanted != current:
        print(f"{target.name} is stale; run: python scripts/{Path(sys.argv[0]).name}", file=sys.stderr)
        return 1
    if not check:
        target.write_text(wanted, encoding="utf-8")
    return 0
