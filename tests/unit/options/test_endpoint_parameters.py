"""The table of body parameters, and values of USING as JSON types."""

from __future__ import annotations

import decimal
import importlib.metadata
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import portkey_handler
from portkey_handler.options import endpoint_parameters
from portkey_handler.options.endpoint_parameters import PARAMETERS, coerce
from portkey_handler.options.parameter_types import KINDS, Parameter

GENERATOR = Path(__file__).parents[3] / "scripts" / "generate_endpoint_parameters.py"
TABLE = Path(portkey_handler.__file__).parent / "options" / "endpoint_parameters.py"
#: The table has the types of this release of the SDK and those after it; older ones know fewer parameters.
TYPES_SINCE = (2, 2)
SDK = tuple(int(part) for part in importlib.metadata.version("portkey-ai").split(".")[:2])
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def run_generator(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the generator as a person would."""
    command = [sys.executable, str(GENERATOR), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


class TestTable:
    """The generated table."""

    @pytest.mark.slow
    @pytest.mark.skipif(not GENERATOR.exists(), reason="the generator is not part of the sdist")
    @pytest.mark.skipif(SDK < TYPES_SINCE, reason="the table has the types of a newer SDK")
    def test_current(self):
        """The table is what the installed SDK's types say."""
        done = run_generator("--check", TABLE)

        assert done.returncode == 0, done.stderr

    @pytest.mark.slow
    @pytest.mark.skipif(not GENERATOR.exists(), reason="the generator is not part of the sdist")
    @pytest.mark.skipif(SDK < TYPES_SINCE, reason="the table has the types of a newer SDK")
    def test_stale(self, tmp_path):
        """A table that differs from the SDK is noticed, with the command to run, and mended by it."""
        changed = tmp_path / "endpoint_parameters.py"
        text = TABLE.read_text(encoding="utf-8")
        changed.write_text(text.replace('"seed": Parameter("integer"', '"seed": Parameter("string"'), "utf-8")

        done = run_generator("--check", changed)

        assert done.returncode == 1
        assert "run: python scripts/generate_endpoint_parameters.py" in done.stderr
        assert run_generator(changed).returncode == 0
        assert changed.read_text(encoding="utf-8") == text

    @pytest.mark.parametrize("endpoint", PARAMETERS)
    def test_kinds_and_words(self, endpoint):
        """Every parameter has kinds of the closed set and words of its own."""
        for parameter in PARAMETERS[endpoint].values():
            assert set(parameter.kind.split("|")) <= set(KINDS)
            assert parameter.words

    @pytest.mark.parametrize("endpoint", PARAMETERS)
    def test_owned_by_the_operation(self, endpoint):
        """What an operation, the gateway or the connection owns is no parameter."""
        owned = {"messages", "prompt", "input", "model", "stream", "stream_options", "n", "metadata"}

        assert not owned & set(PARAMETERS[endpoint])
        assert not {"timeout", "extra_headers", "extra_query", "extra_body"} & set(PARAMETERS[endpoint])

    @pytest.mark.parametrize("name", ["stop", "top_k", "max_completion_tokens", "thinking", "safe_prompt"])
    def test_beyond_the_signatures(self, name):
        """Documented parameters that the SDK's signatures lack are in the table."""
        assert name in PARAMETERS["chat"]

    def test_prompt_has_both(self):
        """A saved prompt takes the parameters of both endpoints, with the kinds of either."""
        assert set(PARAMETERS["prompt"]) == set(PARAMETERS["chat"]) | set(PARAMETERS["completion"])
        assert PARAMETERS["prompt"]["logprobs"].kind == "integer|boolean"


class TestNumbers:
    """Numbers and integers."""

    @pytest.mark.parametrize(
        ("value", "wanted"),
        [
            ("-0.5", -0.5),
            (".5", 0.5),
            ("1e-2", 0.01),
            (" 1 ", 1),
            (1, 1),
            (0.0, 0.0),
            ("0.7", 0.7),
            (decimal.Decimal("0.7"), 0.7),
            (np.float64(0.5), 0.5),
            (np.int64(1), 1),
            (None, None),
        ],
    )
    def test_number(self, value, wanted):
        """Numbers are forwarded as written, also from strings; NULL stays NULL."""
        found = coerce("chat", "temperature", value)

        assert found == wanted
        assert type(found) is type(wanted)

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("many", "'many'"),
            (True, "true"),
            ("true", "'true'"),
            ("", "''"),
            ("nan", "'nan'"),
            ({}, "an object"),
            (float("inf"), "inf"),
            ("1e999", "'1e999'"),
            ("1_0", "'1_0'"),
            ("\u0661", "'\u0661'"),
            (2**63, str(2**63)),
        ],
    )
    def test_no_number(self, value, shown):
        """What is no number is an error that says so."""
        with pytest.raises(ValueError, match="expected a number, got") as caught:
            coerce("chat", "temperature", value)

        assert str(caught.value) == f"expected a number, got {shown}"

    @pytest.mark.parametrize("value", [300, "300", 300.0, "3e2", np.int32(300), decimal.Decimal(300)])
    def test_integer(self, value):
        """Whole numbers reach the wire as integers."""
        found = coerce("chat", "max_tokens", value)

        assert found == 300
        assert type(found) is int

    @pytest.mark.parametrize(
        "value", [1.5, "1.5", "many", True, [], "9" * 5000, 10**30, pytest.param(10**5000, id="long")]
    )
    def test_no_integer(self, value):
        """Fractions, booleans and numbers that JSON cannot carry are no integers; errors stay short."""
        with pytest.raises(ValueError, match=r"^expected an integer, got") as caught:
            coerce("chat", "max_tokens", value)

        assert len(str(caught.value)) < 130

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    @pytest.mark.parametrize("value", ["-1", -1, 0, "0"])
    def test_below_bounds(self, name, value):
        """Zero or fewer tokens are an error before anything is sent."""
        with pytest.raises(ValueError, match=r"^expected an integer of at least 1, got"):
            coerce("chat", name, value)

    def test_huge_decimal(self):
        """A Decimal of a billion digits is refused without being written out."""
        with pytest.raises(ValueError, match="expected a number"):
            coerce("chat", "temperature", decimal.Decimal("1e999999"))


