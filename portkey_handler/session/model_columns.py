"""The columns that the answers of a model may have, before it is asked."""

from __future__ import annotations

import json
from contextlib import suppress

from .catalog import Model


def columns_of(model: Model) -> list[str]:
    """Return the names of the columns that a model's answers may have."""
    from ..options.output_schema import read_output

    output = model.using.get("output")
    names = [model.target, f"{model.target}_error", f"{model.target}_evidence"]
    with suppress(ValueError):
        if output:
            written = output if isinstance(output, str) else json.dumps(output)
            names += [column.name for column in read_output(written).columns]
    return names
