"""Clients that speak to a running MindsDB: its HTTP, its MySQL protocol, and its own Python SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import mindsdb_sdk
import pandas as pd
import pymysql
import requests
import sqlalchemy

from .mindsdb import MindsDB, MindsDBError

SECONDS = 300  # no statement of the tests takes so long


class Client(Protocol):
    """Runs statements in a MindsDB.

    Attributes:
        kinds: What it is, the most general word first.
    """

    kinds: tuple[str, ...]

    def run(self, sql: str) -> pd.DataFrame:
        """Run one statement and give its rows; a statement without rows gives an empty frame.

        Raises:
            MindsDBError: MindsDB says the statement failed.
        """

    def close(self) -> None:
        """Let go of the connection."""


class HTTPClient:
    """The endpoint that MindsDB's own editor uses."""

    kinds = ("mindsdb", "http")

    def __init__(self, server: MindsDB) -> None:
        self.run = server.query

    def close(self) -> None:
        """Do nothing: every statement is a request of its own."""


class PyMySQLClient:
    """One connection of PyMySQL."""

    kinds = ("mindsdb", "mysql", "pymysql")

    def __init__(self, server: MindsDB) -> None:
        self.connection = pymysql.connect(**mysql_address(server), read_timeout=SECONDS)

    def run(self, sql: str) -> pd.DataFrame:
        """Run one statement, as it is."""
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(sql)
            except pymysql.MySQLError as error:
                raise MindsDBError(str(error.args[-1])) from None
            return _frame(cursor)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class SQLAlchemyClient:
    """An engine of SQLAlchemy, whose pool gives each statement a connection."""

    kinds = ("mindsdb", "mysql", "sqlalchemy")

    def __init__(self, server: MindsDB) -> None:
        self.engine = sqlalchemy.create_engine(sqlalchemy_url(server))

    def run(self, sql: str) -> pd.DataFrame:
        """Run one statement, as it is: neither `:name` nor `%` means anything."""
        with self.engine.connect().execution_options(no_parameters=True) as connection:
            try:
                result = connection.exec_driver_sql(sql)
            except sqlalchemy.exc.DBAPIError as error:
                raise MindsDBError(str(error.orig.args[-1])) from None
            return _frame(result.cursor) if result.returns_rows else pd.DataFrame()

    def close(self) -> None:
        """Close the connections of the pool."""
        self.engine.dispose()


class SDKClient:
    """MindsDB's Python SDK, which speaks HTTP."""

    kinds = ("mindsdb", "sdk")

    def __init__(self, server: MindsDB) -> None:
        self.server = connect(server)

    def run(self, sql: str) -> pd.DataFrame:
        """Run one statement."""
        try:
            frame: pd.DataFrame | None = self.server.query(sql).fetch()
        except (RuntimeError, requests.HTTPError) as error:
            raise MindsDBError(str(error)) from None
        return pd.DataFrame() if frame is None else frame

    def close(self) -> None:
        """Close the connections that are kept open."""
        self.server.api.session.close()


CLIENTS = {client.kinds[-1]: client for client in (HTTPClient, PyMySQLClient, SQLAlchemyClient, SDKClient)}


def mysql_address(server: MindsDB) -> Mapping[str, Any]:
    """Give what a client of MySQL needs to know, by PyMySQL's names."""
    return {"host": "127.0.0.1", "port": server.mysql_port, "user": "mindsdb", "database": "mindsdb"}


def sqlalchemy_url(server: MindsDB) -> str:
    """Give the address for SQLAlchemy."""
    return f"mysql+pymysql://mindsdb:@127.0.0.1:{server.mysql_port}/mindsdb"


def connect(server: MindsDB) -> Any:
    """Give a connection of MindsDB's SDK."""
    connected = mindsdb_sdk.connect(f"http://127.0.0.1:{server.port}")
    connected.api.session.trust_env = False  # no proxy
    return connected


def _frame(cursor: Any) -> pd.DataFrame:
    """Make a frame of a cursor's rows; its `attrs` keep the types that MySQL names of the columns."""
    if cursor.description is None:
        return pd.DataFrame()
    names = [column[0] for column in cursor.description]
    frame = pd.DataFrame([list(row) for row in cursor.fetchall()], columns=names, dtype=object)
    frame.attrs["types"] = [column[1] for column in cursor.description]
    return frame
