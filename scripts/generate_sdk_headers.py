"""Write portkey_handler/gateway/sdk_headers.py: the header that the installed SDK makes of each option.

``--check`` writes nothing and exits with 1 when the table is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from portkey_ai import createHeaders

from portkey_handler.gateway.sdk_headers import LEFT_TO_SDK, NOT_HEADERS, SDK_NAMES
from portkey_handler.options.gateway import GatewayOptions

TARGET = Path(__file__).parent.parent / "portkey_handler" / "gateway" / "sdk_headers.py"
REMEDY = "run: python scripts/generate_sdk_headers.py"


def header(option: str) -> str:
    """Return the name of the one header that the SDK makes of an option."""
    made = list(createHeaders(**{SDK_NAMES.get(option, option): "text"}))
    if len(made) != 1:
        sys.exit(
            f"the SDK makes {made} of {option}: leave that option to it, in LEFT_TO_SDK of {TARGET.name}"
        )
    return str(made[0])


def generated(current: str) -> str:
    """Return the file's text with the table as the installed SDK says."""
    names = sorted(set(GatewayOptions.model_fields) - NOT_HEADERS - LEFT_TO_SDK)
    lines = [f'    "{name}": "{header(name)}",\n' for name in names]
    begin, end = "# Generated: begin\n", "# Generated: end\n"
    before, _, rest = current.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}HEADERS: dict[str, str] = {{\n{''.join(lines)}}}\n{end}{after}"


def main(arguments: list[str]) -> int:
    """Write or check the table, in another file if one is named."""
    check = "--check" in arguments
    target = next((Path(one) for one in arguments if one != "--check"), TARGET)
    current = target.read_text(encoding="utf-8")
    wanted = generated(current)
    if check and wanted != current:
        print(f"{target.name} is stale; {REMEDY}", file=sys.stderr)
        return 1
    if not check:
        target.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
