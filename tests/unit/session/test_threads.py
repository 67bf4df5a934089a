"""One session in several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pandas as pd
import pytest

from portkey_handler import Session
from portkey_handler.errors import PortkeyHandlerError
from portkey_handler.gateway.offline import OfflineProvider

THREADS = 8


@pytest.mark.slow
def test_queries_models_and_files_at_once(provider: OfflineProvider, tmp_path: Path) -> None:
    """Each thread gets its own rows and answers, and all models are there at the end."""
    pd.DataFrame({"id": range(40), "text": [f"text {n}" for n in range(40)]}).to_csv(
        tmp_path / "rows.csv", index=False
    )
    session = Session(files=tmp_path)
    session.sql(f"CREATE ML_ENGINE e FROM portkey USING base_url = '{provider.base_url}', check = false")
    session.sql(
        "CREATE MODEL m PREDICT answer USING engine = 'e', model = 'x', prompt_template = 'Say {{text}}'"
    )
    begin = Barrier(THREADS)

    def work(number: int) -> None:
        begin.wait()
        for _ in range(3):
            found = session.sql("SELECT id FROM files.rows WHERE id % 8 = ? ORDER BY id", [number])
            assert found["id"].tolist() == list(range(number, 40, 8))
            asked = session.sql("SELECT id, answer FROM files.rows JOIN m WHERE id % 8 = ?", [number])
            assert sorted(asked["id"]) == list(range(number, 40, 8))
            assert asked["answer"].notna().all()
        session.sql(f"CREATE MODEL m{number} PREDICT a USING engine = 'e', model = 'x', column = 'text'")
        session.sql(f"CREATE TABLE files.t{number} (SELECT id FROM files.rows WHERE id < {number})")
        session.register(f"frame{number}", pd.DataFrame({"n": [number]}))
        assert session.sql(f"SELECT n FROM frame{number}")["n"].tolist() == [number]

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    assert len(session.sql("SHOW MODELS")) == THREADS + 1
    assert [len(session.sql(f"SELECT * FROM files.t{n}")) for n in range(THREADS)] == list(range(THREADS))
    session.close()


def test_another_thread_is_locked_in_as_well() -> None:
    """A cursor takes no Python variable for a table, and reads no file."""
    session = Session()
    session.sql("SELECT 1")
    secret = pd.DataFrame({"a": [1]})
    assert len(secret) == 1
    with ThreadPoolExecutor(1) as pool:
        for query in ("SELECT * FROM secret", "SELECT * FROM read_csv('/etc/passwd')"):
            with pytest.raises(PortkeyHandlerError):
                pool.submit(session.sql, query).result()
    session.close()
