"""Measure one competitor in this process, and print the results as one line of JSON.

    python benchmarks/worker.py '{"competitor": "Predictor", "base_url": "http://…/v1", "points": [[9, 4]]}'

`suite.py` runs it for each competitor, so that none sees another's imports, threads or memory.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from competitors import COMPETITORS, Place, Runner, questions
from stand_in import PREFIX

MB = 2**20


def main() -> None:
    spec = json.loads(sys.argv[1])
    place = Place(spec["base_url"], spec.get("provider_url", ""), spec.get("using", {}))
    began = time.perf_counter()
    try:
        _check_options(place.using)
        run = COMPETITORS[spec["competitor"]](place)
    except ImportError as error:
        say({"unavailable": str(error)})
        return
    imports = time.perf_counter() - began
    distinct = spec.get("distinct")
    vectors = spec["competitor"].startswith("embeddings")
    points = [
        measure(run, questions(rows, distinct or rows, series), concurrency, vectors)
        for series, (rows, concurrency) in enumerate(spec["points"])
    ]
    say({"import_seconds": imports, "points": points})


def measure(run: Runner, prompts: list[str], concurrency: int | None, vectors: bool) -> dict[str, Any]:
    """Time one call; every answer is checked against its row."""
    given: Any = prompts
    if prepare := getattr(run, "prepare", None):
        given = prepare(prompts)
        if not vectors:
            del prompts  # the frame has them; a second copy would distort the memory of the run
    gc.collect()
    before = memory("VmRSS")
    forget_peak()
    cpu, began = cpu_seconds(), time.perf_counter()
    answers = run(given, concurrency)
    seconds, cpu = time.perf_counter() - began, cpu_seconds() - cpu
    peak = memory("VmHWM")
    asked = given if isinstance(given, list) else given["question"]
    rows = len(asked)
    wrong = wrong_rows(asked, answers, vectors)
    return {
        "rows": rows,
        "concurrency": concurrency,
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "cpu_ms_per_row": cpu / rows * 1000,
        "peak_mb": peak / MB,
        "peak_above_frames_mb": (peak - before - size_of(answers)) / MB,
        "wrong": len(wrong),
        "first_wrong": wrong[:3],
    }


def wrong_rows(asked: Sequence[str], answers: Sequence[Any], vectors: bool) -> list[int]:
    if len(asked) != len(answers):
        raise AssertionError(f"{len(asked)} rows, {len(answers)} answers")
    pairs = enumerate(zip(asked, answers, strict=True))
    if vectors:
        return [row for row, (text, vector) in pairs if vector is None or vector[0] != len(text)]
    return [row for row, (text, answer) in pairs if answer != PREFIX + text]


def size_of(answers: Sequence[Any]) -> int:
    """Return the bytes of the output column: a pointer per row, and each object once."""
    seen: dict[int, int] = {id(answer): sys.getsizeof(answer) for answer in answers}
    return 8 * len(answers) + sum(seen.values())


def cpu_seconds() -> float:
    used = getrusage(RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(name: str) -> int:
    """Return bytes of this process; `getrusage` could report the peak of a parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return getrusage(RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # the peak then includes imports


def _check_options(using: dict[str, Any]) -> None:
    if using:
        from portkey_handler.options import OPTIONS

        unknown = [name for name in using if name not in OPTIONS and name != "encoding_format"]
        if unknown:
            raise ImportError(f"there is no option {', '.join(unknown)} yet")


def say(found: dict[str, Any]) -> None:
    # On a new line, because some competitors write to stdout.
    print("\n" + json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