class TestObjectsAndArrays:
    """Objects and arrays."""

    @pytest.mark.parametrize("value", ['{"50256": -100}', {"50256": -100}, ' {"50256":\n-100}'])
    def test_object(self, value):
        """Objects may be strings of JSON."""
        assert coerce("chat", "logit_bias", value) == {"50256": -100}

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ('{"a":', "expected an object, got '{\"a\":': not JSON at character 6 (Expecting value)"),
            ("[1]", "expected an object, got '[1]'"),
            ("x", "expected an object, got 'x'; write '{\"…\": …}'"),
            (3, "expected an object, got 3"),
        ],
    )
    def test_no_object(self, value, message):
        """What is no object is an error that says where the JSON breaks."""
        with pytest.raises(ValueError, match="expected") as caught:
            coerce("chat", "logit_bias", value)

        assert str(caught.value) == message

    def test_nested_too_deeply(self):
        """JSON of a hundred thousand brackets is an error, not a crash."""
        with pytest.raises(ValueError, match="expected an object"):
            coerce("chat", "thinking", '{"a":' * 100_000)

    @pytest.mark.parametrize(
        "value", [{"a": float("nan")}, {"a": object()}, {"a": 2**64}, {1: 2}, {"a": "\ud800"}]
    )
    def test_no_json(self, value):
        """What JSON cannot hold is an error, not a null."""
        with pytest.raises(ValueError, match="JSON can hold"):
            coerce("chat", "thinking", value)

    @pytest.mark.parametrize(
        ("value", "wanted"),
        [
            ("END", "END"),
            ('["\n"]', ["\n"]),
            ('["\\n"]', ["\n"]),
            (["a", "b"], ["a", "b"]),
            (("a",), ["a"]),
            ("[", "["),
            ("[1]", "[1]"),
            ("[END]", "[END]"),
            ("{", "{"),
            ("", ""),
            ("\n", "\n"),
        ],
    )
    def test_stop(self, value, wanted):
        """A stop sequence is text or a list; text that only starts with a bracket stays text."""
        assert coerce("chat", "stop", value) == wanted

    @pytest.mark.parametrize("value", [5, [1], {}, True, '["a", "b"'])
    def test_no_stop(self, value):
        """Numbers, lists of numbers and broken lists are no stop sequences."""
        with pytest.raises(ValueError, match=r"^expected a string or an array of strings, got"):
            coerce("chat", "stop", value)

    def test_text_or_object(self):
        """Where text and objects are both right, JSON is an object, and broken JSON an error."""
        assert coerce("chat", "tool_choice", "auto") == "auto"
        assert coerce("chat", "tool_choice", '{"type": "function"}') == {"type": "function"}
        with pytest.raises(ValueError, match="not JSON at character 9"):
            coerce("chat", "tool_choice", '{"type" "function"}')

    @pytest.mark.slow
    @given(st.dictionaries(st.text(), JSON))
    def test_any_object(self, value):
        """Every JSON object goes through unchanged."""
        assert coerce("chat", "response_format", value) == value


