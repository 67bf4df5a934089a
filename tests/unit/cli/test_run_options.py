"""What programs rely on: exit codes, files by their ending, variables, the summary, log lines."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from portkey_handler.gateway.offline import Fault, OfflineProvider

from .test_queries import SETUP, run

pytestmark = pytest.mark.slow

ASK = "SELECT t.id, m.answer FROM files.q AS t JOIN m"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with a table of three rows."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "q.csv").write_text("id,question\n1,one\n2,two/too\n3,three\n", encoding="utf-8")
    return folder


def refuse_two(request: object) -> Fault | None:
    """Refuse the second row, for good."""
    body = getattr(request, "body", None)
    return Fault(status=400) if "two" in json.dumps(body) else None


# Exit codes


def test_a_wrong_statement_is_1(files: Path) -> None:
    """Of any kind: that does not parse, that names nothing."""
    for statement in ("SELEC 1", "SELECT * FROM files.none", "CREATE MODEL m PREDICT a USING engine = 'e'"):
        assert run("sql", statement, "--files", str(files)).returncode == 1


def test_wrong_use_is_2(files: Path) -> None:
    """A flag or a value that does not exist."""
    for words in (("--nonsense",), ("--var", "x"), ("--env-file", str(files / "none"))):
        assert run("sql", "SELECT 1", *words).returncode == 2
    assert run("usage", "--days", "800000").returncode == 2
    empty = run("sql", "SELECT 1", "--session", "")  # of a variable that is not set
    assert (empty.returncode, "the name of the folder is empty" in empty.stderr) == (2, True)


@pytest.mark.parametrize(
    ("using", "strict", "code"),
    [("", False, 3), (" USING on_error = 'null'", False, 0), (" USING on_error = 'null'", True, 3)],
)
def test_failed_rows_are_3(
    using: str, strict: bool, code: int, provider: OfflineProvider, files: Path
) -> None:
    """Also where they are NULL, for who says --strict."""
    provider.behaviour.faults = refuse_two
    more = ["--strict"] if strict else []
    done = run("sql", SETUP + ASK + using, "--files", str(files), *more, provider=provider)
    assert done.returncode == code, done.stderr


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_limit_is_4(words: tuple[str, ...], provider: OfflineProvider, files: Path) -> None:
    """A query that a limit refuses, and the dry run of it."""
    done = run("sql", f"{SETUP}{ASK} USING max_rows = 2", "--files", str(files), *words, provider=provider)
    assert done.returncode == 4, done.stderr
    assert provider.requests == [] or {one.method for one in provider.requests} == {"GET"}


def test_a_spent_budget_is_4(provider: OfflineProvider, files: Path) -> None:
    """As the gateway says it."""
    provider.behaviour.faults = lambda request: Fault(status=412) if request.method == "POST" else None
    done = run("sql", SETUP + ASK, "--files", str(files), provider=provider)
    assert done.returncode == 4, done.stderr


def test_a_gateway_that_is_not_there_is_5(files: Path) -> None:
    """At the engine."""
    done = run("sql", SETUP + ASK, "--files", str(files), PORTKEY_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 5, done.stderr


def test_a_refused_key_is_5(provider: OfflineProvider, files: Path) -> None:
    """At the query."""
    provider.behaviour.faults = lambda request: Fault(status=401) if request.method == "POST" else None
    setup = SETUP.replace("FROM portkey;", "FROM portkey USING check = false;")
    done = run("sql", setup + ASK, "--files", str(files), provider=provider)
    assert done.returncode == 5, done.stderr


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_an_interrupt_keeps_what_was_answered(
    sign: signal.Signals, code: int, provider: OfflineProvider, files: Path, tmp_path: Path
) -> None:
    """130 for Ctrl-C; SIGTERM ends the process by itself, which a shell shows as 143. The summary is written."""
    provider.behaviour.latency = 0.3
    rows = pd.DataFrame({"id": range(200), "question": [f"question {number}" for number in range(200)]})
    rows.to_csv(files / "q.csv", index=False)
    summary = tmp_path / "summary.json"
    command = [sys.executable, "-m", "portkey_handler", "sql", SETUP + ASK, "--files", str(files)]
    with subprocess.Popen(
        [*command, "--summary", str(summary)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**_environment(), "PORTKEY_BASE_URL": provider.base_url},
        restore_signals=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        until = time.monotonic() + 30
        while len(provider.requests) < 12 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(sign)
        _, said = process.communicate(timeout=30)
        assert process.returncode == code, said.decode()
    told = json.loads(summary.read_text(encoding="utf-8"))
    assert (told["exit_code"], told["error"]) == (128 + sign, "interrupted")
    assert told["answered"] >= 8


def _environment() -> dict[str, str]:
    import os

    return dict(os.environ)


# Files by their ending


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "ndjson", "parquet", "xlsx"])
def test_a_file_is_what_its_ending_says(ending: str, files: Path, tmp_path: Path) -> None:
    """And holds the rows; a slash in JSON is a slash."""
    path = tmp_path / f"out.{ending}"
    done = run("sql", "SELECT * FROM files.q ORDER BY id", "--files", str(files), "-o", str(path))
    assert done.returncode == 0, done.stderr
    readers = {
        "csv": pd.read_csv,
        "json": pd.read_json,
        "jsonl": lambda file: pd.read_json(file, lines=True),
        "ndjson": lambda file: pd.read_json(file, lines=True),
        "parquet": pd.read_parquet,
        "xlsx": lambda file: pd.read_excel(file, engine="openpyxl"),
    }
    found = readers[ending](path)
    assert found.to_dict("list") == {"id": [1, 2, 3], "question": ["one", "two/too", "three"]}
    if "json" in ending:
        assert '"two/too"' in path.read_text(encoding="utf-8")
    assert sorted(one.name for one in tmp_path.iterdir() if "out" in one.name) == [path.name]


@pytest.mark.parametrize(
    ("name", "said"),
    [("out.docx", "the ending .docx is not known"), ("out", "has no ending")],
)
def test_an_unknown_ending_is_refused_before_anything_is_asked(
    name: str, said: str, provider: OfflineProvider, files: Path, tmp_path: Path
) -> None:
    """With the endings that there are; --format says it, too."""
    done = run("sql", SETUP + ASK, "--files", str(files), "-o", str(tmp_path / name), provider=provider)
    assert done.returncode == 2
    assert said in done.stderr.replace("\n", " ")
    assert provider.requests == []
    more = ["--format", "csv", "-o", str(tmp_path / name)]
    assert run("sql", "SELECT 1 AS one", *more).returncode == 0
    assert (tmp_path / name).read_text(encoding="utf-8") == "one\n1\n"


def test_the_file_has_the_last_result(tmp_path: Path) -> None:
    """It was empty where a statement without a result came last."""
    path = tmp_path / "out.csv"
    last = "CREATE ML_ENGINE e FROM portkey USING check = false"
    done = run("sql", f"SELECT 1 AS one; SELECT 2 AS two; {last}", "-o", str(path))
    assert (done.returncode, path.read_text(encoding="utf-8")) == (0, "two\n2\n")
    path.unlink()
    done = run("sql", last, "-o", str(path))
    assert done.returncode == 1
    assert done.stderr == f"{path} was not written: no statement has a result; end with a SELECT\n"
    assert not path.exists()


def test_a_backslash_before_a_slash_stays(tmp_path: Path) -> None:
    """The text is the same for who reads the JSON."""
    path = tmp_path / "out.json"
    run("sql", r"SELECT 'a\/b' AS t, 'c/d' AS u", "-o", str(path))
    assert pd.read_json(path).to_dict("records") == [{"t": r"a\/b", "u": "c/d"}]


def test_a_sheet_holds_lists_moments_and_controls(tmp_path: Path) -> None:
    """Lists as JSON, moments of a zone as text; what a sheet cannot hold is written out."""
    path = tmp_path / "out.xlsx"
    done = run(
        "sql",
        "SELECT list_value(1, 2) AS l, CAST('2026-01-31 12:00:00+00' AS TIMESTAMPTZ) AS z, concat('a', chr(7)) AS c",
        "-o",
        str(path),
    )
    assert done.returncode == 0, done.stderr
    row = pd.read_excel(path, engine="openpyxl").iloc[0]
    assert row["l"] == "[1,2]"
    assert str(row["z"]).startswith("2026-01-31T")
    assert row["c"] == r"a\x07"


def test_an_answer_is_no_formula(tmp_path: Path) -> None:
    """A text that begins with = is a text, whoever has said it."""
    path = tmp_path / "out.xlsx"
    done = run("sql", "SELECT '=1+1' AS t, '=HYPERLINK(1)' AS `=2+2`", "-o", str(path))
    assert done.returncode == 0, done.stderr
    cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row]
    assert [cell.value for cell in cells] == ["t", "=2+2", "=1+1", "=HYPERLINK(1)"]
    assert {cell.data_type for cell in cells} == {"s"}


# Variables


def test_variables_fill_the_names() -> None:
    """Numbers, flags and NULL are what they are; other words are texts, also those that look like code."""
    done = run(
        "sql",
        "SELECT $n + 1 AS n, $t AS t, $z AS z, $b AS b",
        *(
            "--var",
            "n=41",
            "--var",
            "t=it's; DROP",
            "--var",
            "z=01234",
            "--var",
            "b=true",
            "--format",
            "jsonl",
        ),
    )
    assert json.loads(done.stdout) == {"n": 42, "t": "it's; DROP", "z": "01234", "b": True}


def test_a_file_of_variables(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """Keys come from it; what is set already wins; a wrong line is named without its words."""
    good, bad = tmp_path / ".env", tmp_path / "bad.env"
    good.write_text(
        f'# the gateway\nexport PORTKEY_BASE_URL="{provider.base_url}"\nOTHER=1\n', encoding="utf-8"
    )
    done = run("sql", SETUP + ASK, "--files", str(files), "--env-file", str(good), "--format", "csv")
    assert done.returncode == 0, done.stderr
    assert len(provider.requests) >= 3
    bad.write_text("A=1\nsk-secret-canary-123456 nonsense = =\n", encoding="utf-8")
    done = run("sql", "SELECT 1", "--env-file", str(bad))
    assert done.returncode == 2
    assert "line 2: write NAME=VALUE" in re.sub(r"[│\s]+", " ", done.stderr)
    assert "canary" not in done.stderr


def test_what_python_takes_for_numbers_is_text() -> None:
    """NaN became NULL."""
    done = run(
        "sql", "SELECT $a AS a, $b AS b", "--var", "a=NaN", "--var", "b=-Infinity", "--format", "jsonl"
    )
    assert json.loads(done.stdout) == {"a": "NaN", "b": "-Infinity"}


@pytest.mark.parametrize("line", ["KEY=sk-canary\0tail", "'A=B'=sk-canary", "''=sk-canary"])
def test_a_variable_that_no_system_takes_is_named_by_its_line(line: str, tmp_path: Path) -> None:
    """It was a traceback."""
    path = tmp_path / ".env"
    path.write_text(f"FIRST=1\n{line}\n", encoding="utf-8")
    done = run("sql", "SELECT 1 AS one", "--env-file", str(path))
    assert done.returncode == 2
    assert "line 2: write NAME=VALUE" in re.sub(r"[│\s]+", " ", done.stderr)
    assert "canary" not in done.stderr


def test_statements_and_variables_come_from_pipes(provider: OfflineProvider, files: Path) -> None:
    """As `<(…)` of a shell gives them: a file was demanded, and variables were read twice and so lost."""
    script = f"{SETUP}{ASK};"
    command = (
        f'"{sys.executable}" -m portkey_handler run <(printf %s "$SCRIPT") --files "$FILES" --format csv'
    )
    done = subprocess.run(
        ["bash", "-c", f'{command} --env-file <(printf "PORTKEY_BASE_URL=%s" "$URL")'],
        capture_output=True,
        text=True,
        timeout=60,
        env={**_environment(), "SCRIPT": script, "FILES": str(files), "URL": provider.base_url},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "id,answer"
    assert len(done.stdout.splitlines()) == 4


# What is said


def test_the_summary_counts(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """Statements, rows, what was written, requests, tokens, dollars, failures."""
    provider.behaviour.faults = refuse_two
    path = tmp_path / "summary.json"
    script = (
        f"{SETUP}CREATE TABLE files.out ({ASK} USING on_error = 'null');"
        "INSERT INTO files.out SELECT id, question AS answer FROM files.q WHERE id < 3; SELECT count(*) FROM files.out"
    )
    done = run("sql", script, "--files", str(files), "--summary", str(path), "--quiet", provider=provider)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = json.loads(path.read_text(encoding="utf-8"))
    [(reason, times)] = told.pop("failures").items()
    assert reason.startswith("400")
    assert times == 1
    assert told.pop("seconds") > 0
    assert told.pop("prompt_tokens") > 0
    assert told.pop("completion_tokens") > 0
    assert told == {
        "statements": 5,
        "rows": 1,
        "inserted": 5,
        "answered": 2,
        "cached": 0,
        "failed": 1,
        "requests": 3,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "dollars": 0.0,
        "answers_without_a_price": 2,
        "exit_code": 0,
        "error": None,
    }


def test_the_summary_of_a_failure(tmp_path: Path) -> None:
    """It has the code and the first line of the error."""
    path = tmp_path / "summary.json"
    done = run("sql", "SELECT 1; SELECT * FROM files.none", "--summary", str(path))
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["statements"], told["exit_code"]) == (1, done.returncode) == (1, 1)
    assert told["error"] == done.stderr.splitlines()[-1]


def test_log_lines_for_programs(provider: OfflineProvider, files: Path) -> None:
    """A JSON object per line with time, level and words; or text with both."""
    place = ("--files", str(files), "--format", "csv")
    done = run("sql", SETUP + ASK, *place, "--log-format", "json", provider=provider)
    [line] = [json.loads(one) for one in done.stderr.splitlines()]
    assert line["level"] == "INFO"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", line["time"])
    assert line["message"].startswith("m: 3 answered")
    done = run("sql", SETUP + ASK, *place, "--log-format", "text", provider=provider)
    assert re.match(r"\d{4}-\d\d-\d\d [\d:,]+ INFO m: 3 answered", done.stderr)


# Commands that look


def test_check_asks_the_gateway(provider: OfflineProvider) -> None:
    """It says who answers, or what to do."""
    done = run("check", provider=provider)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ok: {provider.base_url} answers, and has not refused the key\n"
    done = run("check", PORTKEY_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 5
    assert done.stdout.startswith(
        "wrong: http://127.0.0.1:9/v1 cannot be reached: the connection was refused; "
    )


def test_usage_by_day(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """A line per day on the terminal, a row per day and model in a file."""
    assert run("usage").stdout == "no query was run in the last 30 days\n"
    path = tmp_path / "usage.csv"
    assert run("usage", "-o", str(path)).returncode == 0
    assert path.read_text(encoding="utf-8").startswith("day,engine,model,answered_by,queries,")
    run("sql", SETUP + ASK, "--files", str(files), provider=provider)
    shown = run("usage").stdout
    assert "prompt_tokens" in shown
    assert re.search(r"│ \d{4}-\d\d-\d\d │ 3 ", shown)
    assert run("usage", "-o", str(path)).returncode == 0
    [row] = pd.read_csv(path).to_dict("records")
    assert (row["engine"], row["model"], row["requests"], row["rows"]) == ("e", "m", 3, 3)


def test_doctor_without_a_mindsdb_is_kind() -> None:
    """Whoever works with the session has none, and nothing is wrong."""
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    assert "and the session needs none; portkey-handler check asks the gateway" in done.stdout


# Options for every query


def test_one_model_and_one_limit_for_every_query(provider: OfflineProvider, files: Path) -> None:
    """They beat what the statements say."""
    ask = f"{ASK} USING max_cost = 100, m.model = 'another'"
    done = run("sql", SETUP + ask, "--files", str(files), "--model", "gpt-4o-mini", provider=provider)
    assert done.returncode == 0, done.stderr
    models = {request.body["model"] for request in provider.requests if request.method == "POST"}
    assert models == {"gpt-4o-mini"}
    more = ["--model", "gpt-4o-mini", "--max-cost", "0.0000001"]
    again = f"{ask}, reuse = 'never'"
    done = run("sql", SETUP + again, "--files", str(files), *more, provider=provider)
    assert done.returncode == 4, done.stderr
    assert "max_cost" in done.stderr


def test_a_database_file(tmp_path: Path) -> None:
    """Its tables are seen and written to; what is no database is said in one line."""
    path = tmp_path / "shop.duckdb"
    done = run("sql", "CREATE TABLE sales AS SELECT 1 AS id, 'lamp' AS what", "--db", str(path))
    assert done.returncode == 0, done.stderr
    done = run("sql", "SELECT * FROM sales", "--db", str(path), "--format", "csv")
    assert done.stdout == "id,what\n1,lamp\n"
    wrong = tmp_path / "wrong.duckdb"
    wrong.write_text("no database " * 1000, encoding="utf-8")
    done = run("sql", "SELECT 1", "--db", str(wrong))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{wrong} cannot be opened as a DuckDB database (")
    assert len(done.stderr.splitlines()) == 1


def test_offline_asks_nobody_else(provider: OfflineProvider, files: Path, tmp_path: Path) -> None:
    """Whatever the environment says, an engine, or a session: those with an address of their own were paid.

    And what the stand-in has said is no cached answer of the engine.
    """
    here = ("--files", str(files), "--format", "csv")
    keys = {"PORTKEY_API_KEY": "pk-canary-1234567890", "PORTKEY_PROVIDER": "openai"}
    done = run("sql", SETUP + ASK, *here, "--offline", provider=provider, **keys)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("id,answer\n1,one\n")
    kept = (*here, "--session", str(tmp_path / "session"))
    targets = '{"a": {"provider": "openai", "api_key": "sk-canary"}}'
    own = f"FROM portkey USING base_url = '{provider.base_url}', targets = {targets};"
    for statements in (SETUP.replace("FROM portkey;", own), ASK, "DESCRIBE m.check"):
        done = run("sql", statements, *kept, "--offline")
        assert done.returncode == 0, done.stderr
    assert provider.requests == []
    provider.behaviour.answer = lambda _body: "of the engine"
    done = run("sql", ASK, *kept)
    assert done.stdout.count("of the engine") == 3
