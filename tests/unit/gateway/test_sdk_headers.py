"""The headers of options, beside those that the installed SDK makes of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portkey_ai import createHeaders

import portkey_handler
from portkey_handler.gateway.sdk_headers import HEADERS, LEFT_TO_SDK, NOT_HEADERS, SDK_NAMES, make_headers
from portkey_handler.options.gateway import GatewayOptions

GENERATOR = Path(__file__).parents[3] / "scripts" / "generate_sdk_headers.py"
TABLE = Path(portkey_handler.__file__).parent / "gateway" / "sdk_headers.py"

TEXTS = st.text() | st.sampled_from(["", " ", "0", "Bearer sk", "bearer sk", "Bearer ", "é", "雪", "a\nb"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 0.0, 0.1])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SAMPLES: list[Any] = [
    *("text", "Bearer text", "true", "é ü 雪", " ", "", "x" * 5000),
    *(True, False, 0, 1, 500, 1.5, 0.0, None),
    *({}, {"é": [1, None]}, {"a": {"b": True}}, [], ["a", "b"]),
]
#: The SDK itself takes nothing but text for Authorization.
VALUES = {name: TEXTS if name == "provider_api_key" else JSON for name in HEADERS}


def made_by_the_sdk(options: dict[str, Any]) -> dict[str, str]:
    """Return what `createHeaders` makes of options."""
    made: dict[str, str] = createHeaders(**{SDK_NAMES.get(name, name): options[name] for name in options})
    return made


def run_generator(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the generator as a person would."""
    command = [sys.executable, str(GENERATOR), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_every_option_that_becomes_a_header_is_in_the_table() -> None:
    """A new option of the gateway gets its row, and a dropped one loses it."""
    assert set(HEADERS) == set(GatewayOptions.model_fields) - NOT_HEADERS - LEFT_TO_SDK


@pytest.mark.parametrize("option", HEADERS)
def test_each_option_makes_the_sdks_header(option: str) -> None:
    """Name and value of the header are those of the SDK, and nothing is sent where it sends nothing."""
    for value in SAMPLES:
        if option != "provider_api_key" or isinstance(value, str):
            assert make_headers({option: value}) == made_by_the_sdk({option: value}), value


@pytest.mark.slow
@given(st.fixed_dictionaries({}, optional=VALUES))
def test_options_together_make_the_sdks_headers(options: dict[str, Any]) -> None:
    """Whatever stands beside it, an option makes the same header."""
    assert make_headers(options) == made_by_the_sdk(options)


@pytest.mark.slow
@given(
    st.fixed_dictionaries({"forward_headers": st.lists(st.sampled_from(sorted(HEADERS)))}, optional=VALUES)
)
def test_forwarded_headers_are_the_sdks(options: dict[str, Any]) -> None:
    """An option that is forwarded keeps its own name, which the SDK decides."""
    assert make_headers(options) == made_by_the_sdk(options)


def test_a_name_that_the_table_lacks_goes_to_the_sdk() -> None:
    """Options of a newer SDK need no change of the table."""
    options = {"portkey_api_key": "pk", "provider_api_key": "sk", "a_new_one": True}
    assert make_headers(options) == {
        "x-portkey-api-key": "pk",
        "Authorization": "Bearer sk",
        "x-portkey-a-new-one": "true",
    }


@pytest.mark.slow
@pytest.mark.parametrize(("option", "imported"), [("provider", False), ("forward_headers", True)])
def test_the_sdk_is_imported_for_what_the_table_lacks(option: str, imported: bool) -> None:
    """Its import takes longer than everything else that a new engine needs."""
    code = (
        "import sys; from portkey_handler.gateway.sdk_headers import make_headers; "
        f"make_headers({{{option!r}: ['x']}}); print('portkey_ai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)


@pytest.mark.skipif(not GENERATOR.exists(), reason="the generator is not part of the sdist")
class TestGenerator:
    """The script that writes the table."""

    @pytest.mark.slow
    def test_the_table_is_current(self) -> None:
        """The table is what the installed SDK says."""
        done = run_generator("--check", TABLE)
        assert done.returncode == 0, done.stderr

    @pytest.mark.slow
    def test_a_stale_table_is_noticed_and_mended(self, tmp_path: Path) -> None:
        """A header that the SDK does not make is named with the command to run, and mended by it."""
        changed = tmp_path / "sdk_headers.py"
        text = TABLE.read_text(encoding="utf-8")
        changed.write_text(text.replace('"x-portkey-provider"', '"x-provider"'), encoding="utf-8")

        done = run_generator("--check", changed)

        assert done.returncode == 1
        assert "run: python scripts/generate_sdk_headers.py" in done.stderr
        assert run_generator(changed).returncode == 0
        assert changed.read_text(encoding="utf-8") == text