class TestOthers:
    """Booleans, texts and what they share."""

    @pytest.mark.parametrize(("value", "wanted"), [("true", True), ("False", False), (True, True)])
    def test_boolean(self, value, wanted):
        """Booleans may be strings."""
        assert coerce("chat", "logprobs", value) is wanted

    @pytest.mark.parametrize("value", [1, 0, "yes", "1", ""])
    def test_no_boolean(self, value):
        """Numbers and other words are no booleans."""
        with pytest.raises(ValueError, match=r"^expected a boolean, got"):
            coerce("chat", "logprobs", value)

    def test_either_kind(self):
        """Where two kinds are right, the value decides."""
        assert coerce("prompt", "logprobs", "3") == 3
        assert coerce("prompt", "logprobs", "true") is True

    def test_text_is_not_read(self):
        """A text parameter keeps texts that look like something else, and takes no numbers."""
        assert coerce("chat", "user", "true") == "true"
        assert coerce("chat", "user", '{"a": 1}') == '{"a": 1}'
        with pytest.raises(ValueError, match=r"^expected a string, got 42$"):
            coerce("chat", "user", 42)

    def test_listed_values_are_not_enforced(self):
        """Texts that the SDK lists are documentation: others are forwarded."""
        assert "low" in PARAMETERS["chat"]["verbosity"].values
        assert coerce("chat", "verbosity", "extreme") == "extreme"

    def test_any(self):
        """A parameter of any kind takes JSON or text."""
        anything = Parameter("any", "anything")

        assert anything.convert('{"a": 1}') == {"a": 1}
        assert anything.convert("{a") == "{a"
        assert anything.convert(3) == 3

    def test_errors_show_little(self):
        """An error shows 80 characters of a value at most, and none of a long word, which may be a key."""
        with pytest.raises(ValueError, match="expected a number") as caught:
            coerce("chat", "temperature", "x " * 1000)

        assert str(caught.value).count("x") == 41  # one is in "expected"
        with pytest.raises(ValueError, match=r"^expected a number, got a text of 1000 characters$"):
            coerce("chat", "temperature", "x" * 1000)

    def test_unknown(self):
        """The caller asks for known names only."""
        with pytest.raises(KeyError):
            coerce("chat", "temprature", 1)

    def test_pickle(self):
        """The table can be pickled with a plan."""
        assert pickle.loads(pickle.dumps(PARAMETERS)) == endpoint_parameters.PARAMETERS  # noqa: S301 - ours
