"""Write a home directory and a catalog as the installed code writes them, and what was read back from them.

Run once for each release whose files have to stay readable, from a checkout of that release::

    python tests/data/write_home.py tests/data 0.1

It makes `home-0.1/`, `catalog-0.1/` and `read-0.1.json` in that folder. The provider listens on port 1 of
127.0.0.1: its address is part of the name of the answers' file, and nothing else listens there. A system may
allow that port to its administrator only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from portkey_handler.offline import Behaviour, Fault, OfflineProvider, RecordedRequest
from portkey_handler.session import Session

#: Answers are kept and used for a hundred years.
MODELS = """
CREATE ML_ENGINE local FROM portkey USING base_url = 'http://127.0.0.1:1/v1', api_key = 'no-real-key';
CREATE ML_ENGINE second FROM portkey USING base_url = 'http://127.0.0.1:1/v1', api_key = 'no-real-key';
CREATE MODEL mood PREDICT mood
USING engine = 'local', model = 'gpt-4o-mini', prompt_template = 'Which mood is this? {{text}}',
      reuse = '36500d', evidence = true, on_error = 'null', requests_per_minute = 60000, max_attempts = 1;
CREATE MODEL facts PREDICT facts
USING engine = 'local', model = 'gpt-4o-mini', prompt_template = 'Facts of {{text}}, {{stars}} stars',
      output = 'label string, score float, tags list',
      reuse = '36500d', evidence = true, tokens_per_minute = 60000000, max_attempts = 1;
CREATE MODEL vector PREDICT vector
USING engine = 'second', mode = 'embedding', model = 'text-embedding-3-small', column = 'text',
      reuse = '36500d', evidence = true, requests_per_minute = 60, max_attempts = 1
"""
#: One row of them is refused, which is a failure in the run history.
ASKED = [
    "SELECT r.id, m.mood FROM reviews AS r JOIN mood AS m",
    "RETRAIN mood USING model = 'gpt-4o'",
    "SELECT r.id, m.mood FROM reviews AS r JOIN mood AS m",
    "SELECT r.id, m.mood FROM reviews AS r JOIN mood AS m USING dry_run = true",
    "SELECT r.id, m.facts FROM reviews AS r JOIN facts AS m WHERE r.id < 4",
    "SELECT r.id, m.vector FROM reviews AS r JOIN vector AS m WHERE r.id < 4",
]
#: What is answered without a request from then on.
KEPT = [
    "SELECT r.id, m.mood, m.mood_evidence FROM reviews AS r JOIN mood.1 AS m WHERE r.id < 4",
    "SELECT r.id, m.mood, m.mood_evidence FROM reviews AS r JOIN mood AS m WHERE r.id < 4",
    "SELECT r.id, m.* FROM reviews AS r JOIN facts AS m WHERE r.id < 4",
    "SELECT r.id, m.vector, m.vector_evidence FROM reviews AS r JOIN vector AS m WHERE r.id < 4",
]
DESCRIBED = [
    f"DESCRIBE {model}.{table}"
    for model in ("mood", "facts", "vector")
    for table in ("usage", "errors", "runs")
] + ["SHOW MODELS", "SHOW ML_ENGINES"]
REVIEWS = {
    "id": [1, 2, 3, 4],
    "text": ["The zip broke.", "Schöne Tasche, 日本 👍", 'It\'s "fine",\nI suppose', "refuse this"],
    "stars": [1, 5, 3, 2],
}


def answer(body: dict[str, Any]) -> str:
    """Give an object where one is asked for, else the question again."""
    said = str(body["messages"][-1]["content"])
    if "response_format" not in body:
        return f"{body['model']} read: {said}"
    return json.dumps({"label": said[:20], "score": len(said) / 7, "tags": ["ä", said[-7:]]})


def refuse(request: RecordedRequest) -> Fault | None:
    """Refuse the row that says so."""
    if "refuse this" in json.dumps(request.body):
        return Fault(status=400, body={"error": {"message": "the content was filtered ✂"}})
    return None


def rows(frame: pd.DataFrame) -> list[Any]:
    """Give a frame's columns and rows as JSON holds them."""
    return [list(frame.columns), *json.loads(json.dumps(frame.values.tolist(), default=str))]


def write(folder: Path, release: str) -> None:
    """Write everything."""
    home, catalog = folder / f"home-{release}", folder / f"catalog-{release}"
    for path in (home, catalog):
        shutil.rmtree(path, ignore_errors=True)
    os.environ["PORTKEY_HANDLER_HOME"] = str(home)
    with Session(catalog) as session:
        session.register("reviews", pd.DataFrame(REVIEWS))
        with OfflineProvider(Behaviour(answer=answer, faults=refuse, dimensions=24), port=1):
            session.sql(MODELS)
            for statement in ASKED:
                session.sql(statement)
        read = {statement: rows(session.sql(statement)) for statement in [*KEPT, *DESCRIBED]}
    written = {"reviews": REVIEWS, "kept": KEPT, "described": DESCRIBED, "read": read}
    text = json.dumps(written, ensure_ascii=False, indent=1)
    (folder / f"read-{release}.json").write_text(text + "\n", encoding="utf-8")
    for path in home.rglob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
    for locks in home.rglob("*.claims-*"):
        locks.unlink()  # empty files, made anew by the next query


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
