"""Text from outside: keys are masked, what acts on a terminal is written out, a line of the log stays one line."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from genai_prices import data_snapshot
from support.escapes import CANARY, SHOWN
from support.planted_keys import BY_BEGINNING, DRAWN, LIKE_NAMES

import portkey_handler
from portkey_handler.errors import GatewayError, OptionError, QueryError, StatementError
from portkey_handler.foreign_text import begins_like_a_key, logger_of, safe, visible, without_keys


@pytest.mark.parametrize("key", [*BY_BEGINNING.values(), *DRAWN.values()])
@pytest.mark.parametrize(
    "text", ["{}", "the table {} does not exist", "key={},x", "'{}'", "http://host/{}", "Bearer {}", "{}\n"]
)
def test_a_key_is_masked(key: str, text: str) -> None:
    """Whatever stands around it."""
    masked = without_keys(text.format(key))
    assert key not in masked
    assert "******" in masked


@pytest.mark.parametrize("key", LIKE_NAMES.values())
def test_a_key_that_looks_like_a_name_is_masked_in_what_a_user_wrote(key: str) -> None:
    """Rows and traces are called so, too: errors about rows show it."""
    assert str(StatementError(f"the table {key} does not exist")) == "the table ****** does not exist"
    assert str(QueryError(f"row id = '{key}': refused")) == f"row id = '{key}': refused"


@pytest.mark.parametrize("key", BY_BEGINNING.values())
def test_a_key_is_told_by_its_beginning(key: str) -> None:
    """Also in small letters, as SQL makes them of names."""
    assert begins_like_a_key(key)
    assert without_keys(key.lower()) == "******"


def test_no_name_of_a_language_model_is_a_key() -> None:
    """Errors, records and DESCRIBE show the model; `pplx-embed-v1-4b` was masked."""
    names = {
        f"{before}{model.id}"
        for provider in data_snapshot.get_snapshot().providers
        for model in provider.models
        for before in ("", f"{provider.id}/", f"@{provider.id}-prod/")
    }
    assert len(names) > 3000
    assert [name for name in names if without_keys(name, strict=True) != name] == []


@pytest.mark.parametrize(
    "text",
    [
        "the model claude-3-5-sonnet-20241022 does not exist",
        "write model = 'meta-llama/Llama-3.3-70B-Instruct'",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "ft:gpt-4o-mini-2024-07-18:acme:reviews:AbCd1234",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcdef12gh3i",
        "accounts/fireworks/models/llama4-maverick-instruct-basic",
        "files.export_2024_q3_customers_of_all_regions",
        "files.Kunden_Export_2024_Q3_DACH_v2_final",
        "the rows have pk_customer_id, sk_product_name, hf_score_2, fw_version and customerLifetimeValue2024",
        "/home/hans/Documents/Projects/reviews2024/export/catalog.json cannot be read",
        "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/tmpab12cd34",
        "ResponsibleAIPolicyViolation in Draft202012Validator",
        "the reply of http://127.0.0.1:8787/v1 is not JSON",
        "2024-11-27T11:57:10+00:00",
        "sk- and pk- are beginnings of keys",
    ],
)
def test_names_are_no_keys(text: str) -> None:
    """A message stays readable, in what a user wrote, too."""
    assert without_keys(text, strict=True) == text


@pytest.mark.parametrize("beginning", ["pk-", "xoxb-", "eyJaaaaaaaa-", "sk_ab_", "://a:", "AQ.A-", "aB1"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_text_of_nothing_but_beginnings_is_read(beginning: str, strict: bool) -> None:
    """As a provider that means harm could send; each beginning was followed to the end, for hours."""
    text = beginning * (300_000 // len(beginning))
    key = "pk-1234567890abcdef"
    assert key not in without_keys(f"{text} {key}", strict=strict)


def test_what_acts_is_written_out() -> None:
    """Letters of every language, emoji, tabs and line breaks stay."""
    assert visible(CANARY) == SHOWN
    for text in (
        *("plain", "日本 🙂 é", "👩‍👩‍👧", "❤️‍🔥", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "עברית العربية", "a\tb\nc"),
        *("می‌خواهم", "क्‍ष", "half \ud83d"[:4]),
    ):
        assert visible(text) == text
    assert visible("half \ud83d") == "half \\ud83d"
    assert visible("mod\u200del\u200c, hidden \U000e0041") == "mod\\u200del\\u200c, hidden \\U000e0041"
    assert safe(f"sk-canary-0123456789 {CANARY}") == f"****** {SHOWN}"


def test_a_line_of_the_log_stays_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Its arguments, which handlers may show, are part of the line."""
    with caplog.at_level(logging.INFO):
        logger_of("portkey_handler.test").info("%s: %s", "m\nERROR forged", f"sk-canary-0123456789 {CANARY}")
    (record,) = caplog.records
    assert (record.getMessage(), record.args) == (f"m\\nERROR forged: ****** {SHOWN}", ())


def test_every_module_logs_safe_lines() -> None:
    """A logger that is made elsewhere would write what it gets."""
    logs = re.compile(r"\b\w*log\w*\.(?:debug|info|warning|error|exception|critical|log)\(", re.IGNORECASE)
    package = Path(portkey_handler.__file__).parent
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    logging_modules = [path for path, text in texts.items() if logs.search(text)]
    assert len(logging_modules) > 10
    assert [path for path in logging_modules if "logger = logger_of(__name__" not in texts[path]] == []


def test_a_name_begins_no_line_of_an_error() -> None:
    """The further lines of a message are indented; what is foreign in it cannot begin one."""
    assert str(StatementError("no m\nERROR forged")) == "no m\\nERROR forged"
    assert str(QueryError("1 failed\n  row 2: refused")) == "1 failed\n  row 2: refused"


def test_the_attributes_of_an_error_are_safe_too() -> None:
    """Tools that report errors show them; ids, by which logs are searched, stay."""
    problem = f"sk-canary-0123456789 {CANARY}"
    trace = "0f8fad5bd9cb469fa16570867728950e"
    assert OptionError("x", problems=[problem]).problems == [f"****** {SHOWN}"]
    assert QueryError("x", reasons=[(problem, [1, 2])]).reasons == [(f"****** {SHOWN}", [1, 2])]
    assert GatewayError("x", trace_id=trace).trace_id == trace


def test_the_name_of_a_file_of_answers_is_shown() -> None:
    """A warning says which file it means; the same digits in another place may be a key."""
    digest = "0123456789abcdef" * 2
    for path in (f"/home/a/journal/{digest}.sqlite", f"/home/a/batches/{digest}.lock"):
        assert without_keys(f"{path} cannot be used") == f"{path} cannot be used"
    for text in (digest, f"/journal/{digest}", f"{digest}.sqlite", f"/batches/{digest}", f"{digest}.lock"):
        assert digest not in without_keys(text)
