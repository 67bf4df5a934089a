"""The same scripts on both hosts, by every client: same rows, or a difference that is listed and real."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from support.clients import CLIENTS
from support.conformance import (
    FOLDER,
    Expected,
    MindsDBHost,
    SessionHost,
    complaint,
    read_script,
    run_script,
)
from support.plans import naively

from portkey_handler.gateway.offline import OfflineProvider

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HOSTS = {*SessionHost.kinds, *(kind for client in CLIENTS.values() for kind in client.kinds)}
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.sql"))
DIFFERENCES: list[dict[str, Any]] = tomllib.loads(
    (FOLDER / "known-differences.toml").read_text(encoding="utf-8")
)["difference"]


def _script(name: str) -> str:
    return (FOLDER / f"{name}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", SCRIPTS)
def test_in_the_session(script: str, session: tuple[SessionHost, OfflineProvider]) -> None:
    """The embedded session answers as the script says."""
    _check(script, *session)


@pytest.mark.parametrize("script", SCRIPTS)
def test_in_the_session_without_a_plan(script: str, session: tuple[SessionHost, OfflineProvider]) -> None:
    """Every model is asked about every row, and no result differs; only more may be asked."""
    with naively():
        _check(script, *session, asks_more=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_in_mindsdb(script: str, mindsdb: tuple[MindsDBHost, OfflineProvider]) -> None:
    """The MindsDB server answers as the script says, over HTTP, to clients of MySQL and to its own SDK."""
    _check(script, *mindsdb)


def _check(
    script: str, host: SessionHost | MindsDBHost, provider: OfflineProvider, *, asks_more: bool = False
) -> None:
    complaints = []
    known = {
        difference["statement"]: difference
        for kind in host.kinds  # what is said of one client goes before what is said of all
        for difference in DIFFERENCES
        if difference["script"] == script and difference["host"] == kind and _is_met(difference, host)
    }
    for number, statement, result in run_script(_script(script), host.run, provider):
        wanted = replace(statement.expected, requests=None) if asks_more else statement.expected
        found = complaint(statement, wanted, result)
        difference = known.pop(number, None)
        if difference is not None:
            if found is None:
                found = f"the known difference is gone; take it from the list ({difference['why']})"
            else:
                found = complaint(statement, _of(difference, statement.expected), result)
        if found is not None:
            complaints.append(f"statement {number}: {statement.sql}\n{found}")
    complaints += [f"a known difference at statement {number}, which is not there" for number in known]
    assert not complaints, "\n\n".join(complaints)


def _is_met(difference: dict[str, Any], host: SessionHost | MindsDBHost) -> bool:
    """Tell whether a difference is one of the running version of MindsDB."""
    return isinstance(host, SessionHost) or host.version in SpecifierSet(difference.get("versions", ""))


def _of(difference: dict[str, Any], expected: Expected) -> Expected:
    errors = [difference["error"]] if "error" in difference else []
    rows = difference["rows"].strip() if "rows" in difference else None
    kind = "partly" if difference.get("partly") else "all"
    return Expected(rows, kind, errors, difference.get("requests", expected.requests))


def test_every_difference_is_of_a_script() -> None:
    """The list of differences names scripts and hosts that are there, and says why."""
    for difference in DIFFERENCES:
        assert difference["script"] in SCRIPTS
        assert difference["host"] in HOSTS
        assert difference["why"]
        assert {"rows", "error", "requests"} & set(difference)


def test_scripts_expect_something() -> None:
    """There are enough scripts, and each of them can fail."""
    assert len(SCRIPTS) >= 34
    for script in SCRIPTS:
        assert any(statement.expected != Expected() for statement in read_script(_script(script))), script
        assert _script(script).startswith("-- "), script
