"""Draw docs/demo.svg: what `portkey-handler demo` shows in a terminal of 80 columns.

    python scripts/demo_picture.py

It runs the demo in a pseudo-terminal, without answers from an earlier run.
"""

from __future__ import annotations

import io
import itertools
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path

import pyte
from rich.console import Console
from rich.text import Text
from wcwidth import wcwidth

ROOT = Path(__file__).parents[1]
COLUMNS, LINES = 80, 300
#: The statements above this one make the models.
FIRST = "-- Ten reviews"


class _Screen(pyte.Screen):
    """A screen that keeps the vowel signs of Hindi and the like; pyte drops them, and what follows them."""

    def draw(self, data: str) -> None:
        """Draw text; a sign without a width of its own goes into the cell of the one before it."""
        for sign in data:
            if wcwidth(sign) == 0 and unicodedata.category(sign)[0] in "MC" and self.cursor.x:
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
    console.save_svg(str(ROOT / "docs" / "demo.svg"), title="portkey-handler demo")


if __name__ == "__main__":
    main()
