"""Write portkey_handler/gateway/sdk_headers.py: the header that the installed SDK makes of each option.

``--check`` writes nothing and exits with 1 when the table is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from generated_table import main
from portkey_ai import createHeaders

from portkey_handler.gateway.sdk_headers import LEFT_TO_SDK, NOT_HEADERS, SDK_NAMES
from portkey_handler.options.gateway import GatewayOptions

TARGET = Path(__file__).parent.parent / "portkey_handler" / "gateway" / "sdk_headers.py"


def header(option: str) -> str:
    """Return the name of the one header that the SDK makes of an option."""
    made = list(createHeaders(**{SDK_NAMES.get(option, option): "text"}))
    if len(made) != 1:
        sys.exit(
            f"the SDK makes {made} of {option}: leave that option to it, in LEFT_TO_SDK of {TARGET.name}"
        )
    return str(made[0])


def table() -> str:
    """Return the table of the installed SDK."""
    names = sorted(set(GatewayOptions.model_fields) - NOT_HEADERS - LEFT_TO_SDK)
    lines = [f'    "{name}": "{header(name)}",\n' for name in names]
    return f"HEADERS: dict[str, str] = {{\n{''.join(lines)}}}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], TARGET, table))
