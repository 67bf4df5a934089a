"""Generate files from the schema of the options: the files that MindsDB reads, and the tables of the pages.

``python scripts/generate_option_files.py`` writes portkey_handler/creation_args.py and model_using_args.py,
and the text between ``<!-- generated: NAME -->`` and ``<!-- generated: end -->`` in the pages of ``PAGES``.
The table of supported versions is made from docs/matrix.json.
``--check`` writes nothing and exits with 1 when one of the files is stale.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from portkey_handler.options import OPTIONS, secret_option_names
from portkey_handler.options.catalog import ALIASES, ENGINE_ALIASES, HOST_WORDS, REFUSED
from portkey_handler.options.endpoint_parameters import PARAMETERS
from portkey_handler.options.input import MODES
from portkey_handler.options.schema import LEVELS, Level, Option

ROOT = Path(__file__).parents[1]
REMEDY = "run: python scripts/generate_option_files.py"
LINE_LENGTH = 110  # of pyproject.toml
#: The pages with generated blocks.
PAGES = ("README.md", "docs/options.md", "docs/versions.md")

#: The options in README.md; this script fails if the schema lacks one of them.
ESSENTIAL = (
    "portkey_api_key",
    "base_url",
    "provider",
    "provider_api_key",
    "custom_host",
    "model",
    "max_tokens",
    "column",
    "prompt_template",
    "system_prompt",
    "concurrency",
    "on_error",
)

#: Options with similar names, and the program that acts on each. The table leaves out what the schema lacks.
SOUND_ALIKE = {
    "How long": {
        "timeout": "this package, for one attempt",
        "request_timeout": "the gateway, for its provider",
        "deadline": "this package, for the whole query",
    },
    "Again": {
        "max_attempts": "this package",
        "retry": "the gateway, within one attempt of ours",
    },
    "Not twice": {
        "deduplicate": "this package, within one query",
        "reuse": "this package, from one query to the next",
        "cache": "the gateway, for all its clients",
        "cache_namespace": "the gateway",
        "cache_force_refresh": "the gateway",
    },
}

#: Kind of an option → MindsDB's type, where it is not text.
ARG_TYPES = {"whole number": "INT", "true or false": "BOOL", "object": "DICT", "list": "LIST"}

HEADER = '''"""{words}

Written by scripts/generate_option_files.py from the schema of the options; change the schema. MindsDB reads
this file without running it: plain assignments and constants only.
"""

from __future__ import annotations

from collections import OrderedDict


class ARG_TYPE:  # noqa: N801 - MindsDB looks for this spelling
    """MindsDB's names of types; this file does not import MindsDB."""

    STR = "str"
    INT = "int"
    BOOL = "bool"
    DICT = "dict"
    LIST = "list"


