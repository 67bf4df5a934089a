"""Make docs/report.png: the report about the demo's reviews, some of which the stand-in provider refuses.

python scripts/draw_report.py
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.browser import browser, show  # noqa: E402

from portkey_handler.errors import QueryError  # noqa: E402
from portkey_handler.gateway import offline  # noqa: E402
from portkey_handler.session import Session  # noqa: E402
from portkey_handler.usage.report import choose, write_page  # noqa: E402
from portkey_handler.usage.run_history import RunHistory  # noqa: E402

PICTURE = ROOT / "docs" / "report.png"
SETUP = """
CREATE ML_ENGINE demo FROM portkey;
CREATE MODEL review_sentiment PREDICT sentiment USING
    engine = 'demo', model = 'gpt-4o-mini', max_attempts = 1,
    prompt_template = 'Is this review positive, negative or mixed? {{text}}';
"""
QUERIES = (
    "SELECT m.sentiment FROM files.reviews AS r JOIN review_sentiment AS m WHERE r.stars < 3",
    "SELECT m.sentiment FROM files.reviews AS r JOIN review_sentiment AS m USING model = 'gpt-4o'",
    "SELECT m.sentiment FROM files.reviews AS r JOIN review_sentiment AS m",
)


def refusing(request: offline.RecordedRequest) -> offline.Fault | None:
    """Return a fault: the refusal of a few texts, and a delay by the length of the others."""
    if request.method != "POST":
        return None
    text = offline.last_text(request.body)
    if len(text) % 11 == 3:
        return offline.Fault(
            status=400, body={"error": {"message": "the text was refused by the content filter"}}
        )
    return offline.Fault("stall", seconds=0.02 * (len(text) % 17))


def main() -> None:
    """Run the queries, write the page, and take its picture."""
    with tempfile.TemporaryDirectory() as folder, offline.OfflineProvider() as provider:
        os.environ |= {"PORTKEY_HANDLER_HOME": folder, "PORTKEY_BASE_URL": provider.base_url}
        provider.behaviour.faults = refusing
        with Session(files=ROOT / "examples") as session:
            session.sql(SETUP)
            for query in QUERIES:
                try:
                    session.sql(query)
                except QueryError as error:
                    print(str(error).splitlines()[0])
                time.sleep(1)
        page = Path(folder, "report.html")
        page.write_text(write_page(choose(RunHistory(Path(folder)), "review_sentiment")), encoding="utf-8")
        with browser(width=1000, height=1900) as running:
            show(running, page, width=1000)
            running.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": 1000, "height": 1560, "deviceScaleFactor": 1, "mobile": False},
            )
            running.save_screenshot(str(PICTURE))
    print(f"The picture: {PICTURE}")


if __name__ == "__main__":
    main()
