"""Which columns come back beside the answer."""

from __future__ import annotations

from .schema import Options, option


class OutputOptions(Options):
    """Which columns come back."""

    evidence: bool = option(
        "Add <target>_evidence: status, finish reason, tokens, attempts, milliseconds and ids of each row.",
        kind="true or false",
        default=False,
        levels=("model", "query"),
    )