'''


# --- the files that MindsDB reads -------------------------------------------------------------------------


def creation_args() -> str:
    """Return the text of creation_args.py: all options of CREATE ML_ENGINE."""
    words = "The options of CREATE ML_ENGINE; SHOW ML_ENGINES hides the secret ones, nested values included."
    return HEADER.format(words=words) + arguments("creation_args", level="engine")


def model_using_args() -> str:
    """Return the text of model_using_args.py: the options of CREATE MODEL, and every secret option."""
    words = (
        "The options of CREATE MODEL and all secret options, so that SHOW MODELS hides refused secrets too."
    )
    return HEADER.format(words=words) + arguments("model_using_args", level="model")


def arguments(variable: str, level: Level) -> str:
    """Return an OrderedDict of the options of a level, every secret option, and their aliases, as Python."""
    names = [name for name, entry in OPTIONS.items() if level in entry.levels or entry.secret]
    aliases = {**ALIASES, **ENGINE_ALIASES}
    names += [
        alias
        for alias, name in aliases.items()
        if name in names
        and alias not in names
        and (alias in ALIASES or level == "engine" or OPTIONS[name].secret)
    ]
    lines = [f"{variable} = OrderedDict("]
    for name in names:
        entry = OPTIONS[aliases.get(name, name)]
        words = entry.words if name == entry.name else f"Another name of {entry.name}."
        lines += [
            f"    {name}={{",
            f'        "type": ARG_TYPE.{ARG_TYPES.get(entry.kind, "STR")},',
            *described(words),
            '        "required": False,',
            f'        "label": {quoted(label(name))},',
            f'        "secret": {name in secret_option_names()},',
            "    },",
        ]
    return "\n".join([*lines, ")", ""])


def described(words: str) -> list[str]:
    """Return the lines of a description in the formatter's style."""
    line = f'        "description": {quoted(words)},'
    if len(line) <= LINE_LENGTH:
        return [line]
    *parts, last = textwrap.wrap(words, LINE_LENGTH - len('            " "'), break_on_hyphens=False)
    lines = [*(f"{part} " for part in parts), last]
    return ['        "description": (', *(f"            {quoted(line)}" for line in lines), "        ),"]


def quoted(text: str) -> str:
    """Return a text as Python code, with the quotes that the formatter prefers."""
    escaped = text.replace("\\", "\\\\")
    if '"' in text and "'" not in text:
        return f"'{escaped}'"
    return '"' + escaped.replace('"', '\\"') + '"'


def label(name: str) -> str:
    """Return the label of an option: "Portkey API key" for portkey_api_key."""
    words = name.split("_")
    capitals = {"api", "aws", "id", "url"}
    named = {"openai": "OpenAI", "ai": "AI"}
    words = [word.upper() if word in capitals else named.get(word, word) for word in words]
    return words[0][0].upper() + words[0][1:] + "".join(f" {word}" for word in words[1:])


# --- tables of the pages -----------------------------------------------------------------------------------


def blocks(root: Path) -> dict[str, Callable[[], str]]:
    """Return the functions that make the generated blocks, by the names in their markers."""
    tables: dict[str, Callable[[], str]] = {
        "essential options": lambda: option_table(OPTIONS[name] for name in ESSENTIAL),
        "sound alike": sound_alike_table,
        "aliases": lambda: table(
            ["Alias", "Option"], ([f"`{alias}`", f"`{name}`"] for alias, name in ALIASES.items())
        ),
        "aliases on the engine": lambda: table(
            ["Alias", "Option"],
            ([f"`{alias}`", f"`{name}`"] for alias, name in ENGINE_ALIASES.items()),
        ),
        "refused": lambda: table(
            ["Refused", "Why, and what to use instead"], ([f"`{n}`", w] for n, w in REFUSED.items())
        ),
        "supported versions": lambda: support_table(root / "docs" / "matrix.json"),
        "host words": lambda: ", ".join(f"`{word}`" for word in sorted(HOST_WORDS)) + "\n",
    }
    for section in dict.fromkeys(entry.section for entry in OPTIONS.values()):
        tables[f"{section} options"] = lambda section=section: option_table(  # type: ignore[misc]
            entry for entry in OPTIONS.values() if entry.section == section
        )
    for mode in MODES:
        tables[f"{mode} parameters"] = lambda mode=mode: parameter_table(mode)  # type: ignore[misc]
    return tables


def option_table(entries: Iterable[Option]) -> str:
    """Return a table of options; it shows modes only where some of the options belong to one mode."""
    listed = list(entries)
    has_modes = any(len(entry.modes) not in (0, len(MODES)) for entry in listed) and len(listed) > len(
        ESSENTIAL
    )
    rows = [
        [
            f"`{entry.name}`{' 🔑' if entry.secret else ''}",
            entry.kind,
            *([", ".join(entry.modes)] if has_modes else []),
            default(entry),
            ", ".join(places(entry)),
            entry.words,
        ]
        for entry in listed
    ]
    mode = ["Mode"] if has_modes else []
    return table(["Option", "Type", *mode, "Default", "Where", "Meaning"], rows)


def places(entry: Option) -> Iterator[str]:
    """Yield the places where an option may be given, in the order of precedence."""
    for level in LEVELS:
        if level in entry.levels or (level == "environment" and entry.section == "gateway"):
            yield level


def default(entry: Option) -> str:
    """Return a default as it is written in USING."""
    value = entry.default
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def parameter_table(mode: str) -> str:
    """Return a table of the endpoint's documented parameters that are not options of this package."""
    return table(
        ["Parameter", "Type", "Meaning"],
        (
            [f"`{name}`", parameter.kind.replace("|", " or "), parameter.words + examples(parameter.values)]
            for name, parameter in PARAMETERS.get(mode, {}).items()
            if name not in OPTIONS
        ),
    )


def examples(values: Iterable[str]) -> str:
    """Return the texts that the SDK lists for a parameter; other texts are forwarded too."""
    shown = ", ".join(f"`{value}`" for value in values)
    return f": {shown} …" if shown else ""


def sound_alike_table() -> str:
    """Return a table of the options with similar names."""
    rows = []
    for topic, names in SOUND_ALIKE.items():
        known = {name: actor for name, actor in names.items() if name in OPTIONS}
        for position, (name, actor) in enumerate(known.items()):
            rows.append(["" if position else topic, f"`{name}`", actor, OPTIONS[name].words])
    return table(["", "Option", "Handled by", "Meaning"], rows)


def support_table(results: Path) -> str:
    """Return a table of the result of each cell of scripts/matrix.py."""
    rows = []
    for name, entry in json.loads(results.read_text(encoding="utf-8")).items():
        versions = entry.get("versions", {})
        rows.append(
            [
                f"`{name}`",
                entry["where"],
                versions.get("python", entry["python"]),
                *(versions.get(package, "") for package in ("pandas", "duckdb", "portkey-ai")),
                result(entry),
            ]
        )
    return table(["Cell", "Where", "Python", "pandas", "DuckDB", "portkey-ai", "Result"], rows)


def result(entry: dict[str, Any]) -> str:
    """Return the result of a cell as a text."""
    if entry["result"] == "passed":
        return f"{entry['tests']['passed']:,} tests passed, {entry['date']}"
    return f"**{entry['result']}**: {entry['reason']}"


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table as Markdown."""
    escaped = [[cell.replace("|", "\\|").replace("<target>", "`<target>`") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_BLOCK = re.compile(r"(<!-- generated: (?!end)(.+?) -->\n).*?(<!-- generated: end -->)", re.DOTALL)


def filled(document: str, root: Path) -> str:
    """Return the document with its generated blocks filled."""
    known = blocks(root)

    def fill(match: re.Match[str]) -> str:
        if match[2] not in known:
            sys.exit(f"there is no block {match[2]!r}; there are {', '.join(known)}")
        # `table` makes two pieces of code of `<target>_error`.
        text = re.sub(r"`<target>`_(\w+)", r"`<target>_\1`", known[match[2]]())
        return f"{match[1]}\n{text}\n{match[3]}"

    return _BLOCK.sub(fill, document)


def wanted(root: Path) -> dict[Path, str]:
    """Return the text that each file should have."""
    package = root / "portkey_handler"
    texts = {
        package / "creation_args.py": creation_args(),
        package / "model_using_args.py": model_using_args(),
    }
    for name in PAGES:
        texts[root / name] = filled((root / name).read_text(encoding="utf-8"), root)
    return texts


def main(arguments: list[str]) -> int:
    """Write or check the files, below another root if one is named, and return the exit code."""
    check = "--check" in arguments
    root = next((Path(one) for one in arguments if one != "--check"), ROOT)
    stale = {
        path: text
        for path, text in wanted(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
    if check and stale:
        names = ", ".join(str(path.relative_to(root)) for path in stale)
        print(f"stale: {names}; {REMEDY}", file=sys.stderr)
        return 1
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
