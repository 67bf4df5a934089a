"""Checks through a running server: the handler, and the engines that have a model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .checks import Finding
from .running_server import ClosedServerError, NoServerError, Server, StatementFailedError, quoted

NO_ENGINES = "there is none yet; make one by CREATE ML_ENGINE … FROM portkey"
#: Each is a request to a gateway, which may be slow.
_MOST_MODELS = 20
_RESTART = "restart MindsDB, which looks for handlers when it starts"


@dataclass
class Served:
    """What was found at a server.

    Attributes:
        server: The server, where it answers and accepts the login.
        findings: The findings.
        version: The version of the loaded handler, or None.
        is_loaded: It has loaded this handler.
        uses_community: It has loaded it from its folder for community handlers; None where it is not known.
        unchecked: Names of its engines that have no model.
        has_checked_data_dir: It has checked the data directory.
        is_asked_for: The user has named it.
    """

    server: Server | None = None
    findings: list[Finding] = field(default_factory=list)
    version: str | None = None
    is_loaded: bool = False
    uses_community: bool | None = None
    unchecked: list[str] = field(default_factory=list)
    has_checked_data_dir: bool = False
    is_asked_for: bool = False


def look_at_server(url: str, *, is_asked_for: bool, engine: str | None) -> Served:
    """Run all checks that a server can do.

    Args:
        url: Its address.
        is_asked_for: The user has named the server, so it should answer.
        engine: The only engine to check, or None for all.
    """
    served = Served(is_asked_for=is_asked_for)
    try:
        server = Server(url)
    except NoServerError as error:
        if is_asked_for:
            served.findings.append(Finding("server", "wrong", str(error), "start MindsDB, or correct --url"))
        else:
            words = f"{error}, so only its files and versions are examined"
            served.findings.append(Finding("server", "ok", words))
        return served
    try:
        server.log_in(os.environ)
    except ClosedServerError as error:
        remedy = "set MINDSDB_USERNAME and MINDSDB_PASSWORD, or MINDSDB_AUTH_TOKEN, for this command"
        served.findings.append(
            Finding("server", "wrong", f"{server.url} does not accept this command: {error}", remedy)
        )
        return served
    served.server = server
    served.findings.append(Finding("server", "ok", f"MindsDB {server.version} answers at {server.url}"))
    try:
        served.findings.append(_handler(served, server))
        if served.is_loaded:
            served.findings += _engines(served, server, engine)
    except StatementFailedError as error:
        served.findings.append(Finding("server", "wrong", str(error), "see the log of MindsDB"))
    return served


def _handler(served: Served, server: Server) -> Finding:
    rows = server.rows("SHOW HANDLERS WHERE name = 'portkey'")
    served.version = rows[0]["version"] if rows else None
    served.is_loaded = bool(rows) and bool(rows[0]["import_success"])
    if served.is_loaded:  # MindsDB would fetch a missing one now
        served.uses_community = server.is_community("portkey")
    return judge_loaded(rows[0] if rows else None)


def judge_loaded(row: Mapping[str, Any] | None) -> Finding:
    """Return whether a server has loaded the handler, from its row of SHOW HANDLERS."""
    if row is None:
        words = "the server has no handler portkey"
        return Finding("loaded", "wrong", words, f"run: portkey-handler install, then {_RESTART}")
    if row["import_success"]:
        return Finding("loaded", "ok", f"the server has loaded the handler, version {row['version']}")
    if row["import_error"]:
        words = f"the server cannot load the handler: {row['import_error']}"
        return Finding("loaded", "wrong", words, f"correct what is wrong below, then {_RESTART}")
    words = "the server knows only the handler portkey that MindsDB would fetch from its community"
    return Finding("loaded", "wrong", words, f"run: portkey-handler install, then {_RESTART}")


def judge_served_version(served: Served, version: str | None) -> Finding | None:
    """Return a finding where the server has not loaded the version that is in its folder now, else None."""
    if not served.is_loaded or version is None or served.version == version:
        return None
    words = f"the server has loaded version {served.version}, and version {version} is in its folder now"
    return Finding("loaded", "wrong", words, _RESTART)


def _engines(served: Served, server: Server, only: str | None) -> Iterator[Finding]:
    rows = server.rows("SHOW ML_ENGINES WHERE handler = 'portkey'")
    names = [str(row["name"]) for row in rows]
    if only is not None and only not in names:
        yield no_such_engine(only, names)
        return
    if not names:
        yield Finding("engines", "ok", NO_ENGINES)
    served.unchecked = names if only is None else [only]
    for first, *others in _told_by_models(server, served.unchecked):
        name = first.what.removeprefix("engine ")
        if name in served.unchecked:
            served.unchecked.remove(name)
            yield first
        if not served.has_checked_data_dir:
            served.has_checked_data_dir = True
            yield from others


def _told_by_models(server: Server, unchecked: list[str]) -> Iterator[list[Finding]]:
    """Let the handler in the server check its engines. It is asked through a model: engines have no DESCRIBE.

    MindsDB does not tell to which engine a model belongs; the answer does.
    """
    models = server.rows(
        "SELECT name, project FROM information_schema.models "
        "WHERE engine = 'portkey' AND status = 'complete' AND active = true"
    )
    for model in models[:_MOST_MODELS]:
        if not unchecked:
            return
        where = f"{quoted(model['project'])}.{quoted(model['name'])}"
        try:
            rows = server.rows(f"DESCRIBE {where}.`check`")
        except StatementFailedError:
            continue  # an engine with wrong options is reported by the check of the stored engines
        yield [Finding(row["what"], row["state"], row["words"], row["remedy"] or "") for row in rows]


def no_such_engine(name: str, names: list[str]) -> Finding:
    """Return a finding: there is no engine of that name, and these exist."""
    there = f"there are {', '.join(names)}" if names else "there is none of this handler"
    return Finding(f"engine {name}", "wrong", f"there is no such engine; {there}", "correct --engine")
