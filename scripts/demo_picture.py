"""Draw docs/demo.svg: what `portkey-handler demo` shows in a terminal of 80 columns.

    python scripts/demo_picture.py

It runs the demo in a pseudo-terminal, without answers from an earlier run.
"""

from __future__ import annotations

import html
import io
import itertools
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pyte
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
COLUMNS, LINES = 80, 300
#: The statements above this one make the models.
FIRST = "-- Ten reviews"
#: The width of a cell in rich's pictures.
CELL = 12.2
_RUN = re.compile(
    r'<text (?P<class>class="[\w-]+") x="(?P<x>[\d.]+)" (?P<y>y="[\d.]+") textLength="[\d.]+"(?P<rest>[^>]*)>'
    r"(?P<text>[^<]*)</text>"
)


class _Screen(pyte.Screen):
    """A screen that keeps the vowel signs of Hindi and the like; pyte drops them, and what follows them."""

    def draw(self, data: str) -> None:
        """Draw text; a sign without a width of its own goes into the cell of the one before it."""
        for sign in data:
            if cell_len(sign) == 0 and unicodedata.category(sign)[0] in "MC" and self.cursor.x:
                line, place = self.buffer[self.cursor.y], self.cursor.x - 1
                if not line[place].data and place:  # the second half of a wide sign
                    place -= 1
                line[place] = line[place]._replace(data=line[place].data + sign)
            else:
                super().draw(sign)


def screen_of(home: str) -> pyte.Screen:
    """Run the demo, and return what the terminal shows in the end."""
    screen = _Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PORTKEY_")}
    environment |= {"PORTKEY_HANDLER_HOME": home, "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "portkey_handler", "demo"]
    with subprocess.Popen(command, env=environment, stdin=terminal, stdout=terminal, stderr=terminal):
        os.close(terminal)
        while True:
            try:
                data = os.read(controller, 65_536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            stream.feed(data)
    os.close(controller)
    return screen


def lines_of(screen: pyte.Screen) -> list[Text]:
    """Return the lines of a screen with their colours."""
    lines = []
    for number in range(LINES):
        line = Text()
        signs = [screen.buffer[number][column] for column in range(COLUMNS)]
        for style, run in itertools.groupby(signs, _style_of):
            line.append("".join(sign.data for sign in run), style=style)
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return lines


def _style_of(sign: pyte.screens.Char) -> str:
    colour = "" if sign.fg == "default" else sign.fg.replace("brown", "yellow")
    return " ".join(filter(None, ("bold" if sign.bold else "", colour)))


def placed(svg: str) -> str:
    """Return a picture of rich in which wide signs and those without a width move nothing behind them.

    rich gives a run of text the length of its signs, not of the cells that they fill.
    """

    def parted(found: re.Match[str]) -> str:
        text = html.unescape(found["text"])
        if not text.strip() or cell_len(text) == len(text):
            return found[0]
        shown, place = [], float(found["x"])
        for part in filter(None, re.split("(│)", text)):
            length = cell_len(part) * CELL
            signs = html.escape(part, quote=False).replace("\xa0", "&#160;")
            shown.append(
                f'<text {found["class"]} x="{place:g}" {found["y"]} textLength="{length:g}"{found["rest"]}>'
                f"{signs}</text>"
            )
            place += length
        return "".join(shown)

    return _RUN.sub(parted, svg)


def main() -> None:
    """Run the demo, and write the picture."""
    with tempfile.TemporaryDirectory() as home:
        for folder in (Path.home() / ".local/share/portkey_handler/models", ROOT / ".cache/local/models"):
            if folder.is_dir():  # the language model need not be fetched again
                shutil.copytree(folder, Path(home, "models"), dirs_exist_ok=True)
        lines = lines_of(screen_of(home))
    said = next(line for line in lines if "language model" in line.plain)
    begin = next(number for number, line in enumerate(lines) if line.plain.startswith(FIRST))
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text("$ make demo", style="bold"))
    start = lines.index(said)
    for line in [*lines[start : start + 3], *lines[begin:]]:
        console.print(line)
    svg = placed(console.export_svg(title="portkey-handler demo"))
    (ROOT / "docs" / "demo.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
