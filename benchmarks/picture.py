"""Draw rows/s against concurrency from results of `suite.py`: `python benchmarks/picture.py RESULTS PNG`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt

INK = "#24292f"
PAPER = "#f6f8fa"  # opaque, so that the lines are visible on dark pages too
LATENCY = 0.2
#: Colour, width and marker; colour-blind readers can tell the colours apart (Okabe and Ito).
LOOKS = {
    "raw aiohttp": ("#8c959f", 5.0, ""),
    "Predictor": ("#D55E00", 2.6, "o"),
    "SDK in threads": ("#0072B2", 1.6, "s"),
    "AsyncOpenAI": ("#009E73", 1.6, "^"),
    "AsyncPortkey": ("#CC79A7", 1.6, "v"),
    "LangChain batch": ("#56B4E9", 1.6, "D"),
    "LiteLLM": ("#E69F00", 1.6, "P"),
}
NAMES = {
    "raw aiohttp": "raw aiohttp, the limit",
    "Predictor": "portkey_handler",
    "SDK in threads": "Portkey SDK, threads",
    "AsyncOpenAI": "AsyncOpenAI, gather",
    "AsyncPortkey": "AsyncPortkey, gather",
    "LiteLLM": "LiteLLM acompletion, gather",
}


def main() -> None:
    results, target = map(Path, sys.argv[1:3])
    curve = json.loads(results.read_text())["curve"]
    figure, axes = plt.subplots(figsize=(7.6, 4.4), facecolor=PAPER)
    axes.set_facecolor(PAPER)
    limits: list[int] = []
    for name, (colour, width, marker) in LOOKS.items():
        points = curve.get(name, {}).get("points")
        if not points:
            continue
        limits = [point["concurrency"] for point in points]
        rates = [point["rows_per_second"] for point in points]
        axes.plot(
            limits,
            rates,
            color=colour,
            linewidth=width,
            marker=marker,
            markersize=5,
            label=NAMES.get(name, name),
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(limits, [str(limit) for limit in limits])
    axes.set_yticks([5, 10, 30, 100, 300, 1000], ["5", "10", "30", "100", "300", "1,000"])
    axes.minorticks_off()
    axes.set_xlabel("requests in flight", color=INK)
    axes.set_ylabel("rows/s", color=INK)
    axes.set_title(
        f"Rows per second, each answer taking {LATENCY * 1000:.0f} ms (one process)", color=INK, loc="left"
    )
    axes.tick_params(colors=INK)
    axes.grid(visible=True, color="#d0d7de", linewidth=0.7)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#8c959f")
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    figure.tight_layout()
    target.parent.mkdir(exist_ok=True)
    figure.savefig(target, dpi=130, facecolor=PAPER)


if __name__ == "__main__":
    main()
